# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers as the node's processes show them: what runs, under which monitor, and how it ended.

The runtime's own list is one witness. The other are the monitors (conmon, one for each container): they hold a container's
output, note its exit, and outlive the daemon. A container is lost where a change took it down, or where the runtime no longer
knows one whose process lives; one that ended by itself is not.
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
# How a process ends that systemd stops with its unit: SIGTERM, SIGKILL; conmon notes 128 and the signal.
_TAKEN_DOWN = ("137", "143")


def monitors(proc: str = "/proc") -> list[Monitor]:
    """All monitors of the node: {"pid", "started", "groups", and of a conmon "id", "name", "runtime", "runtime_root", "exit_dir",
    "bundle", "persistent", "container": {"pid", "started"} where that process lives}.
    """
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
    """A conmon forks short-lived copies of itself while it starts the container."""
    parent = process_parent(name, proc)
    return parent != "1" and _read(f"{proc}/{parent}/comm").strip() in _MONITORS


def process(pid: str, proc: str = "/proc") -> Process | None:
    """What tells a process from a later one with its number: {"pid", "started" (clock ticks since boot)}; None without it."""
    fields = _status(pid, proc)
    if len(fields) < 20 or fields[0] == "Z":
        return None
    return {"pid": int(pid), "started": fields[19]}


def process_parent(pid: str, proc: str = "/proc") -> str:
    """Return the id of the parent process, "" where there is no such process."""
    fields = _status(pid, proc)
    return fields[1] if len(fields) > 1 else ""


def _status(pid: str, proc: str) -> list[str]:
    """/proc/PID/stat's fields from the state on; the command before them may have spaces and brackets (proc(5))."""
    return _read(f"{proc}/{pid}/stat").rpartition(")")[2].split()


def lives(identity: Process | None, proc: str = "/proc") -> bool:
    """Whether the very process is still there."""
    if not identity:
        return False
    known = {"pid": identity["pid"], "started": identity["started"]}
    return process(str(identity["pid"]), proc) == known


def _groups(name: str, proc: str) -> list[str]:
    """The control groups of a process, one for each hierarchy: which one is systemd's depends on the host."""
    parts = [line.split(":", 2) for line in _read(f"{proc}/{name}/cgroup").splitlines()]
    return sorted({each[2] for each in parts if len(each) == 3})


def inside(groups: Iterable[str], parent: str) -> bool:
    """Whether one of the control groups is `parent` or below it."""
    return bool(parent) and any(
        each == parent or each.startswith(parent.rstrip("/") + "/") for each in groups
    )


def is_pods_own(monitor: Monitor) -> bool:
    """Whether the container is the one that holds a pod's namespaces, and none of those that the pod is for."""
    return monitor.get("name", "").startswith(_OF_A_POD)


def snapshot(
    listed: list[dict[str, Any]] | None = None, known: list[Monitor] | None = None
) -> list[Container]:
    """The containers that run now: what the runtime lists, with their monitors; of a silent runtime the monitors alone.

    A pod's own container is not among them. listed: typed entries of crictl ps, None where the runtime was not asked; known:
    monitors() of this moment.
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
    before: Iterable[Container], listed: Collection[str], group: str, ended: dict[str, int] | None = None
) -> tuple[list[str], list[str], list[str]]:
    """What became of the containers of a snapshot: (lost, pending, ended), each a list of sentences.

    listed: ids that the runtime lists as running now. group: the daemon's control group, whose processes a stop may end.
    ended: of containers without a monitor, {id: exit code} as the runtime has it now.
    """
    lost, pending, gone = [], [], []
    for each in before:
        if each["id"] in listed:
            continue
        name = _name(each)
        if lives(each.get("container")):
            lost.append(
                f"{name} still runs as process {each['container']['pid']}, and the runtime lists it no longer"
            )
            continue
        code = exit_code(each)
        if code is None and lives(each.get("monitor")):
            pending.append(f"{name} is ending")
        elif code in _TAKEN_DOWN and inside(each.get("groups", ()), group):
            lost.append(f"{name} was stopped with the daemon (exit code {code})")
        elif code is not None:
            gone.append(f"{name} ended by itself (exit code {code})")
        elif (ended or {}).get(each["id"]) is None:
            gone.append(f"{name} was removed")
        elif "monitor" in each or (ended or {})[each["id"]] in (137, 255):
            lost.append(f"{name} was stopped, and nobody noted how it ended")
        else:
            gone.append(f"{name} ended by itself (exit code {(ended or {})[each['id']]})")
    return lost, pending, gone


def exit_code(entry: Container) -> str | None:
    """What the monitor noted as the container's end, such as "0"; None where it noted nothing."""
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
