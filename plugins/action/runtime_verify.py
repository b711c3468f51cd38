# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's side of runtime_verify: decides what the node reads, and judges what it returns."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleConnectionFailure

from ansible_collections.cri.node.plugins.action.runtime_config import ARGUMENT_SPEC as OF_RUNTIME_CONFIG
from ansible_collections.cri.node.plugins.module_utils.contract import Observation
from ansible_collections.cri.node.plugins.module_utils.pod.marks import VERIFICATION
from ansible_collections.cri.node.plugins.module_utils.text import shown
from ansible_collections.cri.node.plugins.plugin_utils.crio import fallbacks
from ansible_collections.cri.node.plugins.plugin_utils.plan.desired import DesiredFiles
from ansible_collections.cri.node.plugins.plugin_utils.pod import once
from ansible_collections.cri.node.plugins.plugin_utils.problem import Problem
from ansible_collections.cri.node.plugins.plugin_utils.task.checked_action import CheckedAction, Examined
from ansible_collections.cri.node.plugins.plugin_utils.task.failure import TaskFailure, refuse, succeeded
from ansible_collections.cri.node.plugins.plugin_utils.task.option_rules import IMAGE, image_fault, labelled
from ansible_collections.cri.node.plugins.plugin_utils.verify import checks as verification
from ansible_collections.cri.node.plugins.plugin_utils.verify.evidence import Evidence, Options

ARGUMENT_SPEC = {
    "files": {**OF_RUNTIME_CONFIG["files"], "required": False, "default": []},
    **{name: OF_RUNTIME_CONFIG[name] for name in ("owners", "problems", "unit")},
    "network": {"type": "str", "choices": ["optional", "required"], "default": "optional"},
    "image": {"type": "str", "default": ""},
    "pull": {"type": "list", "elements": "str", "default": []},
    "timeout": {"type": "int", "default": 120},
}
_VARIABLES = {name: f"verify_{name}" for name in ("network", "image", "pull", "timeout")}


class ActionModule(CheckedAction):
    """Makes one remote call and judges what it returns. A node that cannot be read has one failed check."""

    ARGUMENT_SPEC = ARGUMENT_SPEC
    VARIABLES = _VARIABLES
    MODULE = "cri.node.node_runtime_verify"

    @classmethod
    def examine(cls, options: dict[str, Any]) -> Examined:
        """Validate the image names."""
        problems = [Problem("", "", None, sentence) for sentence in options["problems"]]
        return Examined([*problems, *_bad_images(options)])

    def perform(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Return the checks of the node."""
        desired = DesiredFiles(options["files"], options["owners"])
        self.secrets = desired.secrets()
        refuse([*options["problems"], *desired.problems])
        refuse(_bad_images(options))
        pull = list(dict.fromkeys(options["pull"]))
        asked = Options(options["network"], options["image"], pull, bool(self._task.check_mode))
        request = _request(desired, asked, options["unit"], options["timeout"])
        observation: Observation = {}
        error = ""
        try:
            returned = self.ask_node(request, task_vars, desired.secrets_described)
            observation = succeeded(returned, self.secrets)["seen"]
        except AnsibleConnectionFailure as failure:
            error = f"the node cannot be reached: {failure}"
        except TaskFailure as failure:
            error = str(failure)
        checks = verification.judge(Evidence(desired, asked, observation, error))
        version = observation["state"]["crio"]["version"] if observation else None
        return {
            "changed": False,
            "checks": checks,
            "failed_checks": verification.named(checks, "failed"),
            **({"version": version} if version else {}),
        }


def _request(desired: DesiredFiles, options: Options, unit: str, timeout: int) -> dict[str, Any]:
    """Return what the node is asked."""
    pods = once.pods(VERIFICATION, options.image) if options.image else []
    return {
        "unit": unit,
        "owners": desired.owners,
        "files": desired.described,
        "unwanted": desired.unwanted,
        "expect": desired.expect,
        "paths": fallbacks.paths(desired.settings()),
        # In check mode the desired port may not be applied yet: the live one is asked.
        "metrics_port": 0
        if options.check_mode
        else int(desired.expect.get("crio.metrics.metrics_port") or 0),
        "pods": [] if options.check_mode else pods,
        "pull": [] if options.check_mode else options.pull,
        "timeout": timeout,
    }


def _bad_images(options: dict[str, Any]) -> list[Problem]:
    """Return a problem for each image whose name containers/image does not accept."""
    images = [("image", options["image"])] if options["image"] else []
    images += [("pull", image) for image in options["pull"]]
    return [
        Problem("", labelled(name, _VARIABLES), f'"{shown(image, 80)}"', fault, IMAGE)
        for name, image in images
        for fault in [image_fault(image)]
        if fault
    ]
