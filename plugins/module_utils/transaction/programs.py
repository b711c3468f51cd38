# SPDX-License-Identifier: GPL-3.0-or-later
"""The programs of another CRI-O as files of a change, which come and go with the configuration that they were checked with.

A program has up to a hundred megabytes: it is copied without being held in memory, and told apart by size and time instead of its
content. The record of the bundle changes together with its programs; by it the next run knows what is installed.
"""

from __future__ import annotations

import json
import os

from .. import node_files
from ..crio.service import RuntimeService, binary_identity
from ..managed_file import ManagedFile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from ..contract import Bundle, Program, Request, Undo

    Identity = Optional[list[int]]


def identity_of(path: str) -> Identity:
    """Return what distinguishes a program from another one at the same path: size and modification time; None if there is none.

    A kept copy has both of them, too, where hard links do not work.
    """
    try:
        status = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return [status.st_size, status.st_mtime_ns]


class InstalledFile(ManagedFile):
    """A file of an installation: compared by its identity."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.identity: Identity = None  # of the new file, once it has been staged

    @property
    def is_written(self) -> bool:
        """True: a change replaces installed files and removes none."""
        return True

    def keep(self, stage: str, number: int) -> Undo:
        """Keep the old file in `stage`. Return how to restore it."""
        found = node_files.look(self.path)
        entry: Undo = {
            "path": self.path,
            "kind": found["file_type"],
            "stage": stage,
            "identity": identity_of(self.path),
        }
        if found["file_type"] == "file":
            entry["saved"] = f"{stage}/old-{number}"
            node_files.keep(self.path, entry["saved"])
            entry.update({"mode": found["mode"], "uid": found["uid"], "gid": found["gid"]})
        return entry

    def is_in_place(self) -> bool:
        """Return whether the file is the one that was staged."""
        return identity_of(self.path) == self.identity


class ProgramFile(InstalledFile):
    """A program, or another file of the bundle."""

    def __init__(self, program: Program) -> None:
        super().__init__(program["path"])
        self._source, self._mode = program["source"], program["mode"]
        self.staged = ""

    def stage(self, staged: str) -> None:
        """Copy the program, with root as its owner."""
        node_files.copy_durably(self._source, staged, int(self._mode, 8))
        node_files.give(staged, 0, 0)
        self.staged, self.identity = staged, identity_of(staged)


class BundleRecord(InstalledFile):
    """The record of the installed bundle. It is staged after the crio whose identity it contains."""

    def __init__(self, bundle: Bundle, crio: ProgramFile) -> None:
        super().__init__(bundle["record"])
        self._recorded, self._crio = bundle["recorded"], crio

    def stage(self, staged: str) -> None:
        """Write the record."""
        binary = [self._crio.path, *binary_identity(self._crio.staged)[1:]]
        record = {**self._recorded, "binary": binary}
        node_files.write_durably(staged, json.dumps(record, sort_keys=True).encode("ascii"))
        self.identity = identity_of(staged)


def of_request(request: Request) -> list[ManagedFile]:
    """Return the programs that the change of a request replaces, and last the record of their bundle; [] without any."""
    bundle = request.get("bundle")
    if not bundle:
        return []
    programs = [ProgramFile(each) for each in sorted(bundle["programs"], key=lambda each: each["path"])]
    crio = next(each for each in programs if each.path == bundle["crio"])
    return [*programs, BundleRecord(bundle, crio)]


def paths(request: Request) -> list[str]:
    """Return the paths of the programs that the change of a request replaces."""
    return [each["path"] for each in _programs(request)]


def sizes(request: Request) -> dict[str, int]:
    """Return the number of bytes of each program that is staged, by its path. Raises NodeFileError."""
    found = {}
    for each in _programs(request):
        with node_files.doing("reading a file", each["source"]):
            found[each["path"]] = os.stat(each["source"]).st_size
    return found


def source_of(request: Request, path: str) -> str | None:
    """Return the path of the new content of an installed file; None if the change does not replace it."""
    return next((each["source"] for each in _programs(request) if each["path"] == path), None)


def service_after(request: Request, service: RuntimeService) -> RuntimeService:
    """Return the unit with the crio that it will start after the change, which judges what that start needs."""
    source = source_of(request, service.binary or "")
    return service.with_binary(source) if source else service


def version(request: Request) -> str | None:
    """Return the version of CRI-O that the change installs; None without one."""
    bundle = request.get("bundle")
    return bundle["recorded"]["version"] if bundle else None


def have_units(request: Request) -> bool:
    """Return whether the change replaces a unit, which systemd then must read."""
    return any(path.endswith(".service") for path in paths(request))


def _programs(request: Request) -> list[Program]:
    bundle = request.get("bundle")
    return bundle["programs"] if bundle else []
