# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the values in secret files, so that they can be masked in messages of other programs."""

from __future__ import annotations

from collections.abc import Iterable

from ansible_collections.cri.node.plugins.plugin_utils.crio import daemon_options

_IN_UNITS = ("Environment", "SetCredential", "SetCredentialEncrypted")


def of_assignments(values: Iterable[object]) -> list[str]:
    """Return the texts of NAME=value assignments, both complete and without the name. A value may be a list of assignments."""
    found: list[str] = []
    for value in values:
        for item in value if isinstance(value, list) else [value]:
            found += _of_assignment(str(item))
    return found


def of_text(content: str) -> list[str]:
    """Return the values of an environment file or of a unit's drop-in, both as written and without quotes."""
    lines = [line.strip() for line in content.splitlines()]
    is_unit = any(line.startswith("[") for line in lines)
    found: list[str] = []
    for line in lines:
        name, equals, value = line.partition("=")
        if not equals or line.startswith(("#", ";")):
            continue
        if not is_unit:
            found += _of_assignment(line)
        elif name.strip() in _IN_UNITS:
            found.append(value.strip())
            for assignment in daemon_options.words(value):
                found += _of_assignment(assignment)
    return found


def _of_assignment(text: str) -> list[str]:
    value = text.partition("=")[2] or text
    plain = value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'" else value
    unescaped = plain.replace("\\", "") if "\\" in plain else plain
    return [text, value, plain, unescaped]
