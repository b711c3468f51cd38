# SPDX-License-Identifier: GPL-3.0-or-later
"""The two calls that change a node, as its internal modules answer them: reading its state, and applying a change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from .. import node_files, node_state
from ..contract import Outcome, Report, Request
from ..errors import NodeError, TransactionError
from ..layout import Layout
from ..module_result import exit_with
from . import candidate, losses, unit


def answer(module: AnsibleModule, perform: Callable[[AnsibleModule], dict[str, Any]]) -> None:
    """Exit with the result of `perform`. A refused change is an outcome, any other error fails the module."""
    try:
        exit_with(module, **perform(module))
    except TransactionError as error:
        outcome: Outcome = {
            "failed": True,
            "phase": error.kind,
            "message": str(error),
            "detail": error.detail,
        }
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
    unit.wait_until_idle(layout, seconds)
    return []


def report(layout: Layout, request: Request, notes: list[str]) -> Report:
    """Return the state of the node, with the notes of `settle`."""
    found = node_state.read(request, layout)
    found["notes"] = notes + found["notes"]
    return found


def change(layout: Layout, request: Request, module: AnsibleModule) -> dict[str, Any]:
    """Apply the change; in check mode, only let the node's own crio validate it in the module's temporary directory.

    Returns the module's result.
    """
    if module.check_mode:
        before = candidate.rehearse(request, module.tmpdir, layout, node_files.mount_points())
        predicted: Outcome = {}
        if before:
            predicted = {"running": len(before["running"]), "overruled": before.get("overruled", [])}
        return {"changed": True, "outcome": predicted}
    outcome = unit.run_transaction(request, layout)
    return {"changed": bool(outcome.get("committed")), "outcome": outcome}
