# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the keys of a TOML file as text, to compare two files key by key.

Python 3.10 has no TOML parser. This reader knows the forms in which people and programs write the files that CRI-O reads, and
gives up on any other one; it never guesses. Its time is linear in the length of the text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Union

from ansible_collections.cri.node.plugins.plugin_utils.text import toml
from ansible_collections.cri.node.plugins.plugin_utils.value_types import is_unicode

Path = tuple[Union[str, int], ...]  # an integer is the position in a list of tables
_PART = re.compile(r'[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|\'[^\']*\'')
_SPACE = " \t"


class _NotUnderstood(ValueError):
    """The text has a form that this reader does not know."""


def read(text: str) -> dict[Path, str] | None:
    """Return {path: value}, values as text without comments and insignificant spaces; None for a text that is not understood."""
    try:
        return dict(_pairs(text))
    except _NotUnderstood:
        return None


def dotted(path: Path) -> str:
    """Return a path as a dotted key, as toml.dotted does; a position is in brackets: registry[0].location."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f"{'.' if text else ''}{toml.dotted((part,))}"
    return text


def text_of(value: str) -> str:
    """Return the text of a string value; the value itself if it is not a string, or not valid Unicode."""
    if value[:1] == "'":
        return value[1:-1]
    try:
        text = json.loads(value, strict=False)
    except ValueError:
        return value
    return text if isinstance(text, str) and is_unicode(text) else value


def _pairs(text: str) -> Iterator[tuple[Path, str]]:
    table: Path = ()
    lengths: dict[Path, int] = {}  # of each list of tables
    lines = iter(text.split("\n"))  # no other character ends a line of TOML
    for line in lines:
        line = line.strip(_SPACE + "\r")
        if not line or line.startswith("#"):
            continue
        if line.startswith("["):
            table = _header(line, lengths)
            continue
        names, rest = _names(line)
        if not rest.startswith("="):
            raise _NotUnderstood
        yield (*table, *names), _value(rest[1:], lines)


def _header(line: str, lengths: dict[Path, int]) -> Path:
    """Return the path of a table; a table of a list gets the next position of the list."""
    brackets = 2 if line.startswith("[[") else 1
    names, rest = _names(line[brackets:])
    if not rest.startswith("]" * brackets) or rest[brackets:].strip(_SPACE)[:1] not in ("", "#"):
        raise _NotUnderstood
    path: Path = ()
    for index, name in enumerate(names, 1):
        path = (*path, name)
        if brackets == 2 and index == len(names):
            lengths[path] = lengths.get(path, 0) + 1
        if path in lengths:
            path = (*path, lengths[path] - 1)
    return path


def _names(text: str) -> tuple[tuple[str, ...], str]:
    """Return (the names of a dotted key at the start of a text, the rest)."""
    names: list[str] = []
    position = 0
    while True:
        position = _skip(text, position)
        found = _PART.match(text, position)
        if not found:
            raise _NotUnderstood
        names.append(text_of(found.group()) if found.group()[0] in "\"'" else found.group())
        position = _skip(text, found.end())
        if text[position : position + 1] != ".":
            return tuple(names), text[position:]
        position += 1


def _skip(text: str, position: int) -> int:
    while text[position : position + 1] and text[position] in _SPACE:
        position += 1
    return position


def _value(text: str, lines: Iterator[str]) -> str:
    """Return a value, which may continue on the next lines while a bracket is open."""
    parts: list[str] = []
    depth = 0
    while True:
        depth = _scan(text, parts, depth)
        if depth == 0:
            break
        following = next(lines, None)
        if following is None:
            raise _NotUnderstood
        text = following
    if not parts:
        raise _NotUnderstood
    return "".join(parts)


def _scan(text: str, parts: list[str], depth: int) -> int:
    """Add the significant parts of one line to `parts`. Return how many brackets are open after it."""
    position = 0
    while position < len(text):
        character = text[position]
        if character == "#":
            break
        if character in "\"'":
            found = _PART.match(text, position)
            if not found or text.startswith(character * 3, position):  # a string of several lines
                raise _NotUnderstood
            parts.append(found.group())
            position = found.end()
            continue
        if character in "]}" and parts and parts[-1] == ",":
            parts.pop()
        depth += (character in "[{") - (character in "]}")
        if character not in " \t\r":
            parts.append(character)
        position += 1
    if depth < 0:
        raise _NotUnderstood
    return depth
