# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The one family of errors that the collection's code raises on a node."""

from __future__ import annotations

import errno

_HINTS = {
    errno.ENOSPC: "free some space on its file system",
    errno.EDQUOT: "free some space, or raise the quota, on its file system",
    errno.EROFS: "its file system is mounted read-only",
    errno.EIO: "its disk reports a fault; the kernel's log says more",
    errno.EPERM: "it may be marked immutable (lsattr)",
}


class NodeError(Exception):
    """Why something could not be done on a node.

    The message is one sentence for a person. `kind` is a word that code can act on, each subclass says which it has.
    `detail` is what another program printed about it, in its own words; it may be empty.
    """

    kind = "failed"

    def __init__(self, message, kind=None, detail=""):
        super().__init__(message)
        self.kind = kind or self.kind
        self.detail = detail


def os_error(error, doing):
    """One sentence for an OSError: what was being done ("write the file"), the path, the reason, and what helps."""
    path = f" {error.filename}" if getattr(error, "filename", None) else ""
    hint = _HINTS.get(error.errno)
    return f"cannot {doing}{path}: {error.strerror or error}{f' ({hint})' if hint else ''}"


class TransactionError(NodeError):
    """A change that cannot be made. kind: how far it came: refused, validate, activate, acknowledge or probe."""

    def __init__(self, kind, message, detail=""):
        super().__init__(message, kind, detail)


class PodError(NodeError):
    """Why a pod is not as it was wanted.

    container, exit_code, reason and log (its last lines) are None where unknown; changed: whether a former pod is gone.
    """

    def __init__(self, message, container=None, exit_code=None, reason=None, log=None, changed=False):
        super().__init__(message)
        self.container, self.exit_code, self.reason, self.log = container, exit_code, reason, log
        self.changed = changed
