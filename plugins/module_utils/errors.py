# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The family of errors that the collection's code raises on a node."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


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


class ImageError(NodeError):
    """Images are not in their desired state.

    images: what is known of each, as in a result; None if nothing was attempted. changed: whether some of them were changed.
    """

    def __init__(
        self,
        message: str,
        kind: str | None = None,
        images: list[dict[str, Any]] | None = None,
        changed: bool = False,
    ) -> None:
        super().__init__(message, kind)
        self.images, self.changed = images, changed


class CrictlError(NodeError):
    """A call of crictl failed. The message is one printable line.

    kind: missing, unreachable, timeout, not_found, permission, not_json or failed
    """
