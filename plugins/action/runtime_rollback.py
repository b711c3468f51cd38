# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's side of runtime_rollback: plans the return to an earlier generation, and applies it."""

from __future__ import annotations

from typing import Any

from ansible_collections.cri.node.plugins.module_utils.text import shown
from ansible_collections.cri.node.plugins.plugin_utils.plan import plan
from ansible_collections.cri.node.plugins.plugin_utils.plan.earlier import EarlierFiles
from ansible_collections.cri.node.plugins.plugin_utils.task import variable_names
from ansible_collections.cri.node.plugins.plugin_utils.task.changing_action import (
    ChangingAction,
    result_of,
    warnings_about,
    warnings_about_guards,
)
from ansible_collections.cri.node.plugins.plugin_utils.task.failure import succeeded

ARGUMENT_SPEC: dict[str, dict[str, Any]] = {
    "generation": {"type": "int"},
    "unit": {"type": "str", "default": "crio.service"},
    "ready_timeout": {"type": "int", "default": 60},
    "overruled_guards": {"type": "list", "elements": "str", "default": []},
}
_NEWER = (
    "the variables of the inventory were not changed: the next run of a role or of cri.node.provision applies them again, unless"
    " they are changed to match"
)


class ActionModule(ChangingAction):
    """Makes one remote call if nothing differs, and two for a change. Contents of files are not sent."""

    ARGUMENT_SPEC = ARGUMENT_SPEC
    VARIABLES = {
        "generation": "rollback_generation",
        "ready_timeout": "crio_ready_timeout",
        "overruled_guards": "runtime_overruled_guards",
    }
    MODULE = "cri.node.node_runtime_rollback"

    def perform(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Return the node to the generation."""
        asked = {"unit": options["unit"], "ready_timeout": options["ready_timeout"]}

        def call(name: str, generation: int, **more: Any) -> dict[str, Any]:
            request = {"call": name, "generation": generation, **asked, **more}
            return succeeded(self.ask_node(request, task_vars))

        read = call("read", options["generation"] or 0, show_contents=bool(self._task.diff))
        report, earlier = read["report"], EarlierFiles(read["earlier"])
        made = plan.make(earlier, report)
        if made.changes_anything:
            made.reasons.append(f"rollback to generation {earlier.generation}")
        result = {**result_of(made, report), "restored_generation": earlier.generation}

        def apply(request: dict[str, Any]) -> dict[str, Any]:
            overruled = options["overruled_guards"]
            return call(
                "apply", earlier.generation, writes=made.writes, overruled_guards=overruled, **request
            )

        outcome = self.change(made, earlier, report, result, apply)
        newer = [_NEWER] if result["changed"] else []
        misnamed = variable_names.warnings(task_vars or {})
        lost = warnings_about_guards(made)
        found = (*misnamed, *warnings_about(report), *lost, *outcome.get("warnings", []), *newer)
        result["warnings"] = [shown(warning) for warning in found]
        return result
