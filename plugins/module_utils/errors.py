# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The family of errors that the collection's code raises on a node."""

from __future__ import annotations

import errno
import os

from .text import shown


class NodeError(Exception):
    """Something could not be done on a node.

    The message is one sentence for the user. `kind` is a word that code can act on; each subclass documents its own ones.
    `detail` is the output of another program about the error; it may be empty.
    """

    kind = "failed"

    def __init__(self, message: str, kind: str | None = None, detail: str = "") -> None:
        super().__init__(message)
        self.kind = kind or self.kind
        self.detail = detail


class TransactionError(NodeError):
    """A change cannot be made. kind: the step that failed: refused, validate, activate, acknowledge or probe."""

    def __init__(self, kind: str, message: str, detail: str = "") -> None:
        super().__init__(message, kind, detail)


class GuardRefusal(TransactionError):
    """A guard refuses a change, see transaction/guards.py. running: how many containers run on the node, 0 if unknown."""

    def __init__(self, guard: str, message: str, running: int = 0) -> None:
        super().__init__("refused", message)
        self.guard = guard
        self.running = running


class ProbeFailed(TransactionError):
    """The runtime does not do what a probe asks of it. subject: what was probed, as {"handler": name} or {"image": name}."""

    def __init__(self, message: str, subject: dict[str, str], detail: str = "") -> None:
        super().__init__("probe", message, detail)
        self.subject = subject


class PodError(NodeError):
    """A pod is not in its desired state.

    container, exit_code, reason and log (its last lines) are None if unknown. changed: whether a former pod was removed.
    """

    def __init__(
        self,
        message: str,
        container: str | None = None,
        exit_code: int | None = None,
        reason: str | None = None,
        log: list[str] | None = None,
        changed: bool = False,
    ) -> None:
        super().__init__(message)
        self.container, self.exit_code, self.reason, self.log = container, exit_code, reason, log
        self.changed = changed


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
