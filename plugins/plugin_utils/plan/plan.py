# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans the change of a node and its disruption; pure functions over data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ansible_collections.cri.node.plugins.module_utils.text import shown
from ansible_collections.cri.node.plugins.plugin_utils.crio import fallbacks, live_values
from ansible_collections.cri.node.plugins.plugin_utils.plan import disruption as disruptions
from ansible_collections.cri.node.plugins.plugin_utils.plan import keys, overrides, reload
from ansible_collections.cri.node.plugins.plugin_utils.plan.levels import DISRUPTIONS, DRAIN, LEVELS, most

if TYPE_CHECKING:
    from ansible_collections.cri.node.plugins.module_utils.contract import (
        RegistriesInUse,
        Report,
        ReportedFile,
    )
    from ansible_collections.cri.node.plugins.plugin_utils.plan.desired import DesiredFiles
    from ansible_collections.cri.node.plugins.plugin_utils.plan.file_set import FileSet
    from ansible_collections.cri.node.plugins.plugin_utils.plan.images import ConcernedImage
    from ansible_collections.cri.node.plugins.plugin_utils.plan.keys import KeyChange
    from ansible_collections.cri.node.plugins.plugin_utils.plan.overrides import Overrides


@dataclass
class Plan:
    """The differences, the disruption and its reasons."""

    files: dict[str, str] = field(default_factory=dict)  # path -> create, change or remove
    left: list[str] = field(
        default_factory=list
    )  # those of `files` that keep the entries of others, without ours
    disruption: str = "none"  # what a running daemon needs to load all of it
    reasons: list[str] = field(default_factory=list)  # why it needs that
    keys: list[KeyChange] = field(default_factory=list)  # of the files, as far as they are known
    concerns_daemon: bool = True  # whether the daemon reads any file of the set
    activate: str = "none"  # none, reload, start or restart
    reload_keys: list[str] = field(default_factory=list)  # of crio.conf, which a reload must make live
    reload_is_logged: bool = True  # whether CRI-O logs that it has reloaded
    enable: bool = False
    # Whether the node refuses the change because it would stop, remove or lose containers.
    needs_drain: bool = False
    overruled: dict[str, str] = field(default_factory=dict)  # guard that was overruled -> what is lost
    replaced: str = ""  # the version of CRI-O that the change replaces, "" if it installs none
    probes: list[str] = field(default_factory=list)  # sentences, see probes.py
    images: list[ConcernedImage] = field(default_factory=list)  # see images.py

    @property
    def writes(self) -> list[str]:
        """The paths that are created or changed, and whose new content is known here."""
        return [path for path, action in self.files.items() if action != "remove" and path not in self.left]

    @property
    def removes(self) -> list[str]:
        """The paths that are removed."""
        return [path for path, action in self.files.items() if action == "remove"]

    @property
    def changes_anything(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.files) or self.activate != "none" or self.enable

    @property
    def disruption_of_daemon(self) -> str:
        """What the change does to a running daemon, one of LEVELS: a stopped one is only started."""
        if self.needs_drain:
            return DRAIN
        return self.disruption if self.activate in DISRUPTIONS else "none"

    def is_above(self, limit: str) -> bool:
        """Return whether the change is more disruptive than a limit, one of LEVELS."""
        return LEVELS.index(self.disruption_of_daemon) > LEVELS.index(limit)

    def because(self, disruption: str, reason: str) -> None:
        """Note a reason for a disruption; the most disruptive one wins."""
        if disruption != "none" and reason:
            self.disruption = most([self.disruption, disruption])
            self.reasons.append(reason)

    def as_data(self) -> dict[str, Any]:
        """Return the plan as a task's result has it."""
        return {
            "disruption": self.disruption_of_daemon,
            "reasons": [shown(reason) for reason in self.reasons],
            "files": dict(self.files),
            "keys": [dict(change) for change in self.keys],
            "overruled_guards": {guard: shown(message) for guard, message in self.overruled.items()},
            **({"probes": list(self.probes)} if self.probes else {}),
            **({"images": [dict(image) for image in self.images]} if self.images else {}),
        }


def make(wanted: FileSet, report: Report, of_users: Overrides = overrides.NONE, replaced: str = "") -> Plan:
    """Return the plan for one node. report: what node_state.read returned. of_users: disruptions that users set for keys.

    replaced: the version of CRI-O that the change replaces by the one in the report, "" if it installs none.
    """
    looked_at = sorted({**report["files"], **report["orphans"]}.items())
    concerned = wanted.concern_daemon or any(found["disruption"] != "none" for _path, found in looked_at)
    plan = Plan(concerns_daemon=concerned or bool(replaced), replaced=replaced)
    if replaced:
        plan.because("restart", f"CRI-O {replaced} is replaced with {report['crio']['version']}")
    for path, found in looked_at:
        unwanted = path in report["orphans"]
        if not found["as_wanted"]:
            action = _action(found, unwanted)
            plan.files[path] = action
            if unwanted and action == "change":
                plan.left.append(path)
            changed = keys.changes(wanted, path, found)
            plan.keys += changed
            may_change = [change["key"] for change in changed] or _keys_of(wanted, path)
            _weigh_file(plan, reason_of_file(path, action), found, report, of_users, may_change)
        elif is_unloaded(found) and report["unit"]["active"]:
            reason = f"{path} matches the desired state, but the running daemon has not loaded it"
            _weigh_file(plan, reason, found, report, of_users, _keys_of(wanted, path))
    if plan.concerns_daemon:
        _weigh_daemon(plan, report, wanted, of_users)
    if "registries" in report:
        _add_images(plan, wanted, report["registries"])
    return plan


def _add_images(plan: Plan, wanted: FileSet, found: RegistriesInUse) -> None:
    """Add the images that a change of registries concerns to the plan. It costs a reload whatever they are."""
    # A fork of Ansible compiles what it imports, and few runs change registries.
    from ansible_collections.cri.node.plugins.plugin_utils.plan import images

    plan.images = images.concerned(wanted, found, plan.files)
    plan.reasons += [*images.sentences(plan.images), *images.notes(found)]


def _action(found: ReportedFile, unwanted: bool) -> str:
    """Return what happens to a file. A shared one in which others have entries stays without ours."""
    if unwanted and found.get("is_removed", True):
        return "remove"
    return "create" if found["file_type"] == "absent" else "change"


def _keys_of(wanted: FileSet, path: str) -> list[str]:
    """Return the keys that a file of the set will have, as far as they are known."""
    return [setting["key"] for setting in wanted.settings() if setting["path"] == path]


def _weigh_file(
    plan: Plan, reason: str, found: ReportedFile, report: Report, of_users: Overrides, may_change: list[str]
) -> None:
    """Add the disruption of a file that the daemon has not loaded to the plan."""
    needed, by_keys = disruptions.of_file(found, disruptions.version_of(report), of_users, may_change)
    plan.because(needed, reason)
    for sentence in by_keys:
        plan.because(needed, sentence)
    if needed == "none" != found["disruption"]:
        why = (
            f": {'; '.join(by_keys)}"
            if by_keys
            else ", but not its content, which the running daemon has loaded"
        )
        plan.reasons.append(f"{reason}{why}")
    plan.reload_keys += found.get("unloaded_keys", [])


def _weigh_daemon(plan: Plan, report: Report, wanted: FileSet, of_users: Overrides) -> None:
    """Add the state of the daemon to the plan."""
    if report["unit"]["binary_replaced"]:
        plan.because(
            "restart",
            f"the running daemon was started from a different binary than {report['crio']['binary']}, the one installed now",
        )
    late = late_handlers(wanted, report)
    stale, _outranked = live_values.split(wanted.expect, report["live"], report["effective"], late)
    for reason in live_values.of_stale(stale, report["effective"], late):
        plan.because("restart", reason)
    for key in stale:
        if of_users.level_of(key, "restart") == DRAIN:
            plan.because(DRAIN, f"{key} needs a drain ({of_users.of(key)})")
    if plan.disruption == "reload":
        unreliable = reload.unreliable(report, wanted.settings())
        plan.reload_is_logged = reload.is_logged(plan.reload_keys, wanted.expect)
        if not unreliable and not plan.reload_is_logged:
            unreliable = reload.not_shown(report, plan.reload_keys)
        if unreliable:
            plan.because("restart", f"a reload is not enough: {unreliable}")
    # A daemon between two states may be running, with containers that depend on it, so it is treated as running.
    stopped = report["unit"]["phase"] == "stopped"
    plan.activate = "start" if stopped else "restart" if plan.disruption == DRAIN else plan.disruption
    plan.enable = not report["unit"]["enabled"]
    if stopped:
        plan.reasons.append(f"{report['unit']['name']} is not running and will be started")
    if plan.enable:
        plan.reasons.append(f"{report['unit']['name']} is not enabled and will be enabled")


def is_unloaded(found: ReportedFile) -> bool:
    """Return whether a file has the desired state, and a running daemon that reads it has not loaded it."""
    return found["as_wanted"] and not found["loaded"] and found["disruption"] != DISRUPTIONS[0]


def reason_of_file(path: str, action: str) -> str:
    """Return the reason for a reload or restart that a created, changed or removed file gives."""
    return f"{path} {_REASON[action]}"


_REASON = {"create": "is new", "change": "changes", "remove": "is removed"}


def is_settled(report: Report) -> bool:
    """Return whether the running daemon has loaded the whole set, so that its live values can be compared with it."""
    return report["unit"]["active"] and all(found["loaded"] for found in report["files"].values())


def outranked(wanted: DesiredFiles, report: Report) -> list[live_values.Outranked]:
    """Return the keys for which a daemon that has loaded the set uses another value, because something takes precedence."""
    late = late_handlers(wanted, report)
    return live_values.split(wanted.expect, report["live"], report["effective"], late)[1]


def late_handlers(wanted: FileSet, report: Report) -> dict[str, str]:
    """Return {dotted table: path} of handlers that CRI-O ignored at its start and whose missing `path` has been installed since.

    A restart loads them. It is never planned twice for the same path, which is older than the next start. A handler that still
    lacks another path is omitted, because CRI-O would ignore it again.
    """
    if not is_settled(report):
        return {}
    settings = wanted.settings()
    found: dict[str, str] = {}
    lacking = fallbacks.of_paths(settings, report["missing_paths"] + report["unanswered_paths"], report)
    left_out = set(live_values.missing_entries(wanted.expect, report["live"]))
    left_out -= {live_values.entry_of(entry["key"])[0] for entry in lacking}
    for setting in settings:
        table = live_values.entry_of(setting["key"])[0]
        if table in left_out and setting["value"] in report["newer_paths"]:
            found.setdefault(table, setting["value"])
    return found


def unanswered(report: Report) -> list[str]:
    """Return a sentence for each path of a setting whose file system did not answer."""
    return [
        f"{path}: its file system did not answer in time, so it is not known whether the path exists on this node"
        for path in report["unanswered_paths"]
    ]


def without_effect(wanted: DesiredFiles, report: Report) -> list[dict[str, str]]:
    """Return the keys that are set, but that CRI-O silently ignores on this node."""
    found = []
    for setting in wanted.settings():
        if setting["key"] == "crio.runtime.selinux" and setting["value"] is True and not report["selinux"]:
            found.append({"key": setting["key"], "reason": "the kernel of this node does not run SELinux"})
    if report["root_registries"]:
        reason = f"{report['root_registries']} replaces /etc/containers/registries.conf and its drop-ins"
        found += [{"key": path, "reason": reason} for path in wanted.paths_of("registries_conf")]
    found += _unread_files(wanted, report)
    # A path that this set writes was missing before the change.
    missing = [path for path in report["missing_paths"] if path not in wanted.by_path]
    return found + fallbacks.found(wanted.settings(), missing, report)


def _unread_files(wanted: DesiredFiles, report: Report) -> list[dict[str, str]]:
    """Return the files that the runtime on this node does not read, because it reads another one instead."""
    found = []
    product = report.get("runtime", "CRI-O")
    changes = any(not report["files"][path]["as_wanted"] for path in wanted.paths_of("containerd_toml"))
    folders = None if changes else report.get("hosts_directories")
    for file in wanted:
        if folders is not None and file.kind.name == "hosts_toml" and file.place not in folders:
            reason = f"config_path of the registries in config.toml of this node does not name {file.place}"
            found.append({"key": file.path, "reason": reason})
        key = file.kind.path_key
        if key and key not in wanted.expect and report["live"].get(key) is not None:
            read = report["live"][key]
            instead = "the default of containers/image" if read == '""' else read
            reason = f"the running CRI-O reads {instead} instead; set {key} in crio_config, also if it is the default"
            found.append({"key": file.path, "reason": reason})
        known = {*report["missing_paths"], *report["unanswered_paths"]}
        for other in file.outranked_by:
            if other not in known and (not key or key not in report["live"]):
                found.append({"key": file.path, "reason": f"{other} exists, and {product} reads it instead"})
                break
    return found
