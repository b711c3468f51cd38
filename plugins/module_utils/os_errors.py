# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Describes the errors of the operating system in a sentence for the user, with what to do about them."""

from __future__ import annotations

import errno
import os

from .text import shown


def os_error(error: OSError, doing: str, path: str | None = None, needed: int | None = None) -> str:
    """Describe an OSError in one sentence: what was done, with which path, why it failed, and what to do about it.

    `doing` is the beginning of the sentence: "writing the intent". `path` is for errors without a file name, such as those
    of fsync and write. `needed` is the number of bytes that the operation needs, if known.
    """
    names = _names(error) or ([os.fsdecode(path)] if path else [])
    paths = " to ".join(shown(name) for name in names)
    place = f" ({paths})" if paths and paths not in doing else ""
    return f"{doing} failed{place}: {os_reason(error, path, needed)}"


def os_reason(error: OSError, path: str | None = None, needed: int | None = None) -> str:
    """Describe why an OSError happened and what to do about it, for a sentence that has the path already."""
    names = _names(error) or ([path] if path else [])
    reason = error.strerror or shown(str(error)) or type(error).__name__
    return f"{reason}{_hint(error.errno, names[-1] if names else None, needed)}"


def _names(error: OSError) -> list[str]:
    names = (error.filename, error.filename2)
    return [os.fsdecode(name) for name in names if isinstance(name, (str, bytes, os.PathLike))]


def _hint(number: int | None, path: str | None, needed: int | None) -> str:
    if number in (errno.ENOSPC, errno.EDQUOT):
        where, space, inodes = _file_system(path)
        if number == errno.EDQUOT:
            return f"; remove files{where} or raise the quota"
        if inodes == 0:
            return f"; no inodes are left: remove files{where}"
        wanted = f"at least {size(needed)}" if needed else "space"
        return f"; free {wanted}{where}" + (f", which has {size(space)} left" if space is not None else "")
    if number == errno.EROFS:
        where = _file_system(path)[0]
        return (
            f"; remount the file system{where.partition('file system')[2]} writable"
            " (the kernel does this to a disk with errors: see dmesg)"
        )
    if number in (errno.EACCES, errno.EPERM):
        return "; run as root, and check the file's attributes (lsattr) and the security policy (SELinux, AppArmor)"
    if number == errno.EIO:
        return "; the disk reports an error: see dmesg"
    return ""


def _file_system(path: str | None) -> tuple[str, int | None, int | None]:
    """Return (words that name the file system of `path`, free bytes or None, free inodes or None)."""
    if path is None:
        return "", None, None
    try:
        place = os.path.realpath(path)
        while not os.path.lexists(place):
            place = os.path.dirname(place)
        found = os.statvfs(place)
        while not os.path.ismount(place):
            place = os.path.dirname(place)
    except (OSError, ValueError):
        return "", None, None
    # A file system without a table of inodes has 0 of 0.
    inodes = found.f_ffree if found.f_files else None
    return f" on the file system at {shown(place)}", found.f_bavail * found.f_frsize, inodes


def size(number: int) -> str:
    """Format a number of bytes for people: 512 bytes, 3 KiB, 52 MiB."""
    for unit, factor in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if number >= factor:
            return f"{number / factor:.3g} {unit}" if number < 10 * factor else f"{number // factor} {unit}"
    return f"{number} bytes"
