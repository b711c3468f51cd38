# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's side of runtime_migration: checks the options, asks the node, and shows what it did."""

from __future__ import annotations

from typing import Any

from ansible_collections.cri.node.plugins.plugin_utils.migration import annotation, desired
from ansible_collections.cri.node.plugins.plugin_utils.migration.engines import CRIO, ENGINES
from ansible_collections.cri.node.plugins.plugin_utils.task.checked_action import CheckedAction, Examined
from ansible_collections.cri.node.plugins.plugin_utils.task.failure import from_node, refuse, succeeded

ARGUMENT_SPEC: dict[str, Any] = {
    "state": {
        "type": "str",
        "choices": [desired.MIGRATED, desired.FORMER_REMOVED],
        "default": desired.MIGRATED,
    },
    "engine": {"type": "str", "choices": list(ENGINES), "default": CRIO},
    "former": {"type": "str", "choices": ["", *ENGINES], "default": ""},
    "images": {"type": "bool", "default": True},
    "overruled_guards": {"type": "list", "elements": "str", "default": []},
    "ready_timeout": {"type": "int", "default": 60},
    "pull_timeout": {"type": "int", "default": 300},
}
_MIGRATED = (
    "changed",
    "engine",
    "former",
    "steps",
    "containers",
    "other_containers",
    "images",
    "kubelet",
)


class ActionModule(CheckedAction):
    """Makes one remote call."""

    ARGUMENT_SPEC = ARGUMENT_SPEC
    VARIABLES = desired.VARIABLES
    MODULE = "cri.node.node_runtime_migration"

    @classmethod
    def examine(cls, options: dict[str, Any]) -> Examined:
        return Examined(desired.problems(options))

    def perform(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Migrate the node, or remove the packages of its former engine."""
        refuse(desired.problems(options))
        answer = succeeded(self.ask_node(desired.request(options), task_vars))
        if options["state"] == desired.FORMER_REMOVED:
            result = {key: answer[key] for key in ("changed", "former", "packages")}
            diff = [{"before": "".join(f"{name}\n" for name in answer["packages"]), "after": ""}]
        else:
            result = {key: answer[key] for key in _MIGRATED}
            result["kubelet"] = {**answer["kubelet"], "files": sorted(answer["files"])}
            result["commands"] = annotation.commands(answer)
            diff = [
                {"before_header": path, "after_header": path, "before": before, "after": after}
                for path, (before, after) in sorted(answer["files"].items())
            ]
        if answer["notes"]:
            result["warnings"] = [from_node(note) for note in answer["notes"]]
        if self._task.diff:
            result["diff"] = diff
        return result
