# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes a folder of text files on the controller: completely or not at all, and never over a folder that exists."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping

from ansible_collections.cri.node.plugins.module_utils.os_errors import os_reason
from ansible_collections.cri.node.plugins.module_utils.text import shown
from ansible_collections.cri.node.plugins.plugin_utils.task.failure import TaskFailure


def write(path: str, files: Mapping[str, str]) -> str:
    """Create the folder with these files, by path below it, and return its absolute path.

    Raises TaskFailure if it exists and is not empty, or cannot be written.
    """
    path = _absolute(path)
    with _explained(path):
        _refuse_existing(path)
        staged = tempfile.mkdtemp(prefix=".cri-node-", dir=os.path.dirname(path))
        try:
            for name, text in files.items():
                _write(os.path.join(staged, name), text)
            os.chmod(staged, 0o777 & ~_umask())  # mkdtemp leaves others out
            os.rename(staged, path)  # which replaces an empty folder, and no other
        except BaseException:
            shutil.rmtree(staged, ignore_errors=True)
            raise
    return path


def check(path: str) -> None:
    """Raise TaskFailure if `write` would refuse this path. Writes nothing."""
    path = _absolute(path)
    with _explained(path):
        _refuse_existing(path)
        parent = os.path.dirname(path)
        if not os.path.isdir(parent):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        if not os.access(parent, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def _absolute(path: str) -> str:
    return os.path.abspath(os.path.expanduser(path))


def _refuse_existing(path: str) -> None:
    try:
        os.lstat(path)
    except FileNotFoundError:
        return
    is_folder = os.path.isdir(path) and not os.path.islink(path)
    if is_folder and not os.listdir(path):
        return
    what = "exists and is not empty" if is_folder else "exists and is not a folder"
    raise TaskFailure(
        f"{shown(path)} {what}, and nothing is overwritten: move it away, or name another folder"
    )


def _write(path: str, text: str) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "x", encoding="utf-8") as file:
        file.write(text)


def _umask() -> int:
    """Return the umask of this process, which can only be read by setting it."""
    umask = os.umask(0o077)
    os.umask(umask)
    return umask


@contextlib.contextmanager
def _explained(path: str) -> Iterator[None]:
    """Raise TaskFailure with the reason for any error of the operating system or of the text."""
    failed = f"the folder {shown(path)} cannot be written"
    try:
        yield
    except OSError as error:
        error.filename = error.filename2 = None
        raise TaskFailure(f"{failed}: {os_reason(error, path)}") from error
    except ValueError as error:  # a path with a NUL, or a text that is not Unicode
        raise TaskFailure(f"{failed}: {shown(str(error))}") from error
