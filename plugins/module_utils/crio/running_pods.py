# SPDX-License-Identifier: GPL-3.0-or-later
"""The pods of CRI-O that run on a node, by name: as the runtime lists them, and without it as their monitors show them."""

from __future__ import annotations

from ..crictl import pod_output
from ..crictl.call import Crictl
from ..text import shown
from . import containers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..contract import Monitor
    from .service import CrioService

_MOST_NAMES = 10  # in one message
_PARTS = 6  # of a container's name: k8s_CONTAINER_POD_NAMESPACE_UID_ATTEMPT (CRI-O, internal/factory)


def names(service: CrioService) -> list[str]:
    """Return NAMESPACE/NAME of each pod that runs, sorted. Raises NodeError if the runtime runs and cannot be asked."""
    found = set(of_monitors(containers.monitors()))
    if service.active:
        found |= listed(Crictl(f"unix://{service.socket}"))
    return sorted(shown(each, 300) for each in found)


def listed(crictl: Crictl) -> set[str]:
    """Return NAMESPACE/NAME of each pod that the runtime lists as ready. Raises CrictlError and UnexpectedOutput."""
    pods = pod_output.sandboxes(crictl.json("pods", "--state", "ready"))
    return {f"{each.get('namespace', '')}/{each.get('name') or each['id'][:12]}" for each in pods}


def of_monitors(monitors: list[Monitor]) -> list[str]:
    """Return NAMESPACE/NAME of the pods whose containers have these monitors and run, sorted. Monitors of podman are ignored."""
    found = set()
    for monitor in monitors:
        parts = monitor.get("name", "").split("_")
        if "container" in monitor and parts[0] == "k8s" and len(parts) >= _PARTS:
            found.add(f"{parts[3]}/{parts[2]}")
    return sorted(found)


def counted(found: list[str]) -> str:
    """Return the number of running pods with their names, for a message."""
    more = f" and {len(found) - _MOST_NAMES} more" if len(found) > _MOST_NAMES else ""
    some = "1 pod runs" if len(found) == 1 else f"{len(found)} pods run"
    return f"{some} ({', '.join(found[:_MOST_NAMES])}{more})"
