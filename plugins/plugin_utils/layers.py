# SPDX-License-Identifier: GPL-3.0-or-later
"""Deep merge of ordered layers, remembering which layer gave each value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict

from ansible_collections.cri.node.plugins.plugin_utils.plain import plain
from ansible_collections.cri.node.plugins.plugin_utils.text.structured_text import mapping_of

Data = dict[str, Any]  # plain data of a file's settings: tables, lists and scalars by their names
Path = tuple[str, ...]
Layers = list[tuple[str, object]]  # names of variables and their data, later ones above earlier ones


class Setting(TypedDict):
    """A value that a file of the desired set sets."""

    path: str  # of the file
    key: str  # dotted, as TOML writes it
    value: Any  # plain data; None if it may be a secret
    variable: str  # the layer that gave it


def named_layers(value: object, variable: str) -> Layers:
    """Plain layers out of what a filter is given: a list of pairs (name, data), or one variable's data.

    A layer that arrived as text is read, see structured_text. Raises TypeError where the value is neither; whether each layer is
    a mapping is for the caller to check.
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

    Tables merge deeply; a list or scalar of a later layer replaces; null removes what earlier layers gave.
    An empty table has a source of its own. Paths are tuples because names may contain dots.
    """
    data: dict[str, Any] = {}
    sources: dict[Path, str] = {}
    for name, layer in layers:
        table: Any = plain(layer)
        _merge_table(data, table, name, (), sources)
    return data, sources


def scalar_at(layers: Layers, path: Path) -> object:
    """Return the scalar or list that merged layers have at a path, without merging them; None where there is none."""
    for _name, layer in reversed(layers):
        value: object = layer
        for name in path:
            if not isinstance(value, dict):
                return None  # a scalar or null in place of a table, which takes away what earlier layers have in it
            if name not in value:
                break
            value = value[name]
        else:
            return None if isinstance(value, dict) else value
    return None


def source_of(sources: dict[Path, str], path: Path) -> str:
    """The layer of a value, else the last one to give something inside it, else of what it is inside of."""
    if not path:
        return ""
    if path in sources:
        return sources[path]
    inside = [name for other, name in sources.items() if other[: len(path)] == path]
    return inside[-1] if inside else source_of(sources, path[:-1])


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
    """Drop what was known of a path that had this value before; only a table needs a look at all sources."""
    if not isinstance(value, dict) or not value:
        sources.pop(path, None)
        return
    for other in [other for other in sources if other[: len(path)] == path]:
        del sources[other]
