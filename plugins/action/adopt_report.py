# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports the settings that the nodes of a play already have: as a table, as a folder of variables, and as statistics."""

from __future__ import annotations

from typing import Any

from ansible_collections.cri.node.plugins.plugin_utils.adopt import report as adopt_report
from ansible_collections.cri.node.plugins.plugin_utils.problem import Problem
from ansible_collections.cri.node.plugins.plugin_utils.task import (
    batch_failures,
    new_folder,
    option_rules,
    play_hosts,
)
from ansible_collections.cri.node.plugins.plugin_utils.task.checked_action import CheckedAction, Examined
from ansible_collections.cri.node.plugins.plugin_utils.task.failure import TaskFailure, refuse
from ansible_collections.cri.node.plugins.plugin_utils.task.output import show, statistics

ARGUMENT_SPEC = {
    "variable": {"type": "str", "required": True},
    "directory": {"type": "str", "default": ""},
}
_VARIABLES = {"directory": "adopt_directory"}


class ActionModule(CheckedAction):
    """Runs on the controller only and makes no remote call. The folder is written when all nodes have been read."""

    ARGUMENT_SPEC = ARGUMENT_SPEC
    VARIABLES = _VARIABLES
    _requires_connection = False

    @classmethod
    def examine(cls, options: dict[str, Any]) -> Examined:
        """Refuse a folder that exists or cannot be written, because it is what the run is for."""
        return Examined(_problems(options["directory"]))

    def perform(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Report the results that the hosts of the play registered in the variable."""
        results = play_hosts.registered(task_vars, options["variable"], adopt_report.READ)
        waiting = play_hosts.waiting(task_vars)
        report = adopt_report.document(results, waiting)
        lines = adopt_report.table(report)
        show(lines)
        batch = task_vars.get("ansible_play_batch") or []
        return {
            "changed": False,
            **report,
            "failures": batch_failures.failures(
                adopt_report.messages(report),
                report["summary"]["pending"],
                batch,
                task_vars.get("ansible_play_hosts") or batch,
                "nodes of earlier batches were not read",
            ),
            "lines": lines,
            **statistics("cri_node_adopt", report),
            **self._written(options["directory"], _texts(report, results, waiting) if not waiting else {}),
        }

    def _written(self, directory: str, texts: dict[str, str]) -> dict[str, Any]:
        """Write the folder, and return its path and files for the result. Check mode only checks the path."""
        refuse(_problems(directory))
        if not directory or not texts:
            return {}
        if self._task.check_mode:
            return {}
        path = new_folder.write(directory, texts)
        show([f"Variables: {path} ({', '.join(texts) if len(texts) < 4 else f'{len(texts)} files'})"])
        return {"path": path, "files": list(texts)}


def _texts(
    report: adopt_report.Report, results: dict[str, dict[str, Any]], waiting: list[str]
) -> dict[str, str]:
    try:
        return adopt_report.texts(report, results, waiting)
    except ValueError as error:
        raise TaskFailure(str(error)) from None


def _problems(directory: str) -> list[Problem]:
    try:
        if directory:
            new_folder.check(directory)
    except TaskFailure as failure:
        return [Problem("", option_rules.labelled("directory", _VARIABLES), None, str(failure))]
    return []
