# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Describes what crictl printed and should not have, in the message of an error."""

from __future__ import annotations

from typing import Any

from ..text import beginning, shown


def described(value: Any) -> str:
    """Describe a value in a message: short and printable, however long or deep it is."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, str):
        return shortened(value)
    if isinstance(value, int) and not -(1 << 63) <= value < 1 << 63:
        return "an integer of more than 64 bits"
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else repr(value)


def shortened(text: str) -> str:
    """Quote a text in a message: printable, without credentials, at most 60 characters."""
    text = shown(beginning(text))
    return repr(text) if len(text) <= 60 else f"{text[:60]!r}..."
