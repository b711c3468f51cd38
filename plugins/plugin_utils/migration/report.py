# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds the report of a migration on all nodes: data, in which equal results are joined, and a table."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterator, Mapping
from typing import Any, TypedDict

from ansible_collections.cri.node.plugins.module_utils.text import shown
from ansible_collections.cri.node.plugins.plugin_utils.migration.engines import ENGINES
from ansible_collections.cri.node.plugins.plugin_utils.plan import node_table
from ansible_collections.cri.node.plugins.plugin_utils.task.failure import NOT_REACHED
from ansible_collections.cri.node.plugins.plugin_utils.text.table import count, wrapped

# The keys of the results of runtime_migration that the report uses.
READ = (
    "failed",
    "unreachable",
    "msg",
    "changed",
    "engine",
    "former",
    "containers",
    "other_containers",
    "images",
    "kubelet",
    "commands",
)
READ_OF_REMOVAL = ("failed", "msg", "packages")
STATUSES = ("migrated", "clean", "pending", "failed")

# The most important rows come last, right above the summary.
_LISTED = ("clean", "migrated", "failed")
_HEADER = ("node", "result", "what was found and changed")
_LONGEST_MESSAGE = 4000  # characters in the data
_LONGEST_SHOWN = 1000  # characters of a message in the table
_MOST_NAMES = 5  # of a kind in the table
_MOST_LINES = 30  # of a row


class NodesMigration(TypedDict):
    """Nodes with equal results, see the documentation of migration_report."""

    nodes: list[str]
    status: str  # migrated, clean or failed
    former: str
    engine: str
    pods: list[str]
    other_containers: list[str]
    images: dict[str, int]  # by action, and those that failed
    files: list[str]
    packages: list[str]  # of the former engine, removed
    message: str  # why it failed, otherwise empty


class Report(TypedDict):
    """The report of a play."""

    check_mode: bool
    summary: dict[str, int]  # nodes by status, and all of them
    migrations: list[NodesMigration]
    commands: list[str]  # what remains to be done in the cluster


class NodeStatus(TypedDict):
    """One node in the file of a report."""

    status: str  # one of STATUSES
    migration: int | None  # its position in the list of migrations; None for a node without an entry


class File(TypedDict):
    """What the file of a report contains: a Report, and each node by name."""

    created_at: str  # RFC 3339, in UTC
    check_mode: bool
    summary: dict[str, int]
    migrations: list[NodesMigration]
    commands: list[str]
    nodes: dict[str, NodeStatus]


def document(
    results: Mapping[str, Mapping[str, Any]],
    removals: Mapping[str, Mapping[str, Any]],
    waiting: Collection[str],
    check_mode: bool = False,
) -> Report:
    """Build the report of all nodes of a play.

    results: those of runtime_migration by node; {} for a node on which it did not run. removals: those with state former_removed.
    waiting: nodes whose batch has not started. If they have a result, it is from an earlier play and is ignored.
    """
    joined: dict[str, NodesMigration] = {}
    summary = dict.fromkeys(("nodes", *STATUSES), 0)
    commands: list[str] = []
    for node, result in results.items():
        removal = removals.get(node, {})
        status = _status(node, result, removal, waiting)
        summary["nodes"] += 1
        summary[status] += 1
        if status in ("migrated", "failed"):
            node_table.join(joined, _migration(status, result, removal), node)
        if status != "pending":
            commands += [str(each) for each in result.get("commands", [])]
    return {
        "check_mode": check_mode,
        "summary": summary,
        "migrations": sorted(
            joined.values(), key=lambda each: (_LISTED.index(each["status"]), each["nodes"][0])
        ),
        "commands": commands,
    }


def _status(
    node: str, result: Mapping[str, Any], removal: Mapping[str, Any], waiting: Collection[str]
) -> str:
    if node in waiting:
        return "pending"
    if result.get("failed") or removal.get("failed") or "engine" not in result:
        return "failed"
    return "migrated" if result["changed"] or removal.get("packages") else "clean"


def _migration(status: str, result: Mapping[str, Any], removal: Mapping[str, Any]) -> NodesMigration:
    message = ""
    if status == "failed":
        said = removal.get("msg") if removal.get("failed") else result.get("msg")
        message = shown(said or NOT_REACHED, _LONGEST_MESSAGE)
    images: dict[str, int] = {}
    for each in result.get("images", []):
        action = "failed" if "error" in each else str(each["action"])
        images[action] = images.get(action, 0) + 1
    return {
        "nodes": [],
        "status": status,
        "former": str(result.get("former", "")),
        "engine": str(result.get("engine", "")),
        "pods": sorted({str(each["pod"]) for each in result.get("containers", [])}),
        "other_containers": [str(each["name"]) for each in result.get("other_containers", [])],
        "images": images,
        "files": list(result.get("kubelet", {}).get("files", [])),
        "packages": list(removal.get("packages", [])),
        "message": message,
    }


def as_file(
    report: Report,
    results: Mapping[str, Mapping[str, Any]],
    removals: Mapping[str, Mapping[str, Any]],
    waiting: Collection[str],
    created_at: str,
) -> File:
    """Return the content of the file of a report that `document` built from the same results. created_at: RFC 3339, in UTC."""
    position = {node: index for index, entry in enumerate(report["migrations"]) for node in entry["nodes"]}
    nodes: dict[str, NodeStatus] = {
        node: {
            "status": _status(node, result, removals.get(node, {}), waiting),
            "migration": position.get(node),
        }
        for node, result in results.items()
    }
    return {"created_at": created_at, **report, "nodes": nodes}


def table(report: Report) -> list[str]:
    """Return the report as lines that fit a terminal: one row for equal results, a summary, and the commands for the cluster."""
    done = "would migrate" if report["check_mode"] else "migrated"
    labels = {"migrated": done, "failed": "FAILED"}
    rows = [
        node_table.Row(each["nodes"], (labels[each["status"]],), functools.partial(_details, each))
        for each in report["migrations"]
    ]
    lines = [*(node_table.lines(_HEADER, rows) if rows else []), *wrapped(_summary_line(report))]
    if report["commands"]:
        lines += ["To be done in the cluster, by somebody who may annotate nodes:", *report["commands"]]
    return lines


def _details(entry: NodesMigration, _width: int) -> Iterator[str]:
    if entry["message"]:
        yield shown(entry["message"], _LONGEST_SHOWN)
        return
    yield from node_table.first(list(_changes(entry)), _MOST_LINES)


def _changes(entry: NodesMigration) -> Iterator[str]:
    if entry["former"]:
        yield f"engine: {_title(entry['former'])} -> {_title(entry['engine'])}"
    if entry["pods"]:
        yield f"pods: {_named(entry['pods'])}"
    if entry["other_containers"]:
        yield f"stopped, not of a kubelet: {_named(entry['other_containers'])}"
    words = {
        "carry": "carried over",
        "none": "already there",
        "keep": "kept",
        "unnamed": "without a name",
        "failed": "not carried over",
    }
    counted = [f"{entry['images'][key]} {word}" for key, word in words.items() if key in entry["images"]]
    if counted:
        yield f"images: {', '.join(counted)}"
    for path in entry["files"]:
        yield f"file: {path}"
    if entry["packages"]:
        yield f"packages removed: {', '.join(entry['packages'])}"


def _title(name: str) -> str:
    return ENGINES[name].title if name in ENGINES else name


def _named(names: list[str]) -> str:
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return f"{', '.join(names[:_MOST_NAMES])}{more}"


def _summary_line(report: Report) -> str:
    summary = report["summary"]
    words = {
        "migrated": "would be changed" if report["check_mode"] else "changed",
        "clean": "with nothing to migrate",
    }
    parts = [
        f"{summary[status]} {words.get(status, status)}"
        for status in ("failed", "migrated", "clean", "pending")
        if summary[status]
    ]
    note = " (check mode: nothing was changed)" if report["check_mode"] else ""
    return f"{count(summary['nodes'], 'node')}: {', '.join(parts)}{note}"
