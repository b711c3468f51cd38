# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports what a play changes on its nodes, or would change: as a table, as data, and as statistics for a job runner."""

from __future__ import annotations

from typing import Any, cast

from ansible_collections.cri.node.plugins.plugin_utils.plain import plain
from ansible_collections.cri.node.plugins.plugin_utils.plan import report as plan_report
from ansible_collections.cri.node.plugins.plugin_utils.task import play_hosts
from ansible_collections.cri.node.plugins.plugin_utils.task.checked_action import CheckedAction
from ansible_collections.cri.node.plugins.plugin_utils.task.output import show

ARGUMENT_SPEC = {"variable": {"type": "str", "required": True}}


class ActionModule(CheckedAction):
    """Runs on the controller only; makes no remote call."""

    ARGUMENT_SPEC = ARGUMENT_SPEC
    _requires_connection = False

    def perform(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Report the results that the play's hosts registered as the variable."""
        registered = play_hosts.registered(task_vars, options["variable"])
        # A result may hold the diffs of all files, which are not reported.
        results = {
            host: cast(dict[str, Any], plain({name: each[name] for name in plan_report.READ if name in each}))
            for host, each in registered.items()
        }
        report = plan_report.document(results, play_hosts.waiting(task_vars), bool(self._task.check_mode))
        lines = plan_report.table(report)
        show(lines)
        # As set_stats does. A later report of the same run includes all that an earlier one of this play has.
        stats = {"data": {"cri_node_plan": report}, "per_host": False, "aggregate": False}
        return {"changed": False, **report, "lines": lines, "ansible_stats": stats}
