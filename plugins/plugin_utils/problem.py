# SPDX-License-Identifier: GPL-3.0-or-later
"""A problem of a user's setting, as data, which str() turns into one printable sentence without credentials."""

from __future__ import annotations

from typing import NamedTuple

_LONGEST = 2000  # characters of one sentence


class Problem(NamedTuple):
    """One problem: the variable, the key, the value (None: absent or not printed), the reason and accepted values."""

    variable: str
    key: str
    value: str | None
    message: str
    accepted: str | None = None

    def __str__(self) -> str:
        from ansible_collections.cri.node.plugins.module_utils.text import shown  # only loaded for an error

        place = ": ".join(part for part in (self.variable, self.key) if part)
        value = "" if self.value is None else f" = {self.value}"
        accepted = f"; accepted: {self.accepted}" if self.accepted else ""
        return shown(f"{place}{value}{': ' if place else ''}{self.message}{accepted}", _LONGEST)
