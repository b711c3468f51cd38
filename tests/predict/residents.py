# SPDX-License-Identifier: GPL-3.0-or-later
"""Pods that run while CRI-O restarts: whether it still has them, with everything that it does for a running pod."""

import json

from testbed.node import Node, NodeError, Pod

_STATUS = 'crictl inspect "$1" && crictl exec --sync "$1" true >&2'
_ENDPOINTS = ("CONTAINER_RUNTIME_ENDPOINT", "IMAGE_SERVICE_ENDPOINT")  # crictl prefers them to its file
_STOP = 'crictl stop --timeout 10 "$1" >&2; crictl inspect "$1"'


def move_in(node: Node, handler: str = "") -> Pod:
    """Start a pod with a handler, or the default one. Raises NodeError."""
    return node.run_pod(handler=handler or None, host_network=True)


def loss(node: Node, resident: Pod, socket: str) -> str:
    """Return what CRI-O can no longer do with a pod after a restart; empty if it still has it. The pod is stopped.

    socket: the path of that of CRI-O.
    """
    endpoint = dict.fromkeys(_ENDPOINTS, f"unix://{socket}")
    found = node.run(["sh", "-c", _STATUS, "sh", resident.container_id], environment=endpoint)
    if found.rc:
        return f"a pod of before: {_last_line(found.err)}"
    state = json.loads(found.out)["status"]["state"]
    if state != "CONTAINER_RUNNING":
        return f"a pod of before is {state}"
    stopped = node.run(["sh", "-c", _STOP, "sh", resident.container_id], environment=endpoint)
    if stopped.rc:
        return f"a pod of before: {_last_line(stopped.err)}"
    status = json.loads(stopped.out)["status"]
    if (status["state"], status["exitCode"]) != ("CONTAINER_EXITED", 0):
        return f"a pod of before cannot be stopped: {status['state']}, exit code {status['exitCode']}"
    return ""


def move_out(node: Node) -> None:
    """Remove all pods, however CRI-O regards them. Raises NodeError if one is left."""
    node.remove_pods()
    left = node.check(["crictl", "pods", "-q"]).split()
    if left:
        raise NodeError(f"{node.name}: pods cannot be removed: {', '.join(left)}")


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no answer"])[-1][-300:]
