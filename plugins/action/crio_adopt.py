# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's side of crio_adopt: finds the settings that a node already has, and changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleConnectionFailure

from ansible_collections.cri.node.plugins.action import crio_config_facts
from ansible_collections.cri.node.plugins.module_utils.text import shown
from ansible_collections.cri.node.plugins.plugin_utils.adopt import adoption
from ansible_collections.cri.node.plugins.plugin_utils.task.checked_action import CheckedAction
from ansible_collections.cri.node.plugins.plugin_utils.task.failure import TaskFailure, succeeded

if TYPE_CHECKING:
    from ansible_collections.cri.node.plugins.module_utils.contract import ConfigurationReport


ARGUMENT_SPEC = {name: crio_config_facts.ARGUMENT_SPEC[name] for name in ("unit", "timeout")}


class ActionModule(CheckedAction):
    """Makes one remote call. A node that cannot be read has an error instead of settings, so that it stays in the report."""

    ARGUMENT_SPEC = ARGUMENT_SPEC
    MODULE = "cri.node.node_crio_config_facts"

    def perform(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Return the settings of the node."""
        request = crio_config_facts.request_of(options["unit"], options["timeout"])
        try:
            return adopted(succeeded(self.ask_node(request, task_vars))["report"])
        except AnsibleConnectionFailure as failure:
            return _unread(f"the node cannot be reached: {failure}")
        except TaskFailure as failure:
            return _unread(str(failure))


def adopted(report: ConfigurationReport) -> dict[str, Any]:
    """Return the result that crio_adopt documents, from what a node has reported."""
    faults = adoption.faults(report)
    if faults:
        return _unread("; ".join(faults))
    found = adoption.adopt(report, crio_config_facts.managed_files(report))
    return {
        "changed": False,
        "version": shown(report["version"], 100),
        "crio_config": found.data,
        "settings": found.settings,
        "left": found.left,
        "findings": found.warnings,
        "error": "",
    }


def _unread(error: str) -> dict[str, Any]:
    return {
        "changed": False,
        "version": "",
        "crio_config": {},
        "settings": [],
        "left": [],
        "findings": [],
        "error": error,
    }
