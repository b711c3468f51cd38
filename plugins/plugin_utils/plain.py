# SPDX-License-Identifier: GPL-3.0-or-later
"""Plain Python data out of what Ansible hands to plugins.

Since ansible-core 2.19 plugins get tagged subclasses and lazy containers; before, vaulted strings come as
objects of their own. Serializers and comparisons want neither.
"""

from __future__ import annotations

from collections.abc import Mapping

_VAULTED = {"AnsibleVaultEncryptedUnicode", "EncryptedString"}
_DEEPEST = 64  # levels; a YAML anchor may make a list that holds itself


class TooDeep(TypeError):
    """Data that nests without end, or as if it did."""


def plain(value: object, depth: int = 0) -> object:
    """The same data as plain dict, list, str, int, float, bool and None; other types stay as they are.

    Raises TooDeep where lists and mappings nest deeper than any configuration does.
    """
    if depth > _DEEPEST:
        raise TooDeep(f"lists and mappings are nested deeper than {_DEEPEST} levels")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int.__int__(value)
    if isinstance(value, float):
        return float.__float__(value)
    if type(value).__name__ in _VAULTED:
        return str.__str__(str(value))
    if isinstance(value, Mapping):
        return {_plain_key(name): plain(item, depth + 1) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item, depth + 1) for item in value]
    return value


def _plain_key(name: object) -> str:
    """A key as text: YAML reads `1:` as a number and `on:` as a boolean, crio.conf knows only names."""
    name = plain(name)
    if name is None or isinstance(name, bool):
        return {None: "null", True: "true", False: "false"}[name]
    return name if isinstance(name, str) else str(name)
