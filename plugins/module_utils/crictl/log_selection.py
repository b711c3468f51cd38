# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Selects log entries: the newest ones of one or several logs, within limits of lines, bytes and characters."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Sequence

from . import log as cri_log
from .log import Entry, Log
from .times import SECOND

CHARACTER_LIMIT = 600_000  # of all entries as JSON; job runners drop a result of more than 700,000
CLOCK_SLACK = 10 * SECOND  # how far the clock may have been set back within a log

_AROUND_ENTRY = 190  # characters of JSON around the text of an entry, at most


class Selection:
    """Which entries to return, and how much at most.

    tail and max_bytes are limits, since and until nanoseconds since 1970, pattern is a regular expression. Raises re.error,
    OverflowError or RecursionError for a pattern that is not valid.
    """

    def __init__(
        self,
        tail: int = 1000,
        max_bytes: int = 64 * 1024,
        since: int | None = None,
        until: int | None = None,
        stream: str | None = None,
        pattern: str | None = None,
    ) -> None:
        self.tail, self.max_bytes = tail, max_bytes
        self.since, self.until, self.stream = since, until, stream
        self.pattern = re.compile(pattern) if pattern else None

    def is_over(self, entry: Entry) -> bool:
        """Return whether this entry and all before it are too old."""
        return self.since is not None and 0 < entry.time < self.since - CLOCK_SLACK

    def wants(self, entry: Entry) -> bool:
        """Return whether an entry matches stream, times and pattern."""
        return (
            (self.stream is None or entry.stream == self.stream)
            and (self.until is None or entry.time <= self.until)
            and (self.since is None or entry.time >= self.since)
            and (self.pattern is None or self.pattern.search(entry.text) is not None)
        )


def newest(logs: Sequence[Log], selection: Selection) -> tuple[list[Entry], bool]:
    """Return the newest matching entries of all logs, the oldest first, and whether they were truncated.

    Truncated means that a limit ended the search before the beginning of the selection, or cut a line.
    """
    deadline = time.monotonic() + cri_log.TIME_LIMIT
    for log in logs:
        log.deadline = deadline
    found: list[Entry] = []
    room, characters = selection.max_bytes, CHARACTER_LIMIT
    truncated = False
    for entry in _merged(logs, selection.stream):
        if selection.is_over(entry):
            break
        if len(found) >= selection.tail:
            truncated = True
            break
        if not selection.wants(entry):
            continue
        if found and (_bytes(entry.text) > room or _characters(entry.text) > characters):
            truncated = True
            break
        if not found:
            _fit(entry, room, characters)
        room -= _bytes(entry.text)
        characters -= _characters(entry.text)
        found.append(entry)
    truncated = truncated or any(entry.cut for entry in found) or any(log.gave_up for log in logs)
    return found[::-1], truncated


def _merged(logs: Sequence[Log], stream: str | None) -> Iterable[Entry]:
    """Return the entries of all logs, the newest first."""
    if len(logs) == 1:
        return logs[0].entries(stream)
    import heapq  # not at the top: takes longer to load than this module

    return heapq.merge(*(log.entries(stream) for log in logs), key=lambda entry: -entry.time)


def _bytes(text: str) -> int:
    return len(text.encode("utf-8")) + 1


def _characters(text: str) -> int:
    return len(json.dumps(text)) + _AROUND_ENTRY


def _fit(entry: Entry, room: int, characters: int) -> None:
    """Cut the end off an entry that alone is longer than the limits."""
    if _bytes(entry.text) > room:
        entry.shorten(entry.text.encode("utf-8")[: max(room - 1, 0)].decode("utf-8", "ignore"))
    while _characters(entry.text) > characters:
        entry.shorten(entry.text[: len(entry.text) * 9 // 10])
