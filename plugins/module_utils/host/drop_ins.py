# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of systemd's directories for settings, such as sysctl.d, in the order in which systemd reads them (sysctl.d(5))."""

from __future__ import annotations

import os

from .. import node_files
from .steps import Part, file_step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..layout import Layout

#: a file in an earlier directory replaces one of the same name in a later one
DIRECTORIES = ("/etc", "/run", "/usr/local/lib", "/usr/lib")
#: the name of our file in each of these directories below /etc
OURS = "60-cri-node.conf"
HEADER = "# Written by cri.node. Changes are overwritten.\n"


def files(layout: Layout, kind: str) -> list[tuple[str, str]]:
    """Return [(path, text), ...] of the files that count in the directories named `kind`. Raises NodeFileError.

    They are sorted by their names over all directories. One that is linked to /dev/null hides those of its name.
    """
    chosen: dict[str, str] = {}
    for directory in DIRECTORIES:
        folder = f"{directory}/{kind}"
        with node_files.doing("reading the directory", layout.at(folder)):
            names = os.listdir(layout.at(folder)) if os.path.isdir(layout.at(folder)) else []
        for name in names:
            if name.endswith(".conf"):
                chosen.setdefault(name, f"{folder}/{name}")
    found = []
    for name in sorted(chosen, key=os.fsencode):
        place = layout.at(chosen[name])
        if not os.path.isfile(place):  # a link to /dev/null or to nothing
            continue
        found.append((chosen[name], node_files.read_bytes(place).decode("utf-8", "replace")))
    return found


def ours(kind: str) -> str:
    """Return the path of our file."""
    return f"/etc/{kind}/{OURS}"


def plan(layout: Layout, kind: str, lines: list[str]) -> Part:
    """Return what gives our file these lines, or removes it if there are none; it has no items. Raises NodeFileError.

    A file with the name of ours that somebody else wrote is a problem.
    """
    path = ours(kind)
    before = node_files.read_text(layout.at(path))
    after = HEADER + "".join(f"{line}\n" for line in lines) if lines else None
    if after == before:
        return Part({})
    problems = []
    if before is not None and not before.startswith(HEADER):
        problems.append(f"{path} was not written by cri.node; rename or remove it")
    step = file_step(layout.at(path), after.encode() if after is not None else None)
    return Part({}, [step], {path: (before, after)}, problems)
