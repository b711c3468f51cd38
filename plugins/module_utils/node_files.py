# SPDX-License-Identifier: GPL-3.0-or-later
"""Files on a node: looked at, staged, swapped by plain renames, and put back."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import stat
import struct

from .errors import NodeError

_GET_FLAGS = 0x80086601  # FS_IOC_GETFLAGS, linux/fs.h
_IMMUTABLE = 0x10  # FS_IMMUTABLE_FL
_APPEND_ONLY = 0x20  # FS_APPEND_FL


class NodeFileError(NodeError):
    """A file on the node is not what a transaction may touch; the message names it."""


def describe(path):
    """What is at `path`: {"kind": absent|file|symlink|directory|other, "sha256", "mode" ("0644"), "uid", "gid", "changed_at"}.

    `changed_at` is the inode's change time in seconds since the epoch: a rename sets it, `touch` cannot fake it.
    """
    try:
        status = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return {"kind": "absent"}
    found = {
        "kind": _kind(status.st_mode),
        "mode": f"{stat.S_IMODE(status.st_mode):04o}",
        "uid": status.st_uid,
        "gid": status.st_gid,
        "changed_at": status.st_ctime,
    }
    if found["kind"] == "file":
        found["sha256"] = digest(read_bytes(path))
    return found


def _kind(mode):
    if stat.S_ISLNK(mode):
        return "symlink"
    if stat.S_ISREG(mode):
        return "file"
    return "directory" if stat.S_ISDIR(mode) else "other"


def digest(content):
    return hashlib.sha256(content).hexdigest()


def read_bytes(path):
    with open(path, "rb") as file:
        return file.read()


def refuse_untouchable(path):
    """Raise NodeFileError where `path` must not be replaced: a link, no regular file, or one marked immutable."""
    for place in (os.path.dirname(path), path):
        kind = describe(place)["kind"]
        if kind == "symlink":
            raise NodeFileError(
                f"{place} is a symbolic link to {os.readlink(place)}; it is not followed and not replaced"
            )
        if place == path and kind not in ("absent", "file"):
            raise NodeFileError(f"{place} is a {kind}, not a regular file; it is not replaced")
        if place != path and kind not in ("absent", "directory"):
            raise NodeFileError(f"{place} is a {kind}, not a directory; no file can be placed in it")
        if kind != "absent" and _is_immutable(place):
            raise NodeFileError(
                f"{place} is marked immutable or append-only (lsattr); clear that with chattr -i {place}"
            )


def _is_immutable(path):
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        flags = struct.unpack("L", fcntl.ioctl(handle, _GET_FLAGS, b"\0" * struct.calcsize("L")))[0]
    except OSError:
        return False  # this file system has no such flags
    finally:
        os.close(handle)
    return bool(flags & (_IMMUTABLE | _APPEND_ONLY))


def write_durably(path, content, mode=0o600):
    """Write bytes to `path` so that they outlive a power loss; an existing file is replaced whole, by a rename."""
    partial = path + ".partial"
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(handle, "wb") as file:
        os.fchmod(file.fileno(), mode)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.rename(partial, path)
    sync_directory(os.path.dirname(path))


def write_json(path, data, mode=0o600):
    write_durably(path, json.dumps(data, sort_keys=True).encode(), mode)


def read_json(path):
    """The JSON document at `path`; None where there is none or where it cannot be read as JSON."""
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError):
        return None


def sync_directory(path):
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_private_directory(path):
    """A directory that only root may look into, whatever the umask is."""
    os.makedirs(path, mode=0o700, exist_ok=True)
    os.chmod(path, 0o700)


def make_directories(path):
    """The missing parents of a managed file, readable by all as /etc's are. Returns those that were made, outermost first."""
    missing = []
    while not os.path.isdir(path):
        missing.insert(0, path)
        path = os.path.dirname(path)
    for directory in missing:
        os.mkdir(directory, 0o755)
        os.chmod(directory, 0o755)
        sync_directory(os.path.dirname(directory))
    return missing


def swap_in(staged, path):
    """Rename a staged file into place: a plain rename or an error, never a copy."""
    os.rename(staged, path)
    sync_directory(os.path.dirname(path))


def remove(path):
    """Remove a file; one that is gone already is no error, since undoing may run twice."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
    sync_directory(os.path.dirname(path))


def copy_tree(source, target):
    """Copy what a configuration directory holds, links as what they point to: as CRI-O would read it."""
    if os.path.isdir(source):
        shutil.copytree(source, target, symlinks=False, dirs_exist_ok=True, ignore_dangling_symlinks=True)
    else:
        os.makedirs(target, exist_ok=True)
