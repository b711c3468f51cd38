# SPDX-License-Identifier: GPL-3.0-or-later
"""Text that has to stay on one line of a file that systemd reads."""

from __future__ import annotations

from ansible_collections.cri.node.plugins.plugin_utils.value_types import is_unicode

# Control characters but the tab, and what Unicode counts as the end of a line.
_REFUSED = frozenset(chr(code) for code in (*range(9), *range(10, 32), *range(127, 160), 0x2028, 0x2029))


def shown_name(name: str) -> str:
    """A name that may be no name, for a message: only up to where a value begins, which may be a secret."""
    end = min((place for place in map(name.find, "=:\n\"'") if place >= 0), default=len(name))
    return ascii(name[: min(end, 60)]) + ("..." if end < len(name) or len(name) > 60 else "")


def line_fault(text: str) -> str | None:
    """Why the text cannot stand on one line; None when it can. The text itself is not in the answer."""
    if not _REFUSED.isdisjoint(text):
        return "holds a line break or another control character"
    if not is_unicode(text):
        return "is no valid Unicode"
    return None
