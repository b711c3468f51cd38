# SPDX-License-Identifier: GPL-3.0-or-later
"""The registries that result from several files, as containers/image merges them, with the file of each entry.

registries.conf is merged with the drop-ins in lexical order: scalars and lists of the last file that sets them win, a table of
[[registry]] is replaced whole per prefix, aliases are merged one by one (updateWithConfigurationFrom in pkg/sysregistriesv2).
Everything that containers/image refuses, it refuses per file, so that contradictions between two files pass.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from ansible_collections.cri.node.plugins.plugin_utils.registries import document
from ansible_collections.cri.node.plugins.plugin_utils.registries.document import Document, Registry
from ansible_collections.cri.node.plugins.plugin_utils.text.go_quote import go_quote

AUTH_FILES = "containers-auth.json"  # the helper that stands for the files of credentials
_DEFAULT_MODE = "permissive"


class File(NamedTuple):
    """A file as a TOML reader read it."""

    path: str
    data: dict[str, Any]
    drop_in: bool  # of registries.conf.d


class Alias(NamedTuple):
    """What a short name stands for; an empty value removes the alias of an earlier file."""

    value: str
    path: str


class Fault(NamedTuple):
    """A file that containers/image refuses, so that it loads none at all."""

    path: str
    reason: str  # its own words
    drop_in: bool

    def __str__(self) -> str:
        kind = "drop-in registries" if self.drop_in else "registries"
        return f"loading {kind} configuration {go_quote(self.path)}: {self.reason}"


class Replaced(NamedTuple):
    """A value of a file that a later one replaces. key: dotted names, such as ("registry", its prefix)."""

    key: tuple[str, ...]
    path: str
    by: str


class Effective(NamedTuple):
    """The result of all files. `paths` has the file that set a scalar or a list, by its key."""

    registries: dict[str, Registry]  # by prefix
    search: tuple[str, ...]
    search_origin: (
        str  # the file that containers/image names for the search; "" if there is no registries.conf
    )
    credential_helpers: tuple[str, ...]
    short_name_mode: str  # CRI-O has its own, which wins
    auth_helper: str
    aliases: dict[str, Alias]
    recorded_aliases: dict[str, Alias]  # of short-name-aliases.conf, which win
    paths: dict[str, str]
    replaced: tuple[Replaced, ...]
    unknown: tuple[tuple[str, str], ...]  # (path, dotted key)
    faults: tuple[Fault, ...]

    @property
    def complete(self) -> bool:
        """Whether containers/image loads all files."""
        return not self.faults


def merge(files: Iterable[File], recorded: File | None = None) -> Effective:
    """Merge files in the order in which containers/image reads them: registries.conf first, then the drop-ins.

    recorded: short-name-aliases.conf. A file with a fault is left out, and is in `faults`.
    """
    merged = _Merged()
    for file in files:
        if not file.drop_in:
            merged.origin = file.path
        try:
            merged.add(document.load(*file))
        except document.RefusedError as error:
            merged.faults.append(Fault(file.path, str(error), file.drop_in))
    if recorded:
        merged.record(recorded)
    return merged.result()


class _Merged:
    """What the files so far result in."""

    def __init__(self) -> None:
        self.origin = ""
        self.faults: list[Fault] = []
        self._registries: dict[str, Registry] = {}
        self._values: dict[str, Any] = {}
        self._aliases: dict[str, Alias] = {}
        self._recorded: dict[str, Alias] = {}
        self._paths: dict[str, str] = {}
        self._replaced: list[Replaced] = []
        self._unknown: list[tuple[str, str]] = []

    def add(self, file: Document) -> None:
        """Merge a later file."""
        for prefix, table in file.registries.items():
            if prefix in self._registries:
                self._note(("registry", prefix), self._registries[prefix].path, file.path)
            self._registries[prefix] = table
        if file.search is not None:
            self.origin = file.path
        self._set("unqualified-search-registries", file.search, file.path)
        self._set("credential-helpers", file.credential_helpers, file.path)
        self._set("short-name-mode", file.short_name_mode or None, file.path)
        self._set("additional-layer-store-auth-helper", file.auth_helper or None, file.path)
        for name, value in file.aliases.items():
            if name in self._aliases:
                self._note(("aliases", name), self._aliases[name].path, file.path)
            self._aliases[name] = Alias(value, file.path)
        self._unknown += [(file.path, key) for key in file.unknown]

    def record(self, file: File) -> None:
        """Add short-name-aliases.conf; a fault of it only concerns short names."""
        try:
            aliases = document.load_aliases(file.path, file.data).aliases
        except document.RefusedError as error:
            self.faults.append(Fault(file.path, str(error), file.drop_in))
            return
        self._recorded = {name: Alias(value, file.path) for name, value in aliases.items()}

    def result(self) -> Effective:
        """Return the result, with the defaults of what no file sets."""
        return Effective(
            dict(sorted(self._registries.items())),
            self._values.get("unqualified-search-registries", ()),
            self.origin,
            self._values.get("credential-helpers") or (AUTH_FILES,),
            self._values.get("short-name-mode", _DEFAULT_MODE),
            self._values.get("additional-layer-store-auth-helper", ""),
            self._aliases,
            self._recorded,
            self._paths,
            tuple(self._replaced),
            tuple(self._unknown),
            tuple(self.faults),
        )

    def _set(self, key: str, value: Any, path: str) -> None:
        if value is None:
            return
        if key in self._values:
            self._note((key,), self._paths[key], path)
        self._values[key], self._paths[key] = value, path

    def _note(self, key: tuple[str, ...], before: str, path: str) -> None:
        self._replaced.append(Replaced(key, before, path))
