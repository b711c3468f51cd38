# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds out whether Go's regexp package compiles a pattern, with one pass over the text and no recursion.

Go's syntax is that of RE2 (https://github.com/google/re2/wiki/Syntax): without lookarounds, backreferences and possessive
repetitions, with limits for repetitions, sizes and nesting, and with its own escapes. The reasons are those of Go's package. What
a pattern matches is of no interest here.
"""

from __future__ import annotations

import re
from typing import NamedTuple

# Limits of Go's regexp/syntax/parse.go: the height of a syntax tree, its instructions, the copies of the innermost thing, and the
# 33,554,432 runes of character classes, of which the largest Unicode class has some 1,300.
_HIGHEST = 1000
_LARGEST = (128 << 20) // 40
_MOST_COPIES = 1000
_MOST_CLASSES = 25_000
_LITERAL, _CONCATENATION, _ALTERNATION, _OTHER = range(4)
_REPETITION = re.compile(r"\{(0|[1-9][0-9]*)(?:(,)(0|[1-9][0-9]*)?)?\}")
_NAMED_GROUP = re.compile(r"\(\?P?<([A-Za-z0-9_]+)>")
# Flags and what ends them. A minus sign needs a flag after it.
_FLAGS = re.compile(r"\(\?[imsU]*(?:-[imsU]+)?([:)])")
_HEXADECIMAL = re.compile(r"\\x(?:([0-9A-Fa-f]{2})|\{0*([0-9A-Fa-f]{1,6})\})")
_OCTAL = re.compile(r"\\(?:0[0-7]{0,2}|[1-7][0-7]{1,2})")
_POSIX = "alnum alpha ascii blank cntrl digit graph lower print punct space upper word xdigit".split()
_NEWLINES = frozenset("afnrtv")
# Names in \p{NAME}: categories, their aliases, and scripts. Since 1.25, Go ignores case, spaces, hyphens and underscores, and no
# longer finds scripts whose names have several words. Older versions find those, and require the spelling of Unicode.
_UNICODE = frozenset(
    """
    any ascii assigned c cc cf cn co cs l lc ll lm lo lt lu m mc me mn n nd nl no p pc pd pe pf pi po ps s sc sk sm so z zl zp zs
    casedletter closepunctuation combiningmark connectorpunctuation control currencysymbol dashpunctuation decimalnumber
    enclosingmark finalpunctuation format initialpunctuation letter letternumber lineseparator lowercaseletter mark mathsymbol
    modifierletter modifiersymbol nonspacingmark number openpunctuation other otherletter othernumber otherpunctuation othersymbol
    paragraphseparator privateuse punctuation separator spaceseparator spacingmark surrogate symbol titlecaseletter unassigned
    uppercaseletter cntrl digit punct
    adlam ahom arabic armenian avestan balinese bamum batak bengali bhaiksuki bopomofo brahmi braille buginese buhid carian
    chakma cham cherokee chorasmian common coptic cuneiform cypriot cyrillic deseret devanagari dogra duployan elbasan elymaic
    ethiopic georgian glagolitic gothic grantha greek gujarati gurmukhi han hangul hanunoo hatran hebrew hiragana inherited
    javanese kaithi kannada katakana kawi kharoshthi khmer khojki khudawadi lao latin lepcha limbu lisu lycian lydian mahajani
    makasar malayalam mandaic manichaean marchen medefaidrin miao modi mongolian mro multani myanmar nabataean nandinagari
    newa nko nushu ogham oriya osage osmanya palmyrene phoenician rejang runic samaritan saurashtra sharada shavian siddham
    sinhala sogdian soyombo sundanese syriac tagalog tagbanwa takri tamil tangsa tangut telugu thaana thai tibetan tifinagh
    tirhuta toto ugaritic vai vithkuqi wancho yezidi yi
    """.split()
)


class _FaultError(ValueError):
    """The pattern does not compile; the text is Go's reason."""


class _Node(NamedTuple):
    """A part of the syntax tree: its kind, its instructions, its height, and the copies that nested repetitions make of it."""

    kind: int = _OTHER
    size: int = 1
    height: int = 1
    copies: int = 1


class _Group:
    """An open group: branches that are complete, and the parts of the current one. captures: it is one node more."""

    def __init__(self, captures: bool = False) -> None:
        self.captures = captures
        self.branches: list[_Node] = []
        self.parts: list[_Node] = []

    def close_branch(self) -> None:
        self.branches.append(_joined(self.parts, _CONCATENATION))
        self.parts = []

    def closed(self) -> _Node:
        self.close_branch()
        node = _joined(self.branches, _ALTERNATION)
        if not self.captures:
            return node
        return _Node(_OTHER, node.size + 2, node.height + 1, node.copies)


def fault(pattern: str) -> str | None:
    """Return why Go's regexp package does not compile a pattern, in its own words; None if it does."""
    try:
        _Parser(pattern).parse()
    except _FaultError as error:
        return str(error)
    return None


def _joined(nodes: list[_Node], kind: int) -> _Node:
    """Return nodes as one: a node of the same kind is part of the new one."""
    if not nodes:
        return _Node()
    if len(nodes) == 1:
        return nodes[0]
    height = 1 + max(node.height - (node.kind == kind) for node in nodes)
    size = sum(node.size for node in nodes) + (len(nodes) - 1 if kind == _ALTERNATION else 0)
    return _checked(_Node(kind, size, height, max(node.copies for node in nodes)))


def _checked(node: _Node) -> _Node:
    if node.height > _HIGHEST:
        raise _FaultError("expression nests too deeply")
    return node


class _Parser:
    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0
        self.groups = [_Group()]
        self.after_repetition = False
        self.nodes = 0
        self.classes = 0
        self.repetitions = 1  # the product of all of them
        self.last_posix_end = pattern.rfind(":]")

    def parse(self) -> None:
        while self.at < len(self.pattern):
            before, self.after_repetition = self.after_repetition, False
            self._next(before)
            if self.classes > _MOST_CLASSES:
                raise _FaultError("expression too large")
        if len(self.groups) > 1:
            raise _FaultError("missing closing )")
        self._check_size(self.groups[0].closed())

    def _next(self, after_repetition: bool) -> None:
        character = self.pattern[self.at]
        if character == "(":
            self._open()
        elif character == ")":
            self._close()
        elif character == "|":
            self.groups[-1].close_branch()
            self.at += 1
        elif character == "[":
            self._class()
        elif character in "*+?":
            self._repeat(character, 0, 0, self.at + 1, after_repetition)
        elif character == "{":
            self._counted(after_repetition)
        elif character == "\\":
            self._escape()
        elif character in "^$.":
            self._push(_Node())
            self.at += 1
        else:
            self._literal(1)

    def _push(self, node: _Node) -> None:
        self.groups[-1].parts.append(node)
        self.nodes += 1

    def _literal(self, length: int) -> None:
        """Add one character. Two before it become one node, since only the last one can be repeated."""
        parts = self.groups[-1].parts
        if len(parts) > 1 and parts[-1].kind == parts[-2].kind == _LITERAL:
            last = parts.pop()
            parts[-1] = _Node(_LITERAL, parts[-1].size + last.size)
            self.nodes -= 1
        self._push(_Node(_LITERAL))
        self.at += length

    def _open(self) -> None:
        if not self.pattern.startswith("(?", self.at):
            self.groups.append(_Group(captures=True))
            self.at += 1
            return
        named = _NAMED_GROUP.match(self.pattern, self.at)
        if named:
            self.groups.append(_Group(captures=True))
            self.at = named.end()
            return
        if self.pattern.startswith(("(?P<", "(?<"), self.at) and not self.pattern.startswith(
            ("(?<=", "(?<!"), self.at
        ):
            raise _FaultError("invalid named capture")
        flags = _FLAGS.match(self.pattern, self.at)
        if not flags:
            raise _FaultError(f"invalid or unsupported Perl syntax: `{self.pattern[self.at : self.at + 4]}`")
        if flags.group(1) == ":":
            self.groups.append(_Group())
        self.at = flags.end()

    def _close(self) -> None:
        if len(self.groups) == 1:
            raise _FaultError("unexpected )")
        node = self.groups.pop().closed()
        self._check_size(_checked(node))
        self._push(node)
        self.at += 1

    def _counted(self, after_repetition: bool) -> None:
        found = _REPETITION.match(self.pattern, self.at)
        if not found:
            self._literal(1)
            return
        least, comma, most = found.groups()
        least, most = (_number(text) for text in (least, least if not comma else most))
        if least is None or least > _MOST_COPIES or (most is not None and not least <= most <= _MOST_COPIES):
            raise _FaultError(f"invalid repeat count: `{found.group()[:20]}`")
        self._repeat(found.group(), least, most, found.end(), after_repetition)

    def _repeat(self, sign: str, least: int, most: int | None, end: int, after_repetition: bool) -> None:
        if self.pattern.startswith("?", end):
            end += 1
        if after_repetition:
            raise _FaultError(f"invalid nested repetition operator: `{self.pattern[self.at - 1 : end][:20]}`")
        parts = self.groups[-1].parts
        if not parts:
            raise _FaultError(
                f"missing argument to repetition operator: `{self.pattern[self.at : end][:20]}`"
            )
        repeated = parts[-1]
        node = _repeated(repeated, sign, least, most)
        if len(sign) > 1:
            self.repetitions = min(_LARGEST, self.repetitions * max(1, least if most is None else most))
        self.nodes += 1
        self._check_size(_checked(node))
        if len(sign) > 1 and max(least, most or 0) >= 2 and node.copies > _MOST_COPIES:
            raise _FaultError(f"invalid repeat count: `{sign[:20]}`")
        parts[-1] = node
        self.at, self.after_repetition = end, True

    def _check_size(self, node: _Node) -> None:
        """Refuse an expression that is too large; as in Go, only if the number of nodes and repetitions makes that possible."""
        if node.size > _LARGEST and self.nodes >= _LARGEST // self.repetitions:
            raise _FaultError("expression too large")

    def _escape(self) -> None:
        following = self.pattern[self.at + 1 : self.at + 2]
        if following and following in "AbBz":
            self._push(_Node())
            self.at += 2
        elif following == "Q":
            end = self.pattern.find("\\E", self.at + 2)
            start, length = self.at + 2, (len(self.pattern) if end < 0 else end) - self.at - 2
            for _character in range(length):
                self._literal(1)
            self.at = start + length + (0 if end < 0 else 2)
        elif following and following in "pP":
            self._unicode_class()
            self._push(_Node())
        elif following and following in "dDsSwW":
            self._push(_Node())
            self.at += 2
        else:
            _rune, self.at = self._escaped(self.at)
            self._literal(0)

    def _unicode_class(self) -> None:
        """Pass a class such as \\pL or \\p{Greek}."""
        start = self.at + 2
        self.classes += 1
        if not self.pattern.startswith("{", start):
            name, self.at = self.pattern[start : start + 1], start + 1
        else:
            end = self.pattern.find("}", start)
            name, self.at = self.pattern[start + 1 : end], end + 1
            if end < 0:
                raise _FaultError("invalid character class range")
        if not _is_unicode_class(name.removeprefix("^")):
            raise _FaultError(f"invalid character class range: `\\p{{{name[:20]}}}`")

    def _escaped(self, start: int) -> tuple[int, int]:
        """Return the code of an escaped character, and the position after it."""
        text = self.pattern[start : start + 2]
        if len(text) < 2:
            raise _FaultError("trailing backslash at end of expression")
        character = text[1]
        found = _OCTAL.match(self.pattern, start)
        if found:
            return int(found.group()[1:], 8), found.end()
        found = _HEXADECIMAL.match(self.pattern, start)
        if found:
            code = int(found.group(1) or found.group(2), 16)
            if code <= 0x10FFFF:
                return code, found.end()
        elif character in _NEWLINES:
            return ord(
                {"a": "\a", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}[character]
            ), start + 2
        elif character.isascii() and not character.isalnum():
            return ord(character), start + 2
        raise _FaultError(f"invalid escape sequence: `{text}`")

    def _class(self) -> None:
        self._push(_Node())
        start = self.at
        self.at += 2 if self.pattern.startswith("[^", start) else 1
        first = True
        while first or not self.pattern.startswith("]", self.at):
            if self.at >= len(self.pattern):
                raise _FaultError("missing closing ]")
            self._class_part()
            first = False
        self.at += 1

    def _class_part(self) -> None:
        if self.pattern.startswith("[:", self.at) and self.at + 2 <= self.last_posix_end:
            end = self.pattern.find(":]", self.at + 2)
            name = self.pattern[self.at + 2 : end].removeprefix("^")
            if name not in _POSIX:
                raise _FaultError(f"invalid character class range: `[:{name[:20]}:]`")
            self.at = end + 2
            return
        escape = self.pattern[self.at : self.at + 2]
        if escape in ("\\p", "\\P"):
            self._unicode_class()
        elif len(escape) > 1 and escape[0] == "\\" and escape[1] in "dDsSwW":
            self.at += 2
        else:
            self._class_range()

    def _class_range(self) -> None:
        start = self.at
        low = self._class_character()
        if self.pattern.startswith("-", self.at) and self.at + 1 < len(self.pattern):
            if self.pattern[self.at + 1] == "]":
                return
            self.at += 1
            if self._class_character() < low:
                raise _FaultError(f"invalid character class range: `{self.pattern[start : self.at]}`")

    def _class_character(self) -> int:
        if self.at >= len(self.pattern):
            raise _FaultError("missing closing ]")
        if self.pattern[self.at] == "\\":
            code, self.at = self._escaped(self.at)
            return code
        self.at += 1
        return ord(self.pattern[self.at - 1])


def _repeated(node: _Node, sign: str, least: int, most: int | None) -> _Node:
    """Return a repeated node."""
    height = node.height + 1
    if sign == "*":
        return _Node(_OTHER, node.size + 2, height, node.copies)
    if sign in ("+", "?"):
        return _Node(_OTHER, node.size + 1, height, node.copies)
    if most is None:
        return _Node(
            _OTHER, max(1, least) * node.size + (1 if least else 2), height, max(1, least) * node.copies
        )
    if most == 0:
        return _Node(_OTHER, 1, height, 1)
    return _Node(_OTHER, most * node.size + most - least, height, most * node.copies)


def _number(text: str | None) -> int | None:
    """Return a count; one with too many digits is too large as well. None is no limit."""
    return None if text is None else int(text[:9])


def _is_unicode_class(name: str) -> bool:
    return re.sub("[ _-]", "", name[:40]).lower() in _UNICODE
