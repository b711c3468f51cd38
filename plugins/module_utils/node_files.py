# SPDX-License-Identifier: GPL-3.0-or-later
"""Files on a node: read, staged, renamed into place, and restored.

A change is durable when the function returns. Failures are NodeFileErrors with the path and what helps.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import shutil
import stat
import struct
from collections.abc import Callable, Collection, Iterable, Iterator

from .errors import NodeError
from .layout import STAGING
from .os_errors import os_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO, Any

    from .contract import FoundFile
    from .layout import Layout

LARGEST = 16 * 1024 * 1024  # bytes of a managed file or a document; configuration is some KiB
_GET_FLAGS = 0x80086601  # FS_IOC_GETFLAGS, linux/fs.h
_IMMUTABLE = 0x10  # FS_IMMUTABLE_FL
_APPEND_ONLY = 0x20  # FS_APPEND_FL
_BLOCK = 1024 * 1024  # bytes that a copy reads at once
PARTIAL = ".partial"  # the end of the name of a file that is being written


class NodeFileError(NodeError):
    """A file on the node cannot be read or changed; the message names it."""


@contextlib.contextmanager
def doing(what: str, path: str) -> Iterator[None]:
    """Turn an OSError of the block into a NodeFileError that says what failed, at which path, and what helps."""
    try:
        yield
    except OSError as error:
        raise NodeFileError(
            os_error(error, what, path), kind=errno.errorcode.get(error.errno or 0, "failed")
        ) from error


# Reading


def describe(path: str) -> FoundFile:
    """Describe what is at `path`, with the hash of its content. Only a regular file is opened.

    Raises NodeFileError for a path that cannot be read.
    """
    found = look(path)
    if found["file_type"] == "file":
        found["sha256"] = digest(read_bytes(path))
    return found


def look(path: str) -> FoundFile:
    """Describe what is at `path` without its content: nothing is opened. Raises NodeFileError."""
    try:
        status = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return {"file_type": "absent"}
    except OSError as error:
        raise NodeFileError(os_error(error, "reading a file")) from error
    return {
        "file_type": _file_type(status.st_mode),
        "mode": f"{stat.S_IMODE(status.st_mode):04o}",
        "uid": status.st_uid,
        "gid": status.st_gid,
        "inode": status.st_ino,
        "modified": status.st_mtime_ns,
        "changed_at": status.st_ctime,
    }


def file_type_of(path: str) -> str:
    """Return the file type at `path`, see contract.FoundFile. Nothing is opened. Raises NodeFileError."""
    try:
        return _file_type(os.lstat(path).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return "absent"
    except OSError as error:
        raise NodeFileError(os_error(error, "reading a file")) from error


def _file_type(mode: int) -> str:
    if stat.S_ISLNK(mode):
        return "symlink"
    if stat.S_ISREG(mode):
        return "file"
    return "directory" if stat.S_ISDIR(mode) else "other"


def digest(content: bytes) -> str:
    """Return the SHA-256 of these bytes, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def read_bytes(path: str, limit: int = LARGEST) -> bytes:
    """Return the content of a regular file of at most `limit` bytes. Raises NodeFileError. A FIFO or a device never blocks."""
    with doing("reading a file", path):
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise NodeFileError(f"{path} is not a regular file")
            content = file.read(limit + 1)
    if len(content) > limit:
        raise NodeFileError(f"{path} has more than {limit} bytes")
    return content


def hash_of(path: str) -> str:
    """Return the SHA-256 of a regular file of any size, in hexadecimal. Raises NodeFileError, also for a link."""
    found = hashlib.sha256()
    with doing("reading a file", path):
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            for block in iter(lambda: file.read(_BLOCK), b""):
                found.update(block)
    return found.hexdigest()


def read_text(path: str) -> str | None:
    """Return the text of a regular file, None if it does not exist. Raises NodeFileError."""
    if not os.path.lexists(path):
        return None
    return read_bytes(path).decode("utf-8", "replace")


def mount_points(text: str | None = None) -> set[str]:
    """Return the mount points of this process, from /proc/self/mountinfo (proc(5)) or from `text`, its content."""
    if text is None:
        try:
            with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
                text = file.read()
        except OSError:
            text = ""
    fields = [line.split(" ") for line in text.splitlines()]
    return {_unescaped(each[4]) for each in fields if len(each) > 4} | {"/"}


def _unescaped(path: str) -> str:
    for code in ("040", "011", "012", "134"):
        path = path.replace(f"\\{code}", chr(int(code, 8)))
    return path


def mount_of(path: str, mounts: Collection[str]) -> str:
    """Return the mount point that `path` is on."""
    while path not in mounts and path != "/":
        path = os.path.dirname(path)
    return path


def nearest_directory(path: str) -> str:
    """Return the deepest existing folder above `path`."""
    path = os.path.dirname(path)
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    return path


def _real_directory_above(path: str) -> str:
    """Return the deepest existing folder above `path`, with links resolved."""
    return os.path.realpath(nearest_directory(path))


def missing_directories(directories: Iterable[str]) -> list[str]:
    """Return those of the directories and their parents that do not exist, outermost first."""
    missing: set[str] = set()
    for directory in directories:
        while not os.path.isdir(directory):
            missing.add(directory)
            directory = os.path.dirname(directory)
    return sorted(missing)


def staging_directory_of(path: str, layout: Layout, mounts: Collection[str]) -> str:
    """Return the folder for the new and the old copy of `path`: on its file system, and not read by any daemon.

    Raises NodeFileError if there is no such folder.
    """
    mount = mount_of(_real_directory_above(path), mounts)
    for directory in (layout.staging_directory, f"{layout.configuration_root}/{STAGING}"):
        if mount_of(_real_directory_above(directory), mounts) == mount:
            return directory
    if mount.endswith(".d"):
        raise NodeFileError(
            f"{mount} is a mount point, so {path} cannot be staged beside it and renamed; mount its parent instead"
        )
    return f"{mount.rstrip('/')}/{STAGING}"


# What refuses a change


def refuse_untouchable(path: str, mounts: Collection[str] = ()) -> None:
    """Raise NodeFileError if `path` must not be replaced: a link, a mount point, not a regular file, or immutable."""
    if path in mounts:
        raise NodeFileError(f"{path} is a mount point; a file cannot be renamed over it")
    for place in (os.path.dirname(path), path):
        file_type = file_type_of(place)
        if file_type == "symlink":
            raise NodeFileError(
                f"{place} is a symbolic link to {os.readlink(place)}; it is not followed and not replaced"
            )
        if place == path and file_type not in ("absent", "file"):
            raise NodeFileError(f"{place} is a {file_type}, not a regular file; it is not replaced")
        if place != path and file_type not in ("absent", "directory"):
            raise NodeFileError(f"{place} is a {file_type}, not a directory; no file can be placed in it")
        if file_type != "absent" and _is_immutable(place):
            raise NodeFileError(
                f"{place} is marked immutable or append-only (lsattr); clear that with chattr -i {place}"
            )
    above = _real_directory_above(path)
    if _is_immutable(above):
        raise NodeFileError(
            f"{above} is marked immutable or append-only (lsattr); clear that with chattr -i {above}"
        )


def refuse_unwritable(path: str, size: int) -> None:
    """Raise NodeFileError if the file system of `path` has no room for a file of `size` bytes or is read-only."""
    above = _real_directory_above(path)
    with doing("reading the free space of", above):
        found = os.statvfs(above)
    if found.f_flag & os.ST_RDONLY:
        raise NodeFileError(f"{above} is on a file system that is mounted read-only")
    free = found.f_bavail * found.f_frsize
    if free < size:
        raise NodeFileError(
            f"the file system of {above} has {free >> 10} KiB left, but the change needs {(size >> 10) + 1} KiB;"
            " free some space"
        )
    if found.f_files and not found.f_favail:
        raise NodeFileError(f"the file system of {above} has no inodes left; remove some files")


def _is_immutable(path: str) -> bool:
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


# Changing


def write_durably(path: str, content: bytes, mode: int = 0o600) -> None:
    """Write bytes to `path` so that they survive a power loss; an existing file is replaced as a whole, by a rename."""
    _fill_durably(path, mode, lambda file: file.write(content))


def copy_durably(source: str, path: str, mode: int = 0o600) -> None:
    """Copy a file of any size to `path` as write_durably writes bytes."""
    with doing("reading a file", source):
        handle = os.open(source, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as content:
            _fill_durably(path, mode, lambda file: _copy(content, file))


def _copy(content: IO[bytes], file: IO[bytes]) -> None:
    block = content.read(_BLOCK)
    while block:
        file.write(block)
        block = content.read(_BLOCK)


def _fill_durably(path: str, mode: int, fill: Callable[[IO[bytes]], object]) -> None:
    partial = path + PARTIAL
    try:
        with doing("writing a file", path):
            handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, mode)
            with os.fdopen(handle, "wb") as file:
                os.fchmod(file.fileno(), mode)
                fill(file)
                file.flush()
                os.fsync(file.fileno())
            os.rename(partial, path)
    except NodeFileError:
        with contextlib.suppress(OSError):
            os.unlink(partial)
        raise
    sync_directory(os.path.dirname(path))


def write_json(path: str, data: object, mode: int = 0o600) -> None:
    """Write a JSON document with write_durably."""
    write_durably(path, json.dumps(data, sort_keys=True).encode(), mode)


def read_json(path: str) -> Any:
    """Return the JSON document at `path`; None if it does not exist or cannot be read as JSON."""
    try:
        return json.loads(read_bytes(path))
    except (NodeFileError, ValueError, RecursionError):
        return None


def sync_directory(path: str) -> None:
    """Make the names in a folder survive a power loss."""
    with doing("writing the directory", path):
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def make_private_directory(path: str) -> None:
    """Create a directory that only root can read, whatever the umask is. Its parents are created like those in /etc."""
    make_directories(os.path.dirname(path))
    with doing("creating the directory", path):
        with contextlib.suppress(FileExistsError):
            os.mkdir(path, 0o700)
        os.chmod(path, 0o700)
    sync_directory(os.path.dirname(path))


def make_directories(path: str) -> list[str]:
    """Create the missing folders down to `path`, readable by all. Returns those that were created, outermost first."""
    missing: list[str] = []
    while not os.path.isdir(path):
        missing.insert(0, path)
        path = os.path.dirname(path)
    for directory in missing:
        with doing("creating the directory", directory):
            os.mkdir(directory, 0o755)
            os.chmod(directory, 0o755)
        sync_directory(os.path.dirname(directory))
    return missing


def give(path: str, uid: int, gid: int) -> None:
    """Set the owner of a file."""
    with doing("setting the owner of a file", path):
        os.chown(path, uid, gid)


def keep(path: str, saved: str) -> None:
    """Keep the file at `path` as `saved`: as a hard link, which needs no space, or as a copy if links do not work."""
    with doing("keeping a copy of", path):
        try:
            os.link(path, saved, follow_symlinks=False)
        except OSError as error:
            if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS, errno.EXDEV):
                raise
            status = os.lstat(path)
            copy_durably(path, saved, stat.S_IMODE(status.st_mode))
            os.chown(saved, status.st_uid, status.st_gid)
            os.utime(saved, ns=(status.st_atime_ns, status.st_mtime_ns))
    sync_directory(os.path.dirname(saved))


def swap_in(staged: str, path: str) -> None:
    """Rename a staged file into place; a rename that is not possible is an error and never a copy."""
    with doing("putting a file in place", path):
        os.rename(staged, path)
    sync_directory(os.path.dirname(path))


def remove(path: str) -> None:
    """Remove a file. A missing file is not an error, since undoing may run twice."""
    with doing("removing a file", path):
        try:
            os.unlink(path)
        except (FileNotFoundError, NotADirectoryError):
            return
    sync_directory(os.path.dirname(path))


def remove_empty_directory(path: str) -> None:
    """Remove an empty folder. A folder with files, and anything that is not a folder, stays."""
    try:
        os.rmdir(path)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT, errno.ENOTDIR, errno.EBUSY):
            return
        raise NodeFileError(os_error(error, "removing the directory")) from error
    sync_directory(os.path.dirname(path))


def remove_tree(path: str) -> None:
    """Remove a folder of the collection with its content, or what is there instead of it. A missing one is not an error."""
    with doing("removing the directory", path), contextlib.suppress(FileNotFoundError):
        if os.path.islink(path):
            os.unlink(path)
            return
        try:
            shutil.rmtree(path)
        except NotADirectoryError:
            os.unlink(path)


def set_aside(path: str) -> str:
    """Rename a damaged document, so that it is not read again. Returns its new path."""
    aside = f"{path}.damaged"
    with doing("renaming a file", path):
        os.rename(path, aside)
    sync_directory(os.path.dirname(path))
    return aside
