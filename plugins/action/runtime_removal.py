# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's side of runtime_removal: plans the removal of all that is ours, and makes its parts in their order.

A CRI-O of ours is stopped first. Then the files are removed as one transaction, and then all the rest, our own state last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.cri.node.plugins.module_utils.text import shown
from ansible_collections.cri.node.plugins.plugin_utils.files.kinds import KINDS
from ansible_collections.cri.node.plugins.plugin_utils.host import desired
from ansible_collections.cri.node.plugins.plugin_utils.plain import plain
from ansible_collections.cri.node.plugins.plugin_utils.plan import plan, removal
from ansible_collections.cri.node.plugins.plugin_utils.plan.earlier import EarlierFiles
from ansible_collections.cri.node.plugins.plugin_utils.task import variable_names
from ansible_collections.cri.node.plugins.plugin_utils.task.changing_action import (
    ChangingAction,
    warnings_about,
    warnings_about_guards,
)
from ansible_collections.cri.node.plugins.plugin_utils.task.failure import from_node, succeeded

if TYPE_CHECKING:
    from ansible_collections.cri.node.plugins.module_utils.contract import Report

ARGUMENT_SPEC: dict[str, dict[str, Any]] = {
    "known_files": {"type": "list", "elements": "dict", "default": []},
    "prerequisites": {"type": "bool", "default": True},
    "storage": {"type": "bool", "default": False},
    "unit": {"type": "str", "default": "crio.service"},
    "ready_timeout": {"type": "int", "default": 60},
    "overruled_guards": {"type": "list", "elements": "str", "default": []},
}


class ActionModule(ChangingAction):
    """Makes one remote call if there is nothing to remove, and up to four otherwise."""

    ARGUMENT_SPEC = ARGUMENT_SPEC
    VARIABLES = {
        "prerequisites": "remove_prerequisites",
        "storage": "remove_storage",
        "ready_timeout": "crio_ready_timeout",
        "overruled_guards": "remove_overruled_guards",
    }
    MODULE = "cri.node.node_runtime_removal"

    def perform(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Remove everything, or in check mode only report it."""
        asked = _asked(options, bool(self._task.diff))

        def call(name: str, **more: Any) -> dict[str, Any]:
            return succeeded(self.ask_node({"call": name, **asked, **more}, task_vars))

        answer = call("read")
        begun, finished = answer["begun"], answer["finished"]
        made = _planned(answer)
        misnamed = variable_names.warnings(task_vars or {})
        result: dict[str, Any] = {"changed": False, "plan": made.as_data()}
        if not (made.changes_anything or begun["removed"] or finished["removed"]):
            parts = [begun, finished]
            return {**result, **removal.summary(made, parts), **_warnings(answer, parts, misnamed)}
        if begun["removed"] and not self._task.check_mode:
            answer = {**answer, **call("begin")}
            begun, made = answer["begun"], _planned(answer)
        outcome = self._remove_files(made, answer, result, call, options)
        if not self._task.check_mode:
            predicted = [each["name"] for each in finished["removed"] if each["subject"] == "files"]
            finished = call("finish", directories=predicted)["finished"]
        parts = [begun, finished]
        further = [*misnamed, *warnings_about_guards(made), *outcome.get("warnings", [])]
        return {
            **result,
            "changed": True,
            "plan": made.as_data(),
            **removal.summary(made, parts),
            **_warnings(answer, parts, further),
        }

    def _remove_files(
        self,
        made: plan.Plan,
        answer: dict[str, Any],
        result: dict[str, Any],
        call: Any,
        options: dict[str, Any],
    ) -> dict[str, Any]:
        """Make the change of the files. Returns its outcome, {} if there is none or in check mode."""
        result["runtime"] = {}

        def apply(request: dict[str, Any]) -> dict[str, Any]:
            more = {**request, "overruled_guards": options["overruled_guards"]}
            answered: dict[str, Any] = call("apply", writes=made.writes, **more)
            return answered

        wanted = EarlierFiles(answer["earlier"])
        outcome: dict[str, Any] = {**self.change(made, wanted, answer["report"], result, apply)}
        for name in ("runtime", "generation", "validated_by", "containers"):
            result.pop(name, None)
        return outcome


def _asked(options: dict[str, Any], show_contents: bool) -> dict[str, Any]:
    """Return what each call of the node has."""
    request = desired.request({"state": "absent"}) if options["prerequisites"] else None
    known: list[dict[str, Any]] = [dict(plain(each)) for each in options["known_files"]]  # type: ignore[call-overload]
    return {
        "unit": options["unit"],
        "ready_timeout": options["ready_timeout"],
        "show_contents": show_contents,
        "storage": options["storage"],
        "prerequisites": request,
        "overruled_guards": options["overruled_guards"],
        "owners": sorted({each["owner"] for each in known}),
        "unwanted": [
            {"path": each["path"], "owner": each["owner"], "disruption": _disruption(each)}
            for each in known
            if not _kind(each).shared and not _kind(each).folder
        ],
    }


def _kind(entry: dict[str, Any]) -> Any:
    return KINDS[entry.get("kind", "text")]


def _disruption(entry: dict[str, Any]) -> str:
    return str(entry.get("disruption") or _kind(entry).disruption)


def _planned(answer: dict[str, Any]) -> plan.Plan:
    """Return the plan for the files. A CRI-O that is removed, or does not run, is neither started nor asked."""
    report: Report = answer["report"]
    made = plan.make(EarlierFiles(answer["earlier"]), report)
    runs = report["crio"]["installed"] and report["unit"]["phase"] != "stopped"
    made.enable = False
    if answer["removes_crio"] or not runs:
        made.concerns_daemon, made.activate, made.disruption, made.reasons = False, "none", "none", []
    elif not made.files:
        made.activate, made.disruption, made.reasons = "none", "none", []
    return made


def _warnings(answer: dict[str, Any], parts: list[dict[str, Any]], further: Any = ()) -> dict[str, list[str]]:
    lost = [
        f"{path} had replaced a file whose content was not kept, because it may be secret or is large: it cannot come back"
        for path in answer["lost"]
    ]
    of_parts = [from_node(each) for part in parts for each in part["warnings"]]
    found = [*lost, *of_parts, *warnings_about(answer["report"]), *further]
    return {"warnings": [shown(each) for each in found]} if found else {}
