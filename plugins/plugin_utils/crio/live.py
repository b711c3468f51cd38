# SPDX-License-Identifier: GPL-3.0-or-later
"""The lines that CRI-O prints for its configuration (GET /config on its socket) after it has loaded a file.

This is additional evidence, not a proof, because it only contains the keys of crio.conf. Omitted are keys that CRI-O merges,
completes or adapts to the host (the catalogue's columns unprinted and unprinted_when_empty), secrets, and empty lists.

A handler or a workload is one entry, which a file that is read later replaces as a whole. A key that the file of the role does
not set is therefore expected to be empty, and None means that there must be no line.
"""

from __future__ import annotations

from typing import Any

from ansible_collections.cri.node.plugins.plugin_utils.crio.catalogue import ANY, CATALOGUE, Key
from ansible_collections.cri.node.plugins.plugin_utils.layers import Path
from ansible_collections.cri.node.plugins.plugin_utils.text import go_duration, toml

#: tables whose entries have user-defined names and are replaced as a whole
HANDLERS: Path = ("crio", "runtime", "runtimes")
WORKLOADS: Path = ("crio", "runtime", "workloads")
# Keys that an entry with inherit_default_runtime inherits from the default handler (pkg/config/config.go, ValidateRuntimes).
INHERITED = ("runtime_config_path", "runtime_path", "runtime_root", "runtime_type")
# Keys of crio.runtime that override those of every handler (TranslateMonitorFieldsForHandler).
OVERRIDING = {"monitor_path": "conmon", "monitor_cgroup": "conmon_cgroup"}
# The monitor cgroup that CRI-O silently ignores with cgroup_manager cgroupfs.
DEFAULT_SLICE = "system.slice"
_EMPTY = {"string": "", "boolean": False, "integer": 0, "strings": [], "table": {}}


def config_lines(data: dict[str, Any]) -> dict[str, str | None]:
    """Map each key of typed data to the right-hand side CRI-O prints, such as "9537" for a port; None for no line.

    Keys are dotted as TOML writes them, under the names that CRI-O prints.
    """
    lines: dict[str, str | None] = {}
    for path, key, value in CATALOGUE.walk(data):
        if not _is_of_an_entry(key) and _is_predictable(key, value):
            lines[toml.dotted(path)] = _printed(key, value)
    for table in (HANDLERS, WORKLOADS):
        for name, entry in _table(data, table).items():
            lines.update(_entry_lines((*table, name), entry, _table(data, table[:-1])))
    return lines


def _is_of_an_entry(key: Key) -> bool:
    return ANY in key.key.split(".")


def _is_predictable(key: Key, value: object) -> bool:
    if key.unprinted or key.secret:
        return False
    return value not in ("", []) or (value == "" and not key.unprinted_when_empty)


def _printed(key: Key, value: object) -> str:
    if key.type == "duration":
        value = go_duration.render(go_duration.parse(str(value)) or 0)
    return toml.literal(value)


def _table(data: object, path: Path) -> dict[str, Any]:
    for name in path:
        data = data.get(name) if isinstance(data, dict) else None
    return data if isinstance(data, dict) else {}


def _entry_lines(path: Path, entry: dict[str, Any], runtime: dict[str, Any]) -> dict[str, str | None]:
    lines: dict[str, str | None] = {}
    for key, place in _keys_below(path[:-1]):
        holder, name = _table(entry, place[:-1]), place[-1]
        value = holder.get(name, _EMPTY[key.type])
        here = (*path, *place[:-1], key.printed_as or name)
        if key.unprinted or key.secret or _is_decided_elsewhere(name, value, entry, runtime):
            continue
        if key.type == "table":
            lines.update({toml.dotted((*here, item)): toml.literal(value[item]) for item in value})
        elif place[:-1] and place[0] not in entry:
            lines[toml.dotted(here)] = None
        elif value != _EMPTY[key.type] or not (key.omitted_when_empty or key.unprinted_when_empty):
            lines[toml.dotted(here)] = _printed(key, value)
        elif key.omitted_when_empty:
            lines[toml.dotted(here)] = None
    return lines


def _keys_below(table: Path) -> list[tuple[Key, Path]]:
    """Return each key of an entry of this table with its path inside the entry."""
    paths = ((key, tuple(key.key.split("."))) for key in CATALOGUE.keys)
    return [
        (key, path[len(table) + 1 :]) for key, path in paths if path[: len(table)] == table and ANY in path
    ]


def _is_decided_elsewhere(name: str, value: object, entry: dict[str, Any], runtime: dict[str, Any]) -> bool:
    if name in INHERITED and entry.get("inherit_default_runtime"):
        return True
    if name in OVERRIDING and runtime.get(OVERRIDING[name]):
        return True
    return name == "monitor_cgroup" and value == DEFAULT_SLICE
