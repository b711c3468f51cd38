# SPDX-License-Identifier: GPL-3.0-or-later
"""Suggests known names for an unknown name."""

from __future__ import annotations

from collections.abc import Iterable

_LONGEST = 100  # characters of a name that could be a known one, misspelled


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return the known name that was probably meant, as the end of a sentence: in the right case, else a similar one; or ""."""
    if len(name) > _LONGEST:
        return ""
    known = list(known)
    meant = next((other for other in known if other.lower() == name.lower()), None)
    if meant is None:
        import difflib  # only loaded for an error

        meant = next(iter(difflib.get_close_matches(name, known, n=1)), None)
    return f"; did you mean {meant}?" if meant else ""
