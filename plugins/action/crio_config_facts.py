# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's side of crio_config_facts: merges what the node returns as CRI-O does, and judges it."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from ansible_collections.cri.node.plugins.module_utils.text import shown
from ansible_collections.cri.node.plugins.plugin_utils.crio import (
    configuration_differences,
    configuration_findings,
    effective_configuration,
    option_names,
)
from ansible_collections.cri.node.plugins.plugin_utils.crio.effective_configuration import Effective, Value
from ansible_collections.cri.node.plugins.plugin_utils.files import crio_conf
from ansible_collections.cri.node.plugins.plugin_utils.findings import Checked
from ansible_collections.cri.node.plugins.plugin_utils.layers import named_layers
from ansible_collections.cri.node.plugins.plugin_utils.plain import TooDeep
from ansible_collections.cri.node.plugins.plugin_utils.task.checked_action import CheckedAction
from ansible_collections.cri.node.plugins.plugin_utils.task.failure import TaskFailure, refuse, succeeded
from ansible_collections.cri.node.plugins.plugin_utils.text import toml

if TYPE_CHECKING:
    from ansible_collections.cri.node.plugins.module_utils.contract import (
        ConfigurationFile,
        ConfigurationReport,
    )


ARGUMENT_SPEC = {
    "desired": {"type": "dict"},
    "accept_keys": {"type": "list", "elements": "str", "default": []},
    "unit": {"type": "str", "default": "crio.service"},
    "timeout": {"type": "int", "default": 10},
}


class ActionModule(CheckedAction):
    """Makes one remote call, and changes nothing."""

    ARGUMENT_SPEC = ARGUMENT_SPEC
    MODULE = "cri.node.node_crio_config_facts"

    def perform(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Return the facts of the node."""
        desired = _desired(options["desired"], options["accept_keys"])
        request = request_of(options["unit"], options["timeout"])
        report: ConfigurationReport = succeeded(self.ask_node(request, task_vars))["report"]
        return {"changed": False, "ansible_facts": {"crio_configuration": facts(report, desired)}}


def request_of(unit: str, timeout: int) -> dict[str, Any]:
    """Return the request to the node, for a ConfigurationReport. timeout: seconds."""
    return {
        "unit": unit,
        "timeout": timeout,
        "keys": effective_configuration.shown_keys(),
        "options": option_names.for_node(),
        "variables": option_names.variables_for_node(),
    }


def facts(report: ConfigurationReport, desired: dict[str, Any] | None) -> dict[str, Any]:
    """Return the facts that crio_config_facts documents. desired: typed data that mirrors crio.conf, or None."""
    effective = effective_configuration.of_report(report)
    from_files = effective_configuration.of_report(report, with_options=False)
    managed = managed_files(report)
    return {
        **({"version": shown(report["version"], 100)} if report["version"] else {}),
        "config_path": report["config_path"],
        "config_directory": report["config_directory"],
        "files": [_file(file, managed) for file in report["files"]],
        "effective": _values(effective),
        "complete": effective.complete and not report["notes"],
        "live": _live(report),
        "differences": configuration_differences.differences(report, effective, from_files, desired),
        "findings": configuration_findings.findings(report, effective, managed),
        "notes": [shown(note) for note in report["notes"]],
    }


def managed_files(report: ConfigurationReport) -> dict[str, str]:
    """Return {path: role} of the files that the collection wrote: as recorded on the node, else by header and name."""
    recorded = report["recorded"]
    if recorded is not None:
        return {file["path"]: recorded[file["path"]] for file in report["files"] if file["path"] in recorded}
    return {
        file["path"]: file["header_owner"]
        for file in report["files"]
        if "header_owner" in file
        and not configuration_findings.copied_file(file["path"])
        and not configuration_findings.package_file(file["path"])
    }


def _desired(data: object, accept_keys: list[str]) -> dict[str, Any] | None:
    if data is None:
        return None
    try:
        layers = named_layers(data, "desired")
    except (TypeError, TooDeep) as error:
        raise TaskFailure(f"desired: {error}") from None
    checked: Checked = crio_conf.check(layers, accept_keys=accept_keys)
    refuse(checked.problems)
    return checked.data


def _file(file: ConfigurationFile, managed: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {"path": file["path"], "managed": file["path"] in managed}
    if file["path"] in managed:
        found["role"] = managed[file["path"]]
    for name in ("target", "mode", "uid", "gid", "size", "sha256"):
        if name in file:
            found[name] = file[name]
    if "modified" in file:
        found["modified"] = datetime.fromtimestamp(file["modified"] // 10**9, timezone.utc).strftime(
            "%Y-%m-%dT%H:%M:%SZ"
        )
    if "problem" in file:
        found["problem"] = shown(file["problem"]["reason"])
    return found


def _values(effective: Effective) -> dict[str, dict[str, Any]]:
    return {toml.dotted(path): _value(value) for path, value in effective.values.items()}


def _value(value: Value) -> dict[str, Any]:
    found: dict[str, Any] = {
        "value": value.value,
        "source": value.source.name,
        "source_type": value.source.kind,
    }
    found["overridden"] = [{"value": before, "source": source.name} for before, source in value.overridden]
    if len(value.merged_from) > 1:
        found["merged_from"] = list(value.merged_from)
    if value.adapted:
        found["adapted"] = shown(value.adapted)
    return found


def _live(report: ConfigurationReport) -> dict[str, Any]:
    if report["live"] is None:
        return {"available": False, "reason": shown(report["live_problem"])}
    values = configuration_differences.live_values(report["live"])
    return {"available": True, "values": {toml.dotted(path): value for path, value in sorted(values.items())}}
