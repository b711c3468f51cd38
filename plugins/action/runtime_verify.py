# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's side of runtime_verify: decides what the node reads, and judges what it returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleConnectionFailure

from ansible_collections.cri.node.plugins.action.runtime_config import ARGUMENT_SPEC as OF_RUNTIME_CONFIG
from ansible_collections.cri.node.plugins.action.runtime_config import VERIFICATION
from ansible_collections.cri.node.plugins.plugin_utils.plan.desired import DesiredFiles
from ansible_collections.cri.node.plugins.plugin_utils.problem import Problem
from ansible_collections.cri.node.plugins.plugin_utils.task.checked_action import CheckedAction, Examined
from ansible_collections.cri.node.plugins.plugin_utils.task.failure import TaskFailure, refuse, succeeded
from ansible_collections.cri.node.plugins.plugin_utils.verify import asked

if TYPE_CHECKING:
    from ansible_collections.cri.node.plugins.module_utils.contract import Observation


ARGUMENT_SPEC = {
    "files": {**OF_RUNTIME_CONFIG["files"], "required": False, "default": []},
    **{name: OF_RUNTIME_CONFIG[name] for name in ("owners", "problems", "variables")},
    "unit": {"type": "str", "default": "crio.service"},
    **VERIFICATION,
    "known": {"type": "dict", "default": {}},
    "deferred": {"type": "str", "default": ""},
}


class ActionModule(CheckedAction):
    """Makes one remote call and judges what it returns. A node that cannot be read has one failed check."""

    ARGUMENT_SPEC = ARGUMENT_SPEC
    VARIABLES = asked.VARIABLES
    MODULE = "cri.node.node_runtime_verify"

    @classmethod
    def examine(cls, options: dict[str, Any]) -> Examined:
        """Validate the image names."""
        problems = [Problem("", "", None, sentence) for sentence in options["problems"]]
        return Examined([*problems, *asked.bad_images(options)])

    def perform(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Return the checks of the node."""
        if options["known"].get("checks"):
            return {"changed": False, **options["known"]}
        desired = DesiredFiles(options["files"], options["owners"])
        self.secrets = desired.secrets()
        refuse([*options["problems"], *desired.problems])
        if desired.runtime != "crio":
            raise TaskFailure(f"files: are of {desired.runtime}, but this module only verifies CRI-O")
        refuse(asked.bad_images(options))
        verified = asked.options_of(options, bool(self._task.check_mode))
        request = {
            "unit": options["unit"],
            **desired.as_request,
            **asked.request_of(desired, verified, options["timeout"]),
        }
        observation: Observation = {}
        error = ""
        try:
            returned = self.ask_node(request, task_vars, desired.secrets_described)
            observation = succeeded(returned, self.secrets)["seen"]
        except AnsibleConnectionFailure as failure:
            error = f"the node cannot be reached: {failure}"
        except TaskFailure as failure:
            error = str(failure)
        return {"changed": False, **asked.result_of(desired, verified, observation, error)}
