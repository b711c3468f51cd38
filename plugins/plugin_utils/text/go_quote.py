# SPDX-License-Identifier: GPL-3.0-or-later
"""Quotes text as Go's strconv.Quote does (%q), for messages that must match those of CRI-O and its libraries."""

from __future__ import annotations

_ESCAPES = {
    '"': '\\"',
    "\\": "\\\\",
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
}


def go_quote(text: str) -> str:
    """Return the text in double quotes; characters that cannot be printed are escaped."""
    return f'"{"".join(_ESCAPES.get(char) or _printable(char) for char in text)}"'


def _printable(char: str) -> str:
    code = ord(char)
    if char.isprintable() and not 0xD800 <= code < 0xE000:
        return char
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
