# SPDX-License-Identifier: GPL-3.0-or-later
"""The versions of a handler's program, and whether CRI-O on this node is known to fail with them."""

from __future__ import annotations

import functools
import re

from ..crio import service as crio_service
from ..program import run
from ..text import shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_VERSION = re.compile(r"(?<![\w.])v?(\d{1,9}(?:\.\d{1,9}){1,3})", re.ASCII)
_NUMBERS = re.compile(r"\d+", re.ASCII)
_LIMIT = 20  # seconds for PROGRAM --version


class CrioOfNode:
    """CRI-O on the node, which is only asked if a rule depends on it."""

    @functools.cached_property
    def service(self) -> crio_service.CrioService:
        """The unit of CRI-O."""
        return crio_service.CrioService()

    @functools.cached_property
    def is_installed(self) -> bool:
        """Whether the node has a CRI-O."""
        return self.service.binary is not None

    @functools.cached_property
    def version(self) -> str:
        """The version of CRI-O; "" if it is not known."""
        binary = self.service.binary
        return (crio_service.version_of(binary) or "") if binary else ""

    def is_before(self, minor: str) -> bool:
        """Return whether CRI-O is known to be older than this minor version, such as 1.30."""
        return bool(self.version) and numbers(self.version)[:2] < numbers(minor)


def printed(path: str) -> tuple[str, str]:
    """Return (the version that a program prints, why it prints none); one of both is ""."""
    status, output, error = run([path, "--version"], _LIMIT)
    found = _VERSION.search(output[:4096])
    if status == 0 and found:
        return found.group(1), ""
    words = (error.strip() or output.strip() or "no version").splitlines()[-1]
    return "", f"{shown(path)} --version prints {shown(words, 200)} (exit status {status})"


def of_package(version: str) -> str:
    """Return the version of the software in that of a package: 1.8.1 of 1:1.8.1-1+deb12u1; "" if there is none."""
    found = _VERSION.search(version.partition(":")[2] or version)
    return found.group(1) if found else ""


def numbers(version: str) -> tuple[int, ...]:
    """Return the numbers of a version for a comparison."""
    return tuple(int(each) for each in _NUMBERS.findall(version)[:4])


def faults(handler: dict[str, Any], version: str, crio: CrioOfNode) -> list[str]:
    """Return why this version of a handler's program fails with the node's CRI-O; of an unknown CRI-O, all reasons count."""
    return [
        f"{handler['name']}: version {version} fails with CRI-O {crio.version or each['crio_since'] + ' and later'}: "
        f"{each['reason']}; it requires at least {each['version']}"
        for each in handler["minimums"]
        if version and numbers(version) < numbers(each["version"]) and not crio.is_before(each["crio_since"])
    ]
