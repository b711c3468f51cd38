# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds the report of the nodes that differ from their desired state: data, in which equal results are joined, and a table."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, TypedDict

from ansible_collections.cri.node.plugins.module_utils.text import printable, shown
from ansible_collections.cri.node.plugins.plugin_utils.plan import node_table
from ansible_collections.cri.node.plugins.plugin_utils.plan.drift import KINDS, Difference, counted
from ansible_collections.cri.node.plugins.plugin_utils.task import batch_failures
from ansible_collections.cri.node.plugins.plugin_utils.task.failure import NOT_REACHED
from ansible_collections.cri.node.plugins.plugin_utils.text.table import count, listed, wrapped

# The keys of a result of runtime_drift that the report uses.
READ = ("failed", "unreachable", "skipped", "msg", "differences", "error")
STATUSES = ("drifted", "ignored", "in_sync", "pending", "not_read")

# The most important rows come last, right above the summary.
_LISTED = ("ignored", "drifted", "not_read")
_LABELS = {"ignored": "ignored", "drifted": "DRIFTED", "not_read": "NOT READ"}
_HEADER = ("node", "result", "differences")
_LONGEST_MESSAGE = 4000  # characters in the data
_LONGEST_SHOWN = 1000  # characters of a message in the table
_MOST_LINES = 30  # of a row
_MOST_KEYS = 20  # in a line


class NodesDrift(TypedDict):
    """Nodes with equal results, see the documentation of drift_report."""

    nodes: list[str]
    status: str  # drifted, ignored or not_read
    differences: list[Difference]
    message: str  # why the node was not read, otherwise empty


class Report(TypedDict):
    """The report of a play."""

    ignored: list[str]  # kinds that do not count
    summary: dict[str, int]  # nodes by status, and all of them
    kinds: dict[str, int]  # nodes by kind of difference
    drifts: list[NodesDrift]


class NodeStatus(TypedDict):
    """One node in the file of a report."""

    status: str  # one of STATUSES
    drift: int | None  # its position in the list of drifts; None for a node without an entry


class File(TypedDict):
    """What the file of a report contains: a Report, and each node by name."""

    created_at: str  # RFC 3339, in UTC
    ignored: list[str]
    summary: dict[str, int]
    kinds: dict[str, int]
    drifts: list[NodesDrift]
    nodes: dict[str, NodeStatus]


def document(
    results: Mapping[str, Mapping[str, Any]], waiting: Collection[str], ignored: Collection[str]
) -> Report:
    """Build the report of all nodes of a play.

    results: the results of runtime_drift by node; {} for a node on which it did not run.
    waiting: nodes whose batch has not started. If they have a result, it is from an earlier play and is ignored.
    ignored: kinds of differences that do not count as drift.
    """
    joined: dict[str, NodesDrift] = {}
    summary = dict.fromkeys(("nodes", *STATUSES), 0)
    kinds = dict.fromkeys(KINDS, 0)
    for node, result in results.items():
        status = _status(node, result, waiting, ignored)
        summary["nodes"] += 1
        summary[status] += 1
        if status not in _LISTED:
            continue
        drift = _drift(status, result)
        for kind in {each["kind"] for each in drift["differences"]}:
            kinds[kind] += 1
        node_table.join(joined, drift, node)
    return {
        "ignored": sorted(ignored),
        "summary": summary,
        "kinds": kinds,
        "drifts": sorted(joined.values(), key=lambda each: (_LISTED.index(each["status"]), each["nodes"][0])),
    }


def _status(node: str, result: Mapping[str, Any], waiting: Collection[str], ignored: Collection[str]) -> str:
    if node in waiting:
        return "pending"
    if result.get("error") or "differences" not in result or result.get("failed"):
        return "not_read"
    if counted(result["differences"], ignored):
        return "drifted"
    return "ignored" if result["differences"] else "in_sync"


def _drift(status: str, result: Mapping[str, Any]) -> NodesDrift:
    if status == "not_read":
        message = result.get("error") or result.get("msg") or NOT_REACHED
        return {"nodes": [], "status": status, "differences": [], "message": shown(message, _LONGEST_MESSAGE)}
    return {"nodes": [], "status": status, "differences": list(result["differences"]), "message": ""}


def as_file(
    report: Report,
    results: Mapping[str, Mapping[str, Any]],
    waiting: Collection[str],
    created_at: str,
) -> File:
    """Return the content of the file of a report that `document` built from the same results. created_at: RFC 3339, in UTC."""
    position = {node: index for index, drift in enumerate(report["drifts"]) for node in drift["nodes"]}
    nodes: dict[str, NodeStatus] = {
        node: {"status": _status(node, result, waiting, report["ignored"]), "drift": position.get(node)}
        for node, result in results.items()
    }
    return {"created_at": created_at, **report, "nodes": nodes}


def failures(report: Report, batch: Sequence[str], left: Collection[str]) -> dict[str, str]:
    """Return {node of the batch: message} for the nodes that must fail; {} while the batches of other nodes have not run.

    batch: nodes of the current batch. left: nodes that have not failed yet. See batch_failures.
    """
    messages = {
        node: _message(drift, report["ignored"])
        for drift in report["drifts"]
        if drift["status"] != "ignored"
        for node in drift["nodes"]
    }
    told = "nodes of earlier batches differ or were not read"
    return batch_failures.failures(messages, report["summary"]["pending"], batch, left, told)


def _message(drift: NodesDrift, ignored: Collection[str]) -> str:
    """Return one sentence for a node: its differences by kind, or why it was not read."""
    if drift["message"]:
        return shown(drift["message"], _LONGEST_SHOWN)
    by_kind: dict[str, list[str]] = {}
    for each in counted(drift["differences"], ignored):
        by_kind.setdefault(each["kind"], []).append(each["path"] or each["key"] or each["detail"])
    parts = [f"{kind}: {listed(list(dict.fromkeys(places)))}" for kind, places in by_kind.items()]
    return f"the node differs from its desired state: {'; '.join(parts)}"


def table(report: Report) -> list[str]:
    """Return the report as lines that fit a terminal: one row for equal results, and a summary that counts all nodes."""
    rows = [
        node_table.Row(
            drift["nodes"],
            (_LABELS[drift["status"]],),
            functools.partial(_details, drift, report["ignored"]),
        )
        for drift in report["drifts"]
    ]
    return [*(node_table.lines(_HEADER, rows) if rows else []), *wrapped(_summary_line(report))]


def _details(drift: NodesDrift, ignored: Collection[str], width: int) -> Iterator[str]:
    if drift["message"]:
        yield shown(drift["message"], _LONGEST_SHOWN)
        return
    yield from node_table.first(list(_lines(drift["differences"], ignored, width)), _MOST_LINES)


def _lines(differences: Sequence[Difference], ignored: Collection[str], width: int) -> Iterator[str]:
    """Yield a line for each kind and file, and below it one for each group of its keys with the same variable and reason."""
    groups: dict[tuple[str, str], list[Difference]] = {}
    for each in differences:
        groups.setdefault((each["kind"], each["path"]), []).append(each)
    for (kind, path), found in groups.items():
        label = f"{kind} (ignored)" if kind in ignored else kind
        place = f" {node_table.shortened_path(printable(path), width - len(label) - 2)}" if path else ""
        details = [each["detail"] for each in found if not each["key"]]
        keys: dict[tuple[str, str], list[str]] = {}
        for each in found:
            if each["key"]:
                keys.setdefault((each["variable"], each["detail"]), []).append(each["key"])
        for detail in details:
            yield f"{label}{place}: {detail}"
        if keys and not details:
            yield f"{label}{place}:"
        for (variable, detail), names in keys.items():
            yield f"  {f'{variable}: ' if variable else ''}{listed(names, _MOST_KEYS)}: {detail}"


def _summary_line(report: Report) -> str:
    summary = report["summary"]
    nodes = count(summary["nodes"], "node")
    if summary["in_sync"] == summary["nodes"]:
        return f"{nodes}: in the desired state"
    words = {"drifted": "drifted", "not_read": "not read", "in_sync": "in the desired state"}
    counts = [
        f"{report['kinds'][kind]} {kind}"
        for kind in KINDS
        if report["kinds"][kind] and kind in _counted_kinds(report)
    ]
    parts = []
    for status in ("drifted", "not_read", "ignored", "pending", "in_sync"):
        if summary[status]:
            note = f" ({', '.join(counts)})" if status == "drifted" else ""
            parts.append(f"{summary[status]} {words.get(status, status)}{note}")
    return f"{nodes}: {', '.join(parts)}"


def _counted_kinds(report: Report) -> set[str]:
    return {
        each["kind"]
        for drift in report["drifts"]
        for each in counted(drift["differences"], report["ignored"])
    }
