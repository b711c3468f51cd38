# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the catalogue of keys with their types and versions, and refuses invalid entries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from ansible_collections.cri.node.plugins.plugin_utils.crio.keys import CHOICES, KEYS
from ansible_collections.cri.node.plugins.plugin_utils.crio.value_formats import FORMATS
from ansible_collections.cri.node.plugins.plugin_utils.crio.versions import Version, parse_version
from ansible_collections.cri.node.plugins.plugin_utils.value_types import TYPES

Path = tuple[str, ...]
ANY = "*"


class CatalogueError(ValueError):
    """A catalogue entry is invalid; the message starts with its key."""


class Key(NamedTuple):
    """One entry, as the catalogue's columns describe it."""

    key: str
    type: str
    default: object = None
    since: str | None = None
    backported: dict[str, int] | None = None
    removed: str | None = None
    instead: str | None = None
    deprecated: str | None = None
    without_effect: str | None = None
    choices: list[str] | dict[str, str | None] | None = None
    ignore_case: bool = False
    otherwise: str | None = None
    minimum: int | None = None
    maximum: int | None = None
    format: str | None = None
    reload: bool = False
    secret: bool = False
    unprinted: bool = False
    unprinted_when_empty: bool = False
    omitted_when_empty: bool = False
    printed_as: str | None = None

    def exists_in(self, version: Version) -> bool:
        """Return whether this version of CRI-O reads the key. A version without a patch release means its latest one."""
        if self.removed and version.line >= _line(self.removed):
            return False
        if self.since is None or version.line >= _line(self.since):
            return True
        patch = (self.backported or {}).get(f"{version.major}.{version.minor}")
        return patch is not None and (version.patch is None or version.patch >= patch)

    def default_in(self, version: Version) -> object:
        """Return the default of this version; None if it depends on the host or there is none."""
        if not isinstance(self.default, dict):
            return self.default
        fitting = [default for since, default in self.default.items() if version.line >= _line(since)]
        return fitting[-1] if fitting else next(iter(self.default.values()))

    def choices_in(self, version: Version) -> list[str] | None:
        """Return the accepted values of this version, or None if all values are accepted."""
        if not isinstance(self.choices, dict):
            return self.choices
        return [name for name, since in self.choices.items() if not since or version.line >= _line(since)]

    def in_range(self, number: int) -> bool:
        """Return whether an integer is between minimum and maximum."""
        above = self.minimum is None or number >= self.minimum
        return above and (self.maximum is None or number <= self.maximum)

    @property
    def arrival(self) -> str:
        """The first releases with the key: those of older minor versions with a backport, then the first minor version."""
        backports = [f"{minor}.{patch}" for minor, patch in (self.backported or {}).items()]
        return ", ".join((*backports, str(self.since)))


class Catalogue:
    """The keys of one configuration file, found by dotted text or by path."""

    def __init__(
        self, entries: Sequence[dict[str, Any]], choices: dict[str, dict[str, Any]] | None = None
    ) -> None:
        """`choices` are those that entries refer to by name."""
        self.keys = tuple(_checked(_with_choices(entry, choices or {})) for entry in entries)
        self._by_path = {tuple(key.key.split(".")): key for key in self.keys}
        self._tables = {path[:length] for path in self._by_path for length in range(1, len(path))}
        _check_order(self.keys)
        for path in self._tables & set(self._by_path):
            raise CatalogueError(f"{'.'.join(path)}: is both a key and a table")

    def lookup(self, key: str | Path) -> Key | None:
        """Return the entry of a key. `*` matches names of handlers and workloads. Names with dots require a path."""
        return self._by_path.get(self._pattern(key))

    def is_table(self, key: str | Path) -> bool:
        """Return whether this is a table, which contains keys."""
        return self._pattern(key) in self._tables

    def is_named(self, path: Path) -> bool:
        """Return whether this is a table with a user-defined name: a handler or a workload."""
        return self._pattern(path)[-1] == ANY

    def keys_of(self, version: str | Version) -> tuple[Key, ...]:
        """Return the keys that one version of CRI-O reads."""
        if isinstance(version, str):
            version = parse_version(version)
        return tuple(key for key in self.keys if key.exists_in(version))

    def walk(self, data: dict[str, Any], path: Path = ()) -> list[tuple[Path, Key, object]]:
        """Return each known key of data that mirrors crio.conf, with its entry and its value, in the data's order."""
        found = []
        for name, value in data.items():
            here = (*path, name)
            key = self.lookup(here)
            if key is not None:
                found.append((here, key, value))
            elif isinstance(value, dict):
                found.extend(self.walk(value, here))
        return found

    def suggest(self, key: str | Path) -> str | None:
        """Return the known key that was probably meant: in the right case, of another table, or with a similar name."""
        path: Path = tuple(key.split(".")) if isinstance(key, str) else key
        table, name = path[:-1], path[-1]
        known: list[Path] = [
            *(other for other, entry in self._by_path.items() if not entry.removed),
            *self._tables,
        ]
        siblings = sorted({other[-1] for other in known if other[:-1] == self._pattern(table)} - {ANY})
        if name.lower() in siblings:
            return ".".join((*table, name.lower()))
        elsewhere = sorted(other for other in known if other[-1] == name and len(other) > 1)
        if elsewhere:
            nearest = min(elsewhere, key=lambda other: (ANY in other, abs(len(other) - len(path))))
            return ".".join(nearest)
        import difflib  # only loaded for an error

        close = difflib.get_close_matches(name.lower(), siblings, n=1)
        return ".".join((*table, close[0])) if close else None

    def _pattern(self, key: str | Path) -> Path:
        path = tuple(key.split(".")) if isinstance(key, str) else key
        pattern: Path = ()
        for name in path:
            pattern = (*pattern, ANY if (*pattern, ANY) in self._tables else name)
        return pattern


def _line(text: str) -> tuple[int, int]:
    major, _separator, minor = text.partition(".")
    return (int(major), int(minor))


def _check_order(keys: tuple[Key, ...]) -> None:
    for before, after in zip(keys, keys[1:]):
        if before.key == after.key:
            raise CatalogueError(f"{after.key}: is listed twice")
        if before.key > after.key:
            raise CatalogueError(f"{after.key}: belongs before {before.key}")


def _with_choices(entry: dict[str, Any], choices: dict[str, dict[str, Any]]) -> dict[str, Any]:
    name = entry.get("choices")
    if not isinstance(name, str):
        return entry
    if name not in choices:
        raise CatalogueError(f"{entry.get('key')}: there are no choices named {name!r}")
    return {**entry, "choices": choices[name]}


def _checked(entry: dict[str, Any]) -> Key:
    try:
        key = Key(**entry)
    except TypeError as error:
        raise CatalogueError(f"{entry.get('key', entry)}: {error}") from None
    for check in (
        _check_type,
        _check_versions,
        _check_choices,
        _check_numbers,
        _check_default,
        _check_printed,
    ):
        fault = check(key)
        if fault:
            raise CatalogueError(f"{key.key}: {fault}")
    return key


def _check_type(key: Key) -> str | None:
    if key.type not in TYPES:
        return f"unknown type {key.type!r}"
    if key.format is not None and key.format not in FORMATS:
        return f"unknown format {key.format!r}"
    return None


def _check_versions(key: Key) -> str | None:
    if key.since and key.removed and _line(key.since) >= _line(key.removed):
        return f"since {key.since} is not before removed {key.removed}"
    if bool(key.removed) != bool(key.instead):
        return "removed and instead belong together"
    if key.backported and not (
        key.since and all(_line(minor) < _line(key.since) for minor in key.backported)
    ):
        return "backported is only for minors before since"
    return None


def _check_choices(key: Key) -> str | None:
    if key.choices is not None and key.type not in ("string", "strings"):
        return f"choices are not for type {key.type}"
    if (key.ignore_case or key.otherwise) and not key.choices:
        return "ignore_case and otherwise need choices"
    return None


def _check_numbers(key: Key) -> str | None:
    if key.minimum is None and key.maximum is None:
        return None
    if key.type != "integer":
        return f"minimum and maximum are not for type {key.type}"
    if key.minimum is not None and key.maximum is not None and key.minimum > key.maximum:
        return f"minimum {key.minimum} is above maximum {key.maximum}"
    return None


def _check_default(key: Key) -> str | None:
    for default in key.default.values() if isinstance(key.default, dict) else (key.default,):
        if default is None:
            continue
        python = TYPES[key.type].python
        # In Python, a bool is an int as well.
        if not isinstance(default, python) or isinstance(default, bool) != (python is bool):
            return f"default {default!r} is not of type {key.type}"
        chosen = default if isinstance(default, list) else [default]
        if key.choices and not set(chosen) <= set(key.choices):
            return f"default {default!r} is not among the choices"
        if isinstance(default, int) and key.type == "integer" and not key.in_range(default):
            return f"default {default} is out of range"
    return None


def _check_printed(key: Key) -> str | None:
    columns = ("unprinted", "unprinted_when_empty", "omitted_when_empty")
    if sum(getattr(key, name) for name in columns) > 1:
        return f"at most one of {', '.join(columns)}"
    if (key.omitted_when_empty or key.printed_as) and ANY not in key.key.split("."):
        return "omitted_when_empty and printed_as are for keys of a handler or a workload"
    return None


CATALOGUE = Catalogue(KEYS, CHOICES)
