# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports what another version of CRI-O changes for the settings of all nodes of a play: as a table, as data and as a file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ansible_collections.cri.node.plugins.module_utils.text import shown
from ansible_collections.cri.node.plugins.plugin_utils.crio.versions import ACCEPTED, fault_of_declared
from ansible_collections.cri.node.plugins.plugin_utils.layers import named_layers
from ansible_collections.cri.node.plugins.plugin_utils.plain import TooDeep, plain
from ansible_collections.cri.node.plugins.plugin_utils.plan import handler_layers, preview
from ansible_collections.cri.node.plugins.plugin_utils.problem import Problem
from ansible_collections.cri.node.plugins.plugin_utils.task import faults, play_hosts
from ansible_collections.cri.node.plugins.plugin_utils.task.failure import TaskFailure, refuse
from ansible_collections.cri.node.plugins.plugin_utils.task.output import show
from ansible_collections.cri.node.plugins.plugin_utils.task.reporting_action import ReportingAction, now
from ansible_collections.cri.node.plugins.plugin_utils.text.table import count

ARGUMENT_SPEC = {
    "version": {"type": "raw", "required": True},
    "settings": {"type": "str", "default": "crio_settings"},
    "path": {"type": "str", "default": ""},
}
_HEADINGS = {
    "removed": "does not exist",
    "refused": "refused or silently ignored",
    "without_effect": "without effect",
    "deprecated": "deprecated",
    "default": "other default",
    "live": "other effect of a change",
}


class _Node(NamedTuple):
    """One node: its version, "" if that is not known, and the changes of its settings."""

    name: str
    version: str
    changes: list[preview.Change]


class ActionModule(ReportingAction):
    """Runs on the controller only and makes no remote call. Nodes with equal settings are compared once."""

    ARGUMENT_SPEC = ARGUMENT_SPEC
    VARIABLES = {"path": "preview_report_file"}

    def perform(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Report the changes; fail if CRI-O of the version refuses or ignores a setting of any node."""
        version = plain(options["version"])
        fault = fault_of_declared(version)
        if fault:
            refuse([Problem("preview_version", "", shown(version, 80), fault, ACCEPTED)])
        nodes = list(self._nodes(options["settings"], str(version), task_vars))
        found = _by_change(nodes)
        report = _document(found, nodes, str(version))
        lines = _table(found, report)
        printed = show(lines)
        result = {"changed": False, **report, "lines": lines}
        result.update(self.write_file(options["path"], {**report, "time": now()}))
        if report["breaking"]:
            if printed:
                del result["lines"]  # otherwise they would be shown twice
            raise TaskFailure(lines[-1], result)
        return {**result, "msg": lines[-1]}

    def _nodes(self, settings: str, target: str, task_vars: dict[str, Any]) -> Iterator[_Node]:
        known: dict[str, list[preview.Change]] = {}
        for host, variables, values, fault in play_hosts.values(
            self._task, self._templar, task_vars, [settings]
        ):
            try:
                entry = _entry(values.get(settings)) if not fault else {}
                # With the target: what is known of handlers is written for the node's version anyway.
                handlers, faulty = handler_layers.of({**entry, "version": target})
                layers = [*handlers, *named_layers(entry.get("layers") or [], "crio_config")]
            except (TooDeep, TypeError) as error:
                fault = str(error)
            if fault:
                problem = Problem(settings, "", None, f"the settings cannot be evaluated: {fault}")
                yield _Node(host, "", [preview.Change("refused", problem)])
                continue
            version, wrong = _current(entry.get("version"), variables)
            wrong = [*wrong, *(preview.Change("refused", problem) for problem in faulty)]
            key = json.dumps([version, layers, entry.get("accept_keys")], sort_keys=True, default=repr)
            if key not in known:
                known[key] = preview.changes(layers, version, target, entry.get("accept_keys"))
            yield _Node(host, version, wrong + known[key])


def _entry(settings: object) -> dict[str, Any]:
    """Return the file of the kind crio_conf in the options of runtime_config; {} if there is none."""
    options = plain(settings)
    tasks = options.get("runtime_config") if isinstance(options, dict) else None
    files = tasks.get("files") if isinstance(tasks, dict) else None
    for file in files if isinstance(files, list) else ():
        if isinstance(file, dict) and file.get("kind") == "crio_conf":
            return file
    return {}


def _current(declared: object, variables: Mapping[str, Any]) -> tuple[str, list[preview.Change]]:
    """Return (the declared version of a node, else the one that crio_config_facts has gathered, else "", its problem)."""
    if declared not in (None, ""):
        fault = fault_of_declared(declared)
        if not fault:
            return str(declared), []
        problem = Problem("crio_version", "", shown(declared, 80), fault, f"{ACCEPTED}, or empty")
        return "", [preview.Change("refused", problem)]
    facts = variables.get("ansible_facts")
    gathered = facts.get("crio_configuration") if isinstance(facts, Mapping) else None
    version = gathered.get("version") if isinstance(gathered, Mapping) else None
    found = str(plain(version)) if isinstance(version, str) else ""
    return ("" if not found or fault_of_declared(found) else found), []


def _by_change(nodes: list[_Node]) -> dict[str, list[faults.Fault]]:
    """Return the problems of each kind of change, equal ones of several nodes joined."""
    return {
        change: faults.joined(
            (node.name, each.problem) for node in nodes for each in node.changes if each.change == change
        )
        for change in preview.CHANGES
    }


def _document(found: dict[str, list[faults.Fault]], nodes: list[_Node], target: str) -> dict[str, Any]:
    """Return the report: the versions of the nodes, and the changes with the nodes that they concern."""
    changes = [
        {"change": change, "breaking": change in preview.BREAKING, **entry}
        for change, joined in found.items()
        for entry in faults.as_data(joined)
    ]
    return {
        "version": target,
        "nodes": {node.name: node.version for node in nodes},
        "changes": changes,
        "breaking": sum(each["breaking"] for each in changes),
    }


def _table(found: dict[str, list[faults.Fault]], report: dict[str, Any]) -> list[str]:
    """Return the changes as lines, one table for each kind of change, and a summary as the last line."""
    lines: list[str] = []
    for change, joined in found.items():
        if joined:
            lines += [f"{_HEADINGS[change]} ({len(joined)}):", *faults.lines(joined, len(report["nodes"]))]
    unknown = [name for name, version in report["nodes"].items() if not version]
    if unknown:
        lines.append(
            f"the current version of {count(len(unknown), 'node')} is not known, so that defaults are not compared:"
            " set crio_version, or gather crio_config_facts first"
        )
    affected = {name for each in report["changes"] if each["breaking"] for name in each["nodes"]}
    others = len(report["changes"]) - report["breaking"]
    return [
        *lines,
        f"CRI-O {report['version']}: {count(report['breaking'], 'setting')} refused or ignored on {len(affected)} of"
        f" {count(len(report['nodes']), 'node')}, {count(others, 'other change')}",
    ]
