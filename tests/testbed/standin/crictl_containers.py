# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands that show containers. Each takes a client (call, connect, fields), its options, and prints."""

import re
import time
from typing import Any

import crictl_output as output
import crictl_select as select
import crictl_tables as tables
from crictl_errors import CrictlError, HelpWanted, doing, log, quoted
from crictl_logs import print_log, since
from crictl_options import Options

_STATES = ("created", "running", "exited", "unknown")


def containers(client: Any, options: Options) -> None:
    """crictl ps."""
    select.no_arguments(options)
    client.connect()
    client.connect(images=True)
    labels = select.labels(options["label"])
    with doing("listing containers: list containers"):
        found = list_containers(client, options, labels)
    if select.wants_json(options, "listing containers: "):
        print(output.message_text({"containers": found}))
    elif options["quiet"]:
        select.print_ids(found)
    else:
        print(tables.containers_table(found, time.time(), options["no-trunc"]))


def list_containers(
    client: Any, options: Options, labels: dict[str, str], named: bool = True
) -> list[dict[str, Any]]:
    """Return the containers that match the options, newest first. named: whether --name and --namespace apply."""
    wanted: dict[str, Any] = {"label_selector": labels}
    for option, field in (("id", "id"), ("pod", "pod_sandbox_id")):
        if options.values.get(option):
            wanted[field] = options[option]
    state = select.state_number(options["state"], _STATES, "one of created, running, exited or unknown")
    if state is None and not options["all"]:
        state = _STATES.index("running")
    if state is not None and not options["latest"] and options["last"] <= 0:
        wanted["state"] = {"state": state}
    with doing("call list containers RPC"):
        found = client.call("ListContainers", {"filter": wanted})["containers"]
    if options["image"]:
        found = [each for each in found if _same_image(client, options["image"], each["image"]["image"])]
    if named:
        found = [
            each
            for each in found
            if select.matches(options["name"], each["metadata"]["name"])
            and select.matches(
                options["namespace"], each["labels"].get("io.kubernetes.pod.namespace", "unknown")
            )
        ]
    return select.newest(found, options)


def inspect(client: Any, options: Options) -> None:
    """crictl inspect; --name and --namespace are taken and then forgotten, as in the real one."""
    client.connect()
    client.connect(images=True)
    found = options.arguments
    if not found:
        labels = select.labels(options["label"])
        with doing("listing containers"):
            found = [each["id"] for each in list_containers(client, options, labels, named=False)]
    fields = client.fields("ContainerStatus")
    with doing("get the status of containers"):
        with doing("get container status"):
            answers = select.statuses(client, "ContainerStatus", "container_id", found, options)
        made = [
            output.document(output.container_status(each["status"], fields), each["info"]) for each in answers
        ]
        select.print_documents(made, options["output"])


def container_stats(client: Any, options: Options) -> None:
    """crictl stats."""
    wanted = select.stats_filter(options) | ({"pod_sandbox_id": options["pod"]} if options["pod"] else {})
    client.connect()
    with doing("get container stats"):
        select.print_stats(
            lambda: client.call("ListContainerStats", {"filter": wanted})["stats"],
            lambda before, after: tables.container_stats_table(before, after, options["all"]),
            options,
        )


def logs(client: Any, options: Options) -> None:
    """crictl logs."""
    if not options.arguments or not options.arguments[0]:
        raise CrictlError("ID cannot be empty")
    if len(options.arguments) > 1:
        raise HelpWanted
    client.connect()
    if options["reopen"]:
        with doing("reopen container logs"):
            client.call("ReopenContainerLog", {"container_id": options.arguments[0]})
        log("info", "Container logs reopened")
    after = since(options["since"], time.time())
    streams = {"": ("stdout", "stderr"), "stdout": ("stdout",), "stderr": ("stderr",)}
    if options["stream"] not in streams:
        raise CrictlError(f'invalid stream {quoted(options["stream"])}, must be "stdout" or "stderr"')
    if {"tail", "stream"} <= options.given:
        raise CrictlError("--tail and --stream are mutually exclusive")
    wanted = {"container_id": options.arguments[0]}
    status = client.call("ContainerStatus", wanted)["status"]
    path = status["logPath"]
    if not path:
        raise CrictlError("the container has not set log path")
    if options["previous"]:
        if not status["metadata"]["attempt"]:
            name = status["metadata"]["name"]
            raise CrictlError(f"previous terminated container {name} not found")
        path = re.sub(r"[^/]*(\.[^./]*)$", rf"{status['metadata']['attempt'] - 1}\1", path)

    def running() -> bool:
        return client.call("ContainerStatus", wanted)["status"]["state"] == "CONTAINER_RUNNING"

    print_log(
        path,
        options["tail"],
        options["limit-bytes"],
        after,
        options["timestamps"],
        streams[options["stream"]],
        running if options["follow"] else None,
    )


def _same_image(client: Any, *names: str) -> bool:
    found = set()
    for name in names:
        with doing("check image match"):
            answer = client.call("ImageStatus", {"image": {"image": name}})
        if "image" not in answer:
            return False
        found.add(answer["image"]["id"])
    return len(found) == 1
