# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions of CRI-O and crictl as comparable data."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

# Minor versions whose keys the catalogue knows, in each patch release: settings can be checked against them.
CATALOGUED = ("1.28", "1.29", "1.30", "1.31", "1.32", "1.33", "1.34", "1.35", "1.36", "1.37")
CATALOGUED_RANGE = f"{CATALOGUED[0]} to {CATALOGUED[-1]}"
# Minor versions of nodes that the collection works with and is tested on. Settings without a declared version are checked
# against all of them.
SUPPORTED = ("1.34", "1.35", "1.36", "1.37")
SUPPORTED_RANGE = f"{SUPPORTED[0]} to {SUPPORTED[-1]}"
ACCEPTED = f'a version from {CATALOGUED_RANGE} in quotes, for example "{CATALOGUED[-1]}"'

_LONGEST = 200  # characters that are searched for a version
_NUMBER = r"(0|[1-9]\d{0,5})"
# Of the text after the numbers, only a pre-release is relevant: as SemVer (-rc.1), RPM and Debian (~rc1), Fedora (-0.1.rc1) and
# Python (rc1) write it. Releases of distributions (-1.1, -150500.1.1) and builds (+git, -15-gabcdef) do not.
_PRE = r"(?:[~.-]?(?:0\.(?:\d{1,6}\.)?)?(?P<stage>alpha|beta|dev|pre|rc)(?:[.-]?(?P<count>\d{1,6}))?(?![A-Za-z]))?"
_VERSION = re.compile(
    rf"(?<![\w.])v?{_NUMBER}\.{_NUMBER}(?:\.{_NUMBER})?(?![\d])(?!\.[\d*xX]){_PRE}(?![A-Za-z_])(?:[~+-]\S*)?",
    re.ASCII,
)
_NEWEST = 10**6  # above every patch release
_STAGES = ("dev", "alpha", "beta", "pre", "rc")  # the earliest first


class Version(NamedTuple):
    """A version; without a patch release it stands for the newest of its minor. `pre` is "rc.1" of 1.37.0-rc.1.

    A pre-release sorts before its release. A development build does so too, but also equals its release, because its version
    does not show which commit it was built from.
    """

    major: int
    minor: int
    patch: int | None = None
    pre: str = ""

    def __str__(self) -> str:
        numbers = ".".join(str(part) for part in self[:3] if part is not None)
        return f"{numbers}-{self.pre}" if self.pre else numbers

    @property
    def line(self) -> tuple[int, int]:
        """Major and minor, to compare with."""
        return (self.major, self.minor)

    @property
    def release(self) -> tuple[int, int, int]:
        """Major, minor and patch, to compare with; without a patch release, that of the newest one."""
        return (self.major, self.minor, _NEWEST if self.patch is None else self.patch)

    @property
    def _order(self) -> tuple[Any, ...]:
        stage, _dot, count = self.pre.partition(".")
        pre = (_STAGES.index(stage), int(count or 0)) if stage in _STAGES else (len(_STAGES), 0)
        return (*self.release, *pre)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Version):
            return tuple(self) == other
        return self[:3] == other[:3] and _released(self.pre) == _released(other.pre)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash((*self[:3], _released(self.pre)))

    def __lt__(self, other: Version) -> bool:  # type: ignore[override]
        return self._order < other._order

    def __le__(self, other: Version) -> bool:  # type: ignore[override]
        return self == other or self < other

    def __gt__(self, other: Version) -> bool:  # type: ignore[override]
        return other < self

    def __ge__(self, other: Version) -> bool:  # type: ignore[override]
        return other <= self


def _released(pre: str) -> str:
    return "" if pre.partition(".")[0] == "dev" else pre


def parse_version(text: str) -> Version:
    """Version(1, 36, 3) of "1.36.3", "v1.36.3+git", "1.36.3-1.1" or "crio version 1.36.3"; else ValueError, one sentence."""
    found = list(_VERSION.finditer(str(text)[:_LONGEST]))
    if len(found) != 1:
        from ansible_collections.cri.node.plugins.module_utils.text import shown  # only loaded for an error

        fault = "contains more than one version" if found else "is not a CRI-O version"
        raise ValueError(f"{shown(text, 80)!r} {fault}; accepted: for example 1.36 or 1.36.3")
    major, minor, patch = found[0].group(1, 2, 3)
    stage, count = found[0].group("stage", "count")
    pre = f"{stage}.{int(count)}" if stage and count else stage or ""
    return Version(int(major), int(minor), None if patch is None else int(patch), pre)


def is_catalogued(version: Version) -> bool:
    """Return whether the catalogue knows the keys of this minor version."""
    return _is_between(version, CATALOGUED)


def is_newer(version: Version) -> bool:
    """Return whether this is a later minor version than those that the catalogue knows, which may have more keys."""
    newest = parse_version(CATALOGUED[-1]).line
    return version.major == newest[0] and version.line > newest


def is_supported(version: Version) -> bool:
    """Return whether nodes with this minor version are supported."""
    return _is_between(version, SUPPORTED)


def _is_between(version: Version, minors: tuple[str, ...]) -> bool:
    return parse_version(minors[0]).line <= version.line <= parse_version(minors[-1]).line


def fault_of_declared(version: object, newer: bool = False) -> str:
    """Return the problem of a version that a user declares, as a text that follows its name and value, or "".

    newer: whether a version that is newer than the catalogue is accepted too.
    A number is never accepted: YAML reads 1.40 without quotes as 1.4, and 1.30 as 1.3.
    """
    if isinstance(version, (bool, int, float)):
        return "is not a string: without quotes YAML reads 1.40 as the number 1.4"
    if not isinstance(version, str):
        return "is not a string"
    try:
        parsed = parse_version(version)
    except ValueError:
        return "is not a version"
    return (
        ""
        if is_catalogued(parsed) or (newer and is_newer(parsed))
        else f"is not a known version ({CATALOGUED_RANGE})"
    )
