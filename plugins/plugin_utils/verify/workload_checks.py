# SPDX-License-Identifier: GPL-3.0-or-later
"""Judges of what the runtime was asked to do: run a pod, and pull images."""

from __future__ import annotations

from ansible_collections.cri.node.plugins.plugin_utils.verify.evidence import (
    CHECK_MODE,
    NO_QUERIES,
    Evidence,
)
from ansible_collections.cri.node.plugins.plugin_utils.verify.verdict import (
    Verdict,
    failed,
    passed,
    skipped,
)


def pod(evidence: Evidence) -> list[Verdict]:
    """Judge whether the pod ran to completion and wrote a log."""
    image = evidence.options.image
    if not image:
        return skipped("no image is configured")
    if evidence.options.check_mode:
        return skipped(CHECK_MODE)
    found = evidence.observation.get("pod")
    if not found:
        return skipped(NO_QUERIES)
    if "error" in found:
        hint = "; a kubelet is running on this node and removes pods that it did not create"
        return failed(f"{image}: {found['error']}{hint if found['kubelet'] else ''}")
    if not found["log_lines"]:
        return failed(f"{image} exited with code 0, but its log is empty")
    return passed(f"{image} ran, exited with code 0 and wrote a log")


def pull(evidence: Evidence) -> list[Verdict]:
    """Judge each image that was to be pulled: one verdict for each, in the order of the option."""
    return [verdict for image in evidence.options.pull for verdict in _pull(evidence, image)]


def _pull(evidence: Evidence, image: str) -> list[Verdict]:
    if evidence.options.check_mode:
        return skipped(CHECK_MODE, image)
    error = evidence.observation.get("pulls", {}).get(image)
    if error is None:
        return skipped(NO_QUERIES, image)
    return failed(error, image) if error else passed("pulled", image)
