# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands about pods. Each takes a client (call, connect, fields, settings), its options, and prints."""

import time
from typing import Any

import crictl_output as output
import crictl_select as select
import crictl_tables as tables
from crictl_errors import CrictlError, HelpWanted, doing, quoted
from crictl_files import load_pod_config
from crictl_options import Options

_STATES = ("ready", "notready")


def pods(client: Any, options: Options) -> None:
    """crictl pods."""
    client.connect()
    labels = select.labels(options["label"])
    with doing("listing pod sandboxes: list pod sandboxes"):
        found = list_pods(client, options, labels)
    if select.wants_json(options, "listing pod sandboxes: "):
        print(output.message_text({"items": found}))
    elif options["quiet"]:
        select.print_ids(found)
    else:
        print(tables.pods_table(found, time.time(), options["no-trunc"]))


def list_pods(client: Any, options: Options, labels: dict[str, str]) -> list[dict[str, Any]]:
    """Return the pods that match the options, newest first."""
    wanted: dict[str, Any] = {"label_selector": labels}
    if options.values.get("id"):
        wanted["id"] = options["id"]
    state = select.state_number(options["state"], _STATES, "ready or notready")
    if state is not None:
        wanted["state"] = {"state": state}
    with doing("call list sandboxes RPC"):
        found = client.call("ListPodSandbox", {"filter": wanted})["items"]
    return select.newest(
        [
            each
            for each in found
            if select.matches(options["name"], each["metadata"]["name"])
            and select.matches(options["namespace"], each["metadata"]["namespace"])
        ],
        options,
    )


def inspect_pods(client: Any, options: Options) -> None:
    """crictl inspectp."""
    client.connect()
    found = options.arguments
    if not found:
        with doing("parse label string slice"):
            labels = select.labels(options["label"])
        with doing("listing pod sandboxes"):
            found = [each["id"] for each in list_pods(client, options, labels)]
    fields = client.fields("PodSandboxStatus")
    with doing("get the status of pod sandboxes"):
        with doing("get pod sandbox status"):
            answers = select.statuses(client, "PodSandboxStatus", "pod_sandbox_id", found, options)
        made = [output.document(output.pod_status(each["status"], fields), each["info"]) for each in answers]
        select.print_documents(made, options["output"])


def pod_stats(client: Any, options: Options) -> None:
    """crictl statsp."""
    wanted = select.stats_filter(options)
    with doing("get runtime service"):
        client.connect()
    with doing("get pod stats: list pod sandbox stats"):
        select.print_stats(
            lambda: client.call("ListPodSandboxStats", {"filter": wanted})["stats"],
            tables.pod_stats_table,
            options,
        )


def run_pod(client: Any, options: Options) -> None:
    """crictl runp."""
    if len(options.arguments) != 1 or not options.arguments[0]:
        raise HelpWanted
    client.connect()
    with doing("load podSandboxConfig"):
        config = load_pod_config(options.arguments[0])
    with doing("run pod sandbox"):
        print(run_sandbox(client, config, options))


def stop_pods(client: Any, options: Options) -> None:
    """crictl stopp."""
    if not options.arguments:
        raise HelpWanted
    client.connect()
    for each in options.arguments:
        with doing(f"stopping the pod sandbox {quoted(each)}"):
            _stop_pod(client, each)


def remove_pods(client: Any, options: Options) -> None:
    """crictl rmp."""
    client.connect()
    found = options.arguments
    if options["all"]:
        found = [each["id"] for each in client.call("ListPodSandbox", {})["items"]]
    if not found:
        select.nothing_to_remove(options["all"], "No pods to remove")
        return

    def remove(pod: str) -> None:
        with doing(f"getting sandbox status of pod {quoted(pod)}"):
            status = client.call("PodSandboxStatus", {"pod_sandbox_id": pod})["status"]
        if status["state"] == "SANDBOX_READY":
            if not options["force"]:
                raise CrictlError(f"pod sandbox {quoted(pod)} is running, please stop it first")
            with doing(f"stopping the pod sandbox {quoted(pod)} failed"):
                _stop_pod(client, pod)
        with doing(f"removing the pod sandbox {quoted(pod)}"):
            client.call("RemovePodSandbox", {"pod_sandbox_id": pod})
        print(f"Removed sandbox {pod}")

    select.remove_each(found, remove)


def run_sandbox(client: Any, config: dict[str, Any], options: Options) -> str:
    """Start a pod and return its ID."""
    request = {"config": config, "runtime_handler": options["runtime"]}
    # The real client gives a pod twice as long as anything else.
    timeout = 2 * (options["cancel-timeout"] or client.settings.timeout)
    return client.call("RunPodSandbox", request, timeout)["podSandboxId"]


def _stop_pod(client: Any, pod: str) -> None:
    client.call("StopPodSandbox", {"pod_sandbox_id": pod})
    print(f"Stopped sandbox {pod}")
