# SPDX-License-Identifier: GPL-3.0-or-later
"""What a removal has removed and kept on a node, or would: the same in check mode and in a run."""

from __future__ import annotations

from ..errors import NodeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..contract import RemovalFindings


class RemovalRefused(NodeError):
    """The node is not changed; the message says why and what helps."""


class Findings:
    """Collects what a removal does. subject: files, service, pods, bundle, prerequisites, storage or state."""

    def __init__(self) -> None:
        self.removed: list[dict[str, str]] = []
        self.kept: list[dict[str, str]] = []
        self.warnings: list[str] = []

    def remove(self, subject: str, *names: str) -> None:
        """Note what is removed: paths, or names of something else."""
        self.removed += [{"subject": subject, "name": name} for name in names]

    def keep(self, subject: str, name: str, reason: str) -> None:
        """Note what stays, and why."""
        self.kept.append({"subject": subject, "name": name, "reason": reason})

    def as_data(self) -> RemovalFindings:
        """Return all of it, as an answer to the action."""
        return {"removed": self.removed, "kept": self.kept, "warnings": self.warnings}
