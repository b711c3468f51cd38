# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds the report of the adopted nodes of a play: data, in which equal results are joined, and a table."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, TypedDict

from ansible_collections.cri.node.plugins.module_utils.text import shown
from ansible_collections.cri.node.plugins.plugin_utils.adopt import fleet, variable_files
from ansible_collections.cri.node.plugins.plugin_utils.adopt.adoption import Left
from ansible_collections.cri.node.plugins.plugin_utils.crio.configuration_findings import Finding
from ansible_collections.cri.node.plugins.plugin_utils.layers import Data
from ansible_collections.cri.node.plugins.plugin_utils.plan import node_table
from ansible_collections.cri.node.plugins.plugin_utils.task.failure import NOT_REACHED
from ansible_collections.cri.node.plugins.plugin_utils.text.table import count, listed, wrapped

#: the keys of a result of crio_adopt that the report uses
READ = (
    "failed",
    "unreachable",
    "skipped",
    "msg",
    "version",
    "crio_config",
    "settings",
    "left",
    "findings",
    "error",
)
STATUSES = ("adopted", "incomplete", "pending", "not_read")

_LABELS = {"adopted": "adopted", "incomplete": "INCOMPLETE", "not_read": "NOT READ"}
_LISTED = tuple(_LABELS)  # the most important rows come last, right above the summary
_HEADER = ("node", "result", "settings", "findings")
_LONGEST_MESSAGE = 4000  # characters in the data
_LONGEST_SHOWN = 1000  # characters of a message in the table
_MOST_LINES = 40  # of a row
_MOST_KEYS = 8  # in a line
# Each of these is one line with all its keys, because the sentences only differ in them.
_JOINED = {
    "deprecated": "deprecated or not recommended; the result of the task has what to use instead",
    "not_live": "the running CRI-O uses other values than the files, or has not loaded them",
}


class NodesAdoption(TypedDict):
    """Nodes with equal results, see the documentation of adopt_report."""

    nodes: list[str]
    status: str  # adopted, incomplete or not_read
    version: str
    settings: int
    left: list[Left]
    findings: list[Finding]
    message: str  # why the nodes were not read, otherwise empty


class Report(TypedDict):
    """The report of a play."""

    summary: dict[
        str, int
    ]  # nodes by status, and all of them; the settings of most nodes, and nodes that differ
    common: Data
    layers: dict[str, Data]
    adoptions: list[NodesAdoption]


def document(results: Mapping[str, Mapping[str, Any]], waiting: Collection[str]) -> Report:
    """Build the report of all nodes of a play.

    results: the results of crio_adopt by node; {} for a node on which it did not run.
    waiting: nodes whose batch has not started. If they have a result, it is from an earlier play and is ignored.
    """
    joined: dict[str, NodesAdoption] = {}
    summary = dict.fromkeys(("nodes", *STATUSES), 0)
    for node, result in results.items():
        status = _status(node, result, waiting)
        summary["nodes"] += 1
        summary[status] += 1
        if status in _LISTED:
            node_table.join(joined, _adoption(status, result), node)
    divided = fleet.divided(read_nodes(results, waiting))
    return {
        "summary": {**summary, "differing": len(divided.layers)},
        "common": divided.common,
        "layers": divided.layers,
        "adoptions": sorted(
            joined.values(), key=lambda each: (_LISTED.index(each["status"]), each["nodes"][0])
        ),
    }


def read_nodes(results: Mapping[str, Mapping[str, Any]], waiting: Collection[str]) -> dict[str, Data]:
    """Return {node: crio_config} of the nodes that were read."""
    return {
        node: result["crio_config"]
        for node, result in results.items()
        if _status(node, result, waiting) in ("adopted", "incomplete")
    }


def texts(
    report: Report, results: Mapping[str, Mapping[str, Any]], waiting: Collection[str]
) -> dict[str, str]:
    """Return the files of variables by path, {} if no node was read; see variable_files.texts."""
    nodes = read_nodes(results, waiting)
    if not nodes:
        return {}
    left = {node: results[node]["left"] for node in nodes}
    return variable_files.texts(nodes, fleet.Fleet(report["common"], report["layers"]), left)


def _status(node: str, result: Mapping[str, Any], waiting: Collection[str]) -> str:
    if node in waiting:
        return "pending"
    if result.get("error") or "crio_config" not in result or result.get("failed"):
        return "not_read"
    return "incomplete" if result["left"] else "adopted"


def _adoption(status: str, result: Mapping[str, Any]) -> NodesAdoption:
    if status == "not_read":
        message = shown(result.get("error") or result.get("msg") or NOT_REACHED, _LONGEST_MESSAGE)
        return {
            "nodes": [],
            "status": status,
            "version": "",
            "settings": 0,
            "left": [],
            "findings": [],
            "message": message,
        }
    return {
        "nodes": [],
        "status": status,
        "version": result["version"],
        "settings": len(result["settings"]),
        "left": list(result["left"]),
        "findings": list(result["findings"]),
        "message": "",
    }


def messages(report: Report) -> dict[str, str]:
    """Return {node: why it was not read}."""
    return {
        node: shown(each["message"], _LONGEST_SHOWN)
        for each in report["adoptions"]
        if each["status"] == "not_read"
        for node in each["nodes"]
    }


def table(report: Report) -> list[str]:
    """Return the report as lines that fit a terminal: one row for equal results, and a summary that counts all nodes."""
    rows = [
        node_table.Row(
            each["nodes"],
            (_LABELS[each["status"]], str(each["settings"]) if not each["message"] else ""),
            functools.partial(_details, each),
        )
        for each in report["adoptions"]
    ]
    return [*(node_table.lines(_HEADER, rows) if rows else []), *wrapped(_summary_line(report))]


def _details(adoption: NodesAdoption, _width: int) -> Iterator[str]:
    if adoption["message"]:
        yield shown(adoption["message"], _LONGEST_SHOWN)
        return
    lines = list(_lines(adoption["findings"]))
    yield from node_table.first(lines, _MOST_LINES) if lines else ["none"]


def _lines(findings: Sequence[Finding]) -> Iterator[str]:
    """Yield a line for each finding; those that only differ in their keys are one line."""
    keys: dict[str, list[str]] = {}
    for each in findings:
        if each["kind"] in _JOINED:
            keys.setdefault(each["kind"], []).append(each["key"])
        else:
            yield f"{each['kind']}: {each['message']}"
    for kind, names in keys.items():
        yield f"{kind}: {listed(names, _MOST_KEYS)}: {_JOINED[kind]}"


def _summary_line(report: Report) -> str:
    summary = report["summary"]
    words = {"not_read": "not read"}
    parts = [
        f"{summary[status]} {words.get(status, status)}"
        for status in ("not_read", "incomplete", "pending", "adopted")
        if summary[status]
    ]
    line = f"{count(summary['nodes'], 'node')}: {', '.join(parts)}"
    if summary["differing"]:
        line += f"; {count(summary['differing'], 'node')} with settings of {'its' if summary['differing'] == 1 else 'their'} own"
    return line
