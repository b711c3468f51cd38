# SPDX-License-Identifier: GPL-3.0-or-later
"""The entries of a report that joins nodes with equal results, and its table for a terminal. Pure functions over data."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, TypedDict, TypeVar

from ansible_collections.cri.node.plugins.plugin_utils.text import table as text_table
from ansible_collections.cri.node.plugins.plugin_utils.text.name_ranges import shortened
from ansible_collections.cri.node.plugins.plugin_utils.text.table import count

_WIDTH_OF_NAMES = (
    24  # characters; beside this column, every path of the roles fits; a longer name makes it wider
)
_WIDEST_NAME = 40
_MANY = 4  # from this number on, the number of nodes is shown
_MOST_ROWS = 200


class Entry(TypedDict):
    """What the entry of every report has."""

    nodes: list[str]


_Entry = TypeVar("_Entry", bound=Entry)


def join(entries: dict[str, _Entry], entry: _Entry, node: str) -> _Entry:
    """Add a node to its entry: to an equal one of `entries`, else to this one, which is added to them. Return the entry.

    entry: without nodes. entries: by what they say, in the order in which they were added.
    """
    found = entries.setdefault(json.dumps(entry, sort_keys=True), entry)
    found["nodes"].append(node)
    return found


class Row(NamedTuple):
    """Nodes with equal results."""

    nodes: list[str]
    cells: tuple[str, ...]  # between the nodes and the details; a column that is empty in all rows is omitted
    details: Callable[[int], Iterable[str]]  # width of the last column in characters -> its lines


def lines(header: Sequence[str], rows: Sequence[Row]) -> list[str]:
    """Return the table with rules around it. The last rows are shown, because they are right above the summary.

    header: titles of the column of nodes, of each of the cells, and of the details.
    """
    shown = rows[-_MOST_ROWS:]
    names = [_names(row.nodes) for row in shown]
    cells = list(zip(*(row.cells for row in shown)))
    used = [index for index, column in enumerate(cells) if any(column)]
    titles = [header[0], *(header[1 + index] for index in used), header[-1]]
    columns = [names, *(cells[index] for index in used)]
    widths = [
        max(map(len, "\n".join((title, *column)).split("\n"))) for title, column in zip(titles, columns)
    ]
    longest_name = max(len(word) for cell in names for word in cell.split())
    widths[0] = min(widths[0], max(_WIDTH_OF_NAMES, min(longest_name, _WIDEST_NAME)))
    body = []
    if len(shown) < len(rows):
        body.append(f"{count(len(rows) - len(shown), 'row')} more, not shown")
    for row, *texts in zip(shown, *columns):
        body += text_table.row((*texts, "\n".join(row.details(text_table.rest(widths)))), widths)
    return text_table.ruled(text_table.row(titles, widths), body)


def _names(nodes: list[str]) -> str:
    """Return the nodes of a row, with their number if there are many."""
    names, number = shortened(nodes), f"({count(len(nodes), 'node')})"
    if len(nodes) < _MANY:
        return names
    separator = " " if len(names) + len(number) < _WIDTH_OF_NAMES else "\n"
    return f"{names}{separator}{number}"


def first(lines: Sequence[str], most: int, what: str = "line") -> Iterator[str]:
    """Yield the first lines of the details, and how many more there are."""
    yield from lines[:most]
    if len(lines) > most:
        yield f"and {count(len(lines) - most, f'more {what}')}"


def shortened_path(path: str, width: int) -> str:
    """Return the path on one line. The middle of a long path is omitted, because its ends are the most informative."""
    if len(path) <= width:
        return path
    end = (width - 3) * 2 // 3
    return f"{path[: width - 3 - end]}...{path[-end:]}"
