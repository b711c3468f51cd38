# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages of the node's distribution: which version is installed, which one would be, and its installation."""

from __future__ import annotations

import os
import re

from ..errors import NodeError
from ..program import run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_QUERY_LIMIT = 120  # seconds: dnf and zypper may read their repositories
_INSTALL_LIMIT = 900  # seconds
_REFRESH_LIMIT = 300  # seconds
_LONGEST = 100  # characters of a version


class PackageError(NodeError):
    """A package cannot be queried or installed; the message names it and the program's last words."""


def installed(family: str, name: str) -> str | None:
    """Return the version of an installed package, as the distribution writes it; None if it is not installed."""
    if family == "debian":
        status, output, _error = run(["dpkg-query", "-W", "-f", "${db:Status-Status} ${Version}", name])
        state, _space, version = output.strip().partition(" ")
        return version[:_LONGEST] if status == 0 and state == "installed" else None
    status, output, _error = run(["rpm", "-q", "--qf", "%{VERSION}", name])
    return output.strip()[:_LONGEST] if status == 0 else None


def candidate(family: str, name: str) -> str | None:
    """Return the version that would be installed; None if no repository that the node knows has the package."""
    status, output, _error = run(_CANDIDATE[family](name), _QUERY_LIMIT, environment())
    found = re.search(r"^\s*(?:Candidate|Version)\s*:\s*(\S+)|^(\d\S*)$", output, re.MULTILINE)
    version = (found.group(1) or found.group(2)) if status == 0 and found else ""
    return version[:_LONGEST] if version and version != "(none)" else None


def refresh(family: str) -> None:
    """Read the repositories again where this is a step of its own. Errors show when the package is not found."""
    if family == "debian":
        run(["apt-get", "-q", "-o", "DPkg::Lock::Timeout=60", "update"], _REFRESH_LIMIT, environment())


def install(family: str, names: list[str]) -> None:
    """Install packages. Raises PackageError."""
    command = [*_INSTALL[family], *names]
    status, output, error = run(command, _INSTALL_LIMIT, environment())
    if status:
        words = (error.strip() or output.strip() or f"exit status {status}").splitlines()[-1]
        raise PackageError(f"{command[0]} could not install {', '.join(names)}: {words}")


def environment() -> dict[str, str]:
    """Return the environment of a package manager: in English, and without a question to anyone."""
    return {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}


_CANDIDATE: dict[str, Callable[[str], list[str]]] = {
    "debian": lambda name: ["apt-cache", "policy", name],
    "rhel": lambda name: ["dnf", "-q", "repoquery", "--latest-limit=1", "--qf", "%{version}\n", name],
    "suse": lambda name: ["zypper", "--non-interactive", "info", name],
}
_INSTALL = {
    "debian": [
        "apt-get",
        "-y",
        "-q",
        "--no-install-recommends",
        "-o",
        "DPkg::Lock::Timeout=60",
        "-o",
        "Dpkg::Options::=--force-confold",
        "install",
    ],
    "rhel": ["dnf", "-y", "-q", "install"],
    "suse": ["zypper", "--non-interactive", "install", "--no-recommends"],
}
