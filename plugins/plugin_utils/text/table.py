# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables of text for a terminal, with cells that wrap."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

WIDTH = 110  # columns of a terminal that every table fits into
_GAP = 2


def row(cells: Sequence[str], widths: Sequence[int]) -> list[str]:
    """Return the lines of one row: each cell wraps within its column, and the last one takes the rest of WIDTH.

    A cell may contain several lines.
    """
    widths = [*widths, rest(widths)]
    columns = [
        [line for part in cell.split("\n") for line in wrapped(part, width)]
        for cell, width in zip(cells, widths)
    ]
    lines = []
    for index in range(max(map(len, columns))):
        parts = [column[index] if index < len(column) else "" for column in columns]
        padded = (f"{part:{width + _GAP}}" for part, width in zip(parts, widths))
        lines.append("".join(padded).rstrip())
    return lines


def rest(widths: Sequence[int]) -> int:
    """Return the width that is left for the last column of a row."""
    return WIDTH - sum(widths) - _GAP * len(widths)


def wrapped(text: str, width: int = WIDTH, indent: str = "") -> list[str]:
    """Return a text as lines of at most `width` columns; all but the first begin with the indent."""
    import textwrap  # only loaded for a table, not for a list of names

    return textwrap.wrap(text, width, subsequent_indent=indent, break_on_hyphens=False) or [""]


def ruled(header: Iterable[str], body: Iterable[str]) -> list[str]:
    """Return lines with a header above and rules around the body."""
    rule = "-" * WIDTH
    return [*header, rule, *body, rule]


def count(number: int, thing: str) -> str:
    """Return a number with its noun in the plural where it needs one: "1 node", "2 nodes"."""
    return f"{number} {thing}{'' if number == 1 else 's'}"


def listed(names: Sequence[str], most: int = 8) -> str:
    """Return names in a row, and how many more there are than `most`."""
    more = len(names) - most
    return f"{', '.join(names[:most])} and {more} more" if more > 0 else ", ".join(names)
