# SPDX-License-Identifier: GPL-3.0-or-later
"""The values inside of secret files, so that a message of another program that repeats one can be masked."""

from __future__ import annotations

from collections.abc import Iterable

from ansible_collections.cri.node.plugins.plugin_utils.crio import daemon_options

_IN_UNITS = ("Environment", "SetCredential", "SetCredentialEncrypted")


def of_assignments(values: Iterable[object]) -> list[str]:
    """Return the texts in values that hold NAME=value: whole, and the value alone. Such a value may be a list of them."""
    found: list[str] = []
    for value in values:
        for item in value if isinstance(value, list) else [value]:
            found += _of_assignment(str(item))
    return found


def of_text(content: str) -> list[str]:
    """The values of an environment file or of a unit's drop-in, as they are written and without their quotes."""
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
