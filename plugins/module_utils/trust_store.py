# SPDX-License-Identifier: GPL-3.0-or-later
"""The system's store of certificate authorities, which a program of the distribution makes from the files of a folder.

After a change of that folder, and after its undoing, the program must run; running it again changes nothing.
"""

from __future__ import annotations

import posixpath
import shutil
from collections.abc import Iterable

from .errors import TransactionError
from .program import PATH, run

#: by folder: the program that reads it (update-ca-certificates(8) of Debian and openSUSE, update-ca-trust(8) of Fedora and RHEL)
PROGRAMS = {
    "/usr/local/share/ca-certificates": ["update-ca-certificates"],
    "/etc/pki/ca-trust/source/anchors": ["update-ca-trust", "extract"],
}
_LIMIT = 120  # seconds; some 200 certificates take one or two


def _commands(paths: Iterable[str]) -> dict[str, list[str]]:
    """Return the programs that read any of the paths, by folder."""
    folders = {posixpath.dirname(path) for path in paths}
    return {folder: command for folder, command in PROGRAMS.items() if folder in folders}


def refuse_unread(paths: Iterable[str]) -> None:
    """Raise TransactionError for a file in a folder that no program of this node reads."""
    for folder, command in _commands(paths).items():
        if not shutil.which(command[0], path=PATH):
            others = ", ".join(each for each in PROGRAMS if each != folder)
            raise TransactionError(
                "refused",
                f"{command[0]} is not installed on this node, so nothing reads {folder}: install the package ca-certificates, or"
                f" use {others} (registries_ca_folder of the role registries)",
            )


def update(paths: Iterable[str]) -> str:
    """Run the program that reads the folders of these paths, if there is one. Returns why it failed, or "".

    Without the program nothing reads a folder, and there is nothing to update.
    """
    for command in _commands(paths).values():
        program = shutil.which(command[0], path=PATH)
        if not program:
            continue
        status, output, error = run([program, *command[1:]], timeout=_LIMIT)
        if status:
            said = (error or output).strip().splitlines()
            return f"{' '.join(command)} failed: {said[-1] if said else f'exit status {status}'}"
    return ""
