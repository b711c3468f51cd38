# SPDX-License-Identifier: GPL-3.0-or-later
"""storage.conf: merges settings, checks them, and renders them (containers-storage.conf(5)).

CRI-O reads the file when it starts, and keys of crio.conf outrank it. containers/storage only logs unknown keys, but CRI-O does
not start if a value has the wrong type. All problems are found at once, and nothing is raised.
"""

from __future__ import annotations

import json
import re

from ansible_collections.cri.node.plugins.plugin_utils.files.kind import Kind, Versions
from ansible_collections.cri.node.plugins.plugin_utils.findings import Checked, Findings, shown_value
from ansible_collections.cri.node.plugins.plugin_utils.layers import Data, Layers, Path
from ansible_collections.cri.node.plugins.plugin_utils.text import toml, toml_lines
from ansible_collections.cri.node.plugins.plugin_utils.value_types import kind

DRIVERS = ("overlay", "btrfs", "vfs", "zfs")
STORAGE = ("storage",)
OPTIONS = ("storage", "options")
# Each table with the types of its keys (pkg/config/config.go and types/options.go of containers/storage).
_TABLES: dict[Path, dict[str, str]] = {
    STORAGE: {
        "driver": "string",
        "driver_priority": "strings",
        "graphroot": "string",
        "imagestore": "string",
        "rootless_storage_path": "string",
        "runroot": "string",
        "transient_store": "boolean",
    },
    OPTIONS: {
        "additionalimagestores": "strings",
        "additionallayerstores": "strings",
        "auto-userns-max-size": "integer",
        "auto-userns-min-size": "integer",
        "disable-volatile": "boolean",
        "force_mask": "integer",
        "ignore_chown_errors": "string",
        "imagestore": "string",
        "mount_program": "string",
        "mountopt": "string",
        "pull_options": "table",
        "root-auto-userns-user": "string",
        "size": "string",
        "skip_mount_home": "string",
        "use_composefs": "string",
    },
    (*OPTIONS, "btrfs"): {"min_space": "string", "size": "string"},
    (*OPTIONS, "overlay"): {
        "force_mask": "string",
        "ignore_chown_errors": "string",
        "inodes": "string",
        "mount_program": "string",
        "mountopt": "string",
        "size": "string",
        "skip_mount_home": "string",
        "use_composefs": "string",
    },
    (*OPTIONS, "vfs"): {"ignore_chown_errors": "string"},
    (*OPTIONS, "zfs"): {"fsname": "string", "mountopt": "string", "size": "string"},
}
#: keys of [storage], and the key of crio.conf that outranks each
OUTRANKED_BY = {"driver": "crio.storage_driver", "graphroot": "crio.root", "runroot": "crio.runroot"}
_PATHS = ("additionalimagestores", "graphroot", "imagestore", "mount_program", "runroot")
_BOOLEANS = ("ignore_chown_errors", "skip_mount_home", "use_composefs")
_SIZES = ("min_space", "size")
_SIZE = re.compile(r"[0-9]{1,18}(?:\.[0-9]{1,9})? ?(?:[kmgtp]i?)?b?", re.ASCII | re.IGNORECASE)
_UNKNOWN = "is unknown to containers/storage, which ignores it"


def check(layers: Layers) -> Checked:
    """Merge named layers that mirror storage.conf, and check the result."""
    data, findings = StorageConf().merged(layers)
    typed = _table(data, (), findings)
    for path, table in _tables(typed):
        for name, value in table.items():
            _check_value((*path, name), value, findings)
    if typed:
        _check_storage(typed.get("storage", {}), findings)
    return Checked(typed, findings.sources, findings.listed(), findings.warnings)


def _table(data: Data, path: Path, findings: Findings) -> Data:
    """Return a typed table with the tables in it, without empty ones."""
    below = [each[-1] for each in _TABLES if each[:-1] == path]
    flat = {name: value for name, value in data.items() if name not in below}
    typed = findings.flat_table(flat, path, _TABLES.get(path, {}), _UNKNOWN, tables=tuple(below))
    for name in below:
        inner = data.get(name, {})
        if not isinstance(inner, dict):
            findings.problem((*path, name), f"is {kind(inner)}, not a mapping", "a table of storage.conf")
            continue
        table = _table(inner, (*path, name), findings)
        if table:
            typed[name] = table
    return typed


def _tables(typed: Data) -> list[tuple[Path, Data]]:
    """Return the tables with their own keys."""
    found = []
    for path in _TABLES:
        table: Data = typed
        for name in path:
            table = table.get(name, {})
        inner = [each[-1] for each in _TABLES if each[:-1] == path]
        found.append((path, {name: value for name, value in table.items() if name not in inner}))
    return found


def _check_value(path: Path, value: object, findings: Findings) -> None:
    name = path[-1]
    values = value if isinstance(value, list) else [value]
    if name in _PATHS:
        for each in values:
            if each and not str(each).startswith("/"):
                findings.problem(path, "is not absolute", "an absolute path", shown_value(each))
    elif name in _BOOLEANS and value not in ("", "true", "false"):
        findings.problem(path, "is not a boolean as text", '"true" or "false", in quotes', shown_value(value))
    elif name in _SIZES and not _SIZE.fullmatch(str(value) or "0"):
        findings.problem(path, "is not a size", 'for example "10G"', shown_value(value))
    elif name in ("driver", "driver_priority"):
        for each in values:
            if each not in DRIVERS:
                findings.problem(path, "is not a storage driver", ", ".join(DRIVERS), shown_value(each))


def _check_storage(storage: Data, findings: Findings) -> None:
    """Check what containers/storage requires of the keys together."""
    if "driver" not in storage and (*STORAGE, "driver") not in findings.sources:
        fault = (
            "has no driver: containers/storage then picks one by itself, and ignores or refuses its options"
        )
        findings.problem(STORAGE, fault, "storage.driver, for example overlay")
    if storage.get("imagestore") and storage["imagestore"] == storage.get("graphroot"):
        findings.problem((*STORAGE, "imagestore"), "is the same as graphroot: CRI-O does not start")


class StorageConf(Kind):
    """storage.conf, which CRI-O only reads when it starts."""

    name = "storage_conf"
    file = "storage.conf"
    runtime = "crio"
    disruption = "restart"
    accepted = "the keys of storage.conf"

    def check(self, layers: Layers, versions: Versions) -> Checked:
        """Merge the layers and check them."""
        return check(layers)

    def render(self, data: Data) -> str:
        """Return the data as TOML."""
        return toml.dumps(data)

    def walk(self, data: Data) -> list[tuple[Path, object]]:
        """Return each key, also those of the table pull_options."""
        found: list[tuple[Path, object]] = []
        for path, table in _tables(data):
            for name, value in table.items():
                inner = value if isinstance(value, dict) else {}
                found += [((*path, name, key), inner[key]) for key in inner] or [((*path, name), value)]
        return found

    def expect(self, data: Data) -> dict[str, str | None]:
        """Return the keys of crio.conf whose default is a key of this file."""
        storage = data.get("storage", {})
        return {key: json.dumps(storage[name]) for name, key in OUTRANKED_BY.items() if storage.get(name)}

    def read(self, text: str) -> dict[str, str] | None:
        """Return each key with its value."""
        values = toml_lines.read(text)
        return None if values is None else {toml_lines.dotted(path): value for path, value in values.items()}
