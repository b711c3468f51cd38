# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's side of registry_resolve: merges the registries files of the node, and resolves names of images.

With `config`, it also resolves them as if the role registries had written these settings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.cri.node.plugins.module_utils.text import shown
from ansible_collections.cri.node.plugins.plugin_utils.files import registries_conf
from ansible_collections.cri.node.plugins.plugin_utils.layers import Data, named_layers
from ansible_collections.cri.node.plugins.plugin_utils.registries import (
    node_findings,
    of_report,
    pull_changes,
    resolution,
)
from ansible_collections.cri.node.plugins.plugin_utils.registries.document import Registry
from ansible_collections.cri.node.plugins.plugin_utils.registries.effective import Alias, Effective
from ansible_collections.cri.node.plugins.plugin_utils.registries.rules import FILE
from ansible_collections.cri.node.plugins.plugin_utils.task.checked_action import CheckedAction
from ansible_collections.cri.node.plugins.plugin_utils.task.failure import TaskFailure, refuse, succeeded

if TYPE_CHECKING:
    from ansible_collections.cri.node.plugins.module_utils.contract import RegistriesFile, RegistriesReport


ARGUMENT_SPEC = {
    "names": {"type": "list", "elements": "str", "default": []},
    "config": {"type": "raw"},
    "unit": {"type": "str", "default": "crio.service"},
    "timeout": {"type": "int", "default": 10},
}
_DEFAULT_MODE = "enforcing"  # of crio.image.short_name_mode


class ActionModule(CheckedAction):
    """Makes one remote call, and changes nothing."""

    ARGUMENT_SPEC = ARGUMENT_SPEC
    MODULE = "cri.node.node_registry_resolve"

    def perform(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Return the registries of the node, the endpoints of the names, and what `config` changes for them."""
        desired = _desired(options["config"])
        request = {"unit": options["unit"], "timeout": options["timeout"]}
        report: RegistriesReport = succeeded(self.ask_node(request, task_vars))["report"]
        result = {"changed": False, **answer(report, options["names"])}
        if desired is not None:
            result["changes"] = changes(report, desired, options["names"])
        return result


def _desired(config: object) -> Data | None:
    """Return the checked settings of the option, {} for a file that is removed; None without the option."""
    if config is None:
        return None
    try:
        checked = registries_conf.check(named_layers(config, "config"))
    except TypeError as error:
        raise TaskFailure(f"config: {error}") from error
    refuse(checked.problems)
    return checked.data


def changes(report: RegistriesReport, desired: Data, names: list[str]) -> list[dict[str, Any]]:
    """Return what changes for each name if the file of the role registries has the desired settings."""
    old, new = of_report.before_and_after(report, {FILE: desired or None})
    mode = report["short_name_mode"] or _DEFAULT_MODE
    return [pull_changes.of_name(name, old, new, (mode, mode)).as_dict() for name in names]


def answer(report: RegistriesReport, names: list[str]) -> dict[str, Any]:
    """Return what registry_resolve documents. names: of images, as pods have them."""
    effective = of_report.effective_of(report["files"], report["aliases"])
    mode = report["short_name_mode"] or _DEFAULT_MODE
    auth = of_report.auth_files(report["auth"])
    unread = any("problem" in file for file in report["files"])
    return {
        "files": [_file(file) for file in report["files"]],
        "registries": [_registry(table) for table in effective.registries.values()],
        "search_registries": _setting(effective, "unqualified-search-registries", list(effective.search)),
        "credential_helpers": _setting(effective, "credential-helpers", list(effective.credential_helpers)),
        "aliases": _aliases(effective),
        "short_name_mode": mode,
        "complete": effective.complete and not unread and not report["notes"],
        "images": [resolution.resolve(name, effective, mode, auth).as_dict() for name in names],
        "findings": node_findings.findings(report, effective),
        "notes": [shown(note) for note in report["notes"]],
    }


def _file(file: RegistriesFile) -> dict[str, Any]:
    problem = {"problem": shown(file["problem"])} if "problem" in file else {}
    return {"path": file["path"], **problem}


def _registry(table: Registry) -> dict[str, Any]:
    return {
        "prefix": table.prefix,
        "location": table.location,
        "insecure": table.insecure,
        "blocked": table.blocked,
        "mirror_by_digest_only": table.mirror_by_digest_only,
        "mirrors": [dict(mirror._asdict()) for mirror in table.mirrors],
        "path": table.path,
    }


def _setting(effective: Effective, key: str, value: list[str]) -> dict[str, Any]:
    return {"value": value, **({"path": effective.paths[key]} if key in effective.paths else {})}


def _aliases(effective: Effective) -> dict[str, dict[str, str]]:
    """Return the aliases by short name; those that containers/image has recorded win. An empty one is deleted."""
    found: dict[str, Alias] = {**effective.aliases, **effective.recorded_aliases}
    return {name: dict(alias._asdict()) for name, alias in sorted(found.items()) if alias.value}
