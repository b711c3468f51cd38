# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Opens a container's log files: the current one and the rotated ones, which may be gzipped.

A process that can write below /var/log (a pod with a hostPath can) must not choose which file is read here, as root, nor for how
long. Therefore the path that the runtime reports is opened directory by directory, and a symbolic link among them is refused
(except for _SYSTEM_DIRECTORIES, since an administrator may put /var/log on another disk). Only regular files are opened, so that
no pipe blocks and no device reacts. The number of files and of unpacked bytes is limited.
"""

from __future__ import annotations

import contextlib
import errno
import heapq
import os
import re
import stat
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from ..errors import NodeError
from ..text import shown

BLOCK = 64 * 1024
FILE_LIMIT = 50  # rotated files that are opened of one log, the newest ones

_SYSTEM_DIRECTORIES = ("/var/log/pods", "/var/log", "/var/lib", "/var/run")  # the longer one first
_GZIP = 16 + zlib.MAX_WBITS  # for zlib: with gzip's header and checksum
_ROTATED = re.compile(r"\.(?:(?P<date>\d{8}-\d{6})|(?P<number>\d{1,4}))(?P<gz>\.gz)?", re.ASCII)


class LogError(NodeError):
    """A log cannot be read. kind: not_found, permission, timeout or failed."""


class LogFile:
    """An open file of a log: its path, device and inode (identity), and whether it is gzipped."""

    def __init__(self, path: str, descriptor: int, status: os.stat_result, is_packed: bool) -> None:
        self.path, self.is_packed = path, is_packed
        self.file: BinaryIO = os.fdopen(descriptor, "rb", buffering=0)
        self.identity = (status.st_dev, status.st_ino)


def unpacked(file: BinaryIO) -> Iterator[bytes]:
    """Yield the blocks of a gzip file, some of them empty, so that a caller can stop between any two reads.

    Python's gzip module does not return from a long name in a header, from zeros after the end or from empty members. Raises
    EOFError and zlib.error for a damaged file.
    """
    decoder, is_begun, is_padding = zlib.decompressobj(_GZIP), False, False
    while True:
        packed = file.read(BLOCK)
        if not packed:
            if is_begun:
                raise EOFError("the file is truncated: its last block is incomplete")
            return
        while packed:
            if is_padding:
                packed = packed.lstrip(b"\0")
                if not packed:
                    break
                decoder, is_begun, is_padding = zlib.decompressobj(_GZIP), False, False
            is_begun = True
            yield decoder.decompress(packed, BLOCK)
            packed = decoder.unconsumed_tail
            if decoder.eof:
                packed, is_begun, is_padding = decoder.unused_data, False, True
        yield b""


def open_directory_of(
    path: str, container_id: str | None, stack: contextlib.ExitStack
) -> tuple[int | None, str]:
    """Open the directory of a log. Return its descriptor (None if there is no such directory) and the name of the file in it."""
    directory = _open_directory(os.path.dirname(path), stack)
    name = os.path.basename(path)
    if directory is None or not container_id:
        return directory, name
    # One link is followed: the one of cri-dockerd to the Docker Engine's log of the same container.
    try:
        target = os.path.realpath(os.path.join(os.path.dirname(path), os.readlink(name, dir_fd=directory)))
    except (OSError, ValueError):
        return directory, name
    if os.path.basename(target) != f"{container_id}-json.log":
        return directory, name
    return _open_directory(os.path.dirname(target), stack), os.path.basename(target)


def _open_directory(path: str, stack: contextlib.ExitStack) -> int | None:
    """Open a directory without following links, except in _SYSTEM_DIRECTORIES. Return None if it does not exist."""
    begin = next((each for each in _SYSTEM_DIRECTORIES if f"{path}/".startswith(f"{each}/")), "/")
    descriptor, walked = None, begin
    try:
        descriptor = os.open(begin, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        for part in path[len(begin) :].split("/"):
            if part in ("", "."):
                continue
            outer, walked = descriptor, os.path.join(walked, part)
            try:
                flags = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
                descriptor = os.open(part, flags, dir_fd=outer)
            except NotADirectoryError:
                raise _not_a_directory(part, outer, walked) from None
            finally:
                os.close(outer)
    except FileNotFoundError:
        return None
    except PermissionError:
        raise _no_permission(walked) from None
    except (OSError, ValueError) as error:
        raise _cannot_open(walked, error) from None
    stack.callback(os.close, descriptor)
    return descriptor


def _not_a_directory(part: str, outer: int, walked: str) -> LogError:
    try:
        link = os.readlink(part, dir_fd=outer)
    except OSError:
        return LogError(f"{shown(walked)}, which is part of the log's path, is not a directory")
    return LogError(
        f"{shown(walked)}, which is part of the log's path, is a symbolic link to {shown(link)}; it is not followed"
    )


def open_regular(directory: int, name: str, shown: str) -> tuple[int, os.stat_result]:
    """Open a regular file. Return its descriptor and status.

    shown: its path, for messages. Raises FileNotFoundError if it does not exist, LogError for anything but a regular file, and
    OSError if there are too many open files.
    """
    try:
        # Opening a pipe waits for its other end, and a device may react to it. O_PATH does neither.
        handle = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
        try:
            status = os.fstat(handle)
            if stat.S_ISLNK(status.st_mode):
                raise LogError(f"{shown} is a symbolic link; it is not followed")
            if not stat.S_ISREG(status.st_mode):
                raise LogError(f"{shown} is not a regular file")
            flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
            return os.open(f"/proc/self/fd/{handle}", flags), status
        finally:
            os.close(handle)
    except FileNotFoundError:
        raise
    except PermissionError:
        raise _no_permission(shown) from None
    except (OSError, ValueError) as error:
        if getattr(error, "errno", None) in (errno.EMFILE, errno.ENFILE):
            raise
        raise _cannot_open(shown, error) from None


def _no_permission(path: str) -> LogError:
    return LogError(f"no permission to read {shown(path)}; run as root (become: true)", "permission")


def _cannot_open(path: str, error: Exception) -> LogError:
    return LogError(f"cannot open {shown(path)}: {getattr(error, 'strerror', None) or error}")


def rotated_files(path: str) -> list[str]:
    """Return the names of a log's rotated files, the newest first, FILE_LIMIT + 1 at most.

    Of a file that exists with and without .gz it is the one without.
    """
    directory, name = os.path.split(path)
    try:
        with os.scandir(directory) as listed:
            # Twice as many, because each may exist with and without .gz.
            newest_files = heapq.nlargest(2 * FILE_LIMIT + 2, _ages(listed, name))
    except OSError:
        return []
    found: dict[tuple[str, int], str] = {}
    for age, _is_plain, each in newest_files:
        found.setdefault(age, each)
    return list(found.values())[: FILE_LIMIT + 1]


def _ages(listed: Iterator[os.DirEntry[str]], name: str) -> Iterator[tuple[tuple[str, int], bool, str]]:
    """Yield age, whether it is not gzipped, and name of each rotated file in a directory."""
    for each in listed:
        match = _ROTATED.fullmatch(each.name[len(name) :]) if each.name.startswith(name) else None
        if match:
            yield (match["date"] or "", -int(match["number"] or 0)), not match["gz"], each.name
