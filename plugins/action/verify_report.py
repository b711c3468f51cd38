# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells what a play's verification found: a table, a file of JSON, and statistics for a job runner."""

from __future__ import annotations

import contextlib
import json
import os
from datetime import datetime, timezone

from ansible.utils.display import Display

from ansible_collections.cri.node.plugins.plugin_utils import verification_report
from ansible_collections.cri.node.plugins.plugin_utils.checked_action import CheckedAction
from ansible_collections.cri.node.plugins.plugin_utils.plain import plain
from ansible_collections.cri.node.plugins.plugin_utils.task_failure import TaskFailure

ARGUMENT_SPEC = {
    "results": {"type": "dict", "required": True},
    "waiting": {"type": "list", "elements": "str", "default": []},
    "lost": {"type": "list", "elements": "str", "default": []},
    "path": {"type": "str", "default": ""},
}


class ActionModule(CheckedAction):
    """No remote call."""

    ARGUMENT_SPEC = ARGUMENT_SPEC
    _requires_connection = False

    def perform(self, options, task_vars):
        report = verification_report.document(
            plain(options["results"]),
            options["waiting"],
            options["lost"],
            bool(self._task.check_mode),
            datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        )
        Display().display("\n".join(verification_report.table(report)))
        told = {"summary": report["summary"], "not_passed": verification_report.not_passed(report)}
        result = {"changed": False, **told}
        if options["path"] and not self._task.check_mode:
            result["path"] = _write(options["path"], report)
            Display().display(f"The whole report is in {result['path']}")
        # As set_stats does; a later report of the same run has all that an earlier one has, and replaces it.
        data = {"cri_node_verification": told}
        result["ansible_stats"] = {"data": data, "per_host": False, "aggregate": False}
        return result


def _write(path, report):
    """Replace the file whole, so that no reader ever sees half of it. Returns its absolute path."""
    path = os.path.abspath(os.path.expanduser(path))
    partial = f"{path}.{os.getpid()}.partial"
    try:
        with open(partial, "w", encoding="utf-8") as file:
            json.dump(report, file, indent=2, sort_keys=True)
            file.write("\n")
        os.replace(partial, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(partial)
        raise TaskFailure(f"the report cannot be written to {path}: {error.strerror}") from error
    return path
