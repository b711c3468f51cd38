# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the catalogue of keys with their types and versions, and refuses invalid entries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from ansible_collections.cri.node.plugins.plugin_utils.crio.keys import CHOICES, KEYS
from ansible_collections.cri.node.plugins.plugin_utils.crio.value_formats import FORMATS
from ansible_collections.cri.node.plugins.plugin_utils.crio.versions import CATALOGUED, Version, parse_version
from ansible_collections.cri.node.plugins.plugin_utils.value_types import TYPES

Path = tuple[str, ...]
ANY = "*"
#: what makes a changed key take effect, the least disruptive first
LIVE = ("reload", "restart", "drain", "reboot")


class CatalogueError(ValueError):
    """A catalogue entry is invalid; the message starts with its key."""


class Span(NamedTuple):
    """The releases that have something: a choice, or a key, which has the same columns."""

    since: str | None = None
    backported: dict[str, int] | None = None
    removed: str | None = None

    def includes(self, version: Version) -> bool:
        """Return whether this version is one of them. A version without a patch release means its newest one."""
        if self.removed and version.line >= _line(self.removed):
            return False
        if self.since is None or version.line >= _line(self.since):
            return True
        patch = (self.backported or {}).get(f"{version.major}.{version.minor}")
        return patch is not None and (version.patch is None or version.patch >= patch)

    @property
    def arrival(self) -> list[str]:
        """The first releases: those of older minor versions with a backport, then the first minor version."""
        backports = [f"{minor}.{patch}" for minor, patch in (self.backported or {}).items()]
        return [*backports, *([self.since] if self.since else [])]


class Key(NamedTuple):
    """One entry, as the catalogue's columns describe it."""

    key: str
    type: str
    default: object = None
    all_by_default: bool = False
    since: str | None = None
    backported: dict[str, int] | None = None
    removed: str | None = None
    instead: str | None = None
    deprecated: str | dict[str, str | None] | None = None
    without_effect: str | dict[str, str | None] | None = None
    choices: list[str] | dict[str, Span] | None = None
    ignore_case: bool = False
    otherwise: str | dict[str, str | None] | None = None
    minimum: int | None = None
    maximum: int | None = None
    format: str | None = None
    live: str | dict[str, str | None] | None = None
    secret: bool = False
    unprinted: bool = False
    unprinted_when_empty: bool = False
    omitted_when_empty: bool = False
    printed_as: str | None = None

    @property
    def span(self) -> Span:
        """The releases that read the key."""
        return Span(self.since, self.backported, self.removed)

    def exists_in(self, version: Version) -> bool:
        """Return whether this version of CRI-O reads the key. A version without a patch release means its newest one."""
        return self.span.includes(version)

    def default_in(self, version: Version) -> object:
        """Return the default of this version; None if it depends on the host or there is none."""
        return self.choices_in(version) if self.all_by_default else _in(self.default, version)

    def choices_in(self, version: Version) -> list[str] | None:
        """Return the accepted values of this version, or None if all values are accepted."""
        if not isinstance(self.choices, dict):
            return self.choices
        return [name for name, span in self.choices.items() if span.includes(version)]

    def otherwise_in(self, version: Version) -> str | None:
        """Return what this version does with a value that is not among the choices; None if it does not start."""
        return _in(self.otherwise, version)

    def deprecated_in(self, version: Version) -> str | None:
        """Return what to use instead of a key that is deprecated in this version, else None."""
        return _in(self.deprecated, version)

    def without_effect_in(self, version: Version) -> str | None:
        """Return what to use instead of a key that this version reads but does not use, else None."""
        return _in(self.without_effect, version)

    def live_in(self, version: Version) -> str:
        """Return what makes this version use a changed value, one of LIVE."""
        return _in(self.live, version) or "restart"

    @property
    def reloads(self) -> bool:
        """Whether SIGHUP makes any version use a changed value."""
        return "reload" in (self.live.values() if isinstance(self.live, dict) else (self.live,))

    def in_range(self, number: int) -> bool:
        """Return whether an integer is between minimum and maximum."""
        above = self.minimum is None or number >= self.minimum
        return above and (self.maximum is None or number <= self.maximum)


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

    def unknown(self, data: dict[str, Any], path: Path = ()) -> list[tuple[Path, object]]:
        """Return each value of data that mirrors crio.conf whose key has no entry, with its path, in the data's order."""
        found: list[tuple[Path, object]] = []
        for name, value in data.items():
            here = (*path, name)
            if self.lookup(here) is not None:
                continue
            if isinstance(value, dict) and (value or self.is_table(here)):
                found.extend(self.unknown(value, here))
            else:
                found.append((here, value))
        return found

    def named_tables(self, data: dict[str, Any], path: Path = ()) -> list[Path]:
        """Return the tables with a user-defined name, handlers and workloads, in data that mirrors crio.conf."""
        tables = [(*path, name) for name, value in data.items() if isinstance(value, dict)]
        tables = [table for table in tables if self.is_table(table)]
        inner = [each for table in tables for each in self.named_tables(data[table[-1]], table)]
        return [table for table in tables if self.is_named(table)] + inner

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


def since_of(column: object) -> str | None:
    """Return the first release of a column that differs between releases; None if it applies to all."""
    return next(iter(column)) if isinstance(column, dict) else None


def _in(column: Any, version: Version) -> Any:
    """Return the value that a column has in a version; None before its first release."""
    if not isinstance(column, dict):
        return column
    values = [value for release, value in column.items() if _release(release) <= version.release]
    return values[-1] if values else None


def _line(text: str) -> tuple[int, int]:
    major, _separator, minor = text.partition(".")
    return (int(major), int(minor))


def _release(text: str) -> tuple[int, int, int]:
    """Return (1, 30, 6) of "1.30.6", and (1, 30, 0) of "1.30"."""
    major, minor, patch = f"{text}.0".split(".")[:3]
    return (int(major), int(minor), int(patch))


def _check_order(keys: tuple[Key, ...]) -> None:
    for before, after in zip(keys, keys[1:]):
        if before.key == after.key:
            raise CatalogueError(f"{after.key}: is listed twice")
        if before.key > after.key:
            raise CatalogueError(f"{after.key}: belongs before {before.key}")


def _with_choices(entry: dict[str, Any], choices: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return an entry with its named choices looked up, and the releases of each choice as a Span."""
    found = entry.get("choices")
    if isinstance(found, str):
        if found not in choices:
            raise CatalogueError(f"{entry.get('key')}: there are no choices named {found!r}")
        found = choices[found]
    return {**entry, "choices": _spans(found)} if isinstance(found, dict) else entry


def _spans(choices: dict[str, Any]) -> dict[str, Span]:
    return {
        name: Span(**span) if isinstance(span, dict) else span if isinstance(span, Span) else Span(since=span)
        for name, span in choices.items()
    }


def _checked(entry: dict[str, Any]) -> Key:
    try:
        key = Key(**entry)
    except TypeError as error:
        raise CatalogueError(f"{entry.get('key', entry)}: {error}") from None
    for check in (
        _check_type,
        _check_versions,
        _check_releases,
        _check_live,
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
    if bool(key.removed) != bool(key.instead):
        return "removed and instead belong together"
    return _fault_of_span(key.span)


def _fault_of_span(span: Span) -> str | None:
    if span.since and span.removed and _line(span.since) >= _line(span.removed):
        return f"since {span.since} is not before removed {span.removed}"
    if not span.backported:
        return None
    minors = [_line(minor) for minor in span.backported]
    if not (span.since and minors == sorted(minors) and minors[-1] < _line(span.since)):
        return "backported is only for minors before since, the oldest first"
    if min(span.backported.values()) < 1:
        return "a backport is at least the first patch release of its minor"
    return None


def _check_releases(key: Key) -> str | None:
    """Refuse columns whose releases are not in order, and a default that begins after the key."""
    for name in ("default", "deprecated", "without_effect", "otherwise", "live"):
        column = getattr(key, name)
        if isinstance(column, dict):
            releases = [_release(release) for release in column]
            if releases != sorted(set(releases)):
                return f"the releases of {name} are not in order"
            if name == "default" and releases[0] > _first_release(key.span):
                return f"no default before {next(iter(column))}, although the key exists"
    return None


def _first_release(span: Span) -> tuple[int, int, int]:
    """Return the first release that has something, but none before the first one that is catalogued."""
    return max(_release((span.arrival or CATALOGUED)[0]), _release(CATALOGUED[0]))


def _check_live(key: Key) -> str | None:
    values = set(key.live.values() if isinstance(key.live, dict) else [key.live]) - {None, *LIVE}
    return f"live is not one of {', '.join(LIVE)}" if values else None


def _check_choices(key: Key) -> str | None:
    if key.choices is not None and key.type not in ("string", "strings"):
        return f"choices are not for type {key.type}"
    if (key.ignore_case or key.otherwise or key.all_by_default) and not key.choices:
        return "ignore_case, otherwise and all_by_default need choices"
    for name, span in key.choices.items() if isinstance(key.choices, dict) else ():
        fault = _fault_of_span(span)
        if fault:
            return f"{name}: {fault}"
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
    if key.all_by_default and (key.default is not None or key.type != "strings"):
        return "all_by_default is for a list without another default"
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
