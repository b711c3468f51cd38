# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds the report of a removal on all nodes: data, in which equal results are joined, and a table."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterator, Mapping
from typing import Any, TypedDict

from ansible_collections.cri.node.plugins.module_utils.text import shown
from ansible_collections.cri.node.plugins.plugin_utils.plan import node_table
from ansible_collections.cri.node.plugins.plugin_utils.plan.removal import SUBJECTS
from ansible_collections.cri.node.plugins.plugin_utils.task.failure import NOT_REACHED
from ansible_collections.cri.node.plugins.plugin_utils.text.table import count, wrapped

# The keys of a result of runtime_removal that the report uses.
READ = ("failed", "unreachable", "skipped", "msg", "changed", "removed", "kept")
STATUSES = ("removed", "clean", "pending", "failed")

# The most important rows come last, right above the summary.
_LISTED = ("clean", "removed", "failed")
_HEADER = ("node", "result", "removed and kept")
_LONGEST_MESSAGE = 4000  # characters in the data
_LONGEST_SHOWN = 1000  # characters of a message in the table
_MOST_NAMES = 3  # of a subject in the table
_MOST_LINES = 30  # of a row


class NodesRemoval(TypedDict):
    """Nodes with equal results, see the documentation of removal_report."""

    nodes: list[str]
    status: str  # removed, clean or failed
    removed: list[dict[str, str]]
    kept: list[dict[str, str]]
    message: str  # why the removal failed, otherwise empty


class Report(TypedDict):
    """The report of a play."""

    check_mode: bool
    summary: dict[str, int]  # nodes by status, and all of them
    removals: list[NodesRemoval]


class NodeStatus(TypedDict):
    """One node in the file of a report."""

    status: str  # one of STATUSES
    removal: int | None  # its position in the list of removals; None for a node without an entry


class File(TypedDict):
    """What the file of a report contains: a Report, and each node by name."""

    created_at: str  # RFC 3339, in UTC
    check_mode: bool
    summary: dict[str, int]
    removals: list[NodesRemoval]
    nodes: dict[str, NodeStatus]


def document(
    results: Mapping[str, Mapping[str, Any]], waiting: Collection[str], check_mode: bool = False
) -> Report:
    """Build the report of all nodes of a play.

    results: the results of runtime_removal by node; {} for a node on which it did not run. waiting: nodes whose batch has not
    started. If they have a result, it is from an earlier play and is ignored.
    """
    joined: dict[str, NodesRemoval] = {}
    summary = dict.fromkeys(("nodes", *STATUSES), 0)
    for node, result in results.items():
        status = _status(node, result, waiting)
        summary["nodes"] += 1
        summary[status] += 1
        if status in _LISTED and (status != "clean" or result["kept"]):
            node_table.join(joined, _removal(status, result), node)
    return {
        "check_mode": check_mode,
        "summary": summary,
        "removals": sorted(
            joined.values(), key=lambda each: (_LISTED.index(each["status"]), each["nodes"][0])
        ),
    }


def _status(node: str, result: Mapping[str, Any], waiting: Collection[str]) -> str:
    if node in waiting:
        return "pending"
    if result.get("failed") or "removed" not in result:
        return "failed"
    return "removed" if result["changed"] else "clean"


def _removal(status: str, result: Mapping[str, Any]) -> NodesRemoval:
    message = ""
    if status == "failed":
        message = shown(result.get("msg") or NOT_REACHED, _LONGEST_MESSAGE)
    return {
        "nodes": [],
        "status": status,
        "removed": list(result.get("removed", [])),
        "kept": list(result.get("kept", [])),
        "message": message,
    }


def as_file(
    report: Report, results: Mapping[str, Mapping[str, Any]], waiting: Collection[str], created_at: str
) -> File:
    """Return the content of the file of a report that `document` built from the same results. created_at: RFC 3339, in UTC."""
    position = {node: index for index, entry in enumerate(report["removals"]) for node in entry["nodes"]}
    nodes: dict[str, NodeStatus] = {
        node: {"status": _status(node, result, waiting), "removal": position.get(node)}
        for node, result in results.items()
    }
    return {"created_at": created_at, **report, "nodes": nodes}


def table(report: Report) -> list[str]:
    """Return the report as lines that fit a terminal: one row for equal results, and a summary that counts all nodes."""
    done = "would remove" if report["check_mode"] else "removed"
    labels = {"removed": done, "clean": "nothing of ours", "failed": "FAILED"}
    rows = [
        node_table.Row(each["nodes"], (labels[each["status"]],), functools.partial(_details, each))
        for each in report["removals"]
    ]
    return [*(node_table.lines(_HEADER, rows) if rows else []), *wrapped(_summary_line(report))]


def _details(entry: NodesRemoval, _width: int) -> Iterator[str]:
    if entry["message"]:
        yield shown(entry["message"], _LONGEST_SHOWN)
        return
    kept = [_kept(each) for each in entry["kept"]]
    yield from node_table.first([*_removed(entry["removed"]), *kept], _MOST_LINES)


def _removed(removed: list[dict[str, str]]) -> Iterator[str]:
    """Yield a line for each subject: its names if they are few, otherwise their number."""
    for subject in SUBJECTS:
        names = [each["name"] for each in removed if each["subject"] == subject]
        if names:
            words = ", ".join(names) if len(names) <= _MOST_NAMES else count(len(names), _noun(subject))
            yield f"{subject}: {words}"


def _noun(subject: str) -> str:
    return {"pods": "pod", "prerequisites": "item"}.get(subject, "path")


def _kept(entry: Mapping[str, str]) -> str:
    name = f" {entry['name']}" if entry["name"] else ""
    return f"kept: {entry['subject']}{name}: {entry['reason']}"


def _summary_line(report: Report) -> str:
    summary = report["summary"]
    words = {
        "removed": "would be changed" if report["check_mode"] else "changed",
        "clean": "with nothing of ours",
    }
    parts = [
        f"{summary[status]} {words.get(status, status)}"
        for status in ("failed", "removed", "clean", "pending")
        if summary[status]
    ]
    note = " (check mode: nothing was changed)" if report["check_mode"] else ""
    return f"{count(summary['nodes'], 'node')}: {', '.join(parts)}{note}"
