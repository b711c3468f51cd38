# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports the nodes of a play that differ from their desired state: as a table, as a JSON file, and as statistics."""

from __future__ import annotations

from typing import Any

from ansible_collections.cri.node.plugins.module_utils.text import shown
from ansible_collections.cri.node.plugins.plugin_utils.plan import drift_report
from ansible_collections.cri.node.plugins.plugin_utils.plan.drift import KINDS
from ansible_collections.cri.node.plugins.plugin_utils.problem import Problem
from ansible_collections.cri.node.plugins.plugin_utils.task import option_rules, play_hosts
from ansible_collections.cri.node.plugins.plugin_utils.task.checked_action import Examined
from ansible_collections.cri.node.plugins.plugin_utils.task.failure import refuse
from ansible_collections.cri.node.plugins.plugin_utils.task.output import show, statistics
from ansible_collections.cri.node.plugins.plugin_utils.task.reporting_action import ReportingAction, now

ARGUMENT_SPEC = {
    "variable": {"type": "str", "required": True},
    "ignore": {"type": "list", "elements": "str", "default": []},
    "path": {"type": "str", "default": ""},
}
_VARIABLES = {"ignore": "drift_ignore", "path": "drift_report_file"}


class ActionModule(ReportingAction):
    """Runs on the controller only and makes no remote call."""

    ARGUMENT_SPEC = ARGUMENT_SPEC
    VARIABLES = _VARIABLES

    @classmethod
    def examine(cls, options: dict[str, Any]) -> Examined:
        """Refuse unknown kinds, and warn if the report's file could not be written."""
        return Examined(_unknown_kinds(options["ignore"]), super().examine(options).warnings)

    def perform(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Report the results that the hosts of the play registered in the variable."""
        refuse(_unknown_kinds(options["ignore"]))
        results = play_hosts.registered(task_vars, options["variable"], drift_report.READ)
        waiting = play_hosts.waiting(task_vars)
        report = drift_report.document(results, waiting, options["ignore"])
        lines = drift_report.table(report)
        show(lines)
        batch = task_vars.get("ansible_play_batch") or []
        return {
            "changed": False,
            **report,
            "failures": drift_report.failures(report, batch, task_vars.get("ansible_play_hosts") or batch),
            "lines": lines,
            **statistics("cri_node_drift", report),
            **self.write_file(options["path"], drift_report.as_file(report, results, waiting, now())),
        }


def _unknown_kinds(kinds: list[str]) -> list[Problem]:
    """Return a problem for each word that is not a kind of difference."""
    label = option_rules.labelled("ignore", _VARIABLES)
    fault = "is not a kind of difference"
    return [
        Problem("", label, f'"{shown(kind, 80)}"', fault, ", ".join(KINDS))
        for kind in kinds
        if kind not in KINDS
    ]
