# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the results of all tasks and the statistics to the file that TESTBED_RESULTS names."""

import json
import os
from datetime import datetime
from pathlib import Path

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: testbed_results
type: aggregate
short_description: results of a run as JSON, for tests
description: Writes one JSON document when the run ends.
options: {}
"""


class CallbackModule(CallbackBase):
    """Collect results in the order in which they arrive."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "testbed_results"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self):
        super().__init__()
        self.results = []

    def _keep(self, status, result, **more):
        # The names without underscore are newer than the oldest controller.
        host, task = (
            getattr(result, "host", None) or result._host,
            getattr(result, "task", None) or result._task,
        )
        data = getattr(result, "result", None) or result._result
        self.results.append(
            {
                "task": task.get_name(),
                "action": task.action,
                "host": host.get_name(),
                "status": status,
                "changed": bool(data.get("changed")),
                "result": data,
                **more,
            }
        )

    def v2_runner_on_ok(self, result):
        self._keep("ok", result)

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self._keep("failed", result, ignored=ignore_errors)

    def v2_runner_on_skipped(self, result):
        self._keep("skipped", result)

    def v2_runner_on_unreachable(self, result):
        self._keep("unreachable", result)

    def v2_playbook_on_stats(self, stats):
        document = {
            "results": self.results,
            "stats": {host: stats.summarize(host) for host in sorted(stats.processed)},
            "custom": getattr(stats, "custom", {}),
            "ended": datetime.now().astimezone().isoformat(),
        }
        Path(os.environ["TESTBED_RESULTS"]).write_text(json.dumps(document, default=str))
