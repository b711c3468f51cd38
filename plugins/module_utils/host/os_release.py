# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads os-release(5), which identifies the distribution of the node."""

from __future__ import annotations

import os

from .. import node_files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..layout import Layout


def read(layout: Layout) -> dict[str, str]:
    """Return the assignments of os-release without quotes, {} if there is no such file. Raises NodeFileError."""
    for path in ("/etc/os-release", "/usr/lib/os-release"):
        if os.path.isfile(layout.at(path)):
            text = node_files.read_bytes(layout.at(path)).decode("utf-8", "replace")
            return parsed(text)
    return {}


def parsed(text: str) -> dict[str, str]:
    """Return the assignments in a text of os-release."""
    pairs = (line.partition("=") for line in text.splitlines() if not line.startswith("#"))
    return {name: value.strip().strip("\"'") for name, equals, value in pairs if equals}
