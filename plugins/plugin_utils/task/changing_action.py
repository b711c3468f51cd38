# SPDX-License-Identifier: GPL-3.0-or-later
"""The base class of the actions that change a node in two calls: the first one reads it, the second one applies the plan."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ansible_collections.cri.node.plugins.module_utils.crio.service import not_found_behind
from ansible_collections.cri.node.plugins.module_utils.text import shown
from ansible_collections.cri.node.plugins.plugin_utils.plan import diff, messages
from ansible_collections.cri.node.plugins.plugin_utils.plan.levels import DRAIN
from ansible_collections.cri.node.plugins.plugin_utils.plan.plan import Plan
from ansible_collections.cri.node.plugins.plugin_utils.task.checked_action import CheckedAction
from ansible_collections.cri.node.plugins.plugin_utils.task.failure import TaskFailure

if TYPE_CHECKING:
    from ansible_collections.cri.node.plugins.module_utils.contract import Outcome, Report
    from ansible_collections.cri.node.plugins.plugin_utils.plan.file_set import FileSet


class ChangingAction(CheckedAction):
    """An action that plans a change of its node and applies it."""

    def change(
        self,
        made: Plan,
        wanted: FileSet,
        report: Report,
        result: dict[str, Any],
        apply: Callable[[dict[str, Any]], dict[str, Any]],
        require_crio: bool = True,
    ) -> Outcome:
        """Apply the plan for a node in the state of `report`, and complete the task's result, see result_of.

        `apply` makes the second call with these keys in its request, beside those of the files, and returns its result. In
        check mode, that call only validates the change. Returns the outcome, {} if nothing was applied. Raises TaskFailure.
        """
        needs_crio = made.concerns_daemon and not report["crio"]["installed"]
        if needs_crio and require_crio:
            raise TaskFailure(_no_crio(report))
        if not made.changes_anything:
            return {}
        result["changed"] = True
        if self._task.diff:
            result["diff"] = diff.of(wanted, report, made)
        result["validated_by"] = "node" if report["crio"]["installed"] else "controller"
        if self._task.check_mode and needs_crio:
            return {}
        outcome: Outcome = apply(_request_of(made, report))["outcome"]
        found = {"containers": outcome["running"]} if "running" in outcome else {}
        made.needs_drain = outcome.get("disruption") == DRAIN
        made.overruled = _overruled(outcome)
        if outcome.get("failed"):
            raise TaskFailure(
                _while_replacing(made, report) + messages.failure(outcome, wanted),
                result=dict(_failure(outcome), plan=made.as_data(), **found),
            )
        result.update(found, plan=made.as_data())
        if self._task.check_mode:
            return {}
        result["generation"] = outcome["generation"]
        result["runtime"]["invocation_id"] = outcome["invocation_id"]
        return outcome


def _while_replacing(made: Plan, report: Report) -> str:
    """Return the beginning of a message if the change also replaces CRI-O, which may be the cause of its failure."""
    version = shown(report["crio"]["version"] or "", 100)
    return f"CRI-O {made.replaced} cannot be replaced with {version}: " if made.replaced else ""


def result_of(made: Plan, report: Report) -> dict[str, Any]:
    """Return the result of a task that changes nothing."""
    runtime = {
        "installed": report["crio"]["installed"],
        "endpoint": f"unix://{report['crio']['socket']}",
        "invocation_id": report["unit"]["invocation_id"],
    }
    if report["crio"]["version"]:
        runtime["version"] = shown(report["crio"]["version"], 100)
    return {"changed": False, "plan": made.as_data(), "runtime": runtime, "generation": report["generation"]}


def warnings_about_guards(made: Plan) -> list[str]:
    """Return a sentence for each guard that was overruled."""
    return [f"{message} (the guard {guard} is overruled)" for guard, message in made.overruled.items()]


def warnings_about(report: Report) -> list[str]:
    """Return sentences about the node's own records."""
    if not report["interrupted"]:  # only in check mode: a normal run ends it before it reads the node
        return list(report["notes"])
    interrupted = "an earlier change of this node was interrupted and is not completed yet; the next run undoes it first"
    return [interrupted, *report["notes"]]


def _no_crio(report: Report) -> str:
    """Return why the runtime was not found on the node, and how to fix it."""
    wrapper, unit = report["crio"]["wrapped_by"], report["unit"]["name"]
    program = report.get("runtime", "crio")
    if wrapper:
        return not_found_behind(wrapper, unit, program)
    if program != "crio":
        return f"{program} is not installed on this node: it was found neither by {unit} nor in PATH. Install it first"
    return (
        f"CRI-O is not installed on this node: no crio was found by {unit} or in PATH. Install it, or set"
        " crio_install: bundle or packages"
    )


def _request_of(made: Plan, report: Report) -> dict[str, Any]:
    """Return the part of the second call's request that does not depend on the files, see module_utils/request.py."""
    return {
        # Only the node knows which entries of shared files are ours, so it removes them itself.
        "remove": [path for path in made.removes if not report["orphans"][path].get("shared")],
        "activate": made.activate,
        "reload_keys": made.reload_keys if made.activate == "reload" else [],
        "reload_is_logged": made.reload_is_logged,
        "concerns_daemon": made.concerns_daemon,
        "daemon_reload": report["unit"]["needs_daemon_reload"],
        "id": uuid.uuid4().hex,
        "fingerprint": report["fingerprint"],
        "plan": made.as_data(),
    }


def _overruled(outcome: Outcome) -> dict[str, str]:
    """Return what is lost by each guard that was overruled, in one text."""
    messages: dict[str, list[str]] = {}
    for each in outcome.get("overruled", []):
        messages.setdefault(each["guard"], []).append(each["message"])
    return {guard: "; ".join(sentences) for guard, sentences in messages.items()}


def _failure(outcome: Outcome) -> dict[str, Any]:
    kept: dict[str, Any] = {"rolled_back": bool(outcome.get("rolled_back"))}
    kept["as_before"] = outcome.get("as_before", True)
    kept["phase"] = outcome["phase"]
    if "guard" in outcome:
        kept["guard"] = outcome["guard"]
    return kept
