# SPDX-License-Identifier: GPL-3.0-or-later
"""Prints lines of an action on the terminal, but not into machine-readable output."""

from __future__ import annotations

from ansible import constants
from ansible.utils.display import Display

# Callbacks whose output is one document, which a line of text would break.
_MACHINE_READABLE = ("json", "jsonl", "null")


def show(lines: list[str]) -> bool:
    """Print the lines, unless the output is machine-readable. Returns whether they were printed."""
    callback = str(constants.config.get_config_value("DEFAULT_STDOUT_CALLBACK"))
    if callback.rpartition(".")[2] in _MACHINE_READABLE:
        return False
    Display().display("\n".join(lines))
    return True
