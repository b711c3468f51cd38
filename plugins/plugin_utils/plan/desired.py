# SPDX-License-Identifier: GPL-3.0-or-later
"""The desired file set of a node: settings merged, checked and rendered, each once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict, cast

from ansible_collections.cri.node.plugins.module_utils.layout import CONTAINERD
from ansible_collections.cri.node.plugins.module_utils.managed_file import hashes_of
from ansible_collections.cri.node.plugins.module_utils.text import shown
from ansible_collections.cri.node.plugins.plugin_utils.crio import fallbacks
from ansible_collections.cri.node.plugins.plugin_utils.crio.versions import (
    CATALOGUED_RANGE,
    SUPPORTED_RANGE,
    is_catalogued,
    is_supported,
    parse_version,
)
from ansible_collections.cri.node.plugins.plugin_utils.files import set_rules
from ansible_collections.cri.node.plugins.plugin_utils.files.kind import Entries, Kind, Versions
from ansible_collections.cri.node.plugins.plugin_utils.files.kinds import KINDS
from ansible_collections.cri.node.plugins.plugin_utils.findings import Checked
from ansible_collections.cri.node.plugins.plugin_utils.layers import (
    Layers,
    Setting,
    named_layers,
    scalar_at,
    source_of,
)
from ansible_collections.cri.node.plugins.plugin_utils.plain import plain
from ansible_collections.cri.node.plugins.plugin_utils.plan import handler_layers
from ansible_collections.cri.node.plugins.plugin_utils.plan.openshift_layers import OpenShiftLayers
from ansible_collections.cri.node.plugins.plugin_utils.problem import Problem
from ansible_collections.cri.node.plugins.plugin_utils.task.option_rules import (
    MODE,
    file_mode,
    path_fault,
)
from ansible_collections.cri.node.plugins.plugin_utils.text import toml

if TYPE_CHECKING:
    from ansible_collections.cri.node.plugins.module_utils.contract import (
        EntrySet,
        File,
        Report,
        UnwantedFile,
    )

DEFAULTS = "the role's default"  # the name of the lowest layer in messages
_LISTEN = ("crio", "api", "listen")


class Entry(TypedDict, total=False):
    """An entry of the option `files`, see file_set.py."""

    path: str
    owner: str
    kind: str
    layers: list[tuple[str, Any]]  # name of a variable, its settings
    defaults: dict[str, Any]
    crio_layers: list[tuple[str, Any]]
    openshift_layers: list[tuple[str, Any]]
    handlers_layers: list[tuple[str, Any]]
    version: Any
    accept_keys: Any
    environment_file: str
    content: str
    mode: str
    secret: bool
    disruption: str
    warnings_are_errors: bool


class DesiredFile(NamedTuple):
    """One file of the set. A file with empty content is not desired."""

    path: str
    owner: str
    kind: Kind
    checked: Checked
    content: str
    secret: bool
    mode: str  # four octal digits
    disruption: str  # what a running daemon needs to load it: none, reload or restart
    accept_keys: Any = None  # as in the entry
    place: str = ""  # the path of the entry: of the file, or of the folder that it is in
    names_path: bool = False  # whether the settings of crio.conf in the entry name that path

    @property
    def sha256(self) -> str:
        """The SHA-256 of the content, in hexadecimal."""
        return hashlib.sha256(self.content.encode()).hexdigest()

    @property
    def key_hashes(self) -> dict[str, str] | None:
        """The hashes of its keys, see Kind.key_hashes; None if a daemon that loads it compares it as a whole."""
        return self.kind.key_hashes(self.checked.data)

    @property
    def outranked_by(self) -> tuple[str, ...]:
        """The paths that CRI-O reads instead of this file if they exist."""
        return self.kind.outranked_by(self.path)

    @property
    def entries(self) -> Entries:
        """The entries of a shared file; {} for a file that is managed as a whole."""
        return self.kind.entries(self.checked.data) if self.kind.shared else {}

    @property
    def public_entries(self) -> Entries:
        """The entries of a shared file whose values are no secrets."""
        if not self.secret:
            return self.entries
        return {
            section: names for section, names in self.entries.items() if section in self.kind.public_sections
        }


class DesiredFiles:
    """The desired file set of some owners."""

    def __init__(self, entries: list[Entry], owners: list[str] | None = None) -> None:
        """Merge, check and render each entry of the option files, which option_rules has normalised."""
        given = [cast(Entry, plain(entry)) for entry in entries]
        objects = self._openshift = OpenShiftLayers(given)
        self._strict = {
            name
            for entry in given
            if entry.get("warnings_are_errors")
            for name, _value in [*(entry.get("layers") or []), *(entry.get("openshift_layers") or [])]
        }
        others = {
            entry["path"]: _desired(entry, objects) for entry in given if not entry.get("environment_file")
        }
        every = [
            file
            for entry in given
            for file in others.get(entry["path"])
            or _desired(_with_environment(entry, given, others), objects)
        ]
        # Files that are not desired count too: a role whose variables are all empty still needs a running daemon.
        self.concern_daemon = any(file.disruption != "none" for file in every)
        self.by_path = {file.path: file for file in every}
        self._files = {
            path: self.by_path[path] for path in sorted(self.by_path) if self.by_path[path].content
        }
        self.owners = sorted(set(owners or [file.owner for file in every]))
        # Files that are not desired count too, as above.
        self._of_runtimes = {file.kind.runtime: file.path for file in every if file.kind.runtime}

    @property
    def runtime(self) -> str:
        """The runtime that the set is for: that of a kind of file that only one runtime reads, else that of the owner."""
        if self._of_runtimes:
            return CONTAINERD if CONTAINERD in self._of_runtimes else "crio"
        return CONTAINERD if self.owners == [CONTAINERD] else "crio"

    @property
    def usual_unit(self) -> str:
        """The systemd unit that usually runs this runtime."""
        return f"{self.runtime}.service"

    def __iter__(self) -> Iterator[DesiredFile]:
        """Iterate over the desired files, by path."""
        return iter(self._files.values())

    @property
    def described(self) -> list[File]:
        """The whole files as the node compares them: without contents, and without the hashes of secret files."""
        return [
            {
                "path": file.path,
                "owner": file.owner,
                "sha256": "" if file.secret else file.sha256,
                "mode": file.mode,
                "secret": file.secret,
                "disruption": file.disruption,
                "key_hashes": None if file.secret else file.key_hashes,
            }
            for file in self
            if not file.kind.shared
        ]

    @property
    def shared_described(self) -> list[EntrySet]:
        """The entries of shared files as the node compares them: without values, and without the hashes of secret files."""
        return [
            {
                "path": file.path,
                "owner": file.owner,
                "mode": file.mode,
                "secret": file.secret,
                "disruption": file.disruption,
                "entries": {} if file.secret else hashes_of(file.entries),
                "required": [list(each) for each in file.kind.required_entries],
            }
            for file in self
            if file.kind.shared
        ]

    @property
    def secrets_described(self) -> dict[str, dict[str, Any]]:
        """The hashes of secret files, by path. They must not be logged, because a short secret could be guessed from its hash."""
        secret = [file for file in self if file.secret]
        return {
            "secret_hashes": {
                file.path: hashes_of(file.entries) if file.kind.shared else file.sha256 for file in secret
            },
            "secret_key_hashes": {file.path: file.key_hashes for file in secret if not file.kind.shared},
        }

    @property
    def as_request(self) -> dict[str, Any]:
        """The part of a request that node_state.read needs, without the name of the unit and without secrets."""
        return {
            **({"runtime": self.runtime} if self.runtime != "crio" else {}),
            "owners": self.owners,
            "files": self.described,
            "unwanted": self.unwanted,
            "shared": self.shared_described,
            "expect": self.expect_of_node,
            "paths": self.paths_of_node,
        }

    @property
    def unwanted(self) -> list[UnwantedFile]:
        """Files of these owners that are not desired, for a node that has lost its own record of them."""
        return [
            {"path": file.path, "owner": file.owner, "disruption": file.disruption}
            for file in self.by_path.values()
            if not file.content and not file.kind.shared and not file.kind.folder
        ]

    @property
    def expect_of_node(self) -> dict[str, str | None]:
        """What the node compares with its live configuration: `expect`, and the keys that name the paths of files.

        Only for files whose path the settings do not name, since such a key in the settings is expected anyway.
        """
        named = {
            file.kind.path_key: json.dumps(file.kind.value_of_path(file.place))
            for file in self
            if file.kind.path_key and not file.names_path
        }
        return {**named, **self.expect}

    @property
    def paths_of_node(self) -> list[str]:
        """The paths that the node looks for: those that settings name, and files that CRI-O reads instead of one of these."""
        others = {path for file in self for path in file.outranked_by}
        return sorted({*fallbacks.paths(self.settings()), *others})

    @cached_property
    def expect(self) -> dict[str, str | None]:
        """The expected live configuration: {dotted key: the value as CRI-O prints it}."""
        return {key: value for file in self for key, value in file.kind.expect(file.checked.data).items()}

    @cached_property
    def problems(self) -> list[Problem]:
        """The problems of the settings of all files, with the warnings of those for which they are errors."""
        of_files = [problem for file in self.by_path.values() for problem in file.checked.problems]
        if len(self._of_runtimes) > 1:
            path, fault = (
                self._of_runtimes[CONTAINERD],
                "is read by containerd, and others of this task by CRI-O",
            )
            of_files.append(Problem(path, "", None, fault, "the files of one runtime in one task"))
        return self._openshift.problems + of_files + [each for each in self._found if self._is_error(each)]

    @cached_property
    def warnings(self) -> list[Problem]:
        """The warnings for the settings of all files."""
        return [each for each in self._found if not self._is_error(each)]

    @cached_property
    def _found(self) -> list[Problem]:
        of_files = [warning for file in self for warning in file.checked.warnings]
        return self._openshift.warnings + of_files + set_rules.warnings(self.settings())

    def _is_error(self, warning: Problem) -> bool:
        return warning.variable in self._strict

    def file(self, path: str) -> DesiredFile:
        """Return the file of this path; the content of one that is not desired is empty."""
        return self.by_path[path]

    def kind_of(self, path: str) -> Kind | None:
        """Return the kind of a file of the set, also of one that is not desired; None for another path."""
        file = self.by_path.get(path)
        return file.kind if file else None

    def secrets(self) -> list[str]:
        """Return the texts that must not appear in messages."""
        return [
            text
            for file in self
            if file.secret
            for text in file.kind.secrets(file.checked.data, file.content)
        ]

    def settings(self) -> list[Setting]:
        """Return all keys that the files of the set contain."""
        return self._settings

    @cached_property
    def _settings(self) -> list[Setting]:
        return [
            {
                "path": file.path,
                "key": toml.dotted(key_path),
                "value": value,
                "variable": source_of(file.checked.sources, key_path),
            }
            for file in self
            for key_path, value in file.kind.walk(file.checked.data)
        ]

    def paths_of(self, kind: str) -> list[str]:
        """Return the paths of the desired files of one kind, such as crio_conf."""
        return [file.path for file in self if file.kind.name == kind]

    @property
    def asks_for_crictl(self) -> bool:
        """Whether the validity of the set depends on the version of the node's crictl."""
        return any(file.kind.depends_on_crictl(file.checked.data) for file in self)

    def problems_for(self, version: str | None, crictl_version: str | None = None) -> list[str]:
        """Return the problems of the set for the versions of a node, such as "1.36.2". version: that of its runtime.

        Unknown and unreadable versions are ignored; see unreadable_versions.
        """
        readable = (text if text and is_readable(text) else "" for text in (version, crictl_version))
        versions = Versions(*readable)
        if self.runtime == CONTAINERD:
            versions = versions._replace(crio="", containerd=versions.crio)
        return [
            str(problem)
            for file in self
            for problem in file.kind.check_for_node(
                file.checked, versions._replace(accept_keys=file.accept_keys)
            )
        ]


def is_readable(version: str | None) -> bool:
    """Return whether a version of a program can be read."""
    try:
        return bool(version and parse_version(version))
    except ValueError:
        return False


def unreadable_versions(report: Report) -> list[str]:
    """Return a warning for each program of the node whose version cannot be read or is not supported."""
    of_crio = report.get("runtime") is None
    product = "CRI-O" if of_crio else report["runtime"]
    versions = {product: report["crio"]["version"], "crictl": report.get("crictl_version")}
    warnings = [
        f'the version of {program} on this node, "{shown(version, 100)}", cannot be read: the settings are checked against all'
        " supported versions only"
        for program, version in versions.items()
        if version and not is_readable(version)
    ]
    installed = report["crio"]["version"]
    if of_crio and installed and is_readable(installed):
        warnings += _unsupported(installed)
    if report["crio"].get("installed") and not report["crio"]["version"]:
        warnings.append(
            f"{product} on this node does not print its version: the settings are checked against all supported versions only"
        )
    return warnings


def _unsupported(installed: str) -> list[str]:
    """Return a warning for a version of CRI-O that the collection is not tested with."""
    version = parse_version(installed)
    if is_supported(version):
        return []
    fault = f"CRI-O {shown(installed, 100)} on this node is not a supported version ({SUPPORTED_RANGE}):"
    if is_catalogued(version):
        return [f"{fault} its settings are checked, but the collection is not tested with it"]
    return [
        f"{fault} the check of crio_config, which knows {CATALOGUED_RANGE}, may miss an error or refuse a valid key"
    ]


def _desired(entry: Entry, objects: OpenShiftLayers) -> list[DesiredFile]:
    """Return the file of an entry, or those of a folder; a folder without files is one without content."""
    kind = KINDS[entry.get("kind") or "text"]
    handlers, faults = handler_layers.of(entry)
    layers = [*objects.of(entry), *handlers, *_layers(entry, kind)]
    checked = kind.check(layers, Versions(entry.get("version") or "", "", entry.get("accept_keys")))
    checked = checked._replace(problems=[*faults, *checked.problems]) if faults else checked
    named = _named_path(entry, kind)
    place = named or entry["path"]
    parts = kind.parts(place, checked.data) or {place: checked.data}
    files = []
    for path, data in parts.items():
        file = _file(entry, kind, checked._replace(data=data), path)
        files.append(file._replace(place=place, names_path=bool(named)))
        checked = checked._replace(problems=[], warnings=[])  # those of the entry belong to its first file
    return files


def _file(entry: Entry, kind: Kind, checked: Checked, path: str) -> DesiredFile:
    """Return one file of an entry, with its part of the data."""
    if kind.name == "text":
        content = (entry.get("content") or "") if (entry.get("content") or "").strip() else ""
    else:
        content = _content(entry, kind, checked)
    secret = bool(entry.get("secret")) or kind.is_secret(checked.data)
    mode, fault = file_mode(entry.get("mode") or ("0600" if secret else "0644"), secret)
    if fault:
        problem = Problem(path, "mode", f'"{shown(mode, 80)}"', fault, MODE)
        checked = checked._replace(problems=[*checked.problems, problem])
    return DesiredFile(
        path,
        entry["owner"],
        kind,
        checked,
        content,
        secret,
        mode,
        entry.get("disruption") or kind.disruption,
        entry.get("accept_keys"),
    )


def _content(entry: Entry, kind: Kind, checked: Checked) -> str:
    """Return the content of a file that is rendered, with its header; "" without settings."""
    if not checked.data:
        return ""
    header = _header(entry["owner"], entry["layers"]) if kind.comments else ""
    return header + kind.render(checked.data)


def _named_path(entry: Entry, kind: Kind) -> str:
    """Return the path of a file that the settings of crio.conf in its entry name; "" if they do not."""
    if not kind.path_key:
        return ""
    layers = named_layers(entry.get("crio_layers") or [], "crio_config")
    path = scalar_at(layers, tuple(kind.path_key.split(".")))
    return path if isinstance(path, str) and path.startswith("/") and not path_fault(path) else ""


def _with_environment(entry: Entry, entries: list[Entry], files: dict[str, list[DesiredFile]]) -> Entry:
    """Return the entry of a drop-in with a reference to its environment file, if that is desired."""
    path = entry["environment_file"]
    if path not in files or not files[path][0].content:
        return entry
    variable = next(each["layers"][0][0] for each in entries if each["path"] == path)
    reference = (variable, {"Service": {"EnvironmentFile": f"-{path}"}})
    return cast(Entry, {**entry, "layers": [*(entry.get("layers") or []), reference]})


def _layers(entry: Entry, kind: Kind) -> Layers:
    layers = named_layers(entry.get("layers") or [], kind.name)
    if kind.path_key:
        return layers
    listen = scalar_at(named_layers(entry.get("crio_layers") or [], "crio_config"), _LISTEN)
    if listen and isinstance(listen, str):
        layers = [("crio_config", {"runtime-endpoint": f"unix://{listen}"}), *layers]
    return [(DEFAULTS, entry["defaults"]), *layers] if entry.get("defaults") else layers


def _header(owner: str, layers: list[tuple[str, Any]]) -> str:
    """Return the header with the owner and the variable of a file. It has no date or host, so that equal data has equal bytes."""
    variable = layers[0][0]
    return f"# Written by the role cri.node.{owner}, which undoes what is changed here: set {variable} instead.\n"
