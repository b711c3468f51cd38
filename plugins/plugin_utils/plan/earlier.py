# SPDX-License-Identifier: GPL-3.0-or-later
"""The file set of an earlier generation, as far as the controller knows it: the contents stay on the node."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ansible_collections.cri.node.plugins.plugin_utils.files.kind import Entries
from ansible_collections.cri.node.plugins.plugin_utils.layers import Setting

if TYPE_CHECKING:
    from ansible_collections.cri.node.plugins.module_utils.contract import EarlierFileSet


class _File(NamedTuple):
    content: str
    mode: str
    secret: bool
    entries: Entries = {}  # a generation does not keep the values of entries


class EarlierFiles:
    """The files of the generation that a rollback restores. Their settings and variables are not known."""

    def __init__(self, described: EarlierFileSet) -> None:
        """Take the files as the node describes them."""
        self.generation = described["generation"]
        self.concern_daemon = any(file["disruption"] != "none" for file in described["files"].values())
        self.expect: dict[str, str | None] = {}
        self._files = {
            path: _File(file["content"], file["mode"], file["secret"])
            for path, file in described["files"].items()
        }

    def file(self, path: str) -> _File:
        """Return the file of this path."""
        return self._files[path]

    def kind_of(self, _path: str) -> None:
        """Return None: a generation does not record the kinds of its files."""

    def settings(self) -> list[Setting]:
        """Return no settings: a file of the node is not parsed."""
        return []

    def secrets(self) -> list[str]:
        """Return no texts: a secret does not leave its node."""
        return []
