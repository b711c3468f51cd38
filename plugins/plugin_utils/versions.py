# SPDX-License-Identifier: GPL-3.0-or-later
"""CRI-O versions as comparable data."""

from __future__ import annotations

from typing import NamedTuple

SUPPORTED = ("1.34", "1.35", "1.36", "1.37")


class Version(NamedTuple):
    """A CRI-O version; without a patch release it stands for the newest of its minor."""

    major: int
    minor: int
    patch: int | None = None

    def __str__(self) -> str:
        return ".".join(str(part) for part in self if part is not None)

    @property
    def line(self) -> tuple[int, int]:
        """Major and minor, to compare with."""
        return (self.major, self.minor)


def parse_version(text: str) -> Version:
    """Version(1, 36, 3) of "1.36.3", "v1.36.3" or "1.36.3-dev+git"; else ValueError."""
    core = text.strip().removeprefix("v").partition("-")[0].partition("+")[0]
    parts = core.split(".")
    if len(parts) not in (2, 3) or not all(part.isascii() and part.isdigit() for part in parts):
        raise ValueError(f"{text!r} is no CRI-O version; accepted: for example 1.36 or 1.36.3")
    return Version(*(int(part) for part in parts))
