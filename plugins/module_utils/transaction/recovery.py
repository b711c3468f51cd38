# SPDX-License-Identifier: GPL-3.0-or-later
"""Ends a change that failed or was interrupted: forward if it was committed, else back, for files and daemon alike.

Only recovery may end an open intent. Each of its steps catches errors, goes on, and reports them: whatever happens to the
files, the daemon is brought to the state that systemd was aiming at. What could not be done leaves the intent open, for the
next try.
"""

from __future__ import annotations

from .. import documents, node_files, node_state, trust_store
from ..crio import daemon, reload
from ..crio.service import RuntimeService
from ..errors import NodeError
from ..layout import Layout
from ..program import run
from . import generation, intent, probes
from . import state as committed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..contract import Before, Intent, Outcome, State


_READY_LIMIT = 60  # seconds for a runtime that was brought back


def recover(layout: Layout, at_boot: bool = False) -> Outcome | None:
    """End an interrupted or failed change. Returns its contract.Outcome, None if nothing was open.

    `open` in it says that files could not be restored yet. It may itself be interrupted and run again. At boot the daemon
    is not started yet, so only files are restored. Raises nothing: the caller must be able to arrange the next try.
    """
    try:
        return _recover(layout, at_boot)
    except NodeError as error:
        # The change cannot be read, so nothing can be done; the next try may be able to read it.
        problem = str(error)
    except Exception as error:
        problem = f"internal error: {type(error).__name__}: {error}"
    return {"failed": True, "open": True, "as_before": False, "rolled_back": False, "problem": problem}


def _recover(layout: Layout, at_boot: bool) -> Outcome | None:
    change, damage = intent.load(layout)
    layout = layout.of(change["runtime"] if change else intent.runtime_prepared(layout))
    if change is None:
        warnings = [damage] if damage else []
        warnings += sweep(layout)
        return _recorded(layout, None, {"warnings": warnings}) if warnings else None
    state, _damage = committed.load(layout)
    if state["transaction"] == change["id"]:
        return _forward(layout, change, state)
    return _back(layout, change, state, at_boot)


def sweep(layout: Layout) -> list[str]:
    """Remove what a change wrote beside the configuration, if no change is open. Returns sentences about what is left.

    The generation of a committed change gets its name.
    """
    if not intent.is_littered(layout):
        return []
    try:
        state, _damage = committed.load(layout)
        problems = generation.tidy(layout, state["generation"])
        problems += intent.abandon(layout, intent.stages_left(layout))
        problems += probes.sweep(layout)
    except NodeError as error:
        return [str(error)]
    run(["systemctl", "daemon-reload"])
    return _finish(layout, problems)


def _finish(layout: Layout, left: list[str]) -> list[str]:
    """Remove the preparation, unless something is left, which the next recovery then finds by it.

    `left` are sentences about what is left. Returns such sentences.
    """
    return left or intent.finish(layout)


def _forward(layout: Layout, change: Intent, state: State) -> Outcome:
    warnings = generation.tidy(layout, state["generation"])
    outcome: Outcome = {"committed": True, "generation": state["generation"], "rolled_back": False}
    try:
        warnings += intent.forget(layout, change["stages"])
    except NodeError as error:
        outcome["open"] = True
        warnings.append(str(error))
    run(["systemctl", "daemon-reload"])
    outcome["warnings"] = _finish(layout, warnings)
    return _recorded(layout, change, outcome)


def _back(layout: Layout, change: Intent, state: State, at_boot: bool) -> Outcome:
    before = change["before"]
    if before is not None and not at_boot:
        # While the daemon still has the handler of a probe's pod; and it may be stopped for good below.
        probes.sweep(layout, last=before["aim"] == "down")
    problems = _files_and_daemon_back(change, before, at_boot) if before else _files_back(change)
    left = intent.not_as_before(change)
    outcome: Outcome = {"failed": True, "rolled_back": True, "open": bool(left), "warnings": []}
    if not left:
        try:
            generation.forget_prepared(layout, state["generation"] + 1)
            outcome["warnings"] += intent.forget(layout, change["stages"])
        except NodeError as error:
            outcome["open"] = True
            outcome["warnings"].append(str(error))
        if before is not None:
            run(["systemctl", "daemon-reload"])
        if not at_boot:
            outcome["warnings"] += probes.sweep(layout)
        outcome["warnings"] = _finish(layout, outcome["warnings"])
    outcome["as_before"] = not problems and not left
    outcome["problem"] = "; ".join(problems) or (f"{', '.join(left)} is not as it was" if left else "")
    return _recorded(layout, change, outcome)


def _files_back(change: Intent) -> list[str]:
    """Restore the files, and what the system makes of them. Returns sentences about what is still wrong."""
    problems = intent.restore(change)
    problem = trust_store.update([entry["path"] for entry in change["undo"]])
    return [*problems, problem] if problem else problems


def _files_and_daemon_back(change: Intent, before: Before, at_boot: bool) -> list[str]:
    """Restore files and daemon. Returns sentences about what is still wrong."""
    unit = change["unit"]
    problems: list[str] = []
    untouched = _is_untouched(change, before, problems)
    if not untouched and not at_boot:
        # Stopped under the new unit settings, which may be what keeps the containers alive.
        run(["systemctl", "stop", unit], timeout=daemon.STOP_LIMIT)
    problems += _files_back(change)
    if not before["enabled"]:
        run(["systemctl", "disable", "--quiet", unit])
    run(["systemctl", "daemon-reload"])
    if at_boot:
        return problems
    if before["aim"] == "up":
        problems += _start_or_reload(change, before, untouched)
    return problems + _differences(change, before)


def _is_untouched(change: Intent, before: Before, problems: list[str]) -> bool:
    """Whether the daemon is still the one from before the change: then it is neither stopped nor started."""
    try:
        service = node_state.service_of(change)
    except NodeError as error:
        problems.append(str(error))
        return False
    if before["aim"] == "down":
        return service.phase == "stopped"
    return service.active and service.invocation_id == before["invocation_id"]


def _start_or_reload(change: Intent, before: Before, untouched: bool) -> list[str]:
    unit = change["unit"]
    if untouched:
        problem = reload.back(unit, before) if change["activate"] == "reload" else ""
    else:
        problem = daemon.start_again(unit) or _less_ready(change, before)
    return [problem] if problem else []


def _less_ready(change: Intent, before: Before) -> str:
    """Wait for the runtime. Returns what is worse than before, as a clause, or ""."""
    try:
        service = node_state.service_of(change)
    except NodeError as error:
        return str(error)
    return daemon.as_ready_as_before(service, before, _READY_LIMIT)


def _differences(change: Intent, before: Before) -> list[str]:
    """Compare the daemon with the state that systemd was aiming at. Returns sentences about differences."""
    unit = change["unit"]
    try:
        service = node_state.service_of(change).settled(_READY_LIMIT)
    except NodeError as error:
        return [str(error)]
    wanted = "serving" if before["aim"] == "up" else "stopped"
    if service.phase != wanted:
        return [f"{unit} is {service.state_words}, but was {wanted} before"]
    if service.enabled != before["enabled"]:
        now, then = ("enabled", "disabled") if service.enabled else ("disabled", "enabled")
        return [f"{unit} is {now}, but was {then} before"]
    return []


def retry_daemon(unit: str) -> str:
    """Start a daemon that should be running and is stopped. Returns what is wrong, or ""."""
    try:
        service = RuntimeService(unit)
    except NodeError as error:
        return str(error)
    return "" if service.phase != "stopped" else daemon.start_again(unit)


def _recorded(layout: Layout, change: Intent | None, outcome: Outcome) -> Outcome:
    """Write the outcome where the caller of the transaction looks for it, unless there is one already. Returns it."""
    outcome.setdefault("warnings", [])
    if change is None:
        return outcome
    outcome.update({"id": change["id"], "unit": change["unit"]})
    path = layout.result(change["id"])
    try:
        if node_files.read_text(path) is None:
            node_files.write_json(path, interrupted(outcome))
    except NodeError as error:
        outcome["warnings"].append(str(error))
    return outcome


def interrupted(outcome: Outcome) -> Outcome:
    """Return the outcome of a change of which only the end of its recovery is known."""
    return {
        "format": documents.RESULT_FORMAT,
        "failed": not outcome.get("committed"),
        "phase": "interrupted",
        "message": "the change was interrupted",
        "detail": "",
        "outranked": {},
        "invocation_id": "",
        **outcome,
    }
