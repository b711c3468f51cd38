# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports the verification of a play's nodes: as a table, as a JSON file, and as statistics for a job runner."""

from __future__ import annotations

from typing import Any, cast

from ansible_collections.cri.node.plugins.plugin_utils.plain import plain
from ansible_collections.cri.node.plugins.plugin_utils.task import play_hosts
from ansible_collections.cri.node.plugins.plugin_utils.task.failure import TaskFailure
from ansible_collections.cri.node.plugins.plugin_utils.task.output import show, statistics
from ansible_collections.cri.node.plugins.plugin_utils.task.reporting_action import ReportingAction, now
from ansible_collections.cri.node.plugins.plugin_utils.verify import report as verification_report

ARGUMENT_SPEC = {
    "state": {"type": "str", "choices": ["checked", "reported"], "default": "reported"},
    "results": {"type": "dict"},
    "earlier": {"type": "list", "elements": "dict", "default": []},
    "waiting": {"type": "list", "elements": "str"},
    "lost": {"type": "list", "elements": "str", "default": []},
    "path": {"type": "str", "default": ""},
}


class ActionModule(ReportingAction):
    """Runs on the controller only; makes no remote call."""

    ARGUMENT_SPEC = ARGUMENT_SPEC
    VARIABLES = {"path": "verify_report_file"}

    def perform(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Report the results, or only check the path of the report's file."""
        if options["state"] == "checked":
            return {"changed": False, **self.check_file(options["path"])}
        if options["results"] is None:
            raise TaskFailure("verify_report: results is missing")
        results = cast(dict[str, dict[str, Any]], plain(options["results"]))
        earlier = cast(list[dict[str, Any]], plain(options["earlier"]))
        waiting = play_hosts.waiting(task_vars) if options["waiting"] is None else options["waiting"]
        report = verification_report.document(
            verification_report.with_reasons(results, earlier),
            waiting,
            options["lost"],
            bool(self._task.check_mode),
            now(),
        )
        lines = verification_report.table(report)
        show(lines)
        found = {"summary": report["summary"], "not_passed": verification_report.not_passed(report)}
        return {
            "changed": False,
            **found,
            "lines": lines,
            **statistics("cri_node_verification", found),
            **self.write_file(options["path"], report),
        }
