# SPDX-License-Identifier: GPL-3.0-or-later
"""Judges of the configuration: the files on disk, what the daemon has loaded of them, and which values it uses."""

from __future__ import annotations

from ansible_collections.cri.node.plugins.plugin_utils.crio import live_values
from ansible_collections.cri.node.plugins.plugin_utils.plan import plan
from ansible_collections.cri.node.plugins.plugin_utils.text.table import count
from ansible_collections.cri.node.plugins.plugin_utils.verify import handlers
from ansible_collections.cri.node.plugins.plugin_utils.verify.evidence import (
    NOT_LOADED,
    NOT_RUNNING,
    Evidence,
)
from ansible_collections.cri.node.plugins.plugin_utils.verify.verdict import (
    Verdict,
    failed,
    passed,
    skipped,
    warning,
)

_FOUND = {
    "create": "is missing",
    "change": "differs from the desired state",
    "remove": "is no longer part of the configuration",
}
_PREDICTED = {"create": "would be created", "change": "would be changed", "remove": "would be removed"}
# One configuration may serve hosts with and without SELinux, so this is not a fault of the node.
_NOT_REPORTED = "crio.runtime.selinux"


def files(evidence: Evidence) -> list[Verdict]:
    """Judge whether the managed files match the desired state, and whether the node's records of them are intact."""
    state, notes = evidence.state, "; ".join(evidence.state["notes"])
    if state["interrupted"]:
        return evidence.fixable(_joined("a change was interrupted; the next run will undo it", notes))
    predicted = evidence.options.check_mode and not evidence.options.deferred
    words = _PREDICTED if predicted else _FOUND
    differences = [f"{path} {words[action]}" for path, action in sorted(evidence.changes.files.items())]
    if differences:
        return evidence.unapplied(_joined(*differences, notes))
    if notes:
        return warning(notes)
    if not state["files"]:
        return skipped("no files are managed")
    number = len(state["files"])
    return passed(f"{count(number, 'file')} {'matches' if number == 1 else 'match'} the desired state")


def _joined(*parts: str) -> str:
    return "; ".join(part for part in parts if part)


def loaded(evidence: Evidence) -> list[Verdict]:
    """Judge whether the running daemon has loaded the files, and runs the installed binary."""
    state = evidence.state
    if not evidence.unit["active"]:
        return skipped(NOT_RUNNING)
    stale = [
        f"{path} matches the desired state, but the running daemon has not loaded it"
        for path, found in sorted({**state["files"], **state["orphans"]}.items())
        if found["as_wanted"] and not found["loaded"]
    ]
    if evidence.unit["binary_replaced"]:
        stale.append(
            f"the running daemon was started from a different binary than {state['crio']['binary']}, the one installed now"
        )
    if stale:
        return evidence.unapplied("; ".join(stale))
    return passed("the running daemon has loaded all files that match the desired state")


def settings(evidence: Evidence) -> list[Verdict]:
    """Judge whether the running daemon uses the desired values of crio.conf."""
    desired, state = evidence.desired.expect, evidence.state
    if not evidence.answers:
        return skipped(NOT_RUNNING)
    if evidence.observation["configuration_error"]:
        return failed(evidence.observation["configuration_error"])
    if not desired:
        return skipped("no crio.conf settings are configured")
    if not evidence.is_settled:
        return skipped(NOT_LOADED)
    late = plan.late_handlers(evidence.desired, state)
    stale, outranked = live_values.split(desired, state["live"], state["effective"], late)
    restart_fixes = live_values.of_stale(stale, state["effective"], late)
    if outranked:
        return failed("; ".join([*live_values.of_outranked(outranked, desired), *restart_fixes]))
    if restart_fixes:
        return evidence.unapplied("; ".join(restart_fixes))
    return passed(f"CRI-O uses the desired values of {count(len(desired), 'key')}")


def without_effect(evidence: Evidence) -> list[Verdict]:
    """Warn of settings that CRI-O silently ignores on this node, except for those that the check handlers reports.

    Also warns of paths whose file system does not answer, because it is not known whether CRI-O ignores their settings.
    """
    excluded = {_NOT_REPORTED, *handlers.reported_keys(evidence)}
    sentences = [
        f"{entry['key']}: {entry['reason']}"
        for entry in plan.without_effect(evidence.desired, evidence.state)
        if entry["key"] not in excluded
    ]
    sentences = list(dict.fromkeys([*sentences, *plan.unanswered(evidence.state)]))
    return warning("; ".join(sentences)) if sentences else []
