# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's side of crio_bundle: selects the bundle of the node's architecture, and optionally copies it to the node.

A removal needs no bundle: the node has recorded what was installed.
"""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.cri.node.plugins.module_utils import download
from ansible_collections.cri.node.plugins.module_utils.text import shown
from ansible_collections.cri.node.plugins.plugin_utils.problem import Problem
from ansible_collections.cri.node.plugins.plugin_utils.task import sent_file
from ansible_collections.cri.node.plugins.plugin_utils.task.checked_action import CheckedAction, Examined
from ansible_collections.cri.node.plugins.plugin_utils.task.failure import (
    TaskFailure,
    from_node,
    refuse,
    succeeded,
)

#: the options of a bundle that is installed
BUNDLE_SPEC: dict[str, dict[str, Any]] = {
    "source": {"type": "str", "required": True},
    "sha256": {"type": "dict", "required": True},
    "fetched_by": {"type": "str", "choices": ["node", "controller"], "default": "node"},
}
ARGUMENT_SPEC: dict[str, dict[str, Any]] = {
    **BUNDLE_SPEC,
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    # Required with state: present, which option_rules checks.
    "source": {"type": "str"},
    "sha256": {"type": "dict"},
}
_HASH = "64 hexadecimal digits, as sha256sum prints them"


class ActionModule(CheckedAction):
    """Makes one remote call if the bundle is already installed or is removed; else a second one, and optionally an upload."""

    ARGUMENT_SPEC = ARGUMENT_SPEC
    MODULE = "cri.node.node_crio_bundle"
    # Set by the action runtime_config, whose change replaces an installed CRI-O with the unpacked bundle.
    only_unpacks_replacements = False
    accepts_other_minor = False

    @classmethod
    def examine(cls, options: dict[str, Any]) -> Examined:
        return Examined(_bad_hashes(options["sha256"] or {}))

    def perform(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        if options["state"] == "absent":
            return self._absent(task_vars)
        refuse(_bad_hashes(options["sha256"]))
        here = self._call({"call": "read"}, {}, task_vars)
        architecture = shown(here["architecture"], 100)
        sha256 = str(options["sha256"].get(architecture, "")).lower()
        if not sha256:
            known = ", ".join(sorted(options["sha256"])) or "none"
            raise TaskFailure(
                f"crio_bundle has no SHA-256 for this node's architecture {architecture}; it has: {known}"
            )
        if here["sha256"] == sha256:
            return {
                "changed": here["interrupted"],
                "version": shown(here["installed"], 100),
                "architecture": architecture,
            }
        request: dict[str, Any] = {"call": "install", "sha256": sha256}
        if here["installed"] and self.only_unpacks_replacements:
            request |= {
                "call": "stage",
                "directory": self.place_on_node("unpacked"),
                "other_minor": self.accepts_other_minor,
            }
        secrets: dict[str, str] = {}
        source = options["source"].replace("{arch}", architecture)
        if not download.is_url(source) or options["fetched_by"] == "controller":
            request["archive"] = self._send(source, sha256)
        elif download.redacted(source) == source:
            request["archive"] = source
        else:  # Ansible removes secrets from all messages, so only a URL with credentials is treated as one
            secrets["url"] = source
        answer = self._call(request, secrets, task_vars)
        version = shown(answer["version"], 100)
        result = {"changed": True, "version": version, "architecture": architecture}
        if "bundle" in answer:
            result |= {
                "replaces": shown(here["installed"], 100),
                "bundle": answer["bundle"],
                "unpacked": request["directory"],
            }
        if self._task.diff:
            before = _installed(here["installed"], here["sha256"]) if here["installed"] else ""
            result["diff"] = {"before": before, "after": _installed(version, sha256)}
        return result

    def _absent(self, task_vars: dict[str, Any]) -> dict[str, Any]:
        """Remove what the bundle installed."""
        answer = self._call({"call": "remove"}, {}, task_vars)
        result: dict[str, Any] = {
            "changed": answer["changed"],
            "architecture": shown(answer["architecture"], 100),
            "removed": [shown(path) for path in answer["removed"]],
            "kept": [{name: shown(text) for name, text in each.items()} for each in answer["kept"]],
        }
        if answer["notes"]:
            result["warnings"] = [from_node(note) for note in answer["notes"]]
        if self._task.diff:
            before = _installed(answer["version"], answer["sha256"]) if answer["version"] else ""
            result["diff"] = {"before": before, "after": ""}
        return result

    def _call(
        self, request: dict[str, Any], secrets: dict[str, Any], task_vars: dict[str, Any]
    ) -> dict[str, Any]:
        return succeeded(self.ask_node(request, task_vars, secrets))

    def _send(self, source: str, sha256: str) -> str:
        """Copy the bundle to the node, after its hash has been verified on the controller."""
        path = sent_file.checked(source, sha256, "crio_bundle")
        remote = self.place_on_node("bundle.tar.gz")
        self._transfer_file(path, remote)
        return remote


def _installed(version: str, sha256: str | None) -> str:
    return f"CRI-O {shown(version, 100)} (bundle with SHA-256 {shown(sha256 or 'unknown', 100)})\n"


def _bad_hashes(hashes: dict[str, object]) -> list[Problem]:
    return [
        Problem(
            "crio_bundle",
            f"sha256.{shown(architecture, 40)}",
            f'"{shown(str(value), 80)}"',
            "is not a SHA-256",
            _HASH,
        )
        for architecture, value in hashes.items()
        if not re.fullmatch(r"[0-9a-fA-F]{64}", str(value))
    ]
