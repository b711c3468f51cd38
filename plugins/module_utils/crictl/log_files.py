# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Opens a container's log files.

A process that can write below /var/log (a pod with a hostPath can) must not choose which file is read here, as root, nor for how
long. Therefore the path that the runtime reports is opened directory by directory, and a symbolic link among them is refused
(except for _SYSTEM_DIRECTORIES, since an administrator may put /var/log on another disk). Only regular files are opened, so that
no pipe blocks and no device reacts.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from typing import BinaryIO

from ..errors import NodeError
from ..text import shown

_SYSTEM_DIRECTORIES = ("/var/log/pods", "/var/log", "/var/lib", "/var/run")  # the longer one first


class LogError(NodeError):
    """A log cannot be read. kind: not_found, permission, timeout or failed."""


class LogFile:
    """An open file of a log: its path, device and inode (identity), and whether it is gzipped."""

    def __init__(self, path: str, descriptor: int, status: os.stat_result, is_packed: bool) -> None:
        self.path, self.is_packed = path, is_packed
        self.file: BinaryIO = os.fdopen(descriptor, "rb", buffering=0)
        self.identity = (status.st_dev, status.st_ino)


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


def has_others(directory: int, name: str) -> bool:
    """Return whether there are files whose names continue the name of a log, as those of its rotated files do."""
    try:
        with os.scandir(f"/proc/self/fd/{directory}") as listed:
            return any(each.name.startswith(f"{name}.") for each in listed)
    except OSError:
        return False
