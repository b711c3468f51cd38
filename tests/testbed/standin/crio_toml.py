# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads and writes TOML like CRI-O: Python's parser, with messages and line numbers of CRI-O's (BurntSushi/toml 1.6)."""

import json
import re
import tomllib

_TABLE = re.compile(r"\s*\[\[?\s*([^\]\s]+)\s*\]")
_KEY = re.compile(r"\s*([A-Za-z0-9_.\-\"']+)\s*=")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"|\'[^\']*\'')
_PLACE = re.compile(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", re.DOTALL)


class TomlError(Exception):
    """The text is not TOML, or its types are wrong; the message is CRI-O's."""


def loads(text):
    """Parse; return (data, lines): `lines` has the line number of each dotted key. Raises TomlError."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise TomlError(_in_words(text, str(error))) from None
    return data, {name: line for line, _table, name in _assignments(text)}


def at(lines, key, message):
    """Return a TomlError for a key that was parsed but has an invalid value."""
    return TomlError(f'toml: line {lines.get(key, 0)} (last key "{key}"): {message}')


def _assignments(text):
    """Yield (line number, table, dotted key) of each table header and each `key =` that is found in lines."""
    table, depth = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        bare = _STRING.sub('""', line).partition("#")[0]
        if depth <= 0 and (header := _TABLE.match(bare)):
            table = header[1]
            yield number, table, table
            continue
        if depth <= 0 and (key := _KEY.match(line)):
            name = key[1].strip("\"'")
            yield number, table, f"{table}.{name}" if table else name
        depth += bare.count("[") - bare.count("]")


def _in_words(text, said):
    """Return CRI-O's message for a syntax error of Python's parser."""
    reason, line, column = _PLACE.fullmatch(said).groups()
    lines = text.splitlines() or [""]
    number = int(line) if line else len(lines)
    rest = lines[number - 1][int(column) - 1 :] if column else ""
    found = f"'{rest[0]}'" if rest else "'\\n'" if line else "EOF"
    before = [entry for entry in _assignments(text) if entry[0] <= number]
    table = next((entry[1] for entry in reversed(before) if entry[0] < number), "")
    key = before[-1][2] if before else ""
    if "Cannot declare" in reason:
        return _message(number, _parent(key), f"Key '{key}' has already been defined.")
    if "Cannot overwrite" in reason:
        return _message(number, key, f"Key '{key}' has already been defined.")
    if "Expected '='" in reason:
        return _message(number, table, f"expected '.' or '=', but got {found} instead")
    if "end of a table declaration" in reason:
        # CRI-O's parser counts a line on once it has read its end.
        line_read = number if rest else number + 1
        return _message(line_read, table, f"expected '.' or ']' to end table name, but got {found} instead")
    if "Expected newline or end of document" in reason:
        message = f"expected a top-level item to end with a newline, comment, or EOF, but got {found} instead"
        return _message(number, _table_of(before), message)
    if "Invalid statement" in reason:
        named = "unexpected '=': key name appears blank" if rest[:1] == "=" else f"unexpected {found}"
        return _message(number, table, named)
    if "Unclosed array" in reason:
        return _message(number, key, f"expected a comma (',') or array terminator (']'), but got {found}")
    if "Illegal character" in reason and "\\n" in reason:
        return _message(number, key, "strings cannot contain newlines")
    if "Invalid value" in reason:
        # CRI-O's parser takes the beginning of inf and nan for a number, and complains of what follows.
        taken = re.match("in?|na?", rest)
        if taken and rest[: len(taken[0]) + 1] not in ("inf", "nan"):
            return _message(number, key, f"expected value but found {rest[: len(taken[0]) + 1]!r} instead")
        return _message(number, key, f"expected value but found {found} instead")
    return _message(number, key, reason)


def _table_of(before):
    return before[-1][1] if before else ""


def _parent(key):
    return key.rpartition(".")[0] or key


def _message(line, key, message):
    where = f' (last key "{key}")' if key else ""
    return f"toml: line {line}{where}: {message}"


def value(data):
    """Return a value as CRI-O writes it."""
    if isinstance(data, bool):
        return "true" if data else "false"
    if isinstance(data, list):
        return f"[{', '.join(value(each) for each in data)}]"
    if isinstance(data, str):
        return json.dumps(data, ensure_ascii=False)
    return str(data)
