# SPDX-License-Identifier: GPL-3.0-or-later
"""The node's part of crio_config_facts: what CRI-O reads, what it was started with, and what the running daemon reports."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from .. import toml_reader
from ..layout import Layout
from ..node_files import NodeFileError
from ..text import without_credentials
from ..transaction import state as committed
from . import configuration_files
from .live import CrioSocketError, get
from .service import CrioService, not_found_behind, version_of

if TYPE_CHECKING:
    from ..contract import ConfigurationReport, ConfigurationRequest, FoundOption


_SETTLE_SECONDS = 10  # for a unit between two states


def read(request: ConfigurationRequest, layout: Layout) -> ConfigurationReport:
    """Read the configuration of CRI-O on this node. Raises CrioServiceError; see contract.ConfigurationReport.

    Without root, files that only root can read, and usually the socket, are described as unreadable.
    """
    service = CrioService(request["unit"]).settled(_SETTLE_SECONDS)
    keys = configuration_files.keys_of(request["keys"])
    owners, notes = _owners(layout)
    report: ConfigurationReport = {
        "version": version_of(service.binary) if service.binary else None,
        "config_path": service.config_path,
        "config_directory": service.config_directory,
        "is_named": service.config_is_named,
        "socket": service.socket,
        "unit": {
            "name": service.unit,
            "exists": service.exists,
            "state": service.state_words,
            "reloads": service.reloads,
        },
        "started_at": service.started_at,
        "folders_changed_at": configuration_files.folders_changed_at(service.config_directory),
        "files": configuration_files.read(service.config_path, service.config_directory, keys),
        "recorded": owners,
        "options": options(service.options, request["options"]),
        "variables": _variables(service.environment, request["variables"]),
        "live": None,
        "live_problem": "",
        "notes": [*notes, *_notes(service)],
    }
    report["live"], report["live_problem"] = _live(service, keys, request["timeout"])
    return report


def options(words: list[str], known: dict[str, dict[str, Any]]) -> list[FoundOption]:
    """Return the daemon's options, as its library reads them (urfave/cli): -name or --name, value after = or as next word.

    known: {name or letter: {"option": its name, "flag": whether it stands alone, "shown": whether its value may be returned}}.
    """
    found: list[FoundOption] = []
    waiting = list(words)
    while waiting and waiting[0].startswith("-") and waiting[0] not in ("-", "--"):
        name, equals, value = waiting.pop(0).partition("=")
        name = name[2:] if name.startswith("--") else name[1:]
        entry = known.get(name)
        if entry is None:
            found.append({"name": name[:100], "form": name[:100], "known": False})
            continue
        if not equals:
            value = "true" if entry["flag"] else waiting.pop(0) if waiting else ""
        option: FoundOption = {"name": entry["option"], "form": name, "known": True}
        if entry["shown"]:
            option["value"] = without_credentials(value)
        found.append(option)
    return found


def _variables(environment: dict[str, str], known: dict[str, bool]) -> list[FoundOption]:
    found: list[FoundOption] = []
    for name, value in sorted(environment.items()):
        if name in known:
            found.append(
                {
                    "name": name,
                    "known": True,
                    **({"value": without_credentials(value)} if known[name] else {}),
                }
            )
    return found


def _owners(layout: Layout) -> tuple[dict[str, str] | None, list[str]]:
    """Return ({path: role} of the files that the collection wrote or None if that is not known, notes)."""
    if not os.access(os.path.dirname(layout.state_directory), os.X_OK) or (
        os.path.isdir(layout.state_directory) and not os.access(layout.state_directory, os.X_OK)
    ):
        return None, [
            f"{layout.state_directory} can only be read by root: managed files are recognised by their header"
        ]
    try:
        state, damage = committed.load(layout)
    except NodeFileError as error:
        return None, [f"{error}: managed files are recognised by their header"]
    return {path: entry["owner"] for path, entry in committed.recorded(state).items()}, [
        damage
    ] if damage else []


def _notes(service: CrioService) -> list[str]:
    notes = [
        f"{path} cannot be read, so that options and variables that it sets are missing here; run as root"
        for path in service.environment_files
        if os.path.exists(path) and not os.access(path, os.R_OK)
    ]
    if service.wrapped_by:
        notes.append(not_found_behind(service.wrapped_by, service.unit))
    return notes


def _live(service: CrioService, keys: dict[str, Any], timeout: float) -> tuple[list[Any] | None, str]:
    """Return (the settings that the running daemon reports or None, why it does not)."""
    if not service.active:
        state = service.state_words if service.exists else "not installed"
        return None, f"{service.unit} is {state}"
    try:
        return configuration_files.settings(get("/config", service.socket, timeout).encode(), keys), ""
    except CrioSocketError as error:
        hint = "; only root may use the socket" if os.geteuid() else ""
        return None, f"{error}{hint}"
    except toml_reader.TomlSyntaxError as error:
        return None, f"GET /config on {service.socket} is not valid TOML: {error}"
