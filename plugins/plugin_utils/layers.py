# SPDX-License-Identifier: GPL-3.0-or-later
"""Merges ordered layers recursively, and records the layer of each value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict

from ansible_collections.cri.node.plugins.plugin_utils.plain import plain
from ansible_collections.cri.node.plugins.plugin_utils.text.structured_text import mapping_of

Data = dict[str, Any]  # the settings of a file as plain data: tables, lists and scalars by name
Path = tuple[str, ...]
Layers = list[tuple[str, object]]  # names of variables and their data; later layers override earlier ones


class Setting(TypedDict):
    """A key that a file of the desired set sets, and its value."""

    path: str  # of the file
    key: str  # dotted, as TOML writes it
    value: Any  # plain data; None if it may be a secret
    variable: str  # the layer that sets it


def named_layers(value: object, variable: str) -> Layers:
    """Return layers from the input of a filter: a list of pairs (name, data), or the data of one variable.

    A layer that is a string is parsed, see structured_text. Raises TypeError for any other input. The caller must check that each
    layer is a mapping.
    """
    if isinstance(value, list):
        pairs: Any = plain(value)
        if not all(isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str) for pair in pairs):
            raise TypeError("a list must hold pairs: a variable's name and its data")
        return [(name, mapping_of(layer)) for name, layer in pairs]
    if isinstance(value, (Mapping, str, bool, int, float)) or value is None:
        return [(variable, mapping_of(plain(value)))]
    raise TypeError(f"the input is a {type(value).__name__}, not a mapping or a list of pairs")


def merge(layers: list[tuple[str, dict[str, Any]]]) -> tuple[dict[str, Any], dict[Path, str]]:
    """Merge named layers into plain data and a map from each value's path to the name of its layer.

    Tables are merged recursively; a list or a scalar of a later layer replaces the earlier value; null removes it.
    An empty table has its own source. Paths are tuples because names may contain dots.
    """
    data: dict[str, Any] = {}
    sources: dict[Path, str] = {}
    for name, layer in layers:
        table: Any = plain(layer)
        _merge_table(data, table, name, (), sources)
    return data, sources


def replaced_whole(layers: list[tuple[str, dict[str, Any]]]) -> tuple[dict[str, Any], dict[Path, str]]:
    """Merge named layers whose entries belong together: an entry of a later layer replaces the earlier one as a whole.

    Null removes an entry. Returns plain data and a map from the path of each entry, which is its name, to the name of its layer.
    """
    data: dict[str, Any] = {}
    sources: dict[Path, str] = {}
    for name, layer in layers:
        table: Any = plain(layer)
        for entry, value in table.items():
            data.pop(entry, None)
            sources.pop((entry,), None)
            if value is not None:
                data[entry] = value
                sources[entry,] = name
    return data, sources


def scalar_at(layers: Layers, path: Path) -> object:
    """Return the scalar or list that merged layers have at a path, without merging them; None if there is none."""
    for _name, layer in reversed(layers):
        value: object = layer
        for name in path:
            if not isinstance(value, dict):
                return None  # a scalar or null instead of a table, which removes the table of earlier layers
            if name not in value:
                break
            value = value[name]
        else:
            return None if isinstance(value, dict) else value
    return None


def source_of(sources: dict[Path, str], path: Path) -> str:
    """Return the layer of a value, else the last layer of a value inside it, else the layer of the table around it."""
    if not path:
        return ""
    if path in sources:
        return sources[path]
    length = len(path)
    for other, name in reversed(sources.items()):
        if other[:length] == path:
            return name
    return source_of(sources, path[:-1])


def _merge_table(
    table: dict[str, Any], layer: dict[str, Any], name: str, path: Path, sources: dict[Path, str]
) -> None:
    for key, value in layer.items():
        here = (*path, key)
        if isinstance(value, dict) and value:
            if not isinstance(table.get(key), dict):
                if key in table:
                    _forget(table[key], here, sources)
                table[key] = {}
            sources.pop(here, None)
            _merge_table(table[key], value, name, here, sources)
            if not table[key]:  # all that the layer has in it is null
                sources[here] = name
        elif isinstance(value, dict):
            _add_empty_table(table, key, name, here, sources)
        else:
            if key in table:
                _forget(table[key], here, sources)
                del table[key]
            if value is not None:
                table[key] = value
                sources[here] = name


def _add_empty_table(
    table: dict[str, Any], key: str, name: str, here: Path, sources: dict[Path, str]
) -> None:
    if isinstance(table.get(key), dict) and table[key]:
        return
    if key in table:
        _forget(table[key], here, sources)
    table[key] = {}
    sources[here] = name


def _forget(value: object, path: Path, sources: dict[Path, str]) -> None:
    """Remove the sources of the previous value of a path, and of all values inside it."""
    sources.pop(path, None)
    if isinstance(value, dict):
        for key, inner in value.items():
            _forget(inner, (*path, key), sources)
