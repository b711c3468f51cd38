# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks text that must be a single line in a file that systemd reads."""

from __future__ import annotations

from ansible_collections.cri.node.plugins.plugin_utils.value_types import is_unicode

# Control characters but the tab, and what Unicode counts as the end of a line.
_REFUSED = frozenset(chr(code) for code in (*range(9), *range(10, 32), *range(127, 160), 0x2028, 0x2029))


def shown_name(name: str) -> str:
    """Return an invalid name for a message, only up to the start of a value, which may be secret."""
    end = min((place for place in map(name.find, "=:\n\"'") if place >= 0), default=len(name))
    return ascii(name[: min(end, 60)]) + ("..." if end < len(name) or len(name) > 60 else "")


def line_fault(text: str) -> str | None:
    """Return why the text is not a single line, without the text itself; None if it is."""
    if not _REFUSED.isdisjoint(text):
        return "contains a line break or another control character"
    if not is_unicode(text):
        return "is not valid Unicode"
    return None
