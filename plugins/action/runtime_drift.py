# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's side of runtime_drift: compares the desired state with the node's, and changes nothing."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleConnectionFailure

from ansible_collections.cri.node.plugins.action import runtime_config
from ansible_collections.cri.node.plugins.module_utils.text import shown
from ansible_collections.cri.node.plugins.plugin_utils.plan import drift, plan
from ansible_collections.cri.node.plugins.plugin_utils.plan.desired import DesiredFiles, unreadable_versions
from ansible_collections.cri.node.plugins.plugin_utils.task.checked_action import CheckedAction
from ansible_collections.cri.node.plugins.plugin_utils.task.failure import TaskFailure, refuse, succeeded

ARGUMENT_SPEC = {
    name: runtime_config.ARGUMENT_SPEC[name]
    for name in ("files", "owners", "problems", "unit", "ready_timeout", "variables")
}


class ActionModule(CheckedAction):
    """Makes one remote call. A node that cannot be read has an error instead of differences, so that it stays in the report."""

    ARGUMENT_SPEC = ARGUMENT_SPEC
    VARIABLES = {"ready_timeout": "crio_ready_timeout"}
    MODULE = "cri.node.node_runtime_drift"

    def perform(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Return the differences of the node."""
        wanted = DesiredFiles(options["files"], options["owners"])
        self.secrets = wanted.secrets()
        refuse([*options["problems"], *wanted.problems])
        request = runtime_config.request_of(wanted, options["unit"], options["ready_timeout"])
        error = ""
        try:
            returned = self.ask_node(request, task_vars, wanted.secrets_described)
            report = succeeded(returned, self.secrets)["report"]
            refuse(wanted.problems_for(report["crio"]["version"], report["crictl_version"]))
        except AnsibleConnectionFailure as failure:
            error = f"the node cannot be reached: {failure}"
        except TaskFailure as failure:
            error = str(failure)
        if error:
            return {"changed": False, "differences": [], "error": error}
        warnings = [*plan.unanswered(report), *unreadable_versions(report), *report["notes"]]
        return {
            "changed": False,
            "differences": drift.differences(wanted, report),
            "generation": report["generation"],
            "error": "",
            "warnings": [shown(str(warning)) for warning in warnings],
        }
