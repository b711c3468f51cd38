# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's side of cni_plugins: checks the options, finds which plugins the network needs, and sends an archive."""

from __future__ import annotations

import os
import re
from typing import Any

from ansible_collections.cri.node.plugins.module_utils import download
from ansible_collections.cri.node.plugins.module_utils.text import shown
from ansible_collections.cri.node.plugins.plugin_utils.files import cni_network
from ansible_collections.cri.node.plugins.plugin_utils.host.requirements import FAMILIES
from ansible_collections.cri.node.plugins.plugin_utils.layers import named_layers
from ansible_collections.cri.node.plugins.plugin_utils.problem import Problem
from ansible_collections.cri.node.plugins.plugin_utils.task import sent_file
from ansible_collections.cri.node.plugins.plugin_utils.task.checked_action import CheckedAction, Examined
from ansible_collections.cri.node.plugins.plugin_utils.task.failure import (
    from_node,
    refuse,
    succeeded,
)

#: the directory of CRI-O's bundle and default configuration
DIRECTORY = "/opt/cni/bin"
# By family of distributions: the package, and where it has the plugins.
PACKAGES = {
    "debian": ["containernetworking-plugins", "/usr/lib/cni"],
    "rhel": ["containernetworking-plugins", "/usr/libexec/cni"],
    "suse": ["cni-plugins", "/usr/lib/cni"],
}
ARCHIVE: dict[str, Any] = {
    "source": {"type": "str", "default": ""},
    "sha256": {"type": "dict", "default": {}},
    "fetched_by": {"type": "str", "choices": ["node", "controller"], "default": "node"},
}
ARGUMENT_SPEC: dict[str, Any] = {
    "install": {"type": "str", "choices": ["preinstalled", "package", "archive"], "default": "preinstalled"},
    "directory": {"type": "str", "default": ""},
    "package": {"type": "str", "default": ""},
    "archive": {"type": "dict", "options": ARCHIVE},
    "network": {"type": "raw", "default": {}},
    "network_variable": {"type": "str"},
}
_SUBJECT = "cni_plugins"
_HASH = "64 hexadecimal digits, as sha256sum prints them"


class ActionModule(CheckedAction):
    """Makes one remote call, and a second one with an upload for an archive of the controller that the node does not have."""

    ARGUMENT_SPEC = ARGUMENT_SPEC
    MODULE = "cri.node.node_cni_plugins"

    @classmethod
    def examine(cls, options: dict[str, Any]) -> Examined:
        return Examined(_problems(options))

    def perform(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        refuse(_problems(options))
        given = _archive(options)
        source = given["source"]
        by_node = download.is_url(source) and given["fetched_by"] == "node"
        is_public = not by_node or download.redacted(source) == source
        self.secrets = [] if is_public else [source]
        asked = {
            "install": options["install"],
            "directory": options["directory"].rstrip("/"),
            "default_directory": DIRECTORY,
            "package": options["package"],
            "packages": PACKAGES,
            "families": FAMILIES,
            "required": cni_network.plugins_of(_network(options).data),
            "sha256": {name: str(value).lower() for name, value in given["sha256"].items()},
            "source": download.redacted(source) if download.is_url(source) else source,
            "url": source if by_node and is_public else "",
            "sent": "",
        }
        secrets = {} if is_public else {"secret_url": source}
        answer = succeeded(self.ask_node(asked, task_vars, secrets))
        if answer.get("needed"):
            sent = self._send(source, asked["sha256"], str(answer["architecture"]))
            answer = succeeded(self.ask_node({**asked, "sent": sent}, task_vars, secrets))
        result = {name: answer[name] for name in ("changed", "directory", "package", "files")}
        if answer["notes"]:
            result["warnings"] = [from_node(note) for note in answer["notes"]]
        if self._task.diff and answer["changed"]:
            named = answer["files"] or [answer["package"]]
            result["diff"] = {"before": "", "after": "".join(f"{name}\n" for name in named if name)}
        return result

    def _send(self, source: str, hashes: dict[str, str], architecture: str) -> str:
        """Copy the archive to the node, after its hash has been verified on the controller."""
        source = source.replace("{arch}", architecture)
        place = source if download.is_url(source) else self.found_on_controller(source, _SUBJECT)
        path = sent_file.checked(place, hashes.get(architecture, ""), _SUBJECT)
        remote = self.place_on_node("cni-plugins.tgz")
        self._transfer_file(path, remote)
        return remote


def _archive(options: dict[str, Any]) -> dict[str, Any]:
    return {**{name: spec["default"] for name, spec in ARCHIVE.items()}, **(options["archive"] or {})}


def _network(options: dict[str, Any]) -> Any:
    return cni_network.check(named_layers(options["network"], "network"))


def _problems(options: dict[str, Any]) -> list[Problem]:
    try:
        problems = list(_network(options).problems)
    except TypeError as error:
        problems = [Problem(_SUBJECT, "network", None, str(error))]
    given = _archive(options)
    for key in ("source", "sha256"):
        place = f"archive.{key}"
        if options["install"] == "archive" and not given[key]:
            problems.append(Problem(_SUBJECT, place, None, "is missing, but required with install: archive"))
        if options["install"] != "archive" and given[key]:
            fault = f"has no effect with install: {options['install']}"
            problems.append(Problem(_SUBJECT, place, None, fault, "install: archive"))
    for architecture, digest in given["sha256"].items():
        if not re.fullmatch("[0-9a-fA-F]{64}", str(digest)):
            place = f"archive.sha256.{shown(architecture, 40)}"
            problems.append(Problem(_SUBJECT, place, f'"{shown(digest, 80)}"', "is not a SHA-256", _HASH))
    directory = options["directory"]
    if directory and (not directory.startswith("/") or os.path.normpath(directory) != directory.rstrip("/")):
        shown_directory = f'"{shown(directory, 100)}"'
        problems.append(
            Problem(
                _SUBJECT, "directory", shown_directory, "is not a path on the node", "such as /opt/cni/bin"
            )
        )
    return problems
