# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's side of runtime_verify: says what to look at, and judges what was seen."""

from __future__ import annotations

import uuid

from ansible.errors import AnsibleConnectionFailure

from ansible_collections.cri.node.plugins.action.runtime_config import ARGUMENT_SPEC as OF_RUNTIME_CONFIG
from ansible_collections.cri.node.plugins.module_utils.pod.marks import VERIFICATION
from ansible_collections.cri.node.plugins.module_utils.text import shown
from ansible_collections.cri.node.plugins.plugin_utils.crio import fallbacks
from ansible_collections.cri.node.plugins.plugin_utils.plan import plan
from ansible_collections.cri.node.plugins.plugin_utils.pod import manifest as pod_manifest
from ansible_collections.cri.node.plugins.plugin_utils.problem import Problem
from ansible_collections.cri.node.plugins.plugin_utils.task.checked_action import CheckedAction
from ansible_collections.cri.node.plugins.plugin_utils.task.failure import TaskFailure, refuse, succeeded
from ansible_collections.cri.node.plugins.plugin_utils.task.option_rules import IMAGE, image_fault, labelled
from ansible_collections.cri.node.plugins.plugin_utils.verify import checks as verification

ARGUMENT_SPEC = {
    "files": {**OF_RUNTIME_CONFIG["files"], "required": False, "default": []},
    **{name: OF_RUNTIME_CONFIG[name] for name in ("owners", "problems", "unit")},
    "network": {"type": "str", "choices": ["optional", "required"], "default": "optional"},
    "image": {"type": "str", "default": ""},
    "pull": {"type": "list", "elements": "str", "default": []},
    "timeout": {"type": "int", "default": 120},
}
_VARIABLES = {name: f"verify_{name}" for name in ("network", "image", "pull", "timeout")}
_PODS = 3  # to try one after the other, where a kubelet takes a pod away that is not its own


class ActionModule(CheckedAction):
    """One remote call. What it brings back is judged here; a node that cannot be asked gets a failed check, too."""

    ARGUMENT_SPEC = ARGUMENT_SPEC
    VARIABLES = _VARIABLES
    MODULE = "cri.node.node_runtime_verify"

    def perform(self, options, task_vars):
        refuse([*options["problems"], *plan.problems_of(options["files"])])
        wanted = plan.WantedFiles(options["files"], options["owners"])
        self.secrets = wanted.secrets()
        _refuse_bad(options)
        pods = [_hello_world(options["image"]) for _each in range(_PODS)] if options["image"] else []
        asked = verification.Asked(
            options["network"], options["image"], list(dict.fromkeys(options["pull"])), self._task.check_mode
        )
        request = {
            "unit": options["unit"],
            "owners": wanted.owners,
            "files": wanted.described,
            "unwanted": wanted.unwanted,
            "expect": wanted.expect,
            "paths": fallbacks.paths(wanted.settings()),
            # What is not applied yet cannot be served yet.
            "metrics_port": 0 if asked.check_mode else int(wanted.expect.get("crio.metrics.metrics_port", 0)),
            "pods": [] if asked.check_mode else pods,
            "pull": [] if asked.check_mode else asked.pull,
            "timeout": options["timeout"],
        }
        try:
            returned = self.ask_node(request, task_vars, {"secret_hashes": wanted.secret_hashes})
            seen = succeeded(returned, self.secrets)["seen"]
        except AnsibleConnectionFailure as failure:
            return _result(verification.unseen(f"the node cannot be reached: {failure}", self.secrets))
        except TaskFailure as failure:
            return _result(verification.unseen(str(failure), self.secrets))
        return _result(verification.judge(wanted, seen, asked), seen["state"]["crio"]["version"])


def _refuse_bad(options):
    images = [("image", options["image"])] if options["image"] else []
    images += [("pull", image) for image in options["pull"]]
    refuse(
        Problem("", labelled(name, _VARIABLES), f'"{shown(image, 80)}"', fault, IMAGE)
        for name, image in images
        for fault in [image_fault(image)]
        if fault
    )


def _hello_world(image):
    """A pod of this image as CRI is asked for it. It needs no pod network, which may not be there yet."""
    manifest = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"{VERIFICATION}{uuid.uuid4().hex[:12]}"},
        "spec": {
            "hostNetwork": True,
            "restartPolicy": "Never",
            "containers": [{"name": "hello-world", "image": image, "imagePullPolicy": "IfNotPresent"}],
        },
    }
    pod, problems = pod_manifest.convert(manifest, "image")
    refuse(problems)
    return pod


def _result(checks, version=None):
    result = {"changed": False, "checks": checks, "failed_checks": verification.named(checks, "failed")}
    return dict(result, version=version) if version else result
