# SPDX-License-Identifier: GPL-3.0-or-later
"""What dnf and zypper have in common: the database of rpm(8), and copies of a repository's files."""

from __future__ import annotations

import os
from collections.abc import Sequence

from .. import program
from .manager import READ_LIMIT, Installed, Manager

_FORMAT = "%{NAME}\\t%{VERSION}-%{RELEASE}\\n"


class Rpm(Manager):
    """A package manager with the database of rpm."""

    def installed(self, names: Sequence[str]) -> dict[str, Installed]:
        """Read rpm's database."""
        # The status is the number of packages that are not installed.
        _status, output, _errors = program.run(
            ["rpm", "-q", f"--queryformat={_FORMAT}", *names], READ_LIMIT, self.environment()
        )
        pairs = (line.split("\t") for line in output.splitlines() if "\t" in line)
        return {name: Installed(version, held=self._held(name, version)) for name, version in pairs}

    def _held(self, name: str, version: str) -> bool:
        """Return whether upgrades leave a package of this version alone."""
        raise NotImplementedError

    def owner(self, path: str) -> str:
        """Ask rpm."""
        status, output, _errors = program.run(
            ["rpm", "-qf", "--queryformat=%{NAME}\\n", path], READ_LIMIT, self.environment()
        )
        return output.splitlines()[0] if status == 0 and output else ""

    def _lines(self, path: str) -> list[str]:
        """Return the lines of a file of the node, none if it cannot be read."""
        try:
            with open(self.layout.at(path), encoding="utf-8", errors="replace") as file:
                return [line.strip() for line in file]
        except OSError:
            return []

    def _copies(self, folder: str, files: dict[str, bytes]) -> str:
        """Write copies of our files that refer to each other into an empty folder. Returns the path of the repository's file."""
        os.makedirs(f"{folder}/repositories", mode=0o700, exist_ok=True)
        places = {
            path: f"{folder}/repositories/{os.path.basename(path)}"
            if path.endswith(".repo")
            else f"{folder}/key"
            for path in files
        }
        for path, content in files.items():
            for original, copy in places.items():
                content = content.replace(original.encode(), copy.encode())
            with open(places[path], "wb") as file:
                os.fchmod(file.fileno(), 0o600)
                file.write(content)
        return next(place for place in places.values() if place.endswith(".repo"))
