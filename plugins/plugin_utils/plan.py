# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node's file set should be, what that changes, and what making it live disturbs: pure questions over data."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from ansible_collections.cri.node.plugins.plugin_utils import crio_config, toml
from ansible_collections.cri.node.plugins.plugin_utils.plain import plain


class WantedFiles:
    """The wanted file set of some owners. An entry without content is not wanted."""

    def __init__(self, entries, owners=None):
        self._entries = {
            entry["path"]: plain(entry) for entry in entries if (entry.get("content") or "").strip()
        }
        self.owners = sorted(set(owners or [entry["owner"] for entry in entries]))

    @property
    def described(self):
        """Each file as the node needs it to compare: everything but the content."""
        return [
            {
                "path": path,
                "owner": entry["owner"],
                "sha256": hashlib.sha256(entry["content"].encode()).hexdigest(),
                "mode": entry["mode"],
                "secret": entry["secret"],
            }
            for path, entry in sorted(self._entries.items())
        ]

    @property
    def expect(self):
        """What the live configuration must say: {dotted key: the value as CRI-O writes it}."""
        return {key: value for config in self._configs() for key, value in config.get("expect", {}).items()}

    @property
    def warnings(self):
        return [warning for config in self._configs() for warning in config.get("warnings", [])]

    def entry(self, path):
        return self._entries[path]

    def content(self, path):
        return self._entries[path]["content"]

    def settings(self):
        """Every key that a file of the set gives: a list of {"path", "key", "value", "variable"}; a secret value is None."""
        return [
            {
                "path": path,
                "key": toml.dotted(key_path),
                "value": None if key.secret else value,
                "variable": _layer_of(entry["config"], key_path),
            }
            for path, entry in sorted(self._entries.items())
            if entry.get("config")
            for key_path, key, value in crio_config.walk(entry["config"]["data"])
        ]

    def problems_for(self, version):
        """What is wrong with the set for one CRI-O version alone, such as "1.36.2"; [] where the version is not known."""
        if not version:
            return []
        return [str(problem) for config in self._configs() for problem in _check_again(config, version)]

    def _configs(self):
        return [entry["config"] for _path, entry in sorted(self._entries.items()) if entry.get("config")]


def _layer_of(config, key_path):
    return config.get("layers", {}).get(toml.dotted(key_path), "")


def _check_again(config, version):
    data = config["data"]
    sources = {path: _layer_of(config, path) for path, _key, _value in crio_config.walk(data)}
    return crio_config.check(data, sources, (version,)).problems


@dataclass
class Plan:
    """What differs, and the reasons for what it costs."""

    files: dict = field(default_factory=dict)  # path -> create, change or remove
    reasons: list = field(default_factory=list)  # why the daemon has to restart
    activate: str = "none"  # none, start or restart
    enable: bool = False

    @property
    def writes(self):
        return [path for path, action in self.files.items() if action != "remove"]

    @property
    def removes(self):
        return [path for path, action in self.files.items() if action == "remove"]

    @property
    def changes_anything(self):
        return bool(self.files) or self.activate != "none" or self.enable

    def as_data(self):
        disruption = "restart" if self.activate == "restart" else "none"
        return {"disruption": disruption, "reasons": list(self.reasons), "files": dict(self.files)}


def make(wanted, report):
    """The plan for one node from what is wanted and what node_state.read reported."""
    plan = Plan()
    for path, found in sorted({**report["files"], **report["orphans"]}.items()):
        unwanted = path in report["orphans"]
        if not found["as_wanted"]:
            action = "remove" if unwanted else "create" if found["kind"] == "absent" else "change"
            plan.files[path] = action
            plan.reasons.append(f"{path} {_REASON[action]}")
        elif not found["loaded"] and report["unit"]["active"]:
            plan.reasons.append(f"{path} is as wanted, but the running daemon has not loaded it")
    if report["unit"]["binary_replaced"]:
        plan.reasons.append(
            f"the running daemon was started from another crio than {report['crio']['binary']} is now"
        )
    if not report["unit"]["active"]:
        plan.activate = "start"
    elif plan.reasons:
        plan.activate = "restart"
    plan.enable = not report["unit"]["enabled"]
    return plan


_REASON = {"create": "is new", "change": "changes", "remove": "is removed"}


def is_settled(report):
    """Whether the running daemon has loaded the whole set, so that its live values can be held against it."""
    return report["unit"]["active"] and all(found["loaded"] for found in report["files"].values())


def outranked(wanted, live):
    """Keys for which a daemon that has loaded the set uses another value: `live` has them, {key: value or None}."""
    return [
        {"key": key, "wanted": wanted.expect.get(key), "live": value} for key, value in sorted(live.items())
    ]


def without_effect(wanted, report):
    """Keys that are set and that this node cannot honour, silently for CRI-O."""
    found = []
    for setting in wanted.settings():
        if setting["key"] == "crio.runtime.selinux" and setting["value"] is True and not report["selinux"]:
            found.append({"key": setting["key"], "reason": "this node's kernel does not run SELinux"})
    return found
