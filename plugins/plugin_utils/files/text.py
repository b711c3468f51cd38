# SPDX-License-Identifier: GPL-3.0-or-later
"""A file with given content, such as a completion script of a shell."""

from __future__ import annotations

from ansible_collections.cri.node.plugins.plugin_utils.files import secret_values
from ansible_collections.cri.node.plugins.plugin_utils.files.kind import Kind, Versions
from ansible_collections.cri.node.plugins.plugin_utils.findings import Checked
from ansible_collections.cri.node.plugins.plugin_utils.layers import Data, Layers


class Text(Kind):
    """Text without settings: nothing of it is merged, checked or compared with the daemon's values."""

    name = "text"

    def check(self, layers: Layers, versions: Versions) -> Checked:
        """Return an outcome without data."""
        return Checked({}, {}, [], [])

    def render(self, data: Data) -> str:
        """Return an empty text, because the content is given."""
        return ""

    def secrets(self, data: Data, content: str) -> list[str]:
        """Return the values of assignments in the text."""
        return secret_values.of_text(content)
