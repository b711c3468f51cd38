# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports what was removed from the nodes of a play, and what was kept: as a table, as a JSON file, and as statistics."""

from __future__ import annotations

from typing import Any

from ansible_collections.cri.node.plugins.plugin_utils.plan import removal_report
from ansible_collections.cri.node.plugins.plugin_utils.task import play_hosts
from ansible_collections.cri.node.plugins.plugin_utils.task.output import show, statistics
from ansible_collections.cri.node.plugins.plugin_utils.task.reporting_action import ReportingAction, now

ARGUMENT_SPEC = {
    "variable": {"type": "str", "required": True},
    "path": {"type": "str", "default": ""},
}


class ActionModule(ReportingAction):
    """Runs on the controller only and makes no remote call."""

    ARGUMENT_SPEC = ARGUMENT_SPEC
    VARIABLES = {"path": "remove_report_file"}

    def perform(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Report the results that the hosts of the play registered in the variable."""
        results = play_hosts.registered(task_vars, options["variable"], removal_report.READ)
        waiting = play_hosts.waiting(task_vars)
        report = removal_report.document(results, waiting, bool(self._task.check_mode))
        lines = removal_report.table(report)
        show(lines)
        return {
            "changed": False,
            **report,
            "lines": lines,
            **statistics("cri_node_removal", report),
            **self.write_file(options["path"], removal_report.as_file(report, results, waiting, now())),
        }
