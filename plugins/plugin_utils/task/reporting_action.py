# SPDX-License-Identifier: GPL-3.0-or-later
"""The base class of actions that report all nodes of a play, and optionally write the report to a JSON file on the controller."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from ansible_collections.cri.node.plugins.plugin_utils.problem import Problem
from ansible_collections.cri.node.plugins.plugin_utils.task import option_rules, report_file
from ansible_collections.cri.node.plugins.plugin_utils.task.checked_action import CheckedAction, Examined
from ansible_collections.cri.node.plugins.plugin_utils.task.failure import TaskFailure
from ansible_collections.cri.node.plugins.plugin_utils.task.output import show


class ReportingAction(CheckedAction):
    """An action with the option `path`, the file of its report. Runs on the controller only; makes no remote call.

    VARIABLES has the role variable of `path`. A file that cannot be written is a warning: the rest of the result is complete.
    """

    _requires_connection = False

    @classmethod
    def examine(cls, options: dict[str, Any]) -> Examined:
        """Warn if the report's file could not be written."""
        fault = _fault(options["path"])
        label = option_rules.labelled("path", cls.VARIABLES)
        return Examined([], [Problem("", label, None, fault)] if fault else [])

    def check_file(self, path: str) -> dict[str, Any]:
        """Return a warning for the result if the report could not be written to this path; an empty one means no file."""
        fault = _fault(path)
        return self._warning(fault) if fault else {}

    def write_file(self, path: str, report: Mapping[str, Any]) -> dict[str, Any]:
        """Write the report and return its path for the result; a warning if it cannot be written. Check mode only checks it."""
        if self._task.check_mode or not path:
            return self.check_file(path)
        try:
            written = report_file.write(path, report)
        except TaskFailure as failure:
            return self._warning(str(failure))
        show([f"Full report: {written}"])
        return {"path": written}

    def _warning(self, fault: str) -> dict[str, Any]:
        return {"warnings": [f"{option_rules.labelled('path', self.VARIABLES)}: {fault}"]}


def _fault(path: str) -> str:
    """Return why a report could not be written to this path, or ""; an empty one means no file."""
    try:
        if path:
            report_file.check(path)
    except TaskFailure as failure:
        return str(failure)
    return ""


def now() -> str:
    """Return the time as a report has it: RFC 3339, in UTC, with seconds."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
