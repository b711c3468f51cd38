# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of a sentence about an unknown name."""

from __future__ import annotations

from collections.abc import Iterable

_LONGEST = 100  # characters of a name that could be a known one, misspelled


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The known name that was probably meant, as the end of a sentence: the right case of it, else a neighbour; or ""."""
    if len(name) > _LONGEST:
        return ""
    known = list(known)
    meant = next((other for other in known if other.lower() == name.lower()), None)
    if meant is None:
        import difflib  # only a mistake pays for it

        meant = next(iter(difflib.get_close_matches(name, known, n=1)), None)
    return f"; did you mean {meant}?" if meant else ""
