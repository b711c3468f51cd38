# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers as the node's processes show them: which ones run, with which monitor, and how they ended.

Besides the runtime's own list there are the monitors (conmon, one for each container): they hold a container's output,
record its exit, and outlive the daemon. A container is lost if a change stopped it, or if the runtime does not list a
container whose process is still running. A container that ended by itself is not lost.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable

from ..text import shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..contract import Container, Monitor, Process

_MONITORS = ("conmon", "conmonrs")
_CMDLINE = 64 * 1024  # bytes read of a command line
_OPTIONS = {
    "-c": "id",
    "--cid": "id",
    "-p": "pidfile",
    "--container-pidfile": "pidfile",
    "-r": "runtime",
    "--runtime": "runtime",
    "--exit-dir": "exit_dir",
    "--runtime-arg": "runtime_arg",
    "-b": "bundle",
    "--bundle": "bundle",
    "--persist-dir": "persistent",
    "-n": "name",
    "--name": "name",
}
EXIT_DIRECTORY = "/var/run/crio/exits"  # crio.runtime.container_exits_dir's default
_OF_A_POD = "k8s_POD_"  # the name of a pod's own container begins so; crictl lists none of them (internal/lib/sandbox)
# Exit codes of processes that systemd stops with their unit (SIGTERM, SIGKILL): conmon records 128 plus the signal.
_TAKEN_DOWN = ("137", "143")


def monitors(proc: str = "/proc") -> list[Monitor]:
    """Return all monitors of the node."""
    found = []
    for name in os.listdir(proc):
        if name.isdigit() and _read(f"{proc}/{name}/comm").strip() in _MONITORS:
            monitor = _monitor(name, proc)
            if monitor:
                found.append(monitor)
    return found


def _monitor(name: str, proc: str) -> Monitor | None:
    words = _read(f"{proc}/{name}/cmdline").rstrip("\0").split("\0")
    identity = process(name, proc)
    if identity is None or _is_fork_of_one(name, proc):
        return None
    monitor: Any = {**identity, "groups": _groups(name, proc)}
    for word, value in zip(words, words[1:]):
        if word == "--runtime-arg" and value.startswith("--root="):
            monitor["runtime_root"] = value[len("--root=") :]
        elif word in _OPTIONS:
            monitor.setdefault(_OPTIONS[word], value)
    for word in words:
        if word.startswith("--runtime-arg=--root="):
            monitor["runtime_root"] = word.rpartition("=")[2]
    pid = _read(monitor.pop("pidfile", "")).strip()
    container = process(pid, proc) if pid.isdigit() else None
    if container:
        monitor["container"] = container
    monitor.pop("runtime_arg", None)
    return monitor


def _is_fork_of_one(name: str, proc: str) -> bool:
    """Whether the process is a short-lived copy that conmon forks while it starts a container."""
    parent = process_parent(name, proc)
    return parent != "1" and _read(f"{proc}/{parent}/comm").strip() in _MONITORS


def process(pid: str, proc: str = "/proc") -> Process | None:
    """Return what distinguishes a process from a later one with the same number; None if there is no such process."""
    fields = _status(pid, proc)
    if len(fields) < 20 or fields[0] == "Z":
        return None
    return {"pid": int(pid), "started": fields[19]}


def process_parent(pid: str, proc: str = "/proc") -> str:
    """Return the id of the parent process, "" where there is no such process."""
    fields = _status(pid, proc)
    return fields[1] if len(fields) > 1 else ""


def _status(pid: str, proc: str) -> list[str]:
    """Return the fields of /proc/PID/stat behind the command, which may contain spaces and brackets (proc(5))."""
    return _read(f"{proc}/{pid}/stat").rpartition(")")[2].split()


def lives(identity: Process | None, proc: str = "/proc") -> bool:
    """Whether this very process is still running."""
    if not identity:
        return False
    known = {"pid": identity["pid"], "started": identity["started"]}
    return process(str(identity["pid"]), proc) == known


def _groups(name: str, proc: str) -> list[str]:
    """Return the control groups of a process, one for each hierarchy; which one systemd uses depends on the host."""
    parts = [line.split(":", 2) for line in _read(f"{proc}/{name}/cgroup").splitlines()]
    return sorted({each[2] for each in parts if len(each) == 3})


def inside(groups: Iterable[str], parent: str) -> bool:
    """Whether one of the control groups is `parent` or below it."""
    return bool(parent) and any(
        each == parent or each.startswith(parent.rstrip("/") + "/") for each in groups
    )


def processes_in(group: str, name: str, proc: str = "/proc") -> int:
    """Return how many processes in a control group, or below it, have a name that begins so (15 characters of it count)."""
    count = 0
    for pid in os.listdir(proc):
        if pid.isdigit() and _read(f"{proc}/{pid}/comm").startswith(name[:15]):
            count += inside(_groups(pid, proc), group)
    return count


def is_pods_own(monitor: Monitor) -> bool:
    """Whether the container is the one that holds a pod's namespaces."""
    return monitor.get("name", "").startswith(_OF_A_POD)


def snapshot(
    listed: list[dict[str, Any]] | None = None, known: list[Monitor] | None = None
) -> list[Container]:
    """Return the running containers: those that the runtime lists, or without a list those that have a monitor.

    A pod's own container is not included. listed: typed entries of crictl ps, None if the runtime was not asked. known: the
    result of monitors(), if the caller has it.
    """
    found = {each["id"]: each for each in (monitors() if known is None else known) if "id" in each}
    if listed is None:
        return [
            _entry(identity, monitor)
            for identity, monitor in sorted(found.items())
            if "container" in monitor and not is_pods_own(monitor)
        ]
    names = {each["id"]: each for each in listed}
    return [_entry(identity, found.get(identity), names[identity]) for identity in sorted(names)]


def _entry(identity: str, monitor: Monitor | None, listed: dict[str, Any] | None = None) -> Container:
    entry: Any = {"id": identity}
    if listed and listed.get("name"):
        entry["name"] = shown(listed["name"], 100)  # for messages only
    if monitor:
        seen: dict[str, Any] = {**monitor}
        entry["monitor"] = {name: seen[name] for name in ("pid", "started")}
        entry.update({name: seen[name] for name in ("groups", "exit_dir", "container") if name in seen})
    return entry


def judge(
    before: Iterable[Container],
    listed: Collection[str],
    group: str,
    ended: dict[str, int] | None = None,
    accepted: Collection[str] = (),
) -> tuple[list[str], list[str], list[str]]:
    """Decide what happened to the containers of a snapshot. Returns (lost, pending, ended), each a list of sentences.

    listed: ids that the runtime lists as running now. group: the daemon's control group, whose processes a stop may end.
    ended: {id: exit code} as the runtime reports it, for containers whose monitor left no record. accepted: ids of those
    whose loss an overruled guard has announced; they are never lost or pending, but ended.
    """
    all_lost: list[str] = []
    all_pending: list[str] = []
    gone: list[str] = []
    reported = ended or {}
    for each in before:
        if each["id"] in listed:
            continue
        name = _name(each)
        lost, pending = (gone, gone) if each["id"] in accepted else (all_lost, all_pending)
        if lives(each.get("container")):
            lost.append(
                f"{name} still runs as process {each['container']['pid']}, but the runtime no longer lists it"
            )
            continue
        code = exit_code(each)
        if code is None and lives(each.get("monitor")):
            pending.append(f"{name} is stopping")
            continue
        if code is None and reported.get(each["id"]) is None:
            gone.append(f"{name} was removed")
            continue
        code = code or _known(reported[each["id"]])
        if code is None:
            lost.append(f"{name} was stopped, but its exit was not recorded")
        elif code in _TAKEN_DOWN and ("monitor" not in each or inside(each.get("groups", ()), group)):
            lost.append(f"{name} was stopped with the daemon (exit code {code})")
        else:
            gone.append(f"{name} exited on its own (exit code {code})")
    return all_lost, all_pending, gone


def _known(code: int) -> str | None:
    """Return the exit code that the runtime reports; None if the exit is unknown.

    CRI-O removes the record of the monitor after it has read it (server/server.go, handleExit), and reports 255 for a container
    without a record (internal/oci/runtime_oci.go, UpdateContainerStatus). -1 means that the runtime reports no exit code.
    """
    return None if code in (-1, 255) else str(code)


def exit_code(entry: Container) -> str | None:
    """Return the exit code that the monitor recorded, such as "0"; None if it recorded none."""
    text = _read(os.path.join(entry.get("exit_dir") or EXIT_DIRECTORY, entry["id"])).strip()
    return text if re.fullmatch(r"-?\d{1,6}", text) else None


def _name(entry: Container) -> str:
    return (
        f"container {entry['name']} ({entry['id'][:12]})"
        if entry.get("name")
        else f"container {entry['id'][:12]}"
    )


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(_CMDLINE)
    except (OSError, ValueError):
        return ""
