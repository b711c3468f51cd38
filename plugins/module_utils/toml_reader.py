# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads TOML 1.1 as CRI-O's decoder does (github.com/BurntSushi/toml 1.6); Python has a reader since 3.11 only, and of TOML 1.0.

Messages contain a line number but nothing of the text, which may be a secret.
"""

from __future__ import annotations

import re

from .errors import NodeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Table = dict[str, Any]
    Path = tuple[str, ...]

_DEEPEST = 64  # arrays and inline tables inside each other
_MOST_NAMES = 64  # in one key
_TWICE = "this table or key is already defined, or is below a value that is not a table"
_BLANKS = re.compile(r"[ \t]*")
_COMMENT = re.compile("#[^\x00-\x08\x0a-\x1f\x7f]*")
_LINE_END = re.compile(r"\r?\n")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_BASIC = re.compile('[^"\\\\\x00-\x08\x0a-\x1f\x7f]+')
_LITERAL = re.compile("[^'\x00-\x08\x0a-\x1f\x7f]*")
_LONG_BASIC = re.compile('(?:[^"\\\\\x00-\x08\x0b-\x1f\x7f]|\r\n)+')
_LONG_LITERAL = re.compile("(?:[^'\x00-\x08\x0b-\x1f\x7f]|\r\n)+")
_CONTINUATION = re.compile(r"[ \t]*\r?\n(?:[ \t]|\r?\n)*")
_WORD = re.compile(r"[A-Za-z0-9_.:+-]+")
_DIGITS = r"[0-9](?:_?[0-9])*"
_INTEGER = re.compile(
    rf"[+-]?(?:0|[1-9](?:_?[0-9])*)(?![0-9_])|0x{_DIGITS.replace('0-9', '0-9A-Fa-f')}|0o{_DIGITS}|0b{_DIGITS}"
)
_FLOAT = re.compile(
    rf"[+-]?(?:0|[1-9](?:_?[0-9])*)(?:\.{_DIGITS}(?:[eE][+-]?{_DIGITS})?|[eE][+-]?{_DIGITS})|[+-]?(?:inf|nan)"
)
_TIME = r"(?:[01][0-9]|2[0-3]):[0-5][0-9](?::(?:[0-5][0-9]|60)(?:\.[0-9]+)?)?"
_MOMENT = re.compile(
    rf"[0-9]{{4}}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
    rf"(?:[Tt ]{_TIME}(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])?)?|{_TIME}"
)
_INTEGERS = range(-(2**63), 2**63)
_ESCAPES = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", "e": "\x1b", '"': '"', "\\": "\\"}
_CODES = {"x": 2, "u": 4, "U": 8}  # hexadecimal digits behind the letter


class TomlSyntaxError(NodeError):
    """The text is not TOML; the message is a line number and a reason without any of the text."""


class Moment(str):
    """A date, a time, or both, as it is written."""


def loads(content: bytes) -> Table:
    """Return the document as dict, list, str, int, float, bool and Moment. Raises TomlSyntaxError."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise TomlSyntaxError(f"line {line}: the text is not UTF-8") from None
    return _Reader(text[1:] if text.startswith("\ufeff") else text).document()


class _Defined(Exception):
    """A key is defined twice, or is not a table."""


class _Scope:
    """A document or an inline table while it is read, with the decoder's own rules of what may be defined twice.

    They are more lenient than TOML's (parse.go: addContext and setValue): a table that only dotted keys or headers of inner
    tables have made so far is implicit, and may be defined once more.
    """

    def __init__(self) -> None:
        self.root: Table = {}
        self._implicit: set[Path] = set()
        self._arrays: set[Path] = set()

    def open_table(self, path: Path) -> Path:
        """Begin the table of a [header]."""
        above = self._table_above(path)
        self._put(above, path, {})
        return path

    def open_list(self, path: Path) -> Path:
        """Begin a table of a [[header]]."""
        tables = self._table_above(path).setdefault(path[-1], _Tables())
        if not isinstance(tables, _Tables):
            raise _Defined
        tables.append({})
        return path

    def assign(self, path: Path, length: int, value: Any) -> None:
        """Set a value whose key has `length` names more than the table that it is in."""
        for end in range(len(path) - length + 1, len(path)):
            self._implicit.add(path[:end])
            self._put(self._table_above(path[:end]), path[:end], {})
        above = self._table_above(path)
        if isinstance(value, dict):  # an inline table is begun before it is set
            self._implicit.add(path)
            self._put(above, path, value)
        self._put(above, path, value)
        if isinstance(value, list):
            self._arrays.add(path)

    def _table_above(self, path: Path) -> Table:
        table = self.root
        for end, name in enumerate(path[:-1], 1):
            if name not in table:
                table[name] = {}
                self._implicit.add(path[:end])
            inner = table[name]
            table = inner[-1] if isinstance(inner, _Tables) else inner
            if not isinstance(table, dict):
                raise _Defined
        return table

    def _put(self, table: Table, path: Path, value: Any) -> None:
        name = path[-1]
        if name not in table:
            table[name] = value
        elif path not in self._implicit:
            raise _Defined
        else:
            self._implicit.discard(path)
            if path in self._arrays:
                table[name] = value


class _Tables(list):  # type: ignore[type-arg]
    """An array of tables, made by [[headers]]."""


class _Reader:
    """One document, read from its begin to its end."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0

    def document(self) -> Table:
        """Read all of it."""
        scope = _Scope()
        current: Path = ()
        while self.position < len(self.text):
            self._skip(_BLANKS)
            if self.text.startswith("[", self.position):
                current = self._header(scope)
            elif not self._at_line_end():
                self._assignment(scope, current)
            self._end_line()
        return scope.root

    def _fail(self, reason: str) -> TomlSyntaxError:
        line = self.text.count("\n", 0, min(self.position, len(self.text))) + 1
        return TomlSyntaxError(f"line {line}: {reason}")

    def _skip(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self.text, self.position)
        if not found:
            return ""
        self.position = found.end()
        return found.group()

    def _take(self, expected: str) -> bool:
        if not self.text.startswith(expected, self.position):
            return False
        self.position += len(expected)
        return True

    def _at_line_end(self) -> bool:
        return self.position >= len(self.text) or self.text[self.position] in "#\r\n"

    def _end_line(self) -> None:
        self._skip(_BLANKS)
        self._skip(_COMMENT)
        if self.position < len(self.text) and not self._skip(_LINE_END):
            raise self._fail("there is something behind the end of the value, or a control character")

    # Keys

    def _header(self, scope: _Scope) -> Path:
        is_list = self.text.startswith("[[", self.position)
        self.position += 2 if is_list else 1
        path = self._key()
        if not self._take("]]" if is_list else "]"):
            raise self._fail("the name of a table does not end with a bracket")
        try:
            return scope.open_list(path) if is_list else scope.open_table(path)
        except _Defined:
            raise self._fail(_TWICE) from None

    def _assignment(self, scope: _Scope, table: Path, depth: int = 0) -> None:
        path = self._key()
        if not self._take("="):
            raise self._fail("a key is not followed by an equals sign")
        self._skip(_BLANKS)
        value = self._value(depth)
        try:
            scope.assign((*table, *path), len(path), value)
        except _Defined:
            raise self._fail(_TWICE) from None

    def _key(self) -> Path:
        """Read a dotted key, with the blanks around it."""
        names: list[str] = []
        while len(names) <= _MOST_NAMES:
            self._skip(_BLANKS)
            names.append(self._name())
            self._skip(_BLANKS)
            if not self._take("."):
                return tuple(names)
        raise self._fail(f"a key has more than {_MOST_NAMES} names")

    def _name(self) -> str:
        if self._take('"'):
            return self._basic()
        if self._take("'"):
            return self._literal()
        name = self._skip(_BARE_KEY)
        if not name:
            raise self._fail("a key or the name of a table is missing or has a character that needs quotes")
        return name

    # Values

    def _value(self, depth: int) -> Any:
        if depth > _DEEPEST:
            raise self._fail(f"values are nested deeper than {_DEEPEST} levels")
        for begin, read in self._compound.items():
            if self._take(begin):
                return read(self, depth)
        return self._scalar()

    def _scalar(self) -> Any:
        moment = _MOMENT.match(self.text, self.position)
        if moment and not _WORD.match(self.text, moment.end()):
            self.position = moment.end()
            return Moment(moment.group())
        found = _WORD.match(self.text, self.position)
        word = found.group() if found else ""
        if word in ("true", "false"):
            value: Any = word == "true"
        elif _INTEGER.fullmatch(word):
            value = (
                int(word.replace("_", ""), 0)
                if word[1:2] in "xob" and word[1:2]
                else int(word.replace("_", ""))
            )
        elif _FLOAT.fullmatch(word):
            value = float(word.replace("_", ""))
        else:
            raise self._fail("a value is missing or not valid; a text needs quotes")
        if isinstance(value, int) and value not in _INTEGERS:
            raise self._fail("an integer does not fit in 64 bits")
        self.position += len(word)
        return value

    def _array(self, depth: int) -> list[Any]:
        values: list[Any] = []
        while True:
            self._skip_lines()
            if self._take("]"):
                return values
            values.append(self._value(depth + 1))
            self._skip_lines()
            if not self._take(","):
                if not self._take("]"):
                    raise self._fail("an array is not closed, or a comma is missing in it")
                return values

    def _inline_table(self, depth: int) -> Table:
        scope = _Scope()
        while True:
            self._skip_lines()
            if self._take("}"):
                return scope.root
            self._assignment(scope, (), depth + 1)
            self._skip_lines()
            if not self._take(","):
                if not self._take("}"):
                    raise self._fail("an inline table is not closed, or a comma is missing in it")
                return scope.root

    def _skip_lines(self) -> None:
        """Skip blanks, comments and ends of lines."""
        while self._skip(_BLANKS) or self._skip(_COMMENT) or self._skip(_LINE_END):
            pass

    # Texts

    def _basic(self, _depth: int = 0) -> str:
        parts: list[str] = []
        while not self._take('"'):
            parts.append(self._skip(_BASIC) or self._escaped())
        return "".join(parts)

    def _literal(self, _depth: int = 0) -> str:
        text = self._skip(_LITERAL)
        if not self._take("'"):
            raise self._fail("a text is not closed, or has a control character")
        return text

    def _long_basic(self, _depth: int) -> str:
        self._skip(_LINE_END)
        parts: list[str] = []
        while True:
            quotes = self._closing('"')
            if quotes is not None:
                return "".join([*parts, quotes])
            if self._take('"'):
                parts.append('"')
            else:
                parts.append(self._skip(_LONG_BASIC) or self._escaped(continues=True))

    def _long_literal(self, _depth: int) -> str:
        self._skip(_LINE_END)
        parts: list[str] = []
        while True:
            quotes = self._closing("'")
            if quotes is not None:
                return "".join([*parts, quotes])
            part = "'" if self._take("'") else self._skip(_LONG_LITERAL)
            if not part:
                raise self._fail("a text is not closed, or has a control character")
            parts.append(part)

    def _closing(self, quote: str) -> str | None:
        """Read the end of a text of several lines; return the quotes right before it, or None if this is not the end."""
        if not self._take(quote * 3):
            return None
        return quote * sum(self._take(quote) for _each in range(2))

    def _escaped(self, continues: bool = False) -> str:
        if not self._take("\\"):
            raise self._fail("a text is not closed, or has a control character")
        if continues and self._skip(_CONTINUATION):
            return ""
        letter = self.text[self.position : self.position + 1]
        if letter in _ESCAPES and letter:
            self.position += 1
            return _ESCAPES[letter]
        length = _CODES.get(letter, 0)
        digits = self.text[self.position + 1 : self.position + 1 + length]
        code = int(digits, 16) if length and re.fullmatch(rf"[0-9A-Fa-f]{{{length}}}", digits) else -1
        if code < 0 or 0xD800 <= code < 0xE000 or code > 0x10FFFF:
            raise self._fail("a text has an invalid escape sequence")
        self.position += 1 + length
        return chr(code)

    _compound: dict[str, Callable[[_Reader, int], Any]] = {
        '"""': _long_basic,
        "'''": _long_literal,
        '"': _basic,
        "'": _literal,
        "[": _array,
        "{": _inline_table,
    }
