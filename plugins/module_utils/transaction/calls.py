# SPDX-License-Identifier: GPL-3.0-or-later
"""The two calls that change a node, as its internal modules answer them: reading its state, and applying a change."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ansible.module_utils.basic import AnsibleModule

from .. import node_files
from ..errors import NodeError, TransactionError
from ..layout import Layout
from ..module_result import exit_with
from . import idle, unit

if TYPE_CHECKING:
    from ..contract import Outcome, Report, Request
    from ..observation import Exercise


def answer(module: AnsibleModule, perform: Callable[[AnsibleModule], dict[str, Any]]) -> None:
    """Exit with the result of `perform`. A refused change is an outcome, any other error fails the module."""
    # A node compiles every module that it imports, so each call imports only what it uses.
    try:
        exit_with(module, **perform(module))
    except TransactionError as error:
        outcome: Outcome = {
            "failed": True,
            "phase": error.kind,
            "message": str(error),
            "detail": error.detail,
        }
        from . import losses

        outcome.update(losses.cost_of(error))
        exit_with(module, outcome=outcome)
    except NodeError as error:
        module.fail_json(msg=f"{error}{f': {error.detail}' if error.detail else ''}")
    except OSError as error:
        module.fail_json(msg=str(error))


def settle(layout: Layout, seconds: float, check_mode: bool) -> list[str]:
    """Wait for a running change, and end an interrupted one, which check mode does not. Returns sentences about problems.

    Raises lock.Busy after so many seconds, and UnitError if the change cannot be ended.
    """
    if not check_mode:
        return unit.end_interrupted(layout, seconds)
    idle.wait_until_idle(layout, seconds)
    return []


def report(layout: Layout, request: Request, notes: list[str]) -> Report:
    """Return the state of the node for a plan, with the notes of `settle`."""
    from .. import plan_state

    found = plan_state.read(request, layout)
    found["notes"] = notes + found["notes"]
    return found


def change(layout: Layout, request: Request, module: AnsibleModule) -> dict[str, Any]:
    """Apply the change; in check mode, only let the node's own crio validate it in the module's temporary directory.

    Returns the module's result, with what a verification sees (`seen`) after a change whose request asks for it.
    """
    if module.check_mode:
        from . import candidate

        before = candidate.rehearse(request, module.tmpdir, layout, node_files.mount_points())
        predicted: Outcome = {}
        if before:
            predicted = {"running": len(before["running"]), "overruled": before.get("overruled", [])}
        return {"changed": True, "outcome": predicted}
    if request.get("observe"):
        return _change_and_observe(layout, request)
    outcome = unit.run_transaction(request, layout)
    return {"changed": bool(outcome.get("committed")), "outcome": outcome}


def _change_and_observe(layout: Layout, request: Request) -> dict[str, Any]:
    """Apply the change, and exercise the runtime while the change waits whether the start of the daemon lasts."""
    begun: list[Exercise] = []

    def exercise() -> Exercise:
        from .. import observation  # compiled during the wait

        begun.append(observation.Exercise({**request, **request["observe"]}))
        return begun[0]

    outcome: Outcome = {}
    try:
        outcome = unit.run_transaction(request, layout, lambda socket: exercise().start(socket))
    finally:
        if begun and not outcome.get("committed"):
            begun[0].undo()
    result: dict[str, Any] = {"changed": bool(outcome.get("committed")), "outcome": outcome}
    if outcome.get("committed"):
        # Without an answer the verification asks by itself: an error here is none of the change.
        with contextlib.suppress(NodeError, OSError):
            result["seen"] = (begun[0] if begun else exercise()).observed()
    return result
