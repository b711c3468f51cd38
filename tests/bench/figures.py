# SPDX-License-Identifier: GPL-3.0-or-later
"""Calculates rows of figures and a table from pairs of seconds. Nothing is measured here."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median

# The most that each row's ratio should be.
GOALS = {
    "provision_noop": 1.8,
    "provision_first": 8,
    "verify": 6,
    "info_facts": 1.5,
    "ps_facts": 1.5,
    "logs_facts": 1.5,
    "remote_calls_noop": 1,
    "remote_calls_first": 8,
    "tasks_noop": 5,
    "check_1000_hosts": 0.4,
    "noop_100_hosts": 2,
    "noop_1000_hosts": 2,
    "noop_growth": 1.2,
    "registries_2000": 5,
    "registries_growth": 2,
    "remote_calls_registries": 1,
}
UNITS = {
    "remote_calls_noop": "calls a node",
    "remote_calls_first": "calls a node",
    "tasks_noop": "tasks a node",
    "noop_growth": "times as long for each host of 1000 as of 100",
    "registries_2000": "times reading the result with tomllib",
    "registries_growth": "times as long for each name with 2000 registries as with 20",
    "remote_calls_registries": "calls a node",
}
UNIT = "times the reference"

Row = dict[str, object]


class NotMeasured(Exception):
    """A row has no figures; the message is the reason."""


def timed(name: str, pairs: Sequence[tuple[float, float]]) -> Row:
    """Return a row from pairs (ours, reference) of seconds, each measured one right after the other.

    The ratio is that of the two medians, so that it follows from the other figures of the row; what a busy machine adds hits
    both sides alike because they take turns.
    """
    ours, reference = (median(side) for side in zip(*pairs, strict=True))
    if reference <= 0:
        raise NotMeasured(f"{name}: the reference took no time at all")
    return _row(name, ours / reference, len(pairs), ours, reference)


def without(nothing: Iterable[float], whole: Iterable[float]) -> list[float]:
    """Return by how many seconds each run exceeds the run of the empty module alongside."""
    return [each - base for base, each in zip(nothing, whole, strict=True)]


def counted(name: str, counts: Sequence[float]) -> Row:
    """Return a row from one count for each run. It has no seconds; its ratio is the median count."""
    return _row(name, median(counts), len(counts), None, None)


def most_calls(file: Path) -> int:
    """Return the most remote calls of any node, from a file with the address of the node for each call."""
    return max(Counter(file.read_text().split()).values(), default=0)


def unmeasured(name: str, why: object) -> Row:
    """Return the row of something that could not be measured."""
    return {**_row(name, None, 0, None, None), "not_measured": str(why)}


def _row(name, ratio, runs, ours, reference) -> Row:
    return {
        "name": name,
        "ratio": ratio if ratio is None else round(ratio, 3),
        "goal": GOALS[name],
        "ours_s": ours if ours is None else round(ours, 4),
        "reference_s": reference if reference is None else round(reference, 4),
        "runs": runs,
        "unit": UNITS.get(name, UNIT),
    }


def table(rows: Iterable[Mapping[str, object]]) -> str:
    """Return the rows as a readable table, with a verdict for each."""
    cells = [("row", "ratio", "goal", "ours", "reference", "runs", "")]
    for row in rows:
        ratio = "-" if row["ratio"] is None else f"{row['ratio']:.2f}"
        seconds = [_seconds(row[side]) for side in ("ours_s", "reference_s")]
        cells.append((row["name"], ratio, f"{row['goal']:g}", *seconds, str(row["runs"]), verdict(row)))
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join("  ".join(_aligned(line, widths)).rstrip() for line in cells)


def verdict(row: Mapping[str, object]) -> str:
    """Return whether a row meets its goal, in words."""
    if row["ratio"] is None:
        return f"not measured: {row['not_measured']}"
    return f"{row['unit']}, {'within its goal' if row['ratio'] <= row['goal'] else 'MISSES ITS GOAL'}"


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f} s"


def _aligned(line: Sequence[str], widths: Sequence[int]) -> list[str]:
    """Names and verdicts to the left, figures to the right."""
    last = len(line) - 1
    return [
        text.ljust(width) if position in (0, last) else text.rjust(width)
        for position, (text, width) in enumerate(zip(line, widths, strict=True))
    ]
