# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Finds the rotated files of a log, by their names. Their number is limited, because a pod may create files in its directory."""

from __future__ import annotations

import heapq
import os
import re
from collections.abc import Iterator

FILE_LIMIT = 50  # rotated files that are opened of one log, the newest ones

_ROTATED = re.compile(r"\.(?:(?P<date>\d{8}-\d{6})|(?P<number>\d{1,4}))(?P<gz>\.gz)?", re.ASCII)


def rotated_files(path: str) -> list[str]:
    """Return the names of a log's rotated files, the newest first, FILE_LIMIT + 1 at most.

    Of a file that exists with and without .gz it is the one without.
    """
    directory, name = os.path.split(path)
    try:
        with os.scandir(directory) as listed:
            # Twice as many, because each may exist with and without .gz.
            newest_files = heapq.nlargest(2 * FILE_LIMIT + 2, _ages(listed, name))
    except OSError:
        return []
    found: dict[tuple[str, int], str] = {}
    for age, _is_plain, each in newest_files:
        found.setdefault(age, each)
    return list(found.values())[: FILE_LIMIT + 1]


def _ages(listed: Iterator[os.DirEntry[str]], name: str) -> Iterator[tuple[tuple[str, int], bool, str]]:
    """Yield age, whether it is not gzipped, and name of each rotated file in a directory."""
    for each in listed:
        match = _ROTATED.fullmatch(each.name[len(name) :]) if each.name.startswith(name) else None
        if match:
            yield (match["date"] or "", -int(match["number"] or 0)), not match["gz"], each.name
