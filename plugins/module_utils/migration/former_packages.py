# SPDX-License-Identifier: GPL-3.0-or-later
"""Removes the packages of a former engine, after the new one was proved. Only packages that the controller names are removed.

Their configuration files and their data stay: /etc/docker, /var/lib/docker, /var/lib/containerd, ...
"""

from __future__ import annotations

from .. import program
from ..errors import NodeError
from ..handler import packages
from ..host.commands import family_of
from ..kubelet import socket_path
from ..layout import NODE
from ..text import shown
from . import engine, journal, units
from .kubelet_files import Kubelet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..layout import Layout

_LIMIT = 900  # seconds
# By family: the program, with an option that only tries. Neither removes a package that others need, nor any other one.
_REMOVE = {
    "debian": (["dpkg", "--remove"], ["dpkg", "--no-act", "--remove"]),
    "rhel": (["rpm", "--erase"], ["rpm", "--test", "--erase"]),
    "suse": (["rpm", "--erase"], ["rpm", "--test", "--erase"]),
}


class RemovalRefused(NodeError):
    """The packages of the former engine are not removed; the message says why. Nothing was changed."""


def remove(request: dict[str, Any], check: bool, layout: Layout = NODE) -> dict[str, Any]:
    """Remove the packages of the former engine, or only report them.

    request: engines, engine, former, families. Without `former`, it is that of the recorded migration. In check mode, the node
    may still use it, as before a migration in the same run. Returns changed, former, packages and notes. Raises NodeError.
    """
    kubelet = Kubelet()
    target = request["engine"]
    sockets = {socket_path(known["endpoint"]): name for name, known in request["engines"].items()}
    used = sockets.get(kubelet.endpoint[0], "")
    recorded = journal.recorded(layout)
    former = request["former"] or (recorded.get("former", "") if recorded.get("target") == target else "")
    if not former and check and used != target:
        former = used
    if not former:
        note = (
            "no migration is recorded, so that there is no former engine to remove; set former to remove one"
        )
        return {"changed": False, "former": "", "packages": [], "notes": [note]}
    known = request["engines"][former]
    if former == target or not known["packages"]:
        raise RemovalRefused(
            f"{known['title']} is not removed here: the role remove does that for a CRI-O of cri.node. Nothing was changed"
        )
    found = family_of(layout, request["families"])
    if found not in _REMOVE:
        raise RemovalRefused(
            f"which packages contain {known['title']} is not known for this distribution. Nothing was changed"
        )
    names = [name for name in known["packages"] if packages.installed(found, name) is not None]
    if not check:
        _refuse(request, known, kubelet, used)
    if names:
        _run([*_REMOVE[found][1], *names], ". Nothing was changed")
        if not check:
            _run([*_REMOVE[found][0], *names])
    return {"changed": bool(names), "former": former, "packages": names, "notes": []}


def _refuse(request: dict[str, Any], known: dict[str, Any], kubelet: Kubelet, used: str) -> None:
    """Raise RemovalRefused if the former engine is still in use, or the new one does not serve."""
    target = engine.of(request["engine"], request["engines"][request["engine"]])
    active = [name for name, state in units.states(known["units"]).items() if state["active"]]
    if kubelet.exists and used != target.name:
        raise RemovalRefused(
            f"the kubelet does not use {target.title} but {kubelet.endpoint[0] or 'its default'}. Migrate the node first."
            " Nothing was changed"
        )
    if active:
        raise RemovalRefused(f"{', '.join(active)} runs. Migrate the node first. Nothing was changed")
    fault = target.fault()
    if fault:
        raise RemovalRefused(f"{target.title} is not ready: {fault}. Nothing was changed")


def _run(command: list[str], end: str = "") -> None:
    status, output, errors = program.run(command, _LIMIT, packages.environment())
    if status:
        lines = [line.strip() for line in f"{output}\n{errors}".splitlines() if line.strip()]
        words = shown(" ".join(lines), 600).rstrip(".") or f"exit status {status}"
        raise RemovalRefused(f"{' '.join(command)} failed: {words}{end}")
