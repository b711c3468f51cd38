# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with something a user set: data first, one printable sentence without credentials when printed."""

from __future__ import annotations

from typing import NamedTuple

from ansible_collections.cri.node.plugins.module_utils.text import shown

_LONGEST = 2000  # characters of one sentence


class Problem(NamedTuple):
    """One fault: the variable that holds it, the key, the value (None: absent or not printed), the reason."""

    variable: str
    key: str
    value: str | None
    message: str
    accepted: str | None = None

    def __str__(self) -> str:
        place = ": ".join(part for part in (self.variable, self.key) if part)
        value = "" if self.value is None else f" = {self.value}"
        accepted = f"; accepted: {self.accepted}" if self.accepted else ""
        return shown(f"{place}{value}{': ' if place else ''}{self.message}{accepted}", _LONGEST)
