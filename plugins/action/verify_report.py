# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports the verification of a play's nodes: as a table, as a JSON file, and as statistics for a job runner."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, cast

from ansible_collections.cri.node.plugins.plugin_utils.plain import plain
from ansible_collections.cri.node.plugins.plugin_utils.problem import Problem
from ansible_collections.cri.node.plugins.plugin_utils.task import option_rules, play_hosts, report_file
from ansible_collections.cri.node.plugins.plugin_utils.task.checked_action import CheckedAction, Examined
from ansible_collections.cri.node.plugins.plugin_utils.task.failure import TaskFailure
from ansible_collections.cri.node.plugins.plugin_utils.task.output import show, statistics
from ansible_collections.cri.node.plugins.plugin_utils.verify import report as verification_report

ARGUMENT_SPEC = {
    "state": {"type": "str", "choices": ["checked", "reported"], "default": "reported"},
    "results": {"type": "dict"},
    "earlier": {"type": "list", "elements": "dict", "default": []},
    "waiting": {"type": "list", "elements": "str"},
    "lost": {"type": "list", "elements": "str", "default": []},
    "path": {"type": "str", "default": ""},
}


class ActionModule(CheckedAction):
    """Runs on the controller only; makes no remote call."""

    ARGUMENT_SPEC = ARGUMENT_SPEC
    VARIABLES = {"path": "verify_report_file"}
    _requires_connection = False

    @classmethod
    def examine(cls, options: dict[str, Any]) -> Examined:
        """Warn if the report's file could not be written."""
        try:
            if options["path"]:
                report_file.check(options["path"])
        except TaskFailure as failure:
            return Examined(
                [], [Problem("", option_rules.labelled("path", cls.VARIABLES), None, str(failure))]
            )
        return Examined([])

    def perform(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Report the results, or only check the path of the report's file."""
        if options["state"] == "checked":
            return {"changed": False, **self._check_file(options["path"])}
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
            datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        )
        lines = verification_report.table(report)
        show(lines)
        found = {"summary": report["summary"], "not_passed": verification_report.not_passed(report)}
        written = (
            self._check_file(options["path"])
            if report["check_mode"]
            else self._write_file(options["path"], report)
        )
        return {
            "changed": False,
            **found,
            "lines": lines,
            **statistics("cri_node_verification", found),
            **written,
        }

    def _check_file(self, path: str) -> dict[str, Any]:
        """Return a warning for the result if the report could not be written to this path; an empty one means no file."""
        try:
            if path:
                report_file.check(path)
        except TaskFailure as failure:
            return self._warning(failure)
        return {}

    def _write_file(self, path: str, report: verification_report.Report) -> dict[str, Any]:
        """Write the report and return its path for the result; a warning if it cannot be written."""
        if not path:
            return {}
        try:
            written = report_file.write(path, report)
        except TaskFailure as failure:
            return self._warning(failure)
        show([f"Full report: {written}"])
        return {"path": written}

    def _warning(self, failure: TaskFailure) -> dict[str, Any]:
        return {"warnings": [f"{option_rules.labelled('path', self.VARIABLES)}: {failure}"]}
