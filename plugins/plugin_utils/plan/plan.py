# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node's file set should be, what that changes, and what making it live disturbs: pure questions over data."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from ansible_collections.cri.node.plugins.module_utils.text import shown
from ansible_collections.cri.node.plugins.plugin_utils.crio import fallbacks, live_values
from ansible_collections.cri.node.plugins.plugin_utils.crio.versions import RANGE, is_supported, parse_version
from ansible_collections.cri.node.plugins.plugin_utils.files import (
    crictl_yaml,
    crio_conf,
    registries_conf,
    secret_values,
    set_rules,
)
from ansible_collections.cri.node.plugins.plugin_utils.plain import plain
from ansible_collections.cri.node.plugins.plugin_utils.plan import reload
from ansible_collections.cri.node.plugins.plugin_utils.text import toml

DISRUPTIONS = ("none", "reload", "restart")  # the gravest last


def problems_of(entries):
    """What the checks of the roles' variables found wrong, over all files of a set: sentences."""
    return [problem for entry in entries for problem in (entry.get("config") or {}).get("problems", [])]


class WantedFiles:
    """The wanted file set of some owners. An entry without content is not wanted."""

    def __init__(self, entries, owners=None):
        # Files that are not wanted count too: a role whose variables are all empty still asks for a daemon that runs.
        self.concern_daemon = any(entry["disruption"] != "none" for entry in entries)
        self._entries = {
            entry["path"]: plain(entry) for entry in entries if (entry.get("content") or "").strip()
        }
        self._without_content = [entry for entry in entries if entry["path"] not in self._entries]
        self.owners = sorted(set(owners or [entry["owner"] for entry in entries]))

    @property
    def described(self):
        """Each file as the node needs it to compare: everything but the content, and of a secret one but the hash."""
        return [
            {
                "path": path,
                "owner": entry["owner"],
                "sha256": "" if entry["secret"] else self.sha256(path),
                "mode": entry["mode"],
                "secret": entry["secret"],
                "disruption": entry["disruption"],
            }
            for path, entry in sorted(self._entries.items())
        ]

    @property
    def secret_hashes(self):
        """{path: SHA-256} of secret files; a short secret could be guessed from it, so it is not logged either."""
        return {path: self.sha256(path) for path, entry in sorted(self._entries.items()) if entry["secret"]}

    @property
    def unwanted(self):
        """Files of these owners that are not wanted, for a node that has lost its own record of them."""
        names = ("path", "owner", "disruption")
        return [{name: str(entry[name]) for name in names} for entry in self._without_content]

    @property
    def expect(self):
        """What the live configuration must say: {dotted key: the value as CRI-O writes it}."""
        return {key: value for config in self._configs() for key, value in config.get("expect", {}).items()}

    @property
    def warnings(self):
        of_files = [warning for config in self._configs() for warning in config.get("warnings", [])]
        return of_files + set_rules.warnings(self.settings())

    def entry(self, path):
        return self._entries[path]

    def content(self, path):
        return self._entries[path]["content"]

    def sha256(self, path):
        return hashlib.sha256(self._entries[path]["content"].encode()).hexdigest()

    def secrets(self):
        """The values that no message may repeat: those of secret keys, and all of a secret file that is not made of keys."""
        found = []
        for entry in self._entries.values():
            if entry.get("config"):
                found += secret_values.of_crio(entry["config"]) if _kind(entry["config"]) == "crio" else []
            elif entry["secret"]:
                found += secret_values.of_text(entry["content"])
        return found

    def settings(self):
        """Every key that a file of the set gives: a list of {"path", "key", "value", "variable"}; a secret value is None."""
        return [
            {
                "path": path,
                "key": toml.dotted(key_path),
                "value": value,
                "variable": _layer_of(entry["config"], key_path),
            }
            for path, entry in sorted(self._entries.items())
            if entry.get("config")
            for key_path, value in _values(entry["config"])
        ]

    def paths_of(self, kind):
        """The files of one kind of configuration: crio, registries or crictl."""
        return [path for path, entry in sorted(self._entries.items()) if _kind(entry.get("config")) == kind]

    @property
    def asks_for_crictl(self):
        """Whether it depends on the version of the node's crictl if the set is right."""
        return any(crictl_yaml.depends_on_version(config["data"]) for config in self._configs("crictl"))

    def problems_for(self, crio_version, crictl_version=None):
        """What is wrong with the set for a node's own versions, such as "1.36.2".

        Of a version that is not known, or that cannot be read, nothing is; see unreadable_versions.
        """
        found = []
        if _is_readable(crio_version):
            for config in self._configs("crio"):
                found += crio_conf.check(config["data"], _sources(config), (crio_version,)).problems
        if _is_readable(crictl_version):
            for config in self._configs("crictl"):
                found += crictl_yaml.check_again(config["data"], _sources(config), crictl_version)
        return [str(problem) for problem in found]

    def _configs(self, kind=None):
        configs = [entry["config"] for _path, entry in sorted(self._entries.items()) if entry.get("config")]
        return [config for config in configs if kind in (None, _kind(config))]


def _is_readable(version):
    try:
        return bool(version and parse_version(version))
    except ValueError:
        return False


def unreadable_versions(report):
    """Return a warning for each program of the node whose version cannot be read or has settings that are not known."""
    versions = {"CRI-O": report["crio"]["version"], "crictl": report.get("crictl_version")}
    warnings = [
        f'the version of {program} on this node, "{shown(version, 100)}", cannot be read: the settings are checked against all'
        " supported versions only"
        for program, version in versions.items()
        if version and not _is_readable(version)
    ]
    installed = report["crio"]["version"]
    if _is_readable(installed) and not is_supported(parse_version(installed)):
        warnings.append(
            f"CRI-O {shown(installed, 100)} on this node is not one of the versions whose settings are known, {RANGE}:"
            " the check of crio_config may miss a key or refuse one that this version has"
        )
    if report["crio"].get("installed") and not report["crio"]["version"]:
        warnings.append(
            "CRI-O on this node does not print its version: the settings are checked against all supported versions only"
        )
    return warnings


def _kind(config):
    return config.get("kind", "crio") if config else None


def _values(config):
    """Each value of a file's configuration with its path; None for one that is secret."""
    if _kind(config) == "registries":
        return registries_conf.walk(config["data"])
    if _kind(config) == "crictl":
        return crictl_yaml.walk(config["data"])
    return [(path, None if key.secret else value) for path, key, value in crio_conf.walk(config["data"])]


def _sources(config):
    return {path: _layer_of(config, path) for path, _value in _values(config)}


def _layer_of(config, key_path):
    return config.get("layers", {}).get(toml.dotted(key_path), "")


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
        return {
            "disruption": disruption,
            "reasons": [shown(reason) for reason in self.reasons],
            "files": dict(self.files),
        }


def make(wanted, report):
    """The plan for one node from what is wanted and what node_state.read reported."""
    looked_at = sorted({**report["files"], **report["orphans"]}.items())
    concerned = wanted.concern_daemon or any(found["disruption"] != "none" for _path, found in looked_at)
    plan = Plan(concerns_daemon=concerned)
    for path, found in looked_at:
        unwanted = path in report["orphans"]
        if not found["as_wanted"]:
            action = "remove" if unwanted else "create" if found["file_type"] == "absent" else "change"
            plan.files[path] = action
            plan.because(found["disruption"], f"{path} {_REASON[action]}")
        elif not found["loaded"] and report["unit"]["active"]:
            plan.because(
                found["disruption"], f"{path} is as wanted, but the running daemon has not loaded it"
            )
    if plan.concerns_daemon:
        _weigh_daemon(plan, report, wanted)
    return plan


def _weigh_daemon(plan, report, wanted):
    """What the daemon's own state adds to the plan."""
    if report["unit"]["binary_replaced"]:
        plan.because(
            "restart",
            f"the running daemon was started from another crio than {report['crio']['binary']} is now",
        )
    late = late_handlers(wanted, report)
    stale, _outranked = live_values.split(wanted.expect, report["live"], report["effective"], late)
    for reason in live_values.of_stale(stale, report["effective"], late):
        plan.because("restart", reason)
    if plan.disruption == "reload":
        unreliable = reload.unreliable(report)
        if unreliable:
            plan.because("restart", f"a reload is not enough: {unreliable}")
    # A daemon between two states may run, with containers that depend on it: what holds for a restart holds then.
    stopped = report["unit"]["phase"] == "stopped"
    plan.activate = "start" if stopped else plan.disruption
    plan.enable = not report["unit"]["enabled"]
    if stopped:
        plan.reasons.append(f"{report['unit']['name']} does not run and is started")
    if plan.enable:
        plan.reasons.append(f"{report['unit']['name']} is not enabled and is enabled")


_REASON = {"create": "is new", "change": "changes", "remove": "is removed"}


def is_settled(report):
    """Whether the running daemon has loaded the whole set, so that its live values can be held against it."""
    return report["unit"]["active"] and all(found["loaded"] for found in report["files"].values())


def outranked(wanted, report):
    """Keys for which a daemon that has loaded the set uses another value, since something of a higher rank decides them."""
    late = late_handlers(wanted, report)
    return live_values.split(wanted.expect, report["live"], report["effective"], late)[1]


def late_handlers(wanted, report):
    """{dotted table: path} of handlers that the running CRI-O left out at its start and for which `path` was installed since.

    A restart loads them. It is never planned twice for the same path, which is older than the next start. Left out is a handler
    that still lacks another path, since CRI-O would leave it out again.
    """
    if not is_settled(report):
        return {}
    settings, found = wanted.settings(), {}
    lacking = fallbacks.of_paths(settings, report["missing_paths"] + report["unanswered_paths"], report)
    left_out = set(live_values.missing_entries(wanted.expect, report["live"]))
    left_out -= {live_values.entry_of(entry["key"])[0] for entry in lacking}
    for setting in settings:
        table = live_values.entry_of(setting["key"])[0]
        if table in left_out and setting["value"] in report["newer_paths"]:
            found.setdefault(table, setting["value"])
    return found


def unanswered(report):
    """A sentence for each path that a setting names and whose file system gave no answer."""
    return [
        f"{path}: its file system gave no answer in time, so it is not known whether this path exists on this node"
        for path in report["unanswered_paths"]
    ]


def without_effect(wanted, report):
    """Keys that are set and that this node cannot honour, silently for CRI-O."""
    found = []
    for setting in wanted.settings():
        if setting["key"] == "crio.runtime.selinux" and setting["value"] is True and not report["selinux"]:
            found.append({"key": setting["key"], "reason": "this node's kernel does not run SELinux"})
    if report["root_registries"]:
        reason = f"{report['root_registries']} replaces /etc/containers/registries.conf and its drop-ins"
        found += [{"key": path, "reason": reason} for path in wanted.paths_of("registries")]
    return found + fallbacks.found(wanted.settings(), report["missing_paths"], report)
