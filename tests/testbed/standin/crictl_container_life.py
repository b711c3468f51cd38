# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands that change containers. Each takes a client (call, connect, settings), its options, and prints."""

import base64
import glob
import os
import sys
from typing import Any, TextIO

import crictl_select as select
from crictl_client import CallError
from crictl_errors import CrictlError, HelpWanted, doing, log, quoted
from crictl_files import load_container_config, load_pod_config
from crictl_images import credentials, pull_image
from crictl_options import Options, written
from crictl_pods import run_sandbox


def create_container(client: Any, options: Options) -> None:
    """crictl create."""
    if len(options.arguments) != 3:
        raise HelpWanted
    _connect_to_create(client, options, client.settings.pull_image_on_create)
    pod, container_file, pod_file = options.arguments
    with doing("creating container"):
        print(_create(client, pod, container_file, pod_file, options))


def run_container(client: Any, options: Options) -> None:
    """crictl run."""
    if len(options.arguments) != 2:
        raise HelpWanted
    _connect_to_create(client, options, not client.settings.disable_pull_on_run)
    container_file, pod_file = options.arguments
    with doing("running container"):
        with doing("load podSandboxConfig"):
            config = load_pod_config(pod_file)
        with doing("run pod sandbox"):
            pod = run_sandbox(client, config, options)
        with doing("creating container failed"):
            container = _create(client, pod, container_file, pod_file, options)
        with doing(f"starting the container {quoted(container)}"):
            _start(client, container)


def start_containers(client: Any, options: Options) -> None:
    """crictl start."""
    if not options.arguments:
        raise CrictlError("ID cannot be empty")
    client.connect()
    for each in options.arguments:
        with doing(f"starting the container {quoted(each)}"):
            _start(client, each)


def stop_containers(client: Any, options: Options) -> None:
    """crictl stop."""
    client.connect()
    found = options.arguments
    if options["all"]:
        if found:
            raise CrictlError("cannot specify CONTAINER-ID(s) when using --all", logged=False)
        running = {"filter": {"state": {"state": 1}}}
        found = [each["id"] for each in client.call("ListContainers", running)["containers"]]
        if not found:
            print("No running containers found.")
    elif not found:
        raise CrictlError("you must specify at least one CONTAINER-ID or use --all", logged=False)
    for each in found:
        with doing(f"stopping the container {quoted(each)}"):
            _stop(client, each, options["timeout"])


def remove_containers(client: Any, options: Options) -> None:
    """crictl rm; it takes the log files along."""
    client.connect()
    found = options.arguments
    if options["all"]:
        found = [each["id"] for each in client.call("ListContainers", {})["containers"]]
    if not found:
        select.nothing_to_remove(options["all"], "No containers to remove")
        return

    def remove(container: str) -> None:
        with doing(f"getting container status {quoted(container)}"):
            status = client.call("ContainerStatus", {"container_id": container})["status"]
        if status["state"] == "CONTAINER_RUNNING":
            if not options["force"]:
                raise CrictlError(f"container {quoted(container)} is running, please stop it first")
            with doing(f"stopping the container {quoted(container)}"):
                _stop(client, container, 0)
        with doing(f"removing container {quoted(container)}"):
            client.call("RemoveContainer", {"container_id": container})
        print(container)
        if status["logPath"] and not options["keep-logs"]:
            _remove_logs(container, status["logPath"])

    select.remove_each(found, remove)


def execute(client: Any, options: Options) -> None:
    """crictl exec. Without --sync, too, the command is run to its end; only what is printed differs."""
    if len(options.arguments) < 2:
        raise HelpWanted
    client.connect()
    container, *command = options.arguments
    with doing(f"execing command in container {container}{' synchronously' if options['sync'] else ''}"):
        if options["sync"]:
            _execute_synchronously(client, container, command, options["timeout"])
        else:
            _execute(client, container, command)


def _execute_synchronously(client: Any, container: str, command: list[str], limit: int) -> None:
    request = {"container_id": container, "cmd": command, "timeout": limit}
    try:
        answer = client.call("ExecSync", request, limit + client.settings.timeout if limit else None)
    except CallError as error:
        if error.status != "DeadlineExceeded":
            raise
        told = f"{quoted(' '.join(command))} timed out after {written(limit)}"
        raise CrictlError(f"command timed out: {told}") from None
    out, err = (base64.b64decode(answer[stream]) for stream in ("stdout", "stderr"))
    if answer["exitCode"]:
        said = err.decode(errors="replace")
        raise CrictlError(f"command '{' '.join(command)}' exited with {answer['exitCode']}: {said}")
    _write(sys.stdout, out + b"\n" + err + b"\n")


def _execute(client: Any, container: str, command: list[str]) -> None:
    """Request the address of a stream from the runtime, without using it."""
    request = {"container_id": container, "cmd": command}
    client.call("Exec", request | {"stdout": True, "stderr": True})
    try:
        answer = client.call("ExecSync", request, None, logged=False)
    except CallError as error:
        what = "Internal error occurred: error executing command in container"
        raise CrictlError(f"{what}: {error}") from None
    _write(sys.stdout, base64.b64decode(answer["stdout"]))
    _write(sys.stderr, base64.b64decode(answer["stderr"]))
    if answer["exitCode"]:
        raise CrictlError(f"command terminated with exit code {answer['exitCode']}")


def _write(stream: TextIO, content: bytes) -> None:
    stream.flush()
    stream.buffer.write(content)
    stream.buffer.flush()


def _remove_logs(container: str, path: str) -> None:
    for file in [*glob.glob(f"{glob.escape(path)}.*"), path]:
        try:
            os.remove(file)
        except OSError as error:
            why = f"remove {file}: {(error.strerror or '').lower()}"
            log("error", f"removing log file {file} for container {quoted(container)} failed: {why}")


def _start(client: Any, container: str) -> None:
    client.call("StartContainer", {"container_id": container})
    print(container)


def _stop(client: Any, container: str, grace: int) -> None:
    request = {"container_id": container, "timeout": grace}
    client.call("StopContainer", request, client.settings.timeout + grace)
    print(container)


def _connect_to_create(client: Any, options: Options, pull_by_default: bool) -> None:
    if options["no-pull"] and options["with-pull"]:
        raise CrictlError("conflict: no-pull and with-pull are both set")
    options.values["with-pull"] |= pull_by_default and not options["no-pull"]
    if options["with-pull"]:
        client.connect(images=True)
    client.connect()


def _create(client: Any, pod: str, path: str, pod_path: str, options: Options) -> str:
    config = load_container_config(path)
    pod_config = load_pod_config(pod_path)
    image = config["image"]["image"]
    config["image"].setdefault("user_specified_image", image)
    if options["with-pull"]:
        log("info", f"Pulling container image: {image}")
        pull_image(client, image, credentials(options), pod_config, options["pull-timeout"])
    request = {"pod_sandbox_id": pod, "config": config, "sandbox_config": pod_config}
    timeout = options["cancel-timeout"] or client.settings.timeout
    return client.call("CreateContainer", request, timeout)["containerId"]
