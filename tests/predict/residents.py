# SPDX-License-Identifier: GPL-3.0-or-later
"""Pods that run while CRI-O restarts: whether it still has them, with everything that it does for a running pod."""

import json

from testbed.node import Node, NodeError, Pod

_STATUS = 'crictl inspect "$1" && crictl exec --sync "$1" true >&2'
_ENDPOINTS = ("CONTAINER_RUNTIME_ENDPOINT", "IMAGE_SERVICE_ENDPOINT")  # crictl prefers them to its file
# The container ends by itself; CRI-O has to notice it.
_END = """kill "$2" || exit
for _ in $(seq 50); do crictl inspect "$1" | grep -q CONTAINER_EXITED && break; sleep 0.2; done
crictl inspect "$1"
"""


def move_in(node: Node, handler: str = "") -> Pod:
    """Start a pod with a handler, or the default one. Raises NodeError."""
    return node.run_pod(handler=handler or None, host_network=True)


def loss(node: Node, resident: Pod, socket: str) -> str:
    """Return what CRI-O can no longer do with a pod after a restart; empty if it still has it. The pod is gone then.

    socket: the path of that of CRI-O.
    """
    endpoint = dict.fromkeys(_ENDPOINTS, f"unix://{socket}")
    found = node.run(["sh", "-c", _STATUS, "sh", resident.container_id], environment=endpoint)
    if found.rc:
        return f"a pod of before: {_last_line(found.err)}"
    inspected = json.loads(found.out)
    state, pid = inspected["status"]["state"], str(inspected["info"]["pid"])
    if state != "CONTAINER_RUNNING":
        return f"a pod of before is {state}"
    ended = node.run(["sh", "-c", _END, "sh", resident.container_id, pid], environment=endpoint, limit=120)
    if ended.rc:
        return f"a pod of before: {_last_line(ended.err)}"
    status = json.loads(ended.out)["status"]
    if (status["state"], status["exitCode"]) != ("CONTAINER_EXITED", 0):
        return f"CRI-O does not notice the end of a pod of before: {status['state']}, exit code {status['exitCode']}"
    for command, what in (("stopp", "stopped"), ("rmp", "removed")):
        done = node.run(["crictl", "--timeout", "20s", command, resident.pod_id], environment=endpoint)
        if done.rc:
            return f"a pod of before cannot be {what}: {_last_line(done.err)}"
    return ""


def move_out(node: Node) -> None:
    """Remove all pods, however CRI-O regards them. Raises NodeError if one is left."""
    left: list[str] = []
    for _attempt in range(3):  # crictl gives up early on a loaded machine
        node.remove_pods()
        left = node.check(["crictl", "pods", "-q"]).split()
        if not left:
            return
    raise NodeError(f"{node.name}: pods cannot be removed: {', '.join(left)}")


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no answer"])[-1][-300:]
