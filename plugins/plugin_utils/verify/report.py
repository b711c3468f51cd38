# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of a play's verification: one document of data, and the table that a terminal shows of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypedDict

from ansible_collections.cri.node.plugins.module_utils.text import shown
from ansible_collections.cri.node.plugins.plugin_utils.task.failure import NOT_REACHED
from ansible_collections.cri.node.plugins.plugin_utils.text.table import count, ruled, wrapped
from ansible_collections.cri.node.plugins.plugin_utils.verify import checks as verification
from ansible_collections.cri.node.plugins.plugin_utils.verify.verdict import STATUSES, CheckResult

_PENDING = "its batch has not run yet"
# The last rows of the table are read first, because they are right above the summary.
_ORDER = ("passed", "pending", "not_verified", "failed")
_LABELS = {"passed": "passed", "pending": "pending", "not_verified": "NOT VERIFIED", "failed": "FAILED"}
_LONGEST_NAME = 40
_LABEL_WIDTH = 12


class NodeReport(TypedDict):
    """The report of one node, as the documentation of verify_report describes it."""

    status: str  # passed, failed, not_verified or pending
    version: str | None
    reason: str  # why there are no checks, else empty
    checks: list[CheckResult]
    counts: dict[str, int]  # by the status of the checks


class Report(TypedDict):
    """The report of a play. It is written as JSON."""

    created_at: str  # RFC 3339, in UTC
    check_mode: bool
    summary: dict[str, int]
    nodes: dict[str, NodeReport]


def document(
    results: Mapping[str, Mapping[str, Any]],
    waiting: Collection[str],
    lost: Collection[str],
    check_mode: bool,
    created_at: str,
) -> Report:
    """Build the report of all nodes of a play.

    results: what runtime_verify returned, by node; {} for a node that was not verified.
    waiting: nodes whose batch has not run yet. lost: nodes that have left the play. A result of either that has no failed check
    is from an earlier play and is ignored.
    """
    nodes = {
        name: _node_report(result, name in waiting, name in lost) for name, result in sorted(results.items())
    }
    summary = {"nodes": len(nodes)}
    for status in _ORDER:
        summary[status] = sum(node["status"] == status for node in nodes.values())
    summary["warnings"] = sum(node["counts"]["warning"] for node in nodes.values())
    return {"created_at": created_at, "check_mode": check_mode, "summary": summary, "nodes": nodes}


def with_reasons(
    results: Mapping[str, Mapping[str, Any]], earlier: Sequence[Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    """Return the results, each without a message of its own with that of the first earlier task that failed on its node.

    earlier: results of tasks by node, in the order of the tasks: {node: {"failed", "unreachable", "msg"}}.
    """
    completed = {}
    for name, result in results.items():
        messages = (_failure_message(by_node.get(name)) for by_node in earlier)
        message = next((each for each in messages if each), "")
        completed[name] = {**({"msg": message} if message else {}), **result}
    return completed


def _failure_message(result: Any) -> str:
    """Return the message of a task that failed or did not reach its node, else an empty text."""
    if not isinstance(result, dict) or not (result.get("failed") or result.get("unreachable")):
        return ""
    return str(result.get("msg") or "")


def _node_report(result: Mapping[str, Any], is_waiting: bool, is_lost: bool) -> NodeReport:
    is_outdated = (is_waiting or is_lost) and not result.get("failed_checks")
    checks = None if is_outdated else result.get("checks")
    reason = ""
    if checks is not None:
        status = "failed" if verification.named(checks, "failed") else "passed"
    elif is_waiting and not is_lost:
        status, reason = "pending", _PENDING
    else:
        status, reason = "not_verified", shown(result.get("msg") or NOT_REACHED)
    return {
        "status": status,
        "version": None if is_outdated else result.get("version"),
        "reason": reason,
        "checks": checks or [],
        "counts": {each: len(verification.named(checks or [], each)) for each in STATUSES},
    }


def not_passed(report: Report) -> dict[str, dict[str, Any]]:
    """Return the nodes that did not pass: {name: {"status", "failed": names of the failed checks, "reason"}}."""
    return {
        name: {
            "status": node["status"],
            "failed": verification.named(node["checks"], "failed"),
            "reason": node["reason"],
        }
        for name, node in report["nodes"].items()
        if node["status"] != "passed"
    }


def table(report: Report) -> list[str]:
    """Return the report as lines that fit a terminal: one for a node, and one or more for each failed check and warning."""
    nodes = sorted(report["nodes"].items(), key=_position)
    width = min(max([len(name) for name, _node in nodes] + [len("node")]), _LONGEST_NAME)
    header = f"{'node':{width}}  {'result':{_LABEL_WIDTH}}  checks"
    body = [line for name, node in nodes for line in _node_lines(name, node, width)]
    return [*ruled([header], body), _summary_line(report)]


def _position(item: tuple[str, NodeReport]) -> tuple[int, bool, str]:
    name, node = item
    return (_ORDER.index(node["status"]), node["counts"]["warning"] > 0, name)


def _node_lines(name: str, node: NodeReport, width: int) -> list[str]:
    counts = ", ".join(f"{number} {status}" for status, number in node["counts"].items() if number)
    version = f"  (CRI-O {node['version']})" if node["version"] else ""
    # A name that is too long for its column moves the rest of its own line only.
    first = f"{name:{width}}  {_LABELS[node['status']]:{_LABEL_WIDTH}}  {node['reason'] or counts}{version}"
    lines = wrapped(first, indent=" " * (width + _LABEL_WIDTH + 4))
    for check in node["checks"]:
        if check["status"] in ("failed", "warning"):
            lines += wrapped(f"    {check['status']:7}  {check['name']}: {check['detail']}", indent=" " * 13)
    return lines


def _summary_line(report: Report) -> str:
    summary = report["summary"]
    parts = [f"{summary['passed']} passed"]
    parts += [
        f"{summary[status]} {status.replace('_', ' ')}"
        for status in ("failed", "not_verified", "pending")
        if summary[status]
    ]
    if summary["warnings"]:
        parts.append(count(summary["warnings"], "warning"))
    mode = " (check mode: no pod was run, no image was pulled)" if report["check_mode"] else ""
    return f"{count(summary['nodes'], 'node')}: {', '.join(parts)}{mode}"
