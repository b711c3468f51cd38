# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's side of host_prerequisites: checks the options, completes them with what is known, and shows the changes."""

from __future__ import annotations

from typing import Any

from ansible_collections.cri.node.plugins.plugin_utils.host import desired
from ansible_collections.cri.node.plugins.plugin_utils.host.requirements import (
    SEVERITIES,
    SUBORDINATE_IDS,
)
from ansible_collections.cri.node.plugins.plugin_utils.task.checked_action import CheckedAction, Examined
from ansible_collections.cri.node.plugins.plugin_utils.task.failure import from_node, refuse, succeeded

ARGUMENT_SPEC: dict[str, Any] = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "modules": {"type": "list", "elements": "str"},
    "sysctls": {"type": "dict", "default": {}},
    "swap": {"type": "str", "choices": ["keep", "disable"], "default": "keep"},
    "cgroup_v2": {"type": "str", "choices": list(SEVERITIES), "default": "required"},
    "user_namespaces": {"type": "bool", "default": True},
    "subordinate_ids": {
        "type": "dict",
        "options": {
            "user": {"type": "str", "default": SUBORDINATE_IDS["user"]},
            "start": {"type": "int", "default": SUBORDINATE_IDS["start"]},
            "count": {"type": "int", "default": SUBORDINATE_IDS["count"]},
        },
    },
    "commands": {"type": "dict", "default": {}},
    "packages_follow": {"type": "bool", "default": False},
}
_RESULT = ("changed", "prerequisites", "packages")


class ActionModule(CheckedAction):
    """Makes one remote call."""

    ARGUMENT_SPEC = ARGUMENT_SPEC
    MODULE = "cri.node.node_host_prerequisites"

    @classmethod
    def examine(cls, options: dict[str, Any]) -> Examined:
        return Examined(list(desired.problems(desired.completed(options))))

    def perform(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        options = desired.completed(options)
        refuse(desired.problems(options))
        answer = succeeded(self.ask_node(desired.request(options), task_vars))
        result = {key: answer[key] for key in _RESULT}
        if answer["notes"]:
            result["warnings"] = [from_node(note) for note in answer["notes"]]
        if self._task.diff:
            result["diff"] = _diff(answer["files"], answer["prerequisites"])
        return result


def _diff(files: dict[str, Any], prerequisites: dict[str, dict[str, Any]]) -> list[dict[str, str]]:
    """Return the changed files, and one entry with the values of all other items that changed."""
    found = [
        {"before_header": path, "after_header": path, "before": before or "", "after": after or ""}
        for path, (before, after) in sorted(files.items())
    ]
    before: list[str] = []
    after: list[str] = []
    for name, entry in prerequisites["modules"].items():
        if entry["found"]["loaded"] != entry["wanted"]["loaded"]:
            (after if entry["wanted"]["loaded"] else before).append(f"module {name}")
    for name, entry in prerequisites["sysctls"].items():
        if entry["found"]["live"] != entry["wanted"]["live"]:
            before.append(f"{name} = {entry['found']['live'] or ''}")
            after.append(f"{name} = {entry['wanted']['live']}")
    for entry in prerequisites["swap"].values():
        if entry["changed"]:
            lines = [f"swap {name}" for name in (*entry["found"]["active"], *entry["found"]["units"])]
            (before if entry["wanted"] == "disabled" else after).extend(lines)
    if before or after:
        texts = {
            "before": "".join(f"{line}\n" for line in before),
            "after": "".join(f"{line}\n" for line in after),
        }
        found.append({"before_header": "live values", "after_header": "live values", **texts})
    return found
