# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports the migration of the nodes of a play: as a table, as a JSON file, and as statistics."""

from __future__ import annotations

from typing import Any

from ansible_collections.cri.node.plugins.plugin_utils.migration import report as migration_report
from ansible_collections.cri.node.plugins.plugin_utils.task import play_hosts
from ansible_collections.cri.node.plugins.plugin_utils.task.output import show, statistics
from ansible_collections.cri.node.plugins.plugin_utils.task.reporting_action import ReportingAction, now

ARGUMENT_SPEC = {
    "variable": {"type": "str", "required": True},
    "removal_variable": {"type": "str", "default": ""},
    "path": {"type": "str", "default": ""},
}


class ActionModule(ReportingAction):
    """Runs on the controller only and makes no remote call."""

    ARGUMENT_SPEC = ARGUMENT_SPEC
    VARIABLES = {"path": "migrate_report_file"}

    def perform(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Report the results that the hosts of the play registered in the variables."""
        results = play_hosts.registered(task_vars, options["variable"], migration_report.READ)
        removals: dict[str, dict[str, Any]] = {}
        if options["removal_variable"]:
            removals = play_hosts.registered(
                task_vars, options["removal_variable"], migration_report.READ_OF_REMOVAL
            )
        waiting = play_hosts.waiting(task_vars)
        report = migration_report.document(results, removals, waiting, bool(self._task.check_mode))
        lines = migration_report.table(report)
        show(lines)
        content = migration_report.as_file(report, results, removals, waiting, now())
        return {
            "changed": False,
            **report,
            "lines": lines,
            **statistics("cri_node_migration", report),
            **self.write_file(options["path"], content),
        }
