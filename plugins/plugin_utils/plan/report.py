# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds the report of what a play changes on its nodes, or would change: data, in which equal plans are joined, and a table."""

from __future__ import annotations

import collections
import functools
from collections.abc import Collection, Iterator, Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypedDict

from ansible_collections.cri.node.plugins.module_utils.text import printable, shown
from ansible_collections.cri.node.plugins.plugin_utils.plan import node_table
from ansible_collections.cri.node.plugins.plugin_utils.plan.keys import KeyChange
from ansible_collections.cri.node.plugins.plugin_utils.plan.levels import DRAIN, LEVELS
from ansible_collections.cri.node.plugins.plugin_utils.plan.plan import reason_of_file
from ansible_collections.cri.node.plugins.plugin_utils.task.failure import NOT_REACHED
from ansible_collections.cri.node.plugins.plugin_utils.text.table import count, listed

if TYPE_CHECKING:
    from ansible_collections.cri.node.plugins.plugin_utils.plan.images import ConcernedImage, ConcernedOfNodes

# The keys of a result of runtime_config that the report uses.
READ = (
    "changed",
    "failed",
    "unreachable",
    "skipped",
    "deferred",
    "msg",
    "plan",
    "containers",
    "bundle",
    "packages",
    "generation",
)
STATUSES = ("changed", "unchanged", "deferred", "pending", "not_planned", "failed")

# The most important rows come last, right above the summary.
_LISTED = ("changed", "deferred", "not_planned", "failed")
_LABELS = {"deferred": "deferred", "not_planned": "NOT PLANNED", "failed": "FAILED"}
_SKIPPED = "the task was skipped on this node"
_NO_REASON = "the task failed without a message"

_LONGEST_MESSAGE = 4000  # characters in the data, as runtime_config limits its messages
_LONGEST_SHOWN = 1000  # characters of a message in the table
_MOST_FILES = 12  # in a row
_MOST_REASONS = 5
_MOST_KEYS = 20  # of one variable in one file
_HEADER = ("node", "disruption", "generation", "files and reasons")


class NodesPlan(TypedDict):
    """The plan of nodes with equal plans, see the documentation of runtime_report."""

    nodes: list[str]
    status: str  # changed, deferred, not_planned or failed
    disruption: str | None  # one of LEVELS; None if the node was not read
    files: dict[str, str]  # path -> create, change or remove
    keys: list[KeyChange]  # of the files, as far as they are known
    reasons: list[str]
    overruled_guards: dict[str, str]  # guard -> what is lost
    probes: list[str]  # what the node tries with its runtime before it commits the change
    images: list[ConcernedOfNodes]  # that a change of registries concerns, on all nodes of the plan
    installs: str | None  # the version of CRI-O that is installed from a bundle or packages
    message: str  # why the change failed or is deferred, or why there is no plan
    generations: dict[str, int]  # by node, of an applied change
    containers: dict[str, int]  # by node, where known: containers that run while the change is planned


class NodeStatus(TypedDict):
    """One node in the file of a report."""

    status: str  # one of STATUSES
    plan: int | None  # its position in the list of plans; None for a node without an entry


class File(TypedDict):
    """What the file of a report contains: a Report, and each node by name."""

    created_at: str  # RFC 3339, in UTC
    check_mode: bool
    summary: dict[str, int]
    disruptions: dict[str, int]
    plans: list[NodesPlan]
    nodes: dict[str, NodeStatus]


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
    images: dict[int, list[list[ConcernedImage]]] = collections.defaultdict(
        list
    )  # by the plan that they belong to
    summary = dict.fromkeys(("nodes", *STATUSES), 0)
    disruptions = dict.fromkeys(LEVELS, 0)
    for node, result in results.items():
        status = "pending" if node in waiting else _status(result)
        summary["nodes"] += 1
        summary[status] += 1
        if status not in _LISTED:
            continue
        plan = _plan(status, result)
        if status == "changed":
            disruptions[plan["disruption"] or "none"] += 1
        plan = node_table.join(joined, plan, node)
        images[id(plan)].append((result.get("plan") or {}).get("images") or [])
        if status == "changed" and not check_mode and "generation" in result:
            plan["generations"][node] = result["generation"]
        if isinstance(result.get("containers"), int):
            plan["containers"][node] = result["containers"]
    for plan in joined.values():
        plan["images"] = _joined_images(images[id(plan)])
    plans = sorted(joined.values(), key=_position)
    return {"check_mode": check_mode, "summary": summary, "disruptions": disruptions, "plans": plans}


def as_file(
    report: Report, results: Mapping[str, Mapping[str, Any]], waiting: Collection[str], created_at: str
) -> File:
    """Return the content of the file of a report that `document` built from the same results. created_at: RFC 3339, in UTC."""
    position = {node: index for index, plan in enumerate(report["plans"]) for node in plan["nodes"]}
    nodes: dict[str, NodeStatus] = {
        node: {"status": "pending" if node in waiting else _status(result), "plan": position.get(node)}
        for node, result in results.items()
    }
    return {"created_at": created_at, **report, "nodes": nodes}


def _status(result: Mapping[str, Any]) -> str:
    if result.get("failed") or result.get("unreachable"):
        return "failed"
    if not result or result.get("skipped"):
        return "not_planned"
    if result.get("deferred"):
        return "deferred"
    return "changed" if result.get("changed") else "unchanged"


def _installed_version(installed: Mapping[str, Any]) -> str | None:
    """Return the version of CRI-O that is installed, None if only its repository or its hold changes, or nothing."""
    changes = installed.get("changed") and installed.get("installed", True)
    return installed.get("version") if changes else None


def _plan(status: str, result: Mapping[str, Any]) -> NodesPlan:
    plan = result.get("plan") or {}
    installed = result.get("bundle") or result.get("packages") or {}
    message = {
        "changed": "",
        "deferred": result.get("msg") or "",
        "failed": result.get("msg") or _NO_REASON,
        "not_planned": _SKIPPED if result.get("skipped") else NOT_REACHED,
    }[status]
    return {
        "nodes": [],
        "status": status,
        "disruption": plan.get("disruption"),
        "files": dict(plan.get("files") or {}),
        "keys": list(plan.get("keys") or []),
        "reasons": _own_reasons(plan),
        "overruled_guards": dict(plan.get("overruled_guards") or {}),
        "probes": list(plan.get("probes") or []),
        "images": [],
        "installs": _installed_version(installed),
        "message": shown(message, _LONGEST_MESSAGE),
        "generations": {},
        "containers": {},
    }


def _own_reasons(plan: Mapping[str, Any]) -> list[str]:
    """Return the reasons without those about images, which differ between nodes with an equal plan."""
    reasons = list(plan.get("reasons") or [])
    if not plan.get("images"):
        return reasons
    about_images = {shown(sentence) for sentence in _images().sentences(plan["images"])}
    return [reason for reason in reasons if reason not in about_images]


def _joined_images(of_nodes: list[list[ConcernedImage]]) -> list[ConcernedOfNodes]:
    return _images().joined(of_nodes) if any(of_nodes) else []


def _images() -> ModuleType:
    # Compiled only for a change of registries.
    from ansible_collections.cri.node.plugins.plugin_utils.plan import images

    return images


def _position(plan: NodesPlan) -> tuple[int, int, str]:
    disruption = LEVELS.index(plan["disruption"] or LEVELS[0])
    return (_LISTED.index(plan["status"]), disruption, plan["nodes"][0])


def table(report: Report, details: bool = False) -> list[str]:
    """Return the report as lines that fit a terminal: one row for equal plans, and a summary that counts all nodes.

    details: whether a row also has the keys of its files and the number of running containers.
    """
    rows = [
        node_table.Row(
            plan["nodes"],
            (_label(plan), _generations(plan)),
            functools.partial(_details, plan, details),
        )
        for plan in report["plans"]
    ]
    return [*(node_table.lines(_HEADER, rows) if rows else []), _summary_line(report)]


def _label(plan: NodesPlan) -> str:
    return _LABELS.get(plan["status"]) or plan["disruption"] or "none"


def _generations(plan: NodesPlan) -> str:
    numbers = sorted(set(plan["generations"].values()))
    return "" if not numbers else str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]}"


def _details(plan: NodesPlan, with_keys: bool, width: int) -> Iterator[str]:
    """Yield lines with what changes and why; for a failed node, only its message."""
    if plan["message"]:
        yield shown(plan["message"], _LONGEST_SHOWN)
        if plan["status"] != "deferred":
            return
    yield from (f"overruled guard {guard}: {what}" for guard, what in plan["overruled_guards"].items())
    if with_keys and plan["containers"]:
        yield _containers(plan)
    if plan["installs"]:
        yield f"install CRI-O {shown(plan['installs'], 100)}"
    files, restated = plan["files"], {}
    for path, action in files.items():
        reason = shown(reason_of_file(path, action))
        if reason in plan["reasons"]:
            restated[path] = reason
    costs = plan["disruption"] not in (None, LEVELS[0])
    for path in sorted(files, key=lambda path: (path not in restated, path))[:_MOST_FILES]:
        has_reason = path in restated or any(reason.startswith(f"{path} ") for reason in plan["reasons"])
        note = " (needs no reload)" if costs and not has_reason else ""
        yield f"{files[path]} {node_table.shortened_path(printable(path), width - len(files[path]) - 1)}{note}"
        if with_keys:
            yield from _keys(plan, path)
    if len(files) > _MOST_FILES:
        yield f"and {count(len(files) - _MOST_FILES, 'more file')}"
    # The message of a deferred change has the reasons.
    reasons = plan["reasons"] if not plan["message"] else []
    further = [reason for reason in reasons if reason not in restated.values()]
    yield from node_table.first(further, _MOST_REASONS, "reason")
    if plan["images"]:
        lines = list(_images().lines(plan["images"], len(plan["nodes"])))
        yield from node_table.first(lines, _MOST_REASONS, "image")
    yield from node_table.first([f"probe: {probe}" for probe in plan["probes"]], _MOST_REASONS, "probe")


def _containers(plan: NodesPlan) -> str:
    """Return a line with the containers of all nodes of a row, which a planned change leaves running if no guard is overruled."""
    numbers = plan["containers"].values()
    fewest, most = min(numbers), max(numbers)
    if most == 0:
        return "no container is running"
    each = f", {fewest if fewest == most else f'{fewest} to {most}'} on each node" if len(numbers) > 1 else ""
    fate = "" if plan["overruled_guards"] or plan["message"] else ": they keep running"
    return f"{count(sum(numbers), 'container')} running{each}{fate}"


def _keys(plan: NodesPlan, path: str) -> Iterator[str]:
    """Yield lines with the keys of a file: those of each variable, and those that are removed."""
    by_variable: dict[str, list[str]] = {}
    for change in plan["keys"]:
        if change["path"] == path:
            by_variable.setdefault(change["variable"], []).append(
                change["key"] if change["change"] != "remove" else f"{change['key']} (removed)"
            )
    for variable in sorted(by_variable):
        yield f"  {f'{variable}: ' if variable else ''}{listed(by_variable[variable], _MOST_KEYS)}"


def _summary_line(report: Report) -> str:
    summary, checked = report["summary"], report["check_mode"]
    nodes = count(summary["nodes"], "node")
    if summary["unchanged"] == summary["nodes"]:
        return f"{nodes}: configuration unchanged"
    costs = [
        count(report["disruptions"][each], each)
        for each in reversed(LEVELS[1:])
        if report["disruptions"][each]
    ]
    verbs = {"changed": "would change" if checked else "changed", "not_planned": "not planned"}
    needed = _needed(report, "failed")[DRAIN]
    notes = {
        "changed": costs,
        "failed": [f"{count(needed, 'drain')} required"] if needed else [],
        "deferred": [
            count(number, each) for each, number in reversed(_needed(report, "deferred").items()) if number
        ],
    }
    parts = []
    for status in ("changed", "deferred", "failed", "not_planned", "pending", "unchanged"):
        if summary[status]:
            note = f" ({', '.join(notes[status])})" if notes.get(status) else ""
            parts.append(f"{summary[status]} {verbs.get(status, status)}{note}")
    return f"{nodes}: {', '.join(parts)}{' (check mode: nothing was changed)' if checked else ''}"


def _needed(report: Report, status: str) -> dict[str, int]:
    """Return the number of nodes with this status by the disruption that their change needs."""
    found = dict.fromkeys(LEVELS, 0)
    for plan in report["plans"]:
        if plan["status"] == status and plan["disruption"]:
            found[plan["disruption"]] += len(plan["nodes"])
    return found
