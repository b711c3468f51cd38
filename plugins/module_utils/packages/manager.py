# SPDX-License-Identifier: GPL-3.0-or-later
"""The interface of a package manager, and what all of them have in common."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Sequence
from typing import NamedTuple

from .. import program
from ..errors import NodeError
from ..text import shown
from . import left_scripts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..layout import Layout

READ_LIMIT = 120  # seconds for a question about what is installed
REFRESH_LIMIT = 600  # seconds for the index of a repository
INSTALL_LIMIT = 1800  # seconds for downloads and installation
_POLL = 2.0  # seconds between two tries to get a lock
_MOST_LINES = 3  # of a package manager's output in a message
_LONGEST_LINE = 400  # characters
# Of files below the folders for repositories: a repository with CRI-O in its name.
_NAMES_CRIO = re.compile(r"^\s*[^#\s].*://\S*\bcri-?o\b", re.IGNORECASE | re.MULTILINE)


class PackageError(NodeError):
    """Packages cannot be installed; the message has the package manager's own line."""


class Installed(NamedTuple):
    """One installed package. complete: whether all of its installation is done. held: whether upgrades leave it alone."""

    version: str
    complete: bool = True
    held: bool = False


class Prepared(NamedTuple):
    """What a repository offers, read without changing the node: {package: its versions}."""

    available: dict[str, list[str]]


class Manager:
    """A package manager. Each method raises PackageError with the program's own words.

    lock_timeout: seconds to wait for another package manager that is running.
    """

    name = ""
    #: the folders with files of repositories, and the ends of the names that count
    repository_folders: tuple[str, ...] = ()
    repository_suffixes: tuple[str, ...] = ()
    #: words of the program when another one holds a lock
    locked_words = ""

    def __init__(self, layout: Layout, lock_timeout: int = 120) -> None:
        self.layout = layout
        self.lock_timeout = lock_timeout
        self._mark = left_scripts.mark()

    def installed(self, names: Sequence[str]) -> dict[str, Installed]:
        """Return the packages of these names that are on the node, complete or not."""
        raise NotImplementedError

    def owner(self, path: str) -> str:
        """Return the package that a file belongs to, "" if there is none."""
        raise NotImplementedError

    def interruption(self) -> str:
        """Return what an interrupted run of the package manager has left, in its own words, or ""."""
        return ""

    def finish_interrupted(self) -> None:
        """Complete what an interrupted run of the package manager has left."""

    def prepare(self, folder: str, files: dict[str, bytes], names: Sequence[str]) -> Prepared | None:
        """Read the index of the repository in `files` into an empty folder. None if this manager cannot without a change."""
        raise NotImplementedError

    def simulate(self, folder: str, versions: dict[str, str]) -> list[str]:
        """Return the packages that an installation would add or change, after prepare with this folder."""
        raise NotImplementedError

    def refresh(self, repository: str) -> None:
        """Read the index of the repository in this file, which is in place."""
        raise NotImplementedError

    def available(self, names: Sequence[str]) -> dict[str, list[str]]:
        """Return the versions that the repository in place offers, after refresh."""
        raise NotImplementedError

    def install(self, versions: dict[str, str], downgrade: bool) -> None:
        """Install exactly these versions, any one for "". Configuration files that exist are kept."""
        raise NotImplementedError

    def hold(self, names: Sequence[str]) -> None:
        """Make upgrades leave these installed packages alone."""
        raise NotImplementedError

    def release(self, names: Sequence[str]) -> None:
        """Let upgrades change these packages again."""
        raise NotImplementedError

    def other_repositories(self, ours: str) -> list[str]:
        """Return the files of others that configure a repository with CRI-O in its address, sorted."""
        found = []
        for folder in self.repository_folders:
            place = self.layout.at(folder)
            names = sorted(os.listdir(place)) if os.path.isdir(place) else [""]
            for name in names:
                path = f"{folder}/{name}" if name else folder
                if path != ours and path.endswith(self.repository_suffixes) and self._names_crio(path):
                    found.append(path)
        return found

    def _names_crio(self, path: str) -> bool:
        try:
            with open(self.layout.at(path), encoding="utf-8", errors="replace") as file:
                return any(_NAMES_CRIO.search(part) and not is_off(part) for part in parts_of(file.read()))
        except OSError:
            return False

    def call(
        self, arguments: Sequence[str], doing: str, limit: float = READ_LIMIT, accepted: Sequence[int] = (0,)
    ) -> str:
        """Run the package manager and return its output. Waits while another one holds its lock.

        doing: the beginning of the message of the PackageError.
        """
        deadline = time.monotonic() + self.lock_timeout
        while True:
            status, output, errors = program.run(arguments, limit, self.environment())
            if status in accepted:
                return output
            if not (self.locked_words and re.search(self.locked_words, output + errors)):
                break
            if time.monotonic() >= deadline:
                raise PackageError(
                    f"{doing} failed: another package manager is still running after {self.lock_timeout} s:"
                    f" {words(output, errors)}"
                )
            time.sleep(_POLL)
        raise PackageError(
            f"{doing} failed: {words(output, errors) or f'{arguments[0]} ended with status {status}'}"
        )

    def environment(self) -> dict[str, str]:
        """Return the environment of the package manager: in English, and without a question to anyone."""
        return {
            **os.environ,
            "PATH": program.PATH,
            "LC_ALL": "C",
            "DEBIAN_FRONTEND": "noninteractive",
            "APT_LISTCHANGES_FRONTEND": "none",
            # needrestart would restart services after the installation, also containers' daemons.
            "NEEDRESTART_SUSPEND": "1",
            left_scripts.NAME: self._mark,
        }

    def end_scripts(self) -> None:
        """Wait for scripts of packages that still run although the package manager has ended, and kill those that do not end."""
        left_scripts.end(self._mark)


def parts_of(text: str) -> list[str]:
    """Return the stanzas of a file of repositories: between blank lines, or from one [section] to the next."""
    return re.split(r"\n\s*\n|\n(?=\[)", text)


def is_off(stanza: str) -> bool:
    """Return whether a stanza of a file of repositories is disabled."""
    return (
        re.search(r"^\s*enabled\s*[:=]\s*(?:0|no|false|off)\s*$", stanza, re.IGNORECASE | re.MULTILINE)
        is not None
    )


def words(output: str, errors: str) -> str:
    """Return the lines of a package manager that say what is wrong: its errors, else its warnings, else its last line."""
    text = f"{output}\n{errors}"
    # dpkg writes the reason in the line below, and the same packages again in the end.
    text = re.sub(r"^(dpkg: error processing .*:)\s*\n\s+(.*)", r"\1 \2", text, flags=re.MULTILINE)
    text = re.sub(
        r"^Errors were encountered while processing:\s*\n(?:[ \t]+.*\n?)*", "", text, flags=re.MULTILINE
    )
    # dnf writes the problem and its reason in the lines below.
    text = re.sub(r"^(Error|error):\s*\n\s*(.*)(?:\n\s+(- .*))?", r"\1: \2 \3", text, flags=re.MULTILINE)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    for pattern in (r"(?:E:|Error|error:|Err:|dpkg: error)", r"(?:W:|Warning|warning:)"):
        chosen = list(dict.fromkeys(line for line in lines if re.match(pattern, line)))
        if chosen:
            return "; ".join(shown(line, _LONGEST_LINE) for line in chosen[:_MOST_LINES])
    return shown(lines[-1], _LONGEST_LINE) if lines else ""
