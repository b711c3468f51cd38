# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the keys of a managed file without the collection, to compare them with those of a plan."""

import json
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


def _quoted(name: str) -> str:
    return name if name.replace("-", "").replace("_", "").isalnum() else json.dumps(name)


def _auth(text: str) -> dict[str, Any]:
    return {_quoted(host): entry for host, entry in json.loads(text).get("auths", {}).items()}


def _policy(text: str) -> dict[str, Any]:
    data = json.loads(text)
    found = {"default": data["default"]} if "default" in data else {}
    for transport, scopes in data.get("transports", {}).items():
        prefix = f"transports.{_quoted(transport)}."
        found.update({f"{prefix}{_quoted(scope)}": needs for scope, needs in scopes.items()})
    return found


_READERS = {
    known.CRIO: _crio,
    known.REGISTRIES: _registries,
    known.UNIT: _unit,
    known.CRICTL: _crictl,
    known.AUTH: _auth,
    known.POLICY: _policy,
    known.STORAGE: _crio,
}
