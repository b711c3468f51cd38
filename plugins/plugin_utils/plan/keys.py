# SPDX-License-Identifier: GPL-3.0-or-later
"""The keys in which a file on a node differs from the desired one, each with its variable. Pure functions over data."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from ansible_collections.cri.node.plugins.module_utils.documents import LARGEST_SHOWN
from ansible_collections.cri.node.plugins.module_utils.text import shown
from ansible_collections.cri.node.plugins.plugin_utils.text import toml

if TYPE_CHECKING:
    from ansible_collections.cri.node.plugins.module_utils.contract import ChangedEntry, ReportedFile
    from ansible_collections.cri.node.plugins.plugin_utils.plan.file_set import FileSet

_LONGEST_KEY = 500  # characters; a key of a file on a node may be anything


class KeyChange(TypedDict):
    """One key of a file that a run would write."""

    path: str  # of the file
    key: str  # dotted
    change: str  # add, change or remove
    variable: str  # the layer that sets it; "" for a key that no variable sets


def changes(desired: FileSet, path: str, found: ReportedFile) -> list[KeyChange]:
    """Return how the keys of one file on a node, in the form of node_state.read, would change.

    [] if they are unknown, because the file is secret, too long or not understood, or has no keys. The result has no values.
    """
    variables = _variables(desired, path)
    if "changed_entries" in found:
        return [_of_entry(desired, path, each, variables) for each in found["changed_entries"]]
    if found["file_type"] == "absent":
        return [_change(path, key, "add", variable) for key, variable in variables.items()]
    kind, before = desired.kind_of(path), _present(found)
    if kind is None or before is None:
        return []
    old, new = kind.read(before), kind.read(desired.file(path).content)
    if old is None or new is None:
        return []
    made = [
        _change(path, key, "change" if key in old else "add", _variable(variables, key))
        for key in new
        if old.get(key) != new[key]
    ]
    return made + [_change(path, key, "remove", "") for key in old if key not in new]


def _of_entry(desired: FileSet, path: str, entry: ChangedEntry, variables: dict[str, str]) -> KeyChange:
    """Return the change of an entry of a shared file, by the key of its setting."""
    kind = desired.kind_of(path)
    section, name = entry["section"], entry["name"]
    key = toml.dotted(kind.key_of_entry(section, name) if kind else (*section.split("."), name))
    return _change(path, key, entry["change"], variables.get(key, ""))


def _variables(desired: FileSet, path: str) -> dict[str, str]:
    """Return {key: variable} of a desired file. The layers of a drop-in may repeat a key; the last one is named."""
    return {each["key"]: each["variable"] for each in desired.settings() if each["path"] == path}


def _present(found: ReportedFile) -> str | None:
    """Return the complete content of a file; None if the node does not show it."""
    content = found.get("content")
    return None if content is None or len(content.encode()) >= LARGEST_SHOWN else content


def _variable(variables: dict[str, str], key: str) -> str:
    """Return the variable of a key, or of the table that a setting replaces as a whole."""
    if key in variables:
        return variables[key]
    return next((name for each, name in variables.items() if key.startswith(f"{each}.")), "")


def _change(path: str, key: str, change: str, variable: str) -> KeyChange:
    return {"path": path, "key": shown(key, _LONGEST_KEY), "change": change, "variable": variable}
