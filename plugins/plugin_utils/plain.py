# SPDX-License-Identifier: GPL-3.0-or-later
"""Plain Python data out of what Ansible hands to plugins.

Since ansible-core 2.19 plugins get tagged subclasses and lazy containers; before, vaulted strings come as
objects of their own. Serializers and comparisons want neither.
"""

from __future__ import annotations

from collections.abc import Mapping

_VAULTED = {"AnsibleVaultEncryptedUnicode", "EncryptedString"}


def plain(value: object) -> object:
    """The same data as plain dict, list, str, int, float, bool and None; other types stay as they are."""
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
        return {_plain_key(name): plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def _plain_key(name: object) -> str:
    """A key as text: YAML reads `1:` as a number and `on:` as a boolean, crio.conf knows only names."""
    name = plain(name)
    if name is None or isinstance(name, bool):
        return {None: "null", True: "true", False: "false"}[name]
    return name if isinstance(name, str) else str(name)
