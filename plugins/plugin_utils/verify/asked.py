# SPDX-License-Identifier: GPL-3.0-or-later
"""What a verification asks of its node, and the result of its task: for the actions that verify."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ansible_collections.cri.node.plugins.module_utils.pod.marks import VERIFICATION
from ansible_collections.cri.node.plugins.module_utils.text import shown
from ansible_collections.cri.node.plugins.plugin_utils.plan.desired import DesiredFiles
from ansible_collections.cri.node.plugins.plugin_utils.pod import once
from ansible_collections.cri.node.plugins.plugin_utils.problem import Problem
from ansible_collections.cri.node.plugins.plugin_utils.task.option_rules import IMAGE, image_fault, labelled
from ansible_collections.cri.node.plugins.plugin_utils.verify import checks as verification
from ansible_collections.cri.node.plugins.plugin_utils.verify.evidence import Evidence, Options

if TYPE_CHECKING:
    from ansible_collections.cri.node.plugins.module_utils.contract import Observation, ObservationOptions


#: the role variable of each option of a verification, for messages
VARIABLES = {name: f"verify_{name}" for name in ("network", "image", "pull", "timeout")}


def options_of(task: Mapping[str, Any], check_mode: bool) -> Options:
    """Return the options of a task that has those of a verification."""
    pull = list(dict.fromkeys(task["pull"]))
    return Options(task["network"], task["image"], pull, check_mode, task.get("deferred", ""))


def request_of(desired: DesiredFiles, options: Options, timeout: int) -> ObservationOptions:
    """Return what the node is asked beside its files. timeout: seconds for a pod and for each pull."""
    pods: list[Any] = once.pods(VERIFICATION, options.image) if options.image else []
    return {
        # In check mode, or if the change was deferred, the desired port may not be applied: the live one is asked.
        "metrics_port": 0
        if options.check_mode or options.deferred
        else int(desired.expect.get("crio.metrics.metrics_port") or 0),
        "pods": [] if options.check_mode else pods,
        "pull": [] if options.check_mode else options.pull,
        "timeout": timeout,
    }


def result_of(desired: DesiredFiles, options: Options, seen: Observation, error: str = "") -> dict[str, Any]:
    """Judge what the node returned. error: why it could not be read. Returns checks, failed_checks and version."""
    checks = verification.judge(Evidence(desired, options, seen, error))
    version = seen["state"]["crio"]["version"] if seen else None
    return {
        "checks": checks,
        "failed_checks": verification.named(checks, "failed"),
        **({"version": version} if version else {}),
    }


def bad_images(options: Mapping[str, Any]) -> list[Problem]:
    """Return a problem for each image whose name containers/image does not accept."""
    images = [("image", options["image"])] if options["image"] else []
    images += [("pull", image) for image in options["pull"]]
    return [
        Problem("", labelled(name, VARIABLES), f'"{shown(image, 80)}"', fault, IMAGE)
        for name, image in images
        for fault in [image_fault(image)]
        if fault
    ]
