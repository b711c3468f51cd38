# SPDX-License-Identifier: GPL-3.0-or-later
"""The desired handlers of nodes: layers of oci_runtimes_config, checked, and completed with what is known of their programs."""

from __future__ import annotations

import posixpath
import re
from typing import Any, NamedTuple

from ansible_collections.cri.node.plugins.module_utils.text import shown
from ansible_collections.cri.node.plugins.plugin_utils.handlers import runtime_class, settings
from ansible_collections.cri.node.plugins.plugin_utils.handlers.handler import Handler, NodeFile
from ansible_collections.cri.node.plugins.plugin_utils.handlers.known import (
    ALIASES,
    INSTALLS,
    KINDS,
    LOCAL_PROGRAMS,
    VM,
    Kind,
    kind_of,
)
from ansible_collections.cri.node.plugins.plugin_utils.layers import Data, Layers, Path, merge, source_of
from ansible_collections.cri.node.plugins.plugin_utils.problem import Problem
from ansible_collections.cri.node.plugins.plugin_utils.text.did_you_mean import did_you_mean
from ansible_collections.cri.node.plugins.plugin_utils.text.structured_text import (
    fault_of_mapping,
    mapping_of,
)
from ansible_collections.cri.node.plugins.plugin_utils.value_types import kind as type_of

VARIABLE = "oci_runtimes_config"
_HASH = "64 hexadecimal digits, as sha256sum prints them, for each architecture"
_KEYS = (
    "kind",
    "install",
    "path",
    "package",
    "source",
    "sha256",
    "fetched_by",
    "files",
    "settings",
    "runtime_class",
)
_FILE_KEYS = ("source", "sha256", "fetched_by", "content", "mode")
_FETCHERS = ("node", "controller")
# As CRI-O's flags and Kubernetes' RuntimeClass.handler accept it.
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
_PACKAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9+._-]{0,99}", re.ASCII)
_MODE = re.compile(r"0[4-7][0-5][0-5]", re.ASCII)
_SHIM = re.compile(r"containerd-shim-.+", re.ASCII)
_PATH = "an absolute path such as /usr/local/bin/crun"


class Desired(NamedTuple):
    """The handlers by name, and what is wrong with the others."""

    handlers: dict[str, Handler]
    problems: list[Problem]


def read(layers: Layers) -> Desired:
    """Return the handlers of layers [(name of a variable, its value), ...]. All problems are found at once; nothing is raised."""
    parsed = [(name, mapping_of(value)) for name, value in layers]
    faults = [
        Problem(name, "", None, fault_of_mapping(value), "handlers by name, such as {crun: {}}")
        for name, value in parsed
        if not isinstance(value, dict)
    ]
    tables = [(name, value) for name, value in parsed if isinstance(value, dict)]
    data, sources = merge(tables)
    own = _own_settings(tables)
    handlers: dict[str, Handler] = {}
    for name, entry in data.items():
        reader = _Reader(name, sources, own.get(name, {}))
        found = reader.handler(entry)
        faults += reader.problems
        if found and not reader.problems:
            handlers[name] = found
    faults += _conflicts(handlers, sources)
    return Desired(handlers, faults)


def _own_settings(tables: list[tuple[str, Data]]) -> dict[str, Data]:
    """Return the settings of each handler over all layers; null stays, because it removes what is known of the runtime."""
    own: dict[str, Data] = {}
    for _name, table in tables:
        for name, entry in table.items():
            if entry is None:
                own.pop(name, None)
            elif isinstance(entry, dict) and isinstance(entry.get("settings"), dict):
                own[name] = {**own.get(name, {}), **entry["settings"]}
    return own


class _Reader:
    """Reads one handler, and collects what is wrong with it."""

    def __init__(self, name: str, sources: dict[Path, str], own: Data) -> None:
        self._name, self._sources, self._own = name, sources, own
        self.problems: list[Problem] = []

    def problem(self, path: Path, fault: str, accepted: str | None = None, value: object = None) -> None:
        """Add a problem of a value below the handler."""
        here = (self._name, *path)
        variable = source_of(self._sources, here) or VARIABLE
        given = None if value is None else shown(f'"{value}"' if isinstance(value, str) else value, 100)
        self.problems.append(
            Problem(variable, ".".join(shown(part, 100) for part in here), given, fault, accepted)
        )

    def handler(self, entry: object) -> Handler | None:
        """Return the handler; None if it cannot be read."""
        if not _NAME.fullmatch(self._name):
            self.problem(
                (), "is not the name of a handler", "lowercase letters, digits and '-', for example kata-qemu"
            )
        if not isinstance(entry, dict):
            self.problem(
                (), f"is {type_of(entry)}, not a mapping", f"{{}}, or a mapping of {', '.join(_KEYS)}"
            )
            return None
        self._refuse_unknown(entry, _KEYS)
        kind = self._kind(entry)
        if kind is None:
            return None
        install = self._install(entry)
        path = self._path(entry, kind, install)
        if kind.type == VM and path and not _SHIM.fullmatch(posixpath.basename(path)):
            self.problem(
                ("path",),
                "is not the name of a shim, which CRI-O requires for runtime_type vm",
                "a name that begins with containerd-shim-",
                path,
            )
        package = self._package(entry, kind, install)
        files = self._files(entry, kind, install, path)
        self._table(entry, "settings")
        table = settings.of_handler(self._name, kind, install == "package", path, self._own)
        klass = runtime_class.of_handler(self._name, kind.overhead, entry.get("runtime_class"), self.problem)
        return Handler(self._name, kind, install, path, package, files, table, frozenset(self._own), klass)

    def _refuse_unknown(self, entry: dict[str, Any], known: tuple[str, ...], path: Path = ()) -> None:
        for key in entry:
            if key not in known:
                self.problem(
                    (*path, key), f"is not a key of a handler{did_you_mean(key, known)}", ", ".join(known)
                )

    def _kind(self, entry: dict[str, Any]) -> Kind | None:
        name = entry.get("kind", self._name)
        kind = kind_of(name) if isinstance(name, str) else None
        if kind is None and "kind" in entry:
            self.problem(
                ("kind",),
                f"is not a known runtime{did_you_mean(str(name), KINDS)}",
                ", ".join((*KINDS, *ALIASES)),
                name,
            )
        elif kind is None:
            self.problem(
                (),
                f"is not a known runtime{did_you_mean(self._name, KINDS)}",
                f"one of {', '.join((*KINDS, *ALIASES))}, or one of these as {self._name}.kind",
            )
        return kind

    def _install(self, entry: dict[str, Any]) -> str:
        implied = "file" if "source" in entry else "package" if "package" in entry else "preinstalled"
        install = entry.get("install", implied)
        if install not in INSTALLS:
            self.problem(
                ("install",),
                f"is not a way to install{did_you_mean(str(install), INSTALLS)}",
                ", ".join(INSTALLS),
                install,
            )
        elif install == "file" and "source" not in entry:
            self.problem(
                ("source",),
                "is missing, but required with install: file",
                "a file on the controller, or a URL",
            )
        elif install != "file":
            for key in ("source", "sha256", "fetched_by"):
                if key in entry:
                    self.problem((key,), f"has no effect with install: {install}", "install: file")
        if install in INSTALLS and install != "package" and "package" in entry:
            self.problem(("package",), f"has no effect with install: {install}", "install: package")
        return str(install)

    def _path(self, entry: dict[str, Any], kind: Kind, install: str) -> str:
        if "path" in entry:
            path = entry["path"]
            if not _is_path(path):
                self.problem(("path",), "is not a path on the node", _PATH, path)
                return ""
            return str(path)
        own_name = kind.program if kind_of(self._name) is kind or kind.type == VM else self._name
        if install != "file":
            own_name = kind.program
        if not own_name:
            self.problem(
                ("path",),
                f"is missing, but required for kind: {kind.name}",
                "the path of the shim, such as /usr/local/bin/containerd-shim-spin-v2",
            )
            return ""
        folder = {"package": kind.package_folder, "file": LOCAL_PROGRAMS}.get(install, kind.folder)
        return f"{folder}/{own_name}"

    def _package(self, entry: dict[str, Any], kind: Kind, install: str) -> str:
        package = entry.get("package", "")
        if "package" in entry and not (isinstance(package, str) and _PACKAGE.fullmatch(package)):
            self.problem(("package",), "is not the name of a package", "for example crun", package)
            return ""
        if install == "package" and not package and not kind.packages:
            self.problem(
                ("package",),
                f"is missing: no distribution is known to have a package of {kind.name}",
                "the name of a package",
            )
        return str(package)

    def _files(self, entry: dict[str, Any], kind: Kind, install: str, path: str) -> list[NodeFile]:
        found = []
        if install == "file" and path and "source" in entry:
            found.append(
                self._file(
                    (), {key: entry[key] for key in ("source", "sha256", "fetched_by") if key in entry}, path
                )._replace(program=True)
            )
        own = self._table(entry, "files")
        for place, file in own.items():
            here: Path = ("files", place)
            if not _is_path(place):
                self.problem(here, "is not a path on the node", _PATH)
            elif not isinstance(file, dict):
                self.problem(
                    here, f"is {type_of(file)}, not a mapping", f"a mapping of {', '.join(_FILE_KEYS)}"
                )
            else:
                self._refuse_unknown(file, _FILE_KEYS, here)
                found.append(self._file(here, file, place))
        folder = posixpath.dirname(path)
        found += [
            NodeFile(place, content=text.replace("{folder}", folder), mode="0644", keep=True)
            for place, text in kind.files.items()
            if place not in own
        ]
        return found

    def _file(self, here: Path, file: dict[str, Any], path: str) -> NodeFile:
        mode = file.get("mode", "0644" if "content" in file else "0755")
        if not isinstance(mode, str) or not _MODE.fullmatch(mode):
            self.problem(
                (*here, "mode"),
                "is not a mode",
                'four digits in quotes that only the owner can write, such as "0755"',
                mode,
            )
        if "content" in file:
            if not isinstance(file["content"], str) or "source" in file:
                self.problem(
                    (*here, "content"), "is not a string, or is given with a source", "a text, or a source"
                )
            return NodeFile(path, content=str(file["content"]), mode=str(mode))
        source, fetcher = file.get("source"), file.get("fetched_by", "node")
        if not isinstance(source, str) or not source.strip():
            self.problem(
                (*here, "source"), "is missing or not a string", "a file on the controller, or a URL"
            )
        if fetcher not in _FETCHERS:
            self.problem(
                (*here, "fetched_by"),
                "is not a place where files are downloaded",
                ", ".join(_FETCHERS),
                fetcher,
            )
        hashes = self._hashes(here, file.get("sha256"))
        return NodeFile(path, str(source), hashes, str(fetcher), mode=str(mode))

    def _hashes(self, here: Path, value: object) -> dict[str, str]:
        hashes = value if isinstance(value, dict) else {"": value}
        for architecture, digest in hashes.items():
            place = (*here, "sha256", architecture) if architecture else (*here, "sha256")
            if digest is None:
                self.problem(place, "is missing, but required for a source", _HASH)
            elif not isinstance(digest, str) or not re.fullmatch("[0-9a-fA-F]{64}", digest):
                self.problem(place, "is not a SHA-256", _HASH, digest)
        return {str(name): str(digest).lower() for name, digest in hashes.items()}

    def _table(self, entry: dict[str, Any], key: str) -> Data:
        value = entry.get(key, {})
        if isinstance(value, dict):
            return value
        self.problem((key,), f"is {type_of(value)}, not a mapping", "a mapping")
        return {}


def _is_path(path: object) -> bool:
    return (
        isinstance(path, str)
        and path.startswith("/")
        and path.isprintable()
        and posixpath.normpath(path) == path
        and path != "/"
        and len(path) <= 500
    )


def _conflicts(handlers: dict[str, Handler], sources: dict[Path, str]) -> list[Problem]:
    """Return a problem for each path that two handlers would give different contents."""
    first: dict[str, tuple[str, NodeFile]] = {}
    problems = []
    for name, handler in handlers.items():
        for file in handler.files:
            other, same = first.setdefault(file.path, (name, file))
            if same != file:
                fault = f"installs {file.path}, to which {other} gives another content"
                variable = source_of(sources, (name,)) or VARIABLE
                problems.append(Problem(variable, name, None, fault, f"another {name}.path"))
    return problems
