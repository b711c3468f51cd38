# SPDX-License-Identifier: GPL-3.0-or-later
"""A small TOML 1.0 writer, because Python 3.10 and AWX's default image have none.

Equal data results in equal bytes: keys are sorted, and scalars and lists come before sub-tables (a scalar after the header of a
table would belong to that table). Dates are not supported, because no file of this collection contains any.
"""

from __future__ import annotations

from typing import Any

from ansible_collections.cri.node.plugins.plugin_utils.value_types import is_unicode

_BARE = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")
_LINE = 100
_INTEGERS = range(-(2**63), 2**63)
_ESCAPES = {
    **{code: f"\\u{code:04x}" for code in (*range(0x20), 0x7F)},
    **{ord(char): f"\\{letter}" for char, letter in zip('"\\\b\t\n\f\r', '"\\btnfr')},
}


class TomlError(ValueError):
    """The data cannot be written as TOML; the message starts with the dotted key."""


def dumps(data: object) -> str:
    """Return the data as a TOML document, ending in a newline; an empty text for empty data."""
    if not isinstance(data, dict):
        raise TomlError(f"a TOML document is a table, not {_kind(data)}")
    lines: list[str] = []
    _write_table(lines, data, ())
    return "".join(f"{line}\n" for line in lines)


def dotted(path: tuple[str, ...]) -> str:
    """Return a path as a dotted key, with quoted names if needed: ("crio", "kata.v2") is crio."kata.v2"."""
    return ".".join(_key(name, path) for name in path)


def literal(value: object, path: tuple[Any, ...] = ()) -> str:
    """Return a value on one line, in the style of CRI-O's encoder (github.com/BurntSushi/toml)."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _quoted(value, path)
    if isinstance(value, int):
        return _integer(value, path)
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, list):
        return f"[{', '.join(literal(item, (*path, index)) for index, item in enumerate(value))}]"
    if isinstance(value, dict):
        items = [_pair(name, value[name], (*path, name)) for name in _names(value, path)]
        return f"{{{', '.join(items)}}}"
    raise TomlError(f"{_place(path)}: {_kind(value)} cannot be written as TOML")


def _write_table(lines: list[str], table: dict[str, Any], path: tuple[Any, ...]) -> None:
    names = _names(table, path)
    inner = [name for name in names if isinstance(table[name], dict) or _is_table_list(table[name])]
    for name in names:
        if name not in inner:
            _write_value(lines, name, table[name], (*path, name))
    for name in inner:
        here = (*path, name)
        if isinstance(table[name], dict):
            if not table[name] or not _only_tables(table[name]):
                _write_header(lines, f"[{_header(here)}]")
            _write_table(lines, table[name], here)
        else:
            for index, item in enumerate(table[name]):
                _write_header(lines, f"[[{_header(here)}]]")
                _write_table(lines, item, (*here, index))


def _write_header(lines: list[str], header: str) -> None:
    if lines:
        lines.append("")
    lines.append(header)


def _write_value(lines: list[str], name: str, value: object, path: tuple[Any, ...]) -> None:
    line = _pair(name, value, path)
    if len(line) <= _LINE or not isinstance(value, list):
        lines.append(line)
        return
    lines.append(f"{_key(name, path)} = [")
    lines.extend(f"  {literal(item, (*path, index))}," for index, item in enumerate(value))
    lines.append("]")


def _pair(name: str, value: object, path: tuple[Any, ...]) -> str:
    return f"{_key(name, path)} = {literal(value, path)}"


def _is_table_list(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)


def _only_tables(table: dict[str, Any]) -> bool:
    return all(isinstance(value, dict) for value in table.values())


def _names(table: dict[str, Any], path: tuple[Any, ...]) -> list[str]:
    for name in table:
        if not isinstance(name, str):
            raise TomlError(f"{_place(path)}: a key must be text, not {_kind(name)}")
    return sorted(table)


def _header(path: tuple[Any, ...]) -> str:
    """Return the header of a table, without the indices of lists of tables."""
    return ".".join(_key(name, path) for name in path if isinstance(name, str))


def _key(name: str, path: tuple[Any, ...]) -> str:
    return name if name and _BARE.issuperset(name) else _quoted(name, path)


def _quoted(text: str, path: tuple[Any, ...]) -> str:
    if not is_unicode(text):
        raise TomlError(f"{_place(path)}: the text is not valid Unicode")
    return f'"{text.translate(_ESCAPES)}"'


def _integer(value: int, path: tuple[Any, ...]) -> str:
    if value not in _INTEGERS:
        raise TomlError(f"{_place(path)}: the integer does not fit in 64 bits")
    return str(value)


def _place(path: tuple[Any, ...]) -> str:
    """Return a path for a message, with list indices in brackets; never fails."""
    parts = []
    for part in path:
        if isinstance(part, int):
            parts.append(f"[{part}]")
        else:
            parts.append(f"{'.' if parts else ''}{part if _BARE.issuperset(part) and part else ascii(part)}")
    return "".join(parts) or "the document"


def _kind(value: object) -> str:
    return "null" if value is None else f"a value of type {type(value).__name__}"
