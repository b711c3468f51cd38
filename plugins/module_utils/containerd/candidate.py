# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests the configuration of containerd as a change would leave it, and what its start would cost something that runs.

containerd itself reads the candidate and prints what it makes of it. It ignores unknown keys: 1.7 silently, but does not print
them, and 2.x with a line in its log. What a plugin refuses, only a start shows: then the change is undone.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .. import node_files
from ..crio import containers, daemon, journald
from ..crio.service import RuntimeService
from ..errors import NodeError, TransactionError
from ..layout import CONTAINERD_CONFIG
from ..text import shown
from ..toml_reader import TomlSyntaxError, loads
from ..transaction import guards, losses
from ..transaction.configuration_copy import write_private
from . import effective
from .service import reason

if TYPE_CHECKING:
    from ..contract import Before, Request

_MOST = 10  # keys in one message
_LOGS_UNKNOWN = 3  # the version in which a containerd prints its configuration that logs unknown keys
_SHIM = "containerd-shim"
_TASKS = "io.containerd.runtime.v2.task/k8s.io"  # below state; the namespace is that of CRI
_METADATA = (
    "io.containerd.metadata.v1.bolt/meta.db"  # below root; without it no image and no container is known
)
_TYPES = {
    bool: "a boolean",
    dict: "a table",
    float: "a number with a fraction",
    int: "an integer",
    list: "a list",
    str: "a string",
}
_DATA = {"root": "images and containers", "state": "running containers"}


def rehearse(request: Request, service: RuntimeService, directory: str) -> Before:
    """Validate the candidate in `directory`, which is private, and refuse to lose something that runs.

    Returns the daemon as it is now, see daemon.snapshot. Raises TransactionError with kind refused or validate, GuardRefusal.
    """
    starts = request["activate"] in ("start", "restart")
    now = effective.present(service)
    then = (
        validate(request, service, directory) if starts or CONTAINERD_CONFIG in request["contents"] else now
    )
    before = daemon.snapshot(service)
    _add_processes(before, now.get("state"))
    if starts:
        found = [
            *_stopped(request, service, before),
            *_elsewhere(now, then, before),
            *_of_another_driver(now, then),
        ]
        losses.refuse(found, request, before, len(before["running"]))
    return before


def _add_processes(before: Before, state: object) -> None:
    """Add the process of each container, by which it is known to run on if containerd does not list it any more.

    state: containerd's folder of that name, where the shim of each container writes it down (pkg/process/init.go of runc's).
    """
    for each in before["running"]:
        try:
            pid = node_files.read_bytes(f"{state}/{_TASKS}/{each['id']}/init.pid", 16).decode(
                "ascii", "replace"
            )
        except NodeError:
            continue  # of another shim, such as kata's, or gone by now
        process = containers.process(pid) if pid.isdigit() else None
        if process:
            each["container"] = process


def validate(request: Request, service: RuntimeService, directory: str) -> dict[str, Any]:
    """Let the node's own containerd read the candidate. Returns what it makes of it. Raises TransactionError."""
    content = request["contents"].get(CONTAINERD_CONFIG)
    path = service.config_path
    if content is not None:
        path = os.path.join(directory, "config.toml")
        write_private(path, content)
    elif CONTAINERD_CONFIG in request["remove"] or not os.path.exists(path):
        path = os.devnull  # its defaults
    status, output, error = effective.dump(service, path)
    if status != 0:
        said = reason(error.strip().splitlines()[-1]) if error.strip() else f"its exit status is {status}"
        wrong = _of_other_types(content, service) if content is not None else []
        raise TransactionError(
            "validate",
            "containerd refuses the configuration",
            "; ".join(wrong) or said.replace(path, CONTAINERD_CONFIG),
        )
    understood = effective.parsed(output)
    if content is not None:
        _refuse_unknown(content, understood, error, service)
    return understood


def _of_other_types(content: str, service: RuntimeService) -> list[str]:
    """Return a sentence for each value that has another type than containerd's default: it only names the types and a line."""
    try:
        asked = loads(content.encode())
    except TomlSyntaxError:
        return []
    defaults = effective.defaults(service)
    found = []
    for path in _keys(asked):
        value, default = effective.value_at(asked, path), effective.value_at(defaults, path)
        if default is not None and type(value) is not type(default):
            found.append(f"{dotted(path)} is {_type(value)}, but must be {_type(default)}")
    return found[:_MOST]


def _type(value: object) -> str:
    return _TYPES.get(type(value), "of another type")


def _refuse_unknown(content: str, understood: dict[str, Any], said: str, service: RuntimeService) -> None:
    """Raise TransactionError for keys that containerd ignores because it does not know them.

    containerd 2.x logs them, and prints a file of version 2 as one of version 3, where its keys are elsewhere. containerd 1.7
    logs nothing, and prints the file without them.
    """
    try:
        asked = loads(content.encode())
    except TomlSyntaxError as error:
        raise TransactionError(
            "validate", "the configuration of containerd cannot be read", str(error)
        ) from None
    named = _not_printed(asked, understood)
    if understood.get("version") == _LOGS_UNKNOWN:
        named = [*_logged(said), *_unknown_plugins(understood, service)]
    if named:
        more = f" and {len(named) - _MOST} more" if len(named) > _MOST else ""
        raise TransactionError(
            "validate",
            "containerd would ignore a part of the configuration, which the containerd of this node does not have",
            f"{', '.join(named[:_MOST])}{more}",
        )


def _not_printed(asked: dict[str, Any], understood: dict[str, Any]) -> list[str]:
    """Return the dotted keys that are only in the first document; of a table of which nothing is known, its name."""
    unknown = [path for path in _keys(asked) if effective.value_at(understood, path) is None]
    named = set()
    for path in unknown:
        above = (path[:length] for length in range(1, len(path)))
        named.add(next((each for each in above if effective.value_at(understood, each) is None), path))
    return [dotted(path) for path in sorted(named)]


def _logged(said: str) -> list[str]:
    """Return the keys that containerd logs as unknown, with their plugins."""
    found = []
    for line in said.splitlines():
        if "Ignoring unknown key in TOML" in line:
            plugin, key = journald.field_of(line, "plugin"), tuple(journald.field_of(line, "key").split(" "))
            found.append(dotted(("plugins", plugin, *key) if plugin else key))
    return sorted(set(found))


def _unknown_plugins(understood: dict[str, Any], service: RuntimeService) -> list[str]:
    """Return the plugins of a document that containerd does not have: it prints their settings as they are."""
    defaults = effective.defaults(service).get("plugins", {})
    return [
        dotted(("plugins", name)) for name in sorted(understood.get("plugins", {})) if name not in defaults
    ]


def _keys(table: dict[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the path of each value of a document, and of each empty table."""
    for name, value in table.items():
        path = (*above, name)
        if isinstance(value, dict) and value:
            yield from _keys(value, path)
        else:
            yield path


def dotted(path: tuple[str, ...]) -> str:
    """Return a path as a dotted key of TOML, with the quotes that the settings of the controller have, so that it finds them."""
    return ".".join(
        name if re.fullmatch("[A-Za-z0-9_-]{1,200}", name) else f'"{shown(name, 200)}"' for name in path
    )


def _stopped(request: Request, service: RuntimeService, before: Before) -> Iterator[losses.Loss]:
    """Yield a loss if a restart of the unit would stop containers: their shims are in its control group."""
    kill_mode, decided_by = losses.kill_mode_after(request, service)
    group = service.control_group or f"/system.slice/{service.unit}"
    shims = containers.processes_in(group, _SHIM) if kill_mode in ("control-group", "mixed") else 0
    if shims:
        count = len(before["running"]) or shims
        yield losses.Loss(
            guards.KILL_MODE,
            f"a restart of {service.unit} would stop {losses.running_containers(count)}: their shims are in the service's own"
            f" control group and KillMode is {kill_mode}{losses.set_by(decided_by, service)}",
            [each["id"] for each in before["running"]],
            "Set KillMode=process in the unit, as its package does, or drain the node first",
        )


def _elsewhere(now: dict[str, Any], then: dict[str, Any], before: Before) -> Iterator[losses.Loss]:
    """Yield a loss for each folder of containerd's data that would become another one while there is something in it."""
    for key, lost in _DATA.items():
        was, becomes = now.get(key), then.get(key)
        if not (isinstance(was, str) and isinstance(becomes, str)) or os.path.realpath(
            was
        ) == os.path.realpath(becomes):
            continue
        if before["running"] or (key == "root" and os.path.exists(f"{was}/{_METADATA}")):
            yield losses.Loss(
                guards.STORAGE_IN_USE,
                f"{key} = {shown(becomes)} would lose the {lost} below {shown(was)}",
                [each["id"] for each in before["running"]],
                f"Keep {key}",
            )


def _of_another_driver(now: dict[str, Any], then: dict[str, Any]) -> list[losses.Loss]:
    """Return the loss if the default handler gets another cgroup driver than the kubelet has, and did not have it before."""
    wanted = effective.cgroup_driver(then)
    if wanted in ("", effective.cgroup_driver(now)):
        return []
    value = "true" if wanted == "systemd" else "false"
    return losses.of_other_cgroup_driver(wanted, f"SystemdCgroup of the default handler would be {value}")
