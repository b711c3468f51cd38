# SPDX-License-Identifier: GPL-3.0-or-later
"""Unpacks selected regular files of a tar archive, within limits; links, devices and unusual names are left out."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import lzma
import os
import re
import tarfile
from collections.abc import Callable

from .errors import NodeError
from .os_errors import os_error, size
from .text import shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO, Any

SIZE_LIMIT = 4 * 1024 * 1024 * 1024  # bytes of the whole archive, unpacked
COUNT_LIMIT = 20_000  # entries of any kind
BLOCK = (
    64 * 1024
)  # bytes of one read: tarfile reads a header of an entry at once, whatever size it claims to have
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]*", re.ASCII)  # what a name is made of
_READERS = ((b"\x1f\x8b", gzip.open), (b"BZh", bz2.open), (b"\xfd7zXZ\0", lzma.open))


class ArchiveError(NodeError):
    """The archive cannot be unpacked; the message says why, without the archive's name."""


class Forward:
    """A file that is only read forward, in bounded pieces and up to a limit; tarfile needs nothing else of a file.

    limit: bytes. skips: whether the file is read from a disk, so that a part that is not needed does not have to be read.
    """

    def __init__(self, file: IO[bytes], limit: int, skips: bool = False) -> None:
        self._file, self._position, self._limit, self._skips = file, 0, limit, skips

    def tell(self) -> int:
        """Return the position, in bytes."""
        return self._position

    def seek(self, position: int) -> int:
        """Move forward to a position, or to the end of the file. Raises ArchiveError."""
        if position < self._position:
            raise ArchiveError("an entry has a negative size")
        if self._skips:
            self._require_room(position)
            self._file.seek(position)
            self._position = position
        while self._position < position:
            if not self.read(min(position - self._position, BLOCK)):
                break
        return self._position

    def read(self, count: int) -> bytes:
        """Return at most so many bytes. Raises ArchiveError."""
        if count > BLOCK:
            raise ArchiveError(f"the header of an entry has {size(count)}")
        block = self._file.read(count)
        self._position += len(block)
        self._require_room(self._position)
        return block

    def _require_room(self, position: int) -> None:
        if position > self._limit:
            raise ArchiveError(f"it is larger than {size(self._limit)} when unpacked")


def unpack(archive: str, directory: str, top: str, is_wanted: Callable[[str], bool]) -> dict[str, str]:
    """Unpack those regular files below the directory `top` of the archive whose name there `is_wanted`, into `directory`.

    top: "" for an archive without a common directory.

    Returns {name below top: path}. The archive may be compressed with gzip, bzip2 or xz. Raises ArchiveError.
    """
    try:
        return _unpack(archive, directory, top, is_wanted)
    except ArchiveError:
        raise
    except (
        Exception
    ) as error:  # tarfile meets a damaged archive with many types, KeyError and MemoryError too
        reason = shown(error) or type(error).__name__
    raise ArchiveError(f"it is not a readable tar archive: {reason}")


def _unpack(archive: str, directory: str, top: str, is_wanted: Callable[[str], bool]) -> dict[str, str]:
    members: dict[str, str] = {}
    count = 0
    with contextlib.ExitStack() as stack:
        source = Forward(decompressed(stack.enter_context(open(archive, "rb"))), SIZE_LIMIT)
        # typeshed asks for methods that reading does not need.
        opened = stack.enter_context(tarfile.TarFile(fileobj=source))  # type: ignore[arg-type]
        for member in iter(opened.next, None):
            count += 1
            if count > COUNT_LIMIT:
                raise ArchiveError(f"it has more than {COUNT_LIMIT} entries")
            if not 0 <= member.size <= SIZE_LIMIT:
                raise ArchiveError(f"its entry {shown(member.name, 80)} has a size of {member.size} bytes")
            opened.members = []  # type: ignore[attr-defined]  # tarfile keeps all that it has seen
            parts = member.name.split("/")
            if not top:  # as in archives of a folder's own content, "./name" or "name"
                parts = [".", *parts[parts[0] == "." :]]
            name = "/".join(parts[1:])
            is_below = parts[0] == (top or ".") and name
            is_fit = is_below and all(map(_PART.fullmatch, parts[not top :])) and member.isreg()
            if is_fit and is_wanted(name):
                if member.issparse():
                    raise ArchiveError(f"its entry {member.name} is a sparse file")
                members[name] = _extract(opened, member, os.path.join(directory, *parts[1:]))
    return members


def decompressed(file: IO[bytes]) -> IO[bytes]:
    """Return the content of a file that may be compressed with gzip, bzip2 or xz; the file itself if it is not."""
    magic = file.read(6)
    file.seek(0)
    for mark, reader in _READERS:
        if magic.startswith(mark):
            unpacked: Any = reader(file, mode="rb")
            return unpacked
    return file


def _extract(opened: tarfile.TarFile, member: tarfile.TarInfo, path: str) -> str:
    content: Any = opened.extractfile(member)  # not None: the member is a regular file
    count = 0
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        descriptor = os.open(
            path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
        )
    except OSError as error:
        raise ArchiveError(os_error(error, f"unpacking {member.name}", path, member.size)) from None
    with os.fdopen(descriptor, "wb") as file:
        for block in iter(lambda: content.read(BLOCK), b""):
            count += len(block)
            _write(file, block, path, member)
    if count != member.size:
        raise ArchiveError(f"its entry {member.name} ends after {count} of {member.size} bytes")
    return path


def _write(file: IO[bytes], block: bytes, path: str, member: tarfile.TarInfo) -> None:
    try:
        file.write(block)
        file.flush()
    except OSError as error:
        raise ArchiveError(os_error(error, f"unpacking {member.name}", path, member.size)) from None
