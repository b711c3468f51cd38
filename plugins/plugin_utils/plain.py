# SPDX-License-Identifier: GPL-3.0-or-later
"""Converts values that Ansible passes to plugins into plain Python data.

Since ansible-core 2.19, plugins get tagged subclasses and lazy containers; earlier versions pass vaulted strings as special
objects. Serializers and comparisons need plain data.
"""

from __future__ import annotations

from collections.abc import Mapping

_VAULTED = {"AnsibleVaultEncryptedUnicode", "EncryptedString"}
_DEEPEST = 64  # levels; with a YAML anchor, a list can contain itself
# Most values are plain already, and each is looked at several times in each task of each host.
_PLAIN = frozenset((str, bool, int, float, type(None)))


class TooDeep(TypeError):
    """Data is nested too deeply or without end."""


def plain(value: object, depth: int = 0) -> object:
    """Return the data as plain dict, list, str, int, float, bool and None; other types are returned unchanged.

    Raises TooDeep if lists and mappings are nested deeper than in any configuration.
    """
    if depth > _DEEPEST:
        raise TooDeep(f"lists and mappings are nested deeper than {_DEEPEST} levels")
    if type(value) in _PLAIN:
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
    """Return a key as text: YAML reads `1:` as a number and `on:` as a boolean, but keys of crio.conf are texts."""
    if type(name) is str:
        return name
    name = plain(name)
    if name is None or isinstance(name, bool):
        return {None: "null", True: "true", False: "false"}[name]
    return name if isinstance(name, str) else str(name)
