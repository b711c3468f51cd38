# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports the planned or applied changes of all nodes of a play: as a table, as data, and as statistics for a job runner."""

from __future__ import annotations

from typing import Any

from ansible_collections.cri.node.plugins.plugin_utils.plan import report as plan_report
from ansible_collections.cri.node.plugins.plugin_utils.task import play_hosts
from ansible_collections.cri.node.plugins.plugin_utils.task.output import show, statistics
from ansible_collections.cri.node.plugins.plugin_utils.task.reporting_action import ReportingAction, now

ARGUMENT_SPEC = {
    "variable": {"type": "str", "required": True},
    "planned": {"type": "bool", "default": False},
    "details": {"type": "bool", "default": False},
    "path": {"type": "str", "default": ""},
}


class ActionModule(ReportingAction):
    """Runs on the controller only and makes no remote call."""

    ARGUMENT_SPEC = ARGUMENT_SPEC
    VARIABLES = {"path": "plan_report_file"}

    def perform(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Report the results that the hosts of the play registered in the variable."""
        results = play_hosts.registered(task_vars, options["variable"], plan_report.READ)
        waiting = play_hosts.waiting(task_vars)
        predicted = bool(self._task.check_mode) or options["planned"]
        report = plan_report.document(results, waiting, predicted)
        lines = plan_report.table(report, options["details"])
        show(lines)
        return {
            "changed": False,
            **report,
            "lines": lines,
            **statistics("cri_node_plan", report),
            **self.write_file(options["path"], plan_report.as_file(report, results, waiting, now())),
        }
