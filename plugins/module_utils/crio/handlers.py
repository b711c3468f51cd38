# SPDX-License-Identifier: GPL-3.0-or-later
"""OCI handlers (`[crio.runtime.runtimes.NAME]`) in CRI-O's printed configuration, and whether running pods need them.

A pod needs the handler that it was started with. If a restarted CRI-O has another program or state folder under its name,
it reports running containers as exited, or cannot stop them any more.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator

from ..program import PATH

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..contract import HandledPod, Monitor

    # the name of the default handler, and {name: {key: value}}
    Handlers = tuple[str, dict[str, dict[str, Any]]]

_TABLE = "crio.runtime.runtimes."
_COMPARED = ("runtime_path", "runtime_root", "runtime_type")
_WORDS = {"runtime_path": "program", "runtime_root": "state directory", "runtime_type": "type"}


def parse(values: dict[str, str]) -> Handlers:
    """Return (name of the default handler, {name: {key: value}}) from dotted keys, see live.parse_lines.

    The name of the default handler and the keys that settings() uses are strings that a path can contain; other values
    count as empty.
    """
    found: dict[str, dict[str, Any]] = {}
    for key, text in values.items():
        if key.startswith(_TABLE):
            name, _dot, last = key[len(_TABLE) :].rpartition(".")
            value = value_of(text)
            found.setdefault(name.strip('"'), {})[last] = _string(value) if last in _COMPARED else value
    return _string(value_of(values.get("crio.runtime.default_runtime"))), found


def value_of(text: str | None) -> Any:
    """Parse a value of one line of CRI-O's TOML, which is JSON except for rare escapes; None for anything else."""
    try:
        return json.loads(text or "null")
    except (TypeError, ValueError, RecursionError):
        return None


def _string(value: object) -> str:
    """Return a string that can be part of a path; "" for anything else."""
    if not isinstance(value, str) or "\0" in value:
        return ""
    try:
        os.fsencode(value)
    except UnicodeEncodeError:  # half of a surrogate pair
        return ""
    return value


def settings(name: str, handler: dict[str, Any], path: str = PATH) -> dict[str, str]:
    """Return what decides which containers a handler can control: its program (found and resolved), state folder and type."""
    name = _string(name)
    program = _string(handler.get("runtime_path")) or shutil.which(name, path=path) or name
    return {
        "runtime_path": os.path.realpath(program),
        "runtime_root": (_string(handler.get("runtime_root")) or f"/run/{name}").rstrip("/"),
        "runtime_type": _string(handler.get("runtime_type")) or "oci",
    }


def in_use(
    pods: list[HandledPod], monitors: dict[str, Monitor], before: Handlers, after: Handlers
) -> list[tuple[str, list[str]]]:
    """Return a sentence for each handler that running pods need and that the candidate changes or removes, with their containers.

    monitors: by container id, with the program and state folder that started the container. before, after: the parsed live and
    candidate configuration.
    """
    problems = []
    for asked in sorted({pod["handler"] for pod in pods}):
        of_it = [pod for pod in pods if pod["handler"] == asked]
        (old_default, old), (new_default, new) = before, after
        name, new_name = asked or old_default, asked or new_default
        identities = [identity for pod in of_it for identity in pod["containers"]]
        pod_names = ", ".join(sorted(f"{pod['namespace']}/{pod['name']}" for pod in of_it)[:5])
        more = f" and {len(of_it) - 5} more" if len(of_it) > 5 else ""
        if new_name not in new:
            sentence = f"the change removes the handler {new_name}, which running pods use: {pod_names}{more}"
            problems.append((sentence, identities))
            continue
        wanted = settings(new_name, new[new_name])
        started = settings(name, old[name]) if name in old else None
        for change in _changes(of_it, monitors, started, wanted):
            sentence = f"the change gives the handler {new_name} {change}, but running pods use it: {pod_names}{more}"
            problems.append((sentence, identities))
            break
    return problems


def _changes(
    pods: list[HandledPod],
    monitors: dict[str, Monitor],
    started: dict[str, str] | None,
    wanted: dict[str, str],
) -> Iterator[str]:
    """Yield how the new settings differ from those that started the pods' containers."""
    for pod in pods:
        for identity in pod["containers"]:
            seen = dict(started or wanted)
            monitor = monitors.get(identity)
            if monitor and monitor.get("runtime"):
                seen["runtime_path"] = os.path.realpath(monitor["runtime"])
            if monitor and monitor.get("runtime_root"):
                seen["runtime_root"] = monitor["runtime_root"].rstrip("/")
            for key in _COMPARED:
                if seen[key] != wanted[key]:
                    yield f"a different {_WORDS[key]} ({key} {wanted[key]} instead of {seen[key]})"
