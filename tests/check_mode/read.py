# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the keys of a managed file without the collection, to compare them with those of a plan."""

import tomllib
from typing import Any

from check_mode import settings as known
from check_mode.settings import flat


def keys(path: str, text: str | None) -> dict[str, Any] | None:
    """Return {dotted key: value} of a file, {} if it does not exist, None for a file without keys."""
    reader = _READERS.get(path)
    if reader is None:
        return None
    return {} if text is None else reader(text)


def _crio(text: str) -> dict[str, Any]:
    return dict(flat(tomllib.loads(text)))


def _registries(text: str) -> dict[str, Any]:
    data = tomllib.loads(text)
    found = {name: value for name, value in data.items() if name != "registry"}
    for table in data.get("registry", ()):
        prefix = table.get("prefix") or table["location"]
        quoted = prefix if prefix.replace("-", "").replace("_", "").isalnum() else f'"{prefix}"'
        found.update({f"registry.{quoted}.{name}": value for name, value in table.items()})
    return found


def _unit(text: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    section = ""
    for line in text.splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            name, _equals, value = line.partition("=")
            found.setdefault(f"{section}.{name}", []).append(value)
    return found


def _crictl(text: str) -> dict[str, Any]:
    lines = [line.partition(":") for line in text.splitlines() if line and not line.startswith("#")]
    return {name: value.strip().strip('"') for name, _colon, value in lines}


_READERS = {known.CRIO: _crio, known.REGISTRIES: _registries, known.UNIT: _unit, known.CRICTL: _crictl}
