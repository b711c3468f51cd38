# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Describes why crictl cannot be started, in terms of the options of a module."""

from __future__ import annotations

import errno
import socket

from ..errors import CrictlError
from ..text import printable

_NO_SOCKET = "there is no socket {}; check that the runtime is running and that endpoint is correct"
_NO_PERMISSION = "no permission to use {}; run as root (become: true)"
_SOCKET_ERRORS = {
    errno.ENOENT: (_NO_SOCKET, "unreachable"),
    errno.ENOTDIR: (_NO_SOCKET, "unreachable"),
    errno.ECONNREFUSED: ("nothing listens on {}; check that the runtime is running", "unreachable"),
    errno.EACCES: (_NO_PERMISSION, "permission"),
    errno.EPERM: (_NO_PERMISSION, "permission"),
}
_START_ERRORS = {
    errno.EACCES: "permission",
    errno.EPERM: "permission",
    **dict.fromkeys((errno.ENOENT, errno.ENOTDIR, errno.ENOEXEC, errno.EISDIR), "missing"),
}


def not_started(message: str, *values: object, kind: str = "failed") -> CrictlError:
    """Return an error with these values in its message."""
    return CrictlError(message.format(*(printable(value) for value in values)), kind)


def not_run(binary: str, error: OSError) -> CrictlError:
    """Return the error for a crictl that the system did not run."""
    kind = _START_ERRORS.get(error.errno or 0, "failed")
    return not_started("cannot run {}: {}", binary, error.strerror, kind=kind)


def not_connected(path: str, timeout: float, error: OSError) -> CrictlError:
    """Return the error for a socket that cannot be used. timeout: seconds that a connection may take."""
    if isinstance(error, socket.timeout):
        return not_started("{} accepted no connection within {} s", path, timeout, kind="timeout")
    message, kind = _SOCKET_ERRORS.get(error.errno or 0, ("", "unreachable"))
    if message:
        return not_started(message, path, kind=kind)
    reason = error.strerror or "its path is too long"
    return not_started("cannot connect to {}: {}", path, reason, kind=kind)
