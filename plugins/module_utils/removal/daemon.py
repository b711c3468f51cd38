# SPDX-License-Identifier: GPL-3.0-or-later
"""The first part of a removal: CRI-O is stopped and disabled if a bundle of the collection installed it, and its storage removed.

It comes before the files are removed: they say where the storage is, and CRI-O would have to start without them.
"""

from __future__ import annotations

from .. import bundle, bundle_removal
from ..crictl.call import Crictl
from ..crio import daemon, running_pods
from ..crio.service import CrioService
from ..program import run
from ..transaction.guards import RUNNING_PODS
from . import storage
from .findings import Findings, RemovalRefused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..bundle_removal import Planned
    from ..contract import RemovalRequest

_ENABLED = ("enabled", "enabled-runtime")
_KEEPS_RUNNING = "CRI-O was not installed by a bundle of cri.node, so it stays with its own configuration"


def is_removed(planned: Planned | None) -> bool:
    """Whether a bundle is removed: there is one, and its crio was not replaced by another one, which may need the rest."""
    return planned is not None and bundle.CRIO not in planned.kept


def begin(asked: RemovalRequest, check: bool) -> Findings:
    """Refuse what must not be removed, and then stop, disable and wipe a CRI-O of ours. check: only report it.

    Raises NodeError; RemovalRefused if nothing was changed.
    """
    found = Findings()
    if bundle.is_interrupted() if check else bundle.recover():
        found.remove("bundle", "what an interrupted run has left")
    service = CrioService(asked["unit"])
    if not is_removed(bundle_removal.plan(stopped=True)):
        if service.binary:
            found.keep("service", service.unit, _KEEPS_RUNNING)
        if asked["storage"] and service.binary:
            found.keep("storage", storage.places(service)[0], _KEEPS_RUNNING)
        return found
    pods = running_pods.names(service)
    _refuse_pods(pods, service, asked["overruled_guards"])
    places = storage.places(service) if asked["storage"] else []
    if asked["storage"]:
        storage.refuse_containers_of_others(places)
    if pods:
        found.warnings.append(
            f"{running_pods.counted(pods)}, and they are removed (the guard {RUNNING_PODS} is overruled)"
        )
        found.remove("pods", *pods)
    _stop(service, pods, found, check)
    for place in places:
        found.remove("storage", place)
    if places and not check:
        storage.remove(service, places)
    if not asked["storage"]:
        kept = [place for place in storage.places(service) if place]
        if kept:
            found.keep("storage", kept[0], "remove_storage is false")
    return found


def _refuse_pods(pods: list[str], service: CrioService, overruled: list[str]) -> None:
    if not pods:
        return
    if RUNNING_PODS not in overruled:
        raise RemovalRefused(
            f"{running_pods.counted(pods)} on this node, and the removal of CRI-O ends them. Drain the node first, or"
            f" overrule the guard with overruled_guards: [{RUNNING_PODS}] (remove_overruled_guards of the role remove)."
            " Nothing was changed"
        )
    if not service.active:
        raise RemovalRefused(
            f"{running_pods.counted(pods)} on this node, but {service.unit} is {service.state_words}, so that they cannot be"
            " removed. Start it first. Nothing was changed"
        )


def _stop(service: CrioService, pods: list[str], found: Findings, check: bool) -> None:
    """Remove the pods, stop the unit, and disable it."""
    if pods and not check:
        crictl = Crictl(f"unix://{service.socket}")
        status, output, error = run(
            [crictl.binary, "--runtime-endpoint", crictl.endpoint, "rmp", "--force", "--all"],
            daemon.STOP_LIMIT,
        )
        if status:
            raise RemovalRefused(f"crictl rmp --force --all failed: {(error or output).strip()[-300:]}")
    if service.phase != "stopped":
        found.remove("service", f"{service.unit} (stopped)")
        _systemctl(check, "stop", service.unit)
    if service.properties.get("UnitFileState") in _ENABLED:
        found.remove("service", f"{service.unit} (disabled)")
        _systemctl(check, "disable", "--quiet", service.unit)


def restore_enablement(
    asked: RemovalRequest, enabled: bool | None, changed: bool, found: Findings, check: bool
) -> None:
    """Disable a preinstalled CRI-O that a change of ours has enabled.

    enabled: whether it was before; None if that is unknown. changed: whether we have changed the node at all.
    """
    service = CrioService(asked["unit"])
    if not changed or service.properties.get("UnitFileState") not in _ENABLED:
        return
    if enabled is None:
        reason = "it is enabled, and it is not recorded whether it was before"
        found.keep("service", f"{service.unit} (enabled)", reason)
    elif not enabled:
        found.remove("service", f"{service.unit} (disabled)")
        _systemctl(check, "disable", "--quiet", service.unit)


def _systemctl(check: bool, *arguments: str) -> None:
    if check:
        return
    status, output, error = run(["systemctl", *arguments], timeout=daemon.STOP_LIMIT)
    if status:
        raise RemovalRefused(f"systemctl {' '.join(arguments)} failed: {(error or output).strip()[-300:]}")
