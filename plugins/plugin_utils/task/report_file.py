# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes a report to a file on the controller as JSON: completely or not at all, and never through a symbolic link."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import secrets
import stat
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.cri.node.plugins.module_utils.os_errors import os_reason
from ansible_collections.cri.node.plugins.module_utils.text import shown
from ansible_collections.cri.node.plugins.plugin_utils.task.failure import TaskFailure


def write(path: str, report: Mapping[str, Any]) -> str:
    """Replace the file by the report and return its absolute path. The file keeps its mode; no reader sees a part of it.

    Raises TaskFailure if the file cannot be written. A target that is not a regular file is refused; so is a symbolic link,
    because in a folder that others can write to it may lead anywhere.
    """
    path = _absolute(path)
    with _explained(path):
        # ASCII only, so that a node's undecodable bytes, which are lone surrogates, are escaped.
        content = json.dumps(report, indent=2, sort_keys=True).encode("ascii") + b"\n"
        with _opened_folder(path) as folder:
            _replace(folder, os.path.basename(path), content, _mode_of_target(folder, path))
    return path


def check(path: str) -> None:
    """Raise TaskFailure if `write` would refuse this path, or if its folder cannot be written to. Writes nothing."""
    path = _absolute(path)
    with _explained(path), _opened_folder(path) as folder:
        _mode_of_target(folder, path)
        if not os.access(".", os.W_OK | os.X_OK, dir_fd=folder):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def _absolute(path: str) -> str:
    if path.endswith("/"):
        raise TaskFailure(
            f"the report cannot be written to {shown(path)}, which is the path of a directory; set path to a file"
        )
    return os.path.abspath(os.path.expanduser(path))


@contextlib.contextmanager
def _explained(path: str) -> Iterator[None]:
    """Raise TaskFailure with the reason for any error of the operating system or of the report's data."""
    failed = f"the report cannot be written to {shown(path)}"
    try:
        yield
    except OSError as error:
        error.filename = error.filename2 = None  # they are relative to the folder
        raise TaskFailure(f"{failed}: {os_reason(error, path)}") from error
    except (
        TypeError,
        ValueError,
        RecursionError,
    ) as error:  # a path with a NUL, or a report that is not data
        raise TaskFailure(f"{failed}: {shown(str(error))}") from error


@contextlib.contextmanager
def _opened_folder(path: str) -> Iterator[int]:
    """Yield a descriptor of the file's folder, so that the folder cannot be exchanged between two operations."""
    folder = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield folder
    finally:
        os.close(folder)


def _mode_of_target(folder: int, path: str) -> int | None:
    """Return the mode of the existing file, None if there is none. Raises TaskFailure if it is not a regular file."""
    name = os.path.basename(path)
    try:
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
    if stat.S_ISLNK(status.st_mode):
        target = shown(os.readlink(name, dir_fd=folder))
        raise TaskFailure(
            f"the report is not written to {shown(path)}, which is a symbolic link to {target};"
            " set path to the file itself"
        )
    if not stat.S_ISREG(status.st_mode):
        raise TaskFailure(
            f"the report is not written to {shown(path)}, which is {_type_of(status.st_mode)};"
            " set path to a new or a regular file"
        )
    return stat.S_IMODE(status.st_mode)


def _type_of(mode: int) -> str:
    types = {stat.S_IFDIR: "a directory", stat.S_IFIFO: "a named pipe", stat.S_IFSOCK: "a socket"}
    return types.get(stat.S_IFMT(mode), "a device")


def _replace(folder: int, name: str, content: bytes, mode: int | None) -> None:
    """Write the content to a new file with an unpredictable name in the folder, then rename that. `mode` None: the umask's."""
    partial = f".cri-node-report-{secrets.token_hex(8)}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(partial, flags, 0o666, dir_fd=folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if mode is not None:
                os.fchmod(file.fileno(), mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.rename(partial, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(partial, dir_fd=folder)
        raise
    try:
        os.fsync(folder)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # not supported by some network file systems
            raise
