# SPDX-License-Identifier: GPL-3.0-or-later
"""The first of a run's two calls: what is on the node, what its daemon has loaded, and a fingerprint of both."""

from __future__ import annotations

import collections
import json
import os
import threading
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypedDict, Union, cast

from . import managed_file, node_files
from .crictl.call import Crictl, CrictlError
from .crio import effective, journald
from .crio import service as crio_service
from .crio.live import CrioSocketError, live_configuration
from .crio.service import CrioService, RuntimeService
from .documents import LARGEST_SHOWN
from .errors import NodeError
from .layout import CONTAINERD, NODE, Layout
from .managed_file import SharedFile
from .transaction import intent
from .transaction import state as committed

if TYPE_CHECKING:
    from .contract import (
        CrioReport,
        File,
        FoundFile,
        Intent,
        OwnedFile,
        ProbeRecord,
        ReloadReport,
        Report,
        ReportedFile,
        Request,
        State,
        UnitReport,
        UnwantedFile,
    )

    _Undesired = Union[OwnedFile, UnwantedFile]  # as it was committed, or as the request names it

    class _Paths(TypedDict):
        missing_paths: list[str]
        newer_paths: list[str]
        unanswered_paths: list[str]


_HEADER = b"cri.node."  # in the first line of every file that a role of this collection writes
_HEADER_LENGTH = 200  # bytes
_PATH_SECONDS = 5  # for all paths that the settings name; one may be on a file system that does not answer
_PATH_THREADS = 16  # each of them may end up waiting for a file system


def read(
    request: Request,
    layout: Layout = NODE,
    service: RuntimeService | None = None,
    live: dict[str, str] | None = None,
    brief: bool = False,
) -> Report:
    """Inspect the node for `request`. `service` and `live` (from ask_live) are for callers that have them already.

    brief: leave out what is not part of the fingerprint: what the daemon and crictl are asked for, and the paths.

    Returns a contract.Report:
    crio: installed, binary, version, config_path, config_directory, socket, redirected_by, wrapped_by
    unit: exists, masked, phase (serving, stopped or between), state (systemd's words), active, enabled, invocation_id,
        kill_mode
    files: by path: what node_files.describe returns (for a secret file without its hash), `content` if it differs and may
        be shown, `same_content`, `as_wanted`, `as_committed`, `loaded`, `unloaded_keys`, `secret`, `disruption`
    orphans: files of the same owners that are not desired any more, in the same form: from an earlier generation, or
        recognised by name and header if the state of the node was lost
    live: the expected keys with a different live value: {key: text or None}
    effective: the value of those keys in the node's files, if the daemon has loaded all of them
    missing_paths: those of the request's `paths` that do not exist
    newer_paths: those that were installed or changed after the running daemon was started
    unanswered_paths: those whose file system did not answer in time, so that it is not known whether they exist
    crictl_version: the version of the node's own crictl, with asks_for_crictl
    root_registries: the file that makes containers/image ignore the registries files in /etc, if it exists
    reload: whether a reload can be relied on; {} if no file needs one
    notes: what is wrong with the node's own records
    fingerprint: a SHA-256 of everything that apply relies on
    """
    service = (service or service_of(request)).settled(request.get("ready_timeout") or 0)
    if brief:
        request = {**request, "expect": {}, "paths": [], "asks_for_crictl": False}
    state, damage = committed.load(layout)
    files, orphans = _describe_all(request, service, state)
    found_all = {**files, **orphans}
    reloads = not brief and any(_may_be_reloaded(found) for found in found_all.values())
    expect = request.get("expect") or {}
    if live is None:
        live = ask_live(service)[0] if expect or reloads else {}
    different = {
        key: live.get(key) for key, value in sorted(expect.items()) if live and live.get(key) != value
    }
    settled = service.active and all(
        found["loaded"] for found in files.values() if found["disruption"] != "none"
    )
    paths = _about_paths(request.get("paths") or [], service.started_at)
    report: Report = {
        "crio": _about_crio(service, state),
        "unit": _about_unit(service),
        "crictl_version": _crictl_version() if request.get("asks_for_crictl") else None,
        "selinux": os.path.exists(layout.selinux),
        "root_registries": layout.root_registries if os.path.exists(layout.root_registries) else "",
        "files": files,
        "orphans": orphans,
        "live": different,
        "effective": _effective(service, different) if different and settled else {},
        "missing_paths": paths["missing_paths"],
        "newer_paths": paths["newer_paths"],
        "unanswered_paths": paths["unanswered_paths"],
        "reload": _about_reload(service, live, found_all) if reloads else {},
        "generation": state["generation"],
        "interrupted": intent.is_open(layout),
        "notes": [damage] if damage else [],
        "fingerprint": "",
    }
    if service.runtime == CONTAINERD:
        report["runtime"] = service.runtime
        report["hosts_directories"] = _hosts_directories(service)
    report["fingerprint"] = fingerprint(report)
    for found in found_all.values():
        found.pop("identity")
    return report


def service_of(document: Request | Intent | ProbeRecord) -> RuntimeService:
    """Return the unit of the runtime that a request or a record on the disk names."""
    if document.get("runtime", CrioService.runtime) == CONTAINERD:
        from .containerd.service import ContainerdService  # a node with CRI-O does not compile it

        return ContainerdService(document["unit"])
    return crio_service.CrioService(document["unit"])


def _hosts_directories(service: RuntimeService) -> list[str]:
    from .containerd import effective as of_containerd

    return of_containerd.hosts_directories(of_containerd.present(service))


def fingerprint(report: Report) -> str:
    """Return one hash of what a plan is based on: a plan is void after any change of it."""
    unit: dict[str, Any] = {**report["unit"]}
    seen = {
        "files": {path: _identity(found) for path, found in report["files"].items()},
        "orphans": {path: _identity(found) for path, found in report["orphans"].items()},
        "unit": {name: unit[name] for name in ("invocation_id", "phase", "enabled", "kill_mode")},
        "version": report["crio"]["version"],
        "generation": report["generation"],
        "interrupted": report["interrupted"],
    }
    return node_files.digest(json.dumps(seen, sort_keys=True).encode())


def _about_crio(service: RuntimeService, state: State) -> CrioReport:
    return {
        "installed": service.binary is not None,
        "binary": service.binary,
        "version": _version(service.binary, state),
        "config_path": service.config_path,
        "config_directory": service.config_directory,
        "socket": service.socket,
        "redirected_by": service.redirected_by,
        "wrapped_by": service.wrapped_by,
    }


def _about_unit(service: RuntimeService) -> UnitReport:
    return {
        "name": service.unit,
        "exists": service.exists,
        "masked": service.masked,
        "phase": service.phase,
        "state": service.state_words,
        "active": service.active,
        "enabled": service.enabled,
        "invocation_id": service.invocation_id,
        "kill_mode": service.kill_mode,
        "needs_daemon_reload": service.needs_daemon_reload,
        "reloads": service.reloads,
        "binary_replaced": service.binary_replaced,
    }


def _describe_all(
    request: Request, service: RuntimeService, state: State
) -> tuple[dict[str, ReportedFile], dict[str, ReportedFile]]:
    """Return (desired files, orphans), both by path: whole files and shared ones."""
    wanted = {entry["path"]: entry for entry in request["files"]}
    files = {path: _describe_path(path, entry, service, state) for path, entry in sorted(wanted.items())}
    orphans = _orphans(request, wanted, service, state)
    shared = {entry["path"] for entry in request.get("shared") or []}
    for file in managed_file.shared_files(request, state):
        place = files if file.path in shared else orphans
        place[file.path] = _describe_shared(file, service, state)
    return files, orphans


def _identity(found: ReportedFile) -> list[Any]:
    return found["identity"]


def _describe_path(
    path: str, entry: File | None, service: RuntimeService, state: State, orphan: _Undesired | None = None
) -> ReportedFile:
    """Describe one path of the report. `entry`: the desired file. `orphan`: what is known of a file that is not desired."""
    found = cast("ReportedFile", node_files.describe(path))
    recorded = committed.recorded(state).get(path)
    # A file that was secret stays so for this run, since its old content would be shown.
    secret = bool(recorded and recorded.get("secret")) or not _is_public(found)
    if entry is None:
        known: _Undesired = orphan or {}
        found["owner"] = known["owner"]
        found["disruption"] = (recorded and recorded.get("disruption")) or known.get("disruption", "restart")
        as_wanted = found["file_type"] == "absent"
    else:
        secret = secret or entry.get("secret", False)
        found["disruption"] = entry.get("disruption", "restart")
        found["same_content"] = found.get("sha256") == entry["sha256"]
        as_wanted = (
            found["same_content"]
            and found.get("mode") == entry["mode"]
            and (found.get("uid"), found.get("gid")) == (0, 0)
        )
    found["secret"] = secret
    found["as_wanted"] = as_wanted
    if recorded and recorded["sha256"]:
        found["as_committed"] = committed.is_as_committed(found, recorded)
    found["loaded"] = as_wanted and (
        found["disruption"] == "none" or committed.is_loaded(path, found, service, state)
    )
    wanted_keys = {} if entry is None else entry.get("key_hashes")
    unloaded = committed.unloaded_keys(path, wanted_keys, found, service, state)
    if unloaded is not None:
        found["unloaded_keys"] = unloaded
    if found["file_type"] == "file" and not as_wanted and not secret:
        found["content"] = node_files.read_bytes(path)[:LARGEST_SHOWN].decode("utf-8", "replace")
    # A short secret could be guessed from its hash, so a secret file is identified by its inode and time.
    identified_by = ("inode", "modified") if secret else ("sha256",)
    values: dict[str, Any] = {**found}
    found["identity"] = [values.get(name) for name in ("file_type", *identified_by, "mode", "uid", "gid")]
    if secret:
        found.pop("sha256", None)
    return found


def _describe_shared(file: SharedFile, service: RuntimeService, state: State) -> ReportedFile:
    """Describe a shared file. Only our entries are compared; no hash leaves the node, nor does anything else of the file."""
    found = cast("ReportedFile", dict(file.found))
    found.update({"shared": True, "secret": file.secret, "disruption": file.disruption})
    found["as_wanted"] = file.matches()
    found["same_content"] = not file.written
    found["changed_entries"] = file.changed_entries()
    found["is_removed"] = file.is_removed()
    as_committed = file.is_as_committed()
    if as_committed is not None:
        found["as_committed"] = as_committed
    found["loaded"] = found["as_wanted"] and (
        found["disruption"] == "none" or committed.is_loaded(file.path, file.found, service, state)
    )
    found["identity"] = [
        found["file_type"],
        found.get("mode"),
        found.get("uid"),
        found.get("gid"),
        *file.words(),
    ]
    found.pop("sha256", None)
    return found


def _is_public(found: FoundFile) -> bool:
    return found["file_type"] != "file" or bool(int(found["mode"], 8) & 0o004)


def _orphans(
    request: Request, wanted: dict[str, File], service: RuntimeService, state: State
) -> dict[str, ReportedFile]:
    """Return files of these owners that are not desired: recorded, or with a known name and our header."""
    known: dict[str, _Undesired] = {
        path: entry
        for path, entry in committed.recorded(state).items()
        if entry["owner"] in request["owners"] and path not in wanted
    }
    for unwanted in request.get("unwanted") or []:
        path = unwanted["path"]
        if path not in wanted and path not in known and has_our_header(path):
            known[path] = unwanted
    return {path: _describe_path(path, None, service, state, entry) for path, entry in sorted(known.items())}


def has_our_header(path: str) -> bool:
    """Return whether a regular file begins with the line that the collection writes into its files."""
    if not os.path.isfile(path) or os.path.islink(path):
        return False
    try:
        first = node_files.read_bytes(path)[:_HEADER_LENGTH].split(b"\n", 1)[0]
    except NodeError:
        return False
    return first.startswith(b"#") and _HEADER in first


def ask_live(service: RuntimeService) -> tuple[dict[str, str], str]:
    """Return (live configuration, why it cannot be read). The first is {} without a running daemon that reports it."""
    if not service.active or not service.reports_configuration:
        return {}, ""
    try:
        return live_configuration(service.socket), ""
    except CrioSocketError as error:
        return {}, str(error)


def _about_paths(paths: list[str], started_at: float | None) -> _Paths:
    """Report on the paths in the settings. started_at: the start of the daemon, None if it is not running."""
    changed_at, now = paths_changed_at(paths), time.time()
    # A time in the future shows that a clock was wrong, and would stay newer than every start.
    newer = {
        path for path, changed in changed_at.items() if started_at and started_at <= (changed or 0) <= now
    }
    return {
        "missing_paths": [path for path in paths if path in changed_at and changed_at[path] is None],
        "newer_paths": [path for path in paths if path in newer],
        "unanswered_paths": [path for path in paths if path not in changed_at],
    }


def paths_changed_at(paths: Iterable[str], seconds: float = _PATH_SECONDS) -> dict[str, float | None]:
    """Return {path: when its inode or its link's last changed, in seconds since the epoch; None if it does not exist}.

    A path without an answer within `seconds` is left out, for example on NFS without its server. A thread that is still
    waiting is a daemon thread, which does not keep the process from ending.
    """
    waiting = collections.deque(paths)
    answers: dict[str, float | None] = {}
    deadline = time.monotonic() + seconds
    workers = [
        threading.Thread(target=_read_paths, args=(waiting, answers), daemon=True)
        for _each in range(min(_PATH_THREADS, len(waiting)))
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(max(deadline - time.monotonic(), 0))
    waiting.clear()
    return answers.copy()


def _read_paths(waiting: collections.deque[str], answers: dict[str, float | None]) -> None:
    while True:
        try:
            path = waiting.popleft()
        except IndexError:
            return
        answers[path] = _changed_at(path)


def _changed_at(path: str) -> float | None:
    try:
        return max(os.lstat(path).st_ctime, os.stat(path).st_ctime)
    except (OSError, ValueError):  # the latter for a NUL in the path
        return None


def _effective(service: RuntimeService, different: Iterable[str]) -> dict[str, str | None]:
    """Return {key: value in the node's files} for the keys with a different live value."""
    present = effective.present(service)
    return {key: effective.value(present, key) for key in different} if present else {}


def _about_reload(
    service: RuntimeService, live: dict[str, str], files: dict[str, ReportedFile]
) -> ReloadReport:
    """Report whether a reload can be relied on. Options and CONTAINER_* variables are listed by name: values may be secret."""
    variables = [name for name in service.environment if name.startswith("CONTAINER_")]
    about: ReloadReport = {
        "log_level": live.get("crio.runtime.log_level"),
        "log_filter": live.get("crio.runtime.log_filter"),
        "options": sorted([option.partition("=")[0] for option in service.options] + variables),
        "invisible": "",
    }
    unloaded = [found for found in files.values() if not found["loaded"]]
    # A file that needs a restart as a whole decides the plan, whether a reload can be relied on or not.
    restarts = any(found["disruption"] == "restart" and "unloaded_keys" not in found for found in unloaded)
    needed = not restarts and any(_may_be_reloaded(found) for found in unloaded)
    if needed and service.active and service.reloads:
        try:
            about["invisible"] = journald.witness(service, Crictl(f"unix://{service.socket}"))
        except CrictlError as error:
            about["invisible"] = str(error)
    return about


def _may_be_reloaded(found: ReportedFile) -> bool:
    return found["disruption"] == "reload" or "unloaded_keys" in found


def _crictl_version() -> str | None:
    """Return the version of the node's crictl; None without one."""
    try:
        return crio_service.version_of(Crictl().binary)
    except CrictlError:
        return None


def _version(binary: str | None, state: State) -> str | None:
    """Return the binary's version, without running it if the last transaction recorded the version of the same file."""
    if binary is None:
        return None
    known = state["binary"]
    if known.get("identity") == crio_service.binary_identity(binary):
        return known["version"]
    return crio_service.version_of(binary)
