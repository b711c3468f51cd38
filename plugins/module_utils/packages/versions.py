# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions of packages: which of them are those of a release of CRI-O, and which one is the newest."""

from __future__ import annotations

import re
from collections.abc import Iterable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_EPOCH = re.compile(r"\d+:", re.ASCII)
_PIECES = re.compile(r"\d+|[a-zA-Z]+|~", re.ASCII)


def upstream(version: str) -> str:
    """Return the version of the program in a package: 1.36.3 of 0:1.36.3-1.1, 1.37.0~rc1 of 1.37.0~rc1-2.1."""
    return _EPOCH.sub("", version, count=1).partition("-")[0]


def minor(version: str) -> str:
    """Return the minor version, 1.36 of 1.36.3-1.1."""
    return ".".join(upstream(version).split(".")[:2])


def fits(version: str, wanted: str) -> bool:
    """Return whether a package's version is the desired one: any for "", one of a minor for 1.36, else exactly this release."""
    if not wanted:
        return True
    return minor(version) == wanted if wanted.count(".") == 1 else upstream(version) == wanted


def newest(versions: Iterable[str], wanted: str = "") -> str | None:
    """Return the newest one that fits, None if there is none. A release comes before all candidates for releases."""
    found = [version for version in versions if fits(version, wanted)]
    return max(found, key=lambda version: ("~" not in version, order(version)), default=None)


def order(version: str) -> list[tuple[int, Any]]:
    """Return a key that sorts versions as dpkg and rpm do, for versions that consist of numbers, words and tildes.

    A tilde sorts before the end, a word after it and before a number.
    """
    epoch, _colon, rest = version.rpartition(":")
    found: list[tuple[int, Any]] = [(3, int(epoch) if epoch.isdecimal() else 0)]
    for part in rest.split("-", 1):
        for piece in _PIECES.findall(part):
            found.append((0, "") if piece == "~" else (3, int(piece)) if piece.isdigit() else (2, piece))
        found.append((1, ""))
    return found
