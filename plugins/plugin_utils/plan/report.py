# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds the report of what a play changes on its nodes, or would change: data, in which equal plans are joined, and a table."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any, TypedDict

from ansible_collections.cri.node.plugins.module_utils.text import printable, shown
from ansible_collections.cri.node.plugins.plugin_utils.plan.plan import DISRUPTIONS, reason_of_file
from ansible_collections.cri.node.plugins.plugin_utils.task.failure import NOT_REACHED
from ansible_collections.cri.node.plugins.plugin_utils.text import table as text_table
from ansible_collections.cri.node.plugins.plugin_utils.text.name_ranges import shortened
from ansible_collections.cri.node.plugins.plugin_utils.text.table import count

# The keys of a result of runtime_config that the report uses.
READ = ("changed", "failed", "unreachable", "skipped", "msg", "plan", "bundle", "generation")
STATUSES = ("changed", "unchanged", "pending", "not_planned", "failed")

# The most important rows come last, right above the summary.
_LISTED = ("changed", "not_planned", "failed")
_LABELS = {"not_planned": "NOT PLANNED", "failed": "FAILED"}
_SKIPPED = "the task was skipped on this node"
_NO_REASON = "the task failed without a message"

_LONGEST_MESSAGE = 4000  # characters in the data, as runtime_config limits its messages
_LONGEST_SHOWN = 1000  # characters of a message in the table
_WIDTH_OF_NAMES = (
    24  # characters; beside this column, every path of the roles fits; a longer name makes it wider
)
_WIDEST_NAME = 40
_MANY = 4  # from this number on, the number of nodes is shown
_MOST_ROWS = 200
_MOST_FILES = 12  # in a row
_MOST_REASONS = 5


class NodesPlan(TypedDict):
    """The plan of nodes with equal plans, see the documentation of runtime_report."""

    nodes: list[str]
    status: str  # changed, not_planned or failed
    disruption: str | None  # one of DISRUPTIONS; None if the node was not read
    files: dict[str, str]  # path -> create, change or remove
    reasons: list[str]
    installs: str | None  # the version of CRI-O that is installed from a bundle
    message: str  # why the change failed, or why there is no plan
    generations: dict[str, int]  # by node, of an applied change


class Report(TypedDict):
    """The report of a play."""

    check_mode: bool
    summary: dict[str, int]  # nodes by status, and all of them
    disruptions: dict[str, int]  # changed nodes by disruption
    plans: list[NodesPlan]


def document(results: Mapping[str, Mapping[str, Any]], waiting: Collection[str], check_mode: bool) -> Report:
    """Build the report of all nodes of a play.

    results: the results of runtime_config by node; {} for a node on which it did not run.
    waiting: nodes whose batch has not started. If they have a result, it is from an earlier play and is ignored.
    """
    joined: dict[str, NodesPlan] = {}
    summary = dict.fromkeys(("nodes", *STATUSES), 0)
    disruptions = dict.fromkeys(DISRUPTIONS, 0)
    for node, result in results.items():
        status = "pending" if node in waiting else _status(result)
        summary["nodes"] += 1
        summary[status] += 1
        if status not in _LISTED:
            continue
        plan = _plan(status, result)
        if status == "changed":
            disruptions[plan["disruption"] or "none"] += 1
        plan = joined.setdefault(json.dumps(plan, sort_keys=True), plan)
        plan["nodes"].append(node)
        if status == "changed" and not check_mode and "generation" in result:
            plan["generations"][node] = result["generation"]
    plans = sorted(joined.values(), key=_position)
    return {"check_mode": check_mode, "summary": summary, "disruptions": disruptions, "plans": plans}


def _status(result: Mapping[str, Any]) -> str:
    if result.get("failed") or result.get("unreachable"):
        return "failed"
    if not result or result.get("skipped"):
        return "not_planned"
    return "changed" if result.get("changed") else "unchanged"


def _plan(status: str, result: Mapping[str, Any]) -> NodesPlan:
    plan = result.get("plan") or {}
    bundle = result.get("bundle") or {}
    message = {
        "changed": "",
        "failed": result.get("msg") or _NO_REASON,
        "not_planned": _SKIPPED if result.get("skipped") else NOT_REACHED,
    }[status]
    return {
        "nodes": [],
        "status": status,
        "disruption": plan.get("disruption"),
        "files": dict(plan.get("files") or {}),
        "reasons": list(plan.get("reasons") or []),
        "installs": bundle.get("version") if bundle.get("changed") else None,
        "message": shown(message, _LONGEST_MESSAGE),
        "generations": {},
    }


def _position(plan: NodesPlan) -> tuple[int, int, str]:
    disruption = DISRUPTIONS.index(plan["disruption"] or DISRUPTIONS[0])
    return (_LISTED.index(plan["status"]), disruption, plan["nodes"][0])


def table(report: Report) -> list[str]:
    """Return the report as lines that fit a terminal: one row for equal plans, and a summary that counts all nodes."""
    if not report["plans"]:
        return [_summary_line(report)]
    plans = report["plans"][-_MOST_ROWS:]
    names = [_names(plan["nodes"]) for plan in plans]
    states = [_LABELS.get(plan["status"]) or plan["disruption"] or "none" for plan in plans]
    generations = [_generations(plan) for plan in plans]
    header = ["node", "disruption", *(["generation"] if any(generations) else []), "files and reasons"]
    columns = [names, states, *([generations] if any(generations) else [])]
    widths = [
        max(map(len, "\n".join((title, *column)).split("\n"))) for title, column in zip(header, columns)
    ]
    longest_name = max(len(word) for cell in names for word in cell.split())
    widths[0] = min(widths[0], max(_WIDTH_OF_NAMES, min(longest_name, _WIDEST_NAME)))
    body = []
    if len(plans) < len(report["plans"]):
        body.append(f"{count(len(report['plans']) - len(plans), 'row')} more, not shown")
    for plan, *cells in zip(plans, *columns):
        body += text_table.row((*cells, "\n".join(_details(plan, text_table.rest(widths)))), widths)
    return [*text_table.ruled(text_table.row(header, widths), body), _summary_line(report)]


def _names(nodes: list[str]) -> str:
    """Return the nodes of a row, with their number if there are many."""
    names, number = shortened(nodes), f"({count(len(nodes), 'node')})"
    if len(nodes) < _MANY:
        return names
    separator = " " if len(names) + len(number) < _WIDTH_OF_NAMES else "\n"
    return f"{names}{separator}{number}"


def _generations(plan: NodesPlan) -> str:
    numbers = sorted(set(plan["generations"].values()))
    return "" if not numbers else str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]}"


def _details(plan: NodesPlan, width: int) -> Iterator[str]:
    """Yield lines with what changes and why; for a failed node, only its message."""
    if plan["message"]:
        yield shown(plan["message"], _LONGEST_SHOWN)
        return
    if plan["installs"]:
        yield f"install CRI-O {shown(plan['installs'], 100)}"
    files, restated = plan["files"], {}
    for path, action in files.items():
        reason = shown(reason_of_file(path, action))
        if reason in plan["reasons"]:
            restated[path] = reason
    costs = plan["disruption"] not in (None, DISRUPTIONS[0])
    for path in sorted(files, key=lambda path: (path not in restated, path))[:_MOST_FILES]:
        note = " (no daemon reads it)" if costs and path not in restated else ""
        yield f"{files[path]} {_cut(printable(path), width - len(files[path]) - 1)}{note}"
    if len(files) > _MOST_FILES:
        yield f"and {count(len(files) - _MOST_FILES, 'more file')}"
    further = [reason for reason in plan["reasons"] if reason not in restated.values()]
    yield from further[:_MOST_REASONS]
    if len(further) > _MOST_REASONS:
        yield f"and {count(len(further) - _MOST_REASONS, 'more reason')}"


def _cut(path: str, width: int) -> str:
    """Return the path on one line. The middle of a long path is omitted, because its ends are the most informative."""
    if len(path) <= width:
        return path
    end = (width - 3) * 2 // 3
    return f"{path[: width - 3 - end]}...{path[-end:]}"


def _summary_line(report: Report) -> str:
    summary, checked = report["summary"], report["check_mode"]
    nodes = count(summary["nodes"], "node")
    if summary["unchanged"] == summary["nodes"]:
        return f"{nodes}: configuration unchanged"
    costs = [
        count(report["disruptions"][each], each)
        for each in reversed(DISRUPTIONS[1:])
        if report["disruptions"][each]
    ]
    verbs = {"changed": "would change" if checked else "changed", "not_planned": "not planned"}
    parts = []
    for status in ("changed", "failed", "not_planned", "pending", "unchanged"):
        if summary[status]:
            note = f" ({', '.join(costs)})" if status == "changed" and costs else ""
            parts.append(f"{summary[status]} {verbs.get(status, status)}{note}")
    return f"{nodes}: {', '.join(parts)}{' (check mode: nothing was changed)' if checked else ''}"
