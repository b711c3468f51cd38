# SPDX-License-Identifier: GPL-3.0-or-later
"""The first of a run's two calls: what is on the node, what its daemon has loaded, and a fingerprint of all that."""

from __future__ import annotations

import json
import os

from . import node_files
from .crictl.call import Crictl, CrictlError
from .crio import service as crio_service
from .crio.live import CrioSocketError, live_configuration

STATE_DIRECTORY = "/var/lib/cri-node"
STATE_FILE = STATE_DIRECTORY + "/state.json"
GENERATIONS = STATE_DIRECTORY + "/generations"
TRANSACTION = STATE_DIRECTORY + "/transaction"
INTENT = TRANSACTION + "/intent.json"
# Where it exists, containers/image reads no registries.conf and no registries.conf.d below /etc (containers-registries.conf(5)).
ROOT_REGISTRIES = "/root/.config/containers/registries.conf"
LARGEST_SHOWN = 64 * 1024  # bytes of a present file that travel for --diff


def read(request, service=None, live=None):
    """Look at the node for `request`: {"unit", "owners", "files": [...], "expect": {key: text}}, where each file is
    {path, owner, sha256, mode, secret, disruption}. `service` and `live` (of ask_live) are for a caller that has them already.

    Returns a dictionary of plain data:
    crio: installed, binary, version, config_path, config_directory, socket
    unit: exists, masked, active, enabled, invocation_id, kill_mode
    files: by path: what node_files.describe says, `content` where it differs and may be shown, `as_wanted`, `loaded`,
        `disruption`
    orphans: files that an earlier generation of the same owners wrote and that are wanted no more, in the same form
    live: the expected keys whose live value differs: {key: text or None}
    crictl_version: the node's own crictl's, where asks_for_crictl is true
    root_registries: the file that makes containers/image leave /etc's registries unread, where it exists
    reload: what tells whether a reload can be relied on; {} where no file needs to know
    fingerprint: a SHA-256 over all that apply relies on
    """
    service = service or crio_service.CrioService(request["unit"])
    state = node_files.read_json(STATE_FILE) or {}
    wanted = {entry["path"]: entry for entry in request["files"]}
    files = {path: _look_at(path, entry, service, state) for path, entry in sorted(wanted.items())}
    orphans = {
        path: _look_at(path, None, service, state) for path in _orphans(state, request["owners"], wanted)
    }
    expect = request.get("expect") or {}
    reloads = any(found["disruption"] == "reload" for found in {**files, **orphans}.values())
    if live is None:
        live = ask_live(service)[0] if expect or reloads else {}
    report = {
        "crio": {
            "installed": service.binary is not None,
            "binary": service.binary,
            "version": _version(service.binary, state),
            "config_path": service.config_path,
            "config_directory": service.config_directory,
            "socket": service.socket,
        },
        "unit": {
            "name": service.unit,
            "exists": service.exists,
            "masked": service.masked,
            "active": service.active,
            "enabled": service.enabled,
            "invocation_id": service.invocation_id,
            "kill_mode": service.kill_mode,
            "needs_daemon_reload": service.needs_daemon_reload,
            "reloads": service.reloads,
            "binary_replaced": service.binary_replaced,
        },
        "crictl_version": _crictl_version() if request.get("asks_for_crictl") else None,
        "selinux": os.path.exists("/sys/fs/selinux/enforce"),
        "root_registries": ROOT_REGISTRIES if os.path.exists(ROOT_REGISTRIES) else "",
        "files": files,
        "orphans": orphans,
        "live": {
            key: live.get(key) for key, value in sorted(expect.items()) if live and live.get(key) != value
        },
        "reload": _about_reload(service, live) if reloads else {},
        "generation": state.get("generation", 0),
        "interrupted": os.path.exists(INTENT),
    }
    report["fingerprint"] = fingerprint(report)
    return report


def fingerprint(report):
    """One hash for what a plan was made of: any change of it on the node makes the plan void."""
    seen = {
        "files": {path: _identity(found) for path, found in report["files"].items()},
        "orphans": {path: _identity(found) for path, found in report["orphans"].items()},
        "unit": {name: report["unit"][name] for name in ("invocation_id", "active", "enabled", "kill_mode")},
        "version": report["crio"]["version"],
        "generation": report["generation"],
        "interrupted": report["interrupted"],
    }
    return node_files.digest(json.dumps(seen, sort_keys=True).encode())


def _identity(found):
    return [found.get(name) for name in ("kind", "sha256", "mode", "uid", "gid")]


def _look_at(path, entry, service, state):
    found = node_files.describe(path)
    if entry is None:
        recorded = _recorded(state).get(path, {})
        secret = recorded.get("secret", True)
        found["owner"], found["secret"] = recorded.get("owner"), secret
        found["disruption"] = recorded.get("disruption", "restart")
        as_wanted = found["kind"] == "absent"
    else:
        secret = entry.get("secret", False)
        found["disruption"] = entry.get("disruption", "restart")
        as_wanted = (
            found.get("sha256") == entry["sha256"]
            and found.get("mode") == entry["mode"]
            and (found.get("uid"), found.get("gid")) == (0, 0)
        )
    found["as_wanted"] = as_wanted
    found["loaded"] = as_wanted and (found["disruption"] == "none" or is_loaded(path, found, service, state))
    if found["kind"] == "file" and not as_wanted and not secret:
        found["content"] = node_files.read_bytes(path)[:LARGEST_SHOWN].decode("utf-8", "replace")
    return found


def is_loaded(path, found, service, state):
    """Whether the running daemon has read these bytes: known by hash under its InvocationID, or older than its start."""
    if not service.active:
        return False
    acknowledged = state.get("acknowledged", {})
    if acknowledged.get("invocation_id") == service.invocation_id:
        return acknowledged.get("files", {}).get(path) == found.get("sha256")
    return found["kind"] == "absent" or found["changed_at"] < (service.started_at or 0)


def _recorded(state):
    return {
        path: dict(entry, owner=owner)
        for owner, entries in state.get("owners", {}).items()
        for path, entry in entries.items()
    }


def _orphans(state, owners, wanted):
    return sorted(
        path for path, entry in _recorded(state).items() if entry["owner"] in owners and path not in wanted
    )


def ask_live(service):
    """(what the running daemon uses, why it does not tell): {} without one that runs and tells; the second may be empty."""
    if not service.active:
        return {}, ""
    try:
        return live_configuration(service.socket), ""
    except CrioSocketError as error:
        return {}, str(error)


def _about_reload(service, live):
    """Of the daemon's options and CONTAINER_* variables only the names: a value may be a secret."""
    variables = [name for name in service.environment if name.startswith("CONTAINER_")]
    return {
        "log_level": live.get("crio.runtime.log_level"),
        "log_filter": live.get("crio.runtime.log_filter"),
        "options": sorted([option.partition("=")[0] for option in service.options] + variables),
    }


def _crictl_version():
    """The version of this node's crictl itself; None without one."""
    try:
        return crio_service.version_of(Crictl().binary)
    except CrictlError:
        return None


def _version(binary, state):
    """The binary's version, without starting it where the last transaction already asked this very file."""
    if binary is None:
        return None
    known = state.get("binary", {})
    if known.get("identity") == binary_identity(binary):
        return known["version"]
    return crio_service.version_of(binary)


def binary_identity(binary):
    """What tells one crio file from the next without reading it: path, inode, size, modification time."""
    status = os.stat(binary)
    return [binary, status.st_ino, status.st_size, status.st_mtime_ns]
