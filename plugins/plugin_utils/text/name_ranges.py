# SPDX-License-Identifier: GPL-3.0-or-later
"""Shortens lists of node names: consecutive numbers become a range, in the notation of Ansible inventories."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

_NUMBERED = re.compile(r"(.*?)([0-9]{1,9})([^0-9]*)")
_SHORTEST = 3  # names in a range; fewer are not shorter as a range


class _Name(NamedTuple):
    """A name, split at its number: the last one in the host name, or in an address."""

    before: str
    after: str
    digits: str  # "" if the name has no number

    @property
    def position(self) -> tuple[str, str, int, str]:
        return (self.before, self.after, int(self.digits or 0), self.digits)

    @property
    def is_padded(self) -> bool:
        return len(self.digits) > 1 and self.digits.startswith("0")

    def follows(self, run: Sequence[_Name]) -> bool:
        """Return whether the run can continue with this name. All numbers of a range with leading zeros have the same width."""
        last = run[-1]
        if not (self.digits and last.digits) or (run[0].is_padded and len(self.digits) > len(run[0].digits)):
            return False
        return self == last._replace(digits=str(int(last.digits) + 1).zfill(len(last.digits)))

    def __str__(self) -> str:
        return f"{self.before}{self.digits}{self.after}"


def shortened(names: Iterable[str], most: int = 8) -> str:
    """Return the names as text: "storage-1, worker-[01:48]". After `most` names or ranges, only the number of further names."""
    ranges = _ranges(names)
    more = sum(map(len, ranges[most:]))
    return ", ".join(map(_text, ranges[:most])) + (f" and {more} more" if more else "")


def _ranges(names: Iterable[str]) -> list[list[_Name]]:
    """Return the sorted names, those with consecutive numbers together if they are enough for a range."""
    runs: list[list[_Name]] = []
    for name in sorted({_split(each) for each in names}, key=lambda each: each.position):
        if runs and name.follows(runs[-1]):
            runs[-1].append(name)
        else:
            runs.append([name])
    return [part for run in runs for part in ([run] if len(run) >= _SHORTEST else [[name] for name in run])]


def _split(name: str) -> _Name:
    host, dot, domain = name.partition(".")
    if host.isdigit():  # an address
        host, dot, domain = name, "", ""
    numbered = _NUMBERED.fullmatch(host)
    if not numbered:
        return _Name(name, "", "")
    before, digits, after = numbered.groups()
    return _Name(before, f"{after}{dot}{domain}", digits)


def _text(run: Sequence[_Name]) -> str:
    first, last = run[0], run[-1]
    return str(first) if first == last else f"{first.before}[{first.digits}:{last.digits}]{first.after}"
