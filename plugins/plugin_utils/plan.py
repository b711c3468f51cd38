# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node's file set should be, what that changes, and what making it live disturbs: pure questions over data."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from ansible_collections.cri.node.plugins.plugin_utils import crio_config, reload, toml
from ansible_collections.cri.node.plugins.plugin_utils.plain import plain

DISRUPTIONS = ("none", "reload", "restart")  # the gravest last


class WantedFiles:
    """The wanted file set of some owners. An entry without content is not wanted."""

    def __init__(self, entries, owners=None):
        # Files that are not wanted count too: a role whose variables are all empty still asks for a daemon that runs.
        self.concern_daemon = any(entry["disruption"] != "none" for entry in entries)
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
                "disruption": entry["disruption"],
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
        """Every key of crio.conf that the set gives: a list of {"path", "key", "value", "variable"}; a secret value is None."""
        return [
            {
                "path": path,
                "key": toml.dotted(key_path),
                "value": None if key.secret else value,
                "variable": _layer_of(entry["config"], key_path),
            }
            for path, entry in sorted(self._entries.items())
            if _is_of_crio(entry.get("config"))
            for key_path, key, value in crio_config.walk(entry["config"]["data"])
        ]

    def problems_for(self, version):
        """What is wrong with the set for one CRI-O version alone, such as "1.36.2"; [] where the version is not known."""
        if not version:
            return []
        return [
            str(problem)
            for config in self._configs()
            if _is_of_crio(config)
            for problem in _check_again(config, version)
        ]

    def _configs(self):
        return [entry["config"] for _path, entry in sorted(self._entries.items()) if entry.get("config")]


def _is_of_crio(config):
    """Whether a file's configuration has the keys of crio.conf, not of registries.conf or crictl.yaml."""
    return bool(config) and config.get("kind", "crio") == "crio"


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
    disruption: str = "none"  # what a running daemon needs to load all of it
    reasons: list = field(default_factory=list)  # why it needs that
    concerns_daemon: bool = True  # whether any file of the set is one that the daemon reads
    activate: str = "none"  # none, reload, start or restart
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

    def because(self, disruption, reason):
        """Note a reason for a disruption; the gravest one decides."""
        if disruption != "none":
            self.disruption = max(self.disruption, disruption, key=DISRUPTIONS.index)
            self.reasons.append(reason)

    def as_data(self):
        disruption = self.activate if self.activate in DISRUPTIONS else "none"
        return {"disruption": disruption, "reasons": list(self.reasons), "files": dict(self.files)}


def make(wanted, report):
    """The plan for one node from what is wanted and what node_state.read reported."""
    looked_at = sorted({**report["files"], **report["orphans"]}.items())
    concerned = wanted.concern_daemon or any(found["disruption"] != "none" for _path, found in looked_at)
    plan = Plan(concerns_daemon=concerned)
    for path, found in looked_at:
        unwanted = path in report["orphans"]
        if not found["as_wanted"]:
            action = "remove" if unwanted else "create" if found["kind"] == "absent" else "change"
            plan.files[path] = action
            plan.because(found["disruption"], f"{path} {_REASON[action]}")
        elif not found["loaded"] and report["unit"]["active"]:
            plan.because(
                found["disruption"], f"{path} is as wanted, but the running daemon has not loaded it"
            )
    if plan.concerns_daemon:
        _weigh_daemon(plan, report)
    return plan


def _weigh_daemon(plan, report):
    """What the daemon's own state adds to the plan."""
    if report["unit"]["binary_replaced"]:
        plan.because(
            "restart",
            f"the running daemon was started from another crio than {report['crio']['binary']} is now",
        )
    if plan.disruption == "reload":
        unreliable = reload.unreliable(report)
        if unreliable:
            plan.because("restart", f"a reload will not do: {unreliable}")
    plan.activate = plan.disruption if report["unit"]["active"] else "start"
    plan.enable = not report["unit"]["enabled"]


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
