# SPDX-License-Identifier: GPL-3.0-or-later
"""Text that has to stay on one line of a file that systemd reads."""

from __future__ import annotations

# Control characters but the tab, and what Unicode counts as the end of a line.
_REFUSED = frozenset(chr(code) for code in (*range(9), *range(10, 32), *range(127, 160), 0x2028, 0x2029))


def line_fault(text: str) -> str | None:
    """Why the text cannot stand on one line; None when it can. The text itself is not in the answer."""
    if not _REFUSED.isdisjoint(text):
        return "holds a line break or another control character"
    if any("\ud800" <= char <= "\udfff" for char in text):
        return "is no valid Unicode"
    return None
