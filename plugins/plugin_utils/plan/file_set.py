# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plan, a diff and a message need of a file set, whether its settings are known or only its files. For type hints."""

from __future__ import annotations

from typing import Protocol

from ansible_collections.cri.node.plugins.plugin_utils.files.kind import Entries, Kind
from ansible_collections.cri.node.plugins.plugin_utils.layers import Setting


class ShownFile(Protocol):
    """One file of a set."""

    @property
    def content(self) -> str:
        """The content; "" if it must not be shown."""

    @property
    def mode(self) -> str:
        """The mode, as four octal digits."""

    @property
    def secret(self) -> bool:
        """Whether the content must not be shown."""

    @property
    def entries(self) -> Entries:
        """The entries of a shared file, as far as their values are known."""


class FileSet(Protocol):
    """The files that a node will have: desired.DesiredFiles or earlier.EarlierFiles."""

    @property
    def concern_daemon(self) -> bool:
        """Whether a daemon reads any file of the set."""

    @property
    def expect(self) -> dict[str, str | None]:
        """The expected live configuration: {dotted key: the value as CRI-O prints it}."""

    def file(self, path: str) -> ShownFile:
        """Return the file of this path."""

    def kind_of(self, path: str) -> Kind | None:
        """Return the kind of a file, also of one that is not desired; None if it is not known."""

    def settings(self) -> list[Setting]:
        """Return all keys that the files of the set contain, as far as they are known."""

    def secrets(self) -> list[str]:
        """Return the texts that must not appear in messages."""
