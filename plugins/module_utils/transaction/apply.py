# SPDX-License-Identifier: GPL-3.0-or-later
"""The second of a run's two calls: changes a node's file set completely or not at all.

It runs as a program in a transient systemd unit (see unit.py), so that a lost connection or a dead controller does not stop
it. Before the first rename the intent, with everything needed to go back, is on disk; the rename of state.json is the point
of commit. Whatever interrupts it in between, recovery.recover (the unit's ExecStopPost, the next run, the next boot) ends
in one of the two states, for files and daemon alike.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from .. import documents, managed_file, node_files, node_state, selinux_labels, trust_store
from ..crio import daemon, effective, journald, reload
from ..crio.service import RuntimeService
from ..errors import NodeError, TransactionError
from ..layout import Layout
from ..program import run
from . import candidate, generation, intent, losses, origin, probes, programs, recovery
from . import state as committed
from .intent import Prepared

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..contract import Before, Outcome, Request


_RECENT = 60  # seconds since a restart by systemd itself


def apply(
    layout: Layout, request: Request, program: str, settling: Callable[[str], None] | None = None
) -> Outcome:
    """Make the change, or leave the node as it was. Returns a contract.Outcome and raises nothing.

    `program` is the path of the program that recovers after a kill. settling: see daemon.probe.
    """
    service = _concerned(request)
    aim = _aim(service)
    try:
        return _apply(layout, request, program, service, settling)
    except NodeError as error:
        return _failed(layout, request, error, aim)
    except Exception as error:  # an internal error must not leave a node between two states
        return _failed(layout, request, NodeError(f"internal error: {type(error).__name__}: {error}"), aim)


def _apply(
    layout: Layout,
    request: Request,
    program: str,
    service: RuntimeService | None,
    settling: Callable[[str], None] | None,
) -> Outcome:
    if _end_former_change(layout):
        service = None  # that may have started the daemon
    service = candidate.usable(request, service) if request["concerns_daemon"] else None
    report = node_state.read(request, layout, service, brief=True)
    if report["fingerprint"] != request["fingerprint"]:
        raise TransactionError(
            "refused",
            f"the node changed after it was read; nothing was done, run again{_restarted(service)}",
        )
    mounts = node_files.mount_points()
    with candidate.folder(layout) as directory:
        before = candidate.rehearse(request, directory, layout, mounts, service)
    state, _damage = committed.load(layout)
    shared = managed_file.shared_files(request, state)
    files = [*managed_file.of_request(request, shared), *programs.of_request(request)]
    try:
        prepared = intent.prepare(layout, request, files, mounts, program)
        ready = generation.prepare(
            layout, request, state, shared, origin.extended(request, state, prepared, before)
        )
        intent.announce(layout, request, prepared, before, program)
    except BaseException:
        if not intent.is_open(layout):
            recovery.sweep(layout)
        raise
    _swap(prepared, layout)
    _update_trust_store(request)
    service, outranked, notes = _make_live(request, service, before, settling)
    notes += probes.run(layout, request, service)
    _refuse_foreign_changes(prepared)
    generation.commit(
        layout, request, service, programs.version(request) or report["crio"]["version"], ready, state
    )
    systemd_read_units = _touches_units(request) or (before is not None and not before["enabled"])
    outcome = _finished(layout, request, prepared, ready, service, outranked, notes, systemd_read_units)
    if before is not None:
        outcome["running"] = len(before["running"])
        outcome["overruled"] = before.get("overruled", [])
    return outcome


def _restarted(service: RuntimeService | None) -> str:
    """Return a note on a daemon that systemd has just restarted by itself, which may be the cause of a change."""
    if service is None or not service.restarts or service.uptime > _RECENT:
        return ""
    return f" ({service.unit} was restarted by systemd {service.restarts} times, see journalctl -u {service.unit})"


def _end_former_change(layout: Layout) -> bool:
    """End an interrupted change first. Returns whether there was one. Raises TransactionError if that is not possible."""
    if not intent.needs_recovery(layout):
        return False
    outcome = recovery.recover(layout)
    if outcome and outcome.get("open"):
        raise TransactionError(
            "refused",
            f"an earlier change of this node could not be undone yet: {outcome.get('problem') or 'see its files'}; other"
            " changes are refused until it is undone",
        )
    return True


def _swap(prepared: Prepared, layout: Layout) -> None:
    for file in prepared.files:
        if file.path in prepared.staged:
            node_files.make_directories(os.path.dirname(file.path))
            file.refuse_lost_edit()
            node_files.swap_in(prepared.staged[file.path], file.path)
    for file in prepared.files:
        if file.path not in prepared.staged:
            file.refuse_lost_edit()
            node_files.remove(file.path)
            _remove_empty_directory(file.path, layout)
    selinux_labels.restore(prepared.staged)


def _update_trust_store(request: Request) -> None:
    """Add changed certificates of authorities to the system's store, which a start of the daemon reads."""
    problem = trust_store.update([*request["contents"], *request["remove"]])
    if problem:
        raise TransactionError(
            "activate", "the system's store of certificate authorities cannot be updated", problem
        )


def _remove_empty_directory(path: str, layout: Layout) -> None:
    """Remove the directory of a removed file if it is empty and would have an effect; crio.conf.d and the like stay.

    It is the unit's own drop-in directory, that of the certificates of one host, which hides the one in /etc/docker, or that of
    the hosts.toml of one registry, which hides the one of containerd for all others.
    """
    directory, name = os.path.split(path)
    is_drop_in = directory.startswith(losses.UNITS) and directory.endswith(".d")
    if is_drop_in or os.path.dirname(directory) == layout.certificates or name == "hosts.toml":
        node_files.remove_empty_directory(directory)


def _make_live(
    request: Request,
    service: RuntimeService | None,
    before: Before | None,
    settling: Callable[[str], None] | None,
) -> tuple[RuntimeService, dict[str, str | None], list[str]]:
    """Make the daemon load the changed files, and check that it did and works.

    Returns the service, outranked keys, and sentences about containers that ended by themselves in the meantime.
    """
    if service is None or before is None:
        return node_state.service_of(request), {}, []
    after = _activate(request, service, before)
    service = node_state.service_of(request)
    if request["activate"] == "none" and before["aim"] == "down":
        return service, {}, []
    started = request["activate"] in ("start", "restart")
    outranked = daemon.acknowledge(request["expect"], started, service, before, after)
    if request["activate"] == "reload":
        reload.refuse_unloaded(request["expect"], outranked, service)
    service, ended = daemon.probe(service, before, request["ready_timeout"], after, settling)
    return service, outranked, ended


def _refuse_foreign_changes(prepared: Prepared) -> None:
    """Raise TransactionError if somebody else wrote a managed file during the change: what the daemon has loaded is unknown."""
    wrong = [file.path for file in prepared.files if not file.is_in_place()]
    if wrong:
        raise TransactionError(
            "acknowledge", f"another process changed {', '.join(sorted(wrong))} during the change; run again"
        )


def _activate(request: Request, service: RuntimeService, before: Before) -> str | None:
    """Make systemd read changed units, enable the service, and start, restart or reload the daemon.

    Returns a cursor of the system's journal from before the last of these.
    """
    if _touches_units(request):
        _systemctl("daemon-reload")
    if not before["enabled"]:
        _systemctl("enable", "--quiet", request["unit"])
    if request["activate"] in ("start", "restart"):
        return daemon.restart(service, before, request["ready_timeout"], request["activate"])
    after = journald.cursor()
    if request["activate"] == "reload":
        reload.reload(request["unit"], _shown_by(request))
    return after


def _shown_by(request: Request) -> dict[str, str | None]:
    """Return the live values that show a reload which CRI-O may not log: those of the changed keys in the node's files."""
    if request["reload_is_logged"]:
        return {}
    present = effective.present(node_state.service_of(request))
    values = {key: effective.value(present, key) for key in request["reload_keys"]}
    return {key: value for key, value in values.items() if value is not None}


def _touches_units(request: Request) -> bool:
    paths = [*request["contents"], *request["remove"]]
    return (
        request["daemon_reload"]
        or programs.have_units(request)
        or any(path.startswith(losses.UNITS) for path in paths)
    )


def _systemctl(*arguments: str) -> None:
    status, _output, error = run(["systemctl", *arguments])
    if status != 0:
        raise TransactionError("activate", f"systemctl {' '.join(arguments)} failed", error.strip())


def _finished(
    layout: Layout,
    request: Request,
    prepared: Prepared,
    ready: generation.NextGeneration,
    service: RuntimeService,
    outranked: dict[str, str | None],
    notes: list[str],
    systemd_read_units: bool,
) -> Outcome:
    """Return the outcome of a committed change. Failures from here on leave files to clean up, and are warnings."""
    number = ready.number
    warnings = [*ready.notes, *notes]
    try:
        warnings += intent.forget(layout, prepared.stages)
    except NodeError as error:
        warnings.append(
            f"the change is committed, but not everything was cleaned up; the next run continues: {error}"
        )
    warnings += generation.tidy(layout, number)
    if systemd_read_units:  # `systemctl enable` makes it do so, too
        # It has also read the unit that would have recovered at boot; make it forget that one.
        run(["systemctl", "daemon-reload"])
    warnings += intent.finish(layout)
    return {
        "format": documents.RESULT_FORMAT,
        "id": request["id"],
        "committed": True,
        "generation": number,
        "outranked": outranked,
        "invocation_id": service.invocation_id,
        "warnings": warnings,
    }


def _failed(layout: Layout, request: Request, error: NodeError, aim: str) -> Outcome:
    """Restore the node if the change had begun, and return how it ended. Only state.json decides whether it is committed."""
    begun = intent.is_open(layout)
    outcome: Outcome = {
        "format": documents.RESULT_FORMAT,
        "id": request["id"],
        "failed": True,
        "phase": error.kind if isinstance(error, TransactionError) else ("activate" if begun else "refused"),
        "message": str(error),
        "detail": error.detail,
        "rolled_back": False,
        "as_before": True,
        "problem": "",
        "warnings": [],
        **losses.cost_of(error),
        **probes.what_failed(error),
    }
    if begun:
        outcome.update(recovery.recover(layout) or {})
        if outcome.get("committed"):
            # The commit's rename was done when the error came; the rest is litter.
            outcome.update({"failed": False, "outranked": {}, "invocation_id": _invocation(request)})
            outcome["warnings"].append(str(error))
        return outcome
    now = _aim(_concerned(request))
    if aim and now != aim:
        outcome["as_before"] = False
        outcome["problem"] = f"{request['unit']} is {now}, but was {aim} before"
    return outcome


def _concerned(request: Request) -> RuntimeService | None:
    """Return the unit; None if it cannot be read or no daemon is concerned."""
    if not request.get("concerns_daemon", True):
        return None
    try:
        return node_state.service_of(request)
    except NodeError:
        return None


def _aim(service: RuntimeService | None) -> str:
    """Return the state that systemd is aiming at, for messages; "" without a unit."""
    return {"up": "running or starting", "down": "stopped"}[service.aim] if service else ""


def _invocation(request: Request) -> str:
    try:
        return node_state.service_of(request).invocation_id
    except NodeError:
        return ""
