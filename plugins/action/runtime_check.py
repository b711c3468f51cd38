# SPDX-License-Identifier: GPL-3.0-or-later
"""Validates the settings of all nodes of a play on the controller, in one task."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from ansible_collections.cri.node.plugins.action import (
    crio_bundle,
    drift_report,
    runtime_config,
    runtime_report,
    runtime_verify,
    verify_report,
)
from ansible_collections.cri.node.plugins.module_utils.text import shown
from ansible_collections.cri.node.plugins.plugin_utils.plain import TooDeep, plain
from ansible_collections.cri.node.plugins.plugin_utils.problem import Problem
from ansible_collections.cri.node.plugins.plugin_utils.task import faults, play_hosts, variable_names
from ansible_collections.cri.node.plugins.plugin_utils.task.checked_action import (
    CheckedAction,
    Examined,
    examine,
)
from ansible_collections.cri.node.plugins.plugin_utils.task.failure import TaskFailure
from ansible_collections.cri.node.plugins.plugin_utils.task.output import show
from ansible_collections.cri.node.plugins.plugin_utils.text.table import count

ARGUMENT_SPEC = {"settings": {"type": "list", "elements": "str", "required": True}}
# The modules whose options can be validated. Nearly every play that checks options uses these actions, too: what Ansible has
# compiled here is there for all later tasks.
ACTIONS: dict[str, type[CheckedAction]] = {
    "crio_bundle": crio_bundle.ActionModule,
    "drift_report": drift_report.ActionModule,
    "runtime_config": runtime_config.ActionModule,
    "runtime_report": runtime_report.ActionModule,
    "runtime_verify": runtime_verify.ActionModule,
    "verify_report": verify_report.ActionModule,
}
# Compiled only if their options are given: few plays use them.
_RARE = ("adopt_report", "cni_plugins", "crio_handlers", "crio_packages")


class ActionModule(CheckedAction):
    """Makes no remote call. Nodes with equal settings are validated once."""

    ARGUMENT_SPEC = ARGUMENT_SPEC
    _requires_connection = False

    def perform(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        self.known: dict[tuple[str, str], Examined] = {}
        self.examined: dict[
            int, tuple[dict[str, Any], list[Examined]]
        ] = {}  # by values that several hosts share
        problems: list[tuple[str, Problem]] = []
        warnings: list[tuple[str, Problem]] = []
        totals: dict[str, tuple[int, int]] = {}
        for node, variables, values, fault in play_hosts.values(
            self._task, self._templar, task_vars, options["settings"]
        ):
            warnings += [(node, Problem("", "", None, text)) for text in variable_names.warnings(variables)]
            if fault:
                problems.append((node, Problem("", "", None, f"the settings cannot be evaluated: {fault}")))
                continue
            if id(values) not in self.examined:
                self.examined[id(values)] = (values, list(self._examined(values)))
            found = self.examined[id(values)][1]
            problems += [(node, problem) for each in found for problem in each.problems]
            warnings += [(node, warning) for each in found for warning in each.warnings]
            totals[node] = (sum(each.keys for each in found), sum(each.files for each in found))
        return self._result(problems, warnings, totals, len(play_hosts.hosts_of(task_vars)))

    def _examined(self, values: dict[str, Any]) -> Iterator[Examined]:
        for variable, tasks in values.items():
            try:
                tasks = plain(tasks)
            except TooDeep as error:
                yield Examined([Problem(variable, "", None, str(error))])
                continue
            if not isinstance(tasks, dict) or not all(isinstance(each, dict) for each in tasks.values()):
                yield Examined([Problem(variable, "", None, "is not a mapping of modules to their options")])
                continue
            for module, arguments in tasks.items():
                if module not in (*_RARE, *ACTIONS):
                    accepted = ", ".join(sorted([*_RARE, *ACTIONS]))
                    yield Examined(
                        [Problem(variable, "", None, f"{shown(module, 80)} is not a module", accepted)]
                    )
                elif arguments:
                    key = (module, json.dumps(arguments, sort_keys=True, default=str))
                    if key not in self.known:
                        self.known[key] = examine(_action(module), arguments)
                    yield self.known[key]

    def _result(
        self,
        problems: list[tuple[str, Problem]],
        warnings: list[tuple[str, Problem]],
        totals: dict[str, tuple[int, int]],
        nodes: int,
    ) -> dict[str, Any]:
        found, unwise = faults.joined(problems), faults.joined(warnings)
        keys = sum(each for each, _files in totals.values())
        files = sum(each for _keys, each in totals.values())
        summary = f"{count(nodes, 'node')} checked: {count(keys, 'key')} in {count(files, 'file')}"
        if not nodes:
            return {"changed": False, "msg": "all nodes were checked with the first batch"}
        result: dict[str, Any] = {
            "changed": False,
            "problems": faults.as_data(found),
            "warnings_found": faults.as_data(unwise),
        }
        lines: list[str] = []
        if unwise:
            lines += [f"{count(len(unwise), 'warning')}:", *faults.lines(unwise, nodes)]
        if found:
            affected = len({node for node, _problem in problems})
            head = f"{count(len(found), 'problem')} on {affected} of {count(nodes, 'node')}, and nothing was changed:"
            lines += [head, *faults.lines(found, nodes)]
            if not show(lines):
                result["lines"] = lines  # otherwise they would be shown twice
            raise TaskFailure(f"{head}{_in_short(found)}", result)
        lines.append(summary)
        show(lines)
        return {**result, "lines": lines, "msg": summary}


def _action(module: str) -> type[CheckedAction]:
    """Return the action of a module whose options can be validated."""
    if module in ACTIONS:
        return ACTIONS[module]
    found: type[CheckedAction] = import_module(f"{__package__}.{module}").ActionModule
    return found


def _in_short(found: list[faults.Fault]) -> str:
    """Return the first problems as sentences, for a result that is shown without its table."""
    sentences = [str(fault.problem) for fault in found[:10]]
    more = len(found) - len(sentences)
    return "".join(f"\n- {sentence}" for sentence in sentences) + (f"\n- and {more} more" if more else "")
