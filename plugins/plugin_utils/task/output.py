# SPDX-License-Identifier: GPL-3.0-or-later
"""What an action reports beside its result: lines on the terminal, if its output is not machine-readable, and statistics."""

from __future__ import annotations

from typing import Any

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


def statistics(name: str, data: object) -> dict[str, Any]:
    """Return the part of a result that sets the data as a statistic of the run, as set_stats does.

    A later report of the same run contains all that an earlier one does, and replaces it.
    """
    return {"ansible_stats": {"data": {name: data}, "per_host": False, "aggregate": False}}
