# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the crio_config that gives a node the effective configuration that it already has, whoever wrote its files.

The values are those that files, variables and options set, before CRI-O adapts them: in one file on top of the others they have
the same effect again. A handler or a workload is adopted as a whole, because a later file replaces it as a whole. Not adopted are
defaults, keys without effect, values that may be secret, which never leave the node, and values that the role would refuse.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict

from ansible_collections.cri.node.plugins.module_utils.credentials import MASK
from ansible_collections.cri.node.plugins.module_utils.crio import configuration_files
from ansible_collections.cri.node.plugins.module_utils.layout import CRIO_CONFIG_DIRECTORY
from ansible_collections.cri.node.plugins.module_utils.text import shown
from ansible_collections.cri.node.plugins.plugin_utils import findings as checked_findings
from ansible_collections.cri.node.plugins.plugin_utils.crio import (
    configuration_differences,
    configuration_findings,
    effective_configuration,
)
from ansible_collections.cri.node.plugins.plugin_utils.crio.catalogue import CATALOGUE
from ansible_collections.cri.node.plugins.plugin_utils.crio.configuration_findings import Finding
from ansible_collections.cri.node.plugins.plugin_utils.crio.effective_configuration import (
    DEFAULT,
    SECRET,
    Effective,
    Source,
    Value,
)
from ansible_collections.cri.node.plugins.plugin_utils.crio.live import HANDLERS, WORKLOADS
from ansible_collections.cri.node.plugins.plugin_utils.crio.versions import Version
from ansible_collections.cri.node.plugins.plugin_utils.files import crio_conf
from ansible_collections.cri.node.plugins.plugin_utils.layers import Data, Path
from ansible_collections.cri.node.plugins.plugin_utils.problem import Problem
from ansible_collections.cri.node.plugins.plugin_utils.text import toml
from ansible_collections.cri.node.plugins.plugin_utils.text.table import listed

if TYPE_CHECKING:
    from ansible_collections.cri.node.plugins.module_utils.contract import (
        ConfigurationFile,
        ConfigurationReport,
    )


#: the drop-in that the role crio writes
NAME = "60-cri-node.conf"
# Who writes these files, by name.
_WRITERS = {
    "crio.conf": "kubespray writes this file again in each run, and a package may do so",
    "00-defaults.conf": "alvistack's role cri_o writes this file again in each run",
    "10-crio.conf": "the package of CRI-O owns this file",
}
# Findings about what an adopted file ends: it has the value that a reload would otherwise discard.
_ENDED = ("dropped_by_reload",)
_NOT_LIVE = ("not_loaded", "option_dropped", "handler_ignored", "unexplained")
_EMPTY: tuple[Any, ...] = ("", [], {}, False, 0)
_MOST_KEYS = 8  # in one message


class Setting(TypedDict):
    """An adopted key, or a whole handler or workload: its dotted key, its value, and what sets it."""

    key: str
    value: Any
    source: str  # a path, a variable or an option


class Left(TypedDict):
    """A key that is not default and not adopted: its dotted key, what sets it, and why not, a predicate."""

    key: str
    source: str
    kind: str  # secret or refused
    reason: str


class Adoption(NamedTuple):
    """The settings in the order of the catalogue, the same as data of crio_config, what is left, and warnings."""

    data: Data
    settings: list[Setting]
    left: list[Left]
    warnings: list[Finding]


class _Unit(NamedTuple):
    """What is adopted as a whole: a key, or an entry of handlers or workloads with its keys that are not empty."""

    value: Any  # of an entry: a table without secrets
    source: Source
    secrets: tuple[Path, ...] = ()  # the keys whose values were not read

    @property
    def is_default(self) -> bool:
        return self.source.kind == DEFAULT


def adopt(report: ConfigurationReport, managed: Mapping[str, str]) -> Adoption:
    """Adopt the effective configuration of a node. The report must be complete, see faults().

    managed: {path: role} of the files that the collection wrote.
    """
    return _Adopter(report, managed).result()


def faults(report: ConfigurationReport) -> list[str]:
    """Return why the configuration of a node cannot be adopted, as sentences: it is not complete, or CRI-O does not start."""
    if not report["version"]:
        return [f"CRI-O is not installed, or {report['unit']['name']} does not name its program"]
    effective = effective_configuration.of_report(report)
    stopping = Effective({}, effective.faults, [], [])
    return [
        *(each["message"] for each in configuration_findings.findings({**report, "files": []}, stopping, {})),
        *(shown(note) for note in report["notes"]),
    ]


def changed_keys(report: ConfigurationReport, data: Data) -> list[str]:
    """Return the dotted keys whose effective value would be another one if the role crio wrote this data, in CRI-O's order."""
    before = effective_configuration.of_report(report).values
    after = effective_configuration.of_report(with_file(report, data)).values
    return [
        toml.dotted(path)
        for path in sorted({*before, *after})
        if _value_at(before, path) != _value_at(after, path)
    ]


def with_file(report: ConfigurationReport, data: Data) -> ConfigurationReport:
    """Return the report of the node with the file of the role crio, which has this data. Without data there is no file."""
    path = _path_of_ours(report)
    others = [file for file in report["files"] if file["path"] != path]
    if not data:
        return {**report, "files": others}
    keys = configuration_files.keys_of(effective_configuration.shown_keys())
    ours: ConfigurationFile = {
        "path": path,
        "settings": configuration_files.settings(crio_conf.CrioConf().render(data).encode(), keys),
    }
    before = [file for file in others if _is_before_ours(report, file["path"])]
    return {**report, "files": [*before, ours, *others[len(before) :]]}


def _value_at(values: dict[Path, Value], path: Path) -> Any:
    """Return a value to compare. Two values that may be secret are only known to be equal if they have one source."""
    value = values.get(path)
    if value is None:
        return None
    return (value.value, value.source) if _is_hidden(value.value) else value.value


def _path_of_ours(report: ConfigurationReport) -> str:
    return posixpath.join(report["config_directory"], NAME)


def _is_before_ours(report: ConfigurationReport, path: str) -> bool:
    """Return whether CRI-O reads this file before the one of the role. It sorts by the names of folders and files."""
    return path == report["config_path"] or path.split("/") < _path_of_ours(report).split("/")


def unit_of(path: Path) -> Path:
    """Return the path of the handler or workload that a key belongs to, else the path itself."""
    for table in (HANDLERS, WORKLOADS):
        if path[: len(table)] == table:
            return path[: len(table) + 1]
    return path


def units(values: Mapping[Path, Value]) -> dict[Path, _Unit]:
    """Return the values by what is adopted as a whole, in the order of the catalogue."""
    found: dict[Path, _Unit] = {}
    for path, value in sorted(values.items()):
        unit = unit_of(path)
        hidden = (path,) if _is_hidden(value.value) else ()
        if unit == path:
            found[path] = _Unit(value.value, value.source, hidden)
            continue
        entry = found.setdefault(unit, _Unit({}, value.source))
        if hidden:
            found[unit] = entry._replace(secrets=(*entry.secrets, path))
        elif value.value not in _EMPTY:
            _put(entry.value, path[len(unit) :], value.value)
    return found


def nested(found: Mapping[Path, Any]) -> Data:
    """Return nested tables that have a value at each path."""
    data: Data = {}
    for path, value in found.items():
        _put(data, path, value)
    return data


def _put(data: Data, path: Path, value: Any) -> None:
    """Set the value of a path in nested tables."""
    for name in path[:-1]:
        data = data.setdefault(name, {})
    data[path[-1]] = value


def _values(found: Mapping[Path, _Unit]) -> dict[Path, Any]:
    return {path: unit.value for path, unit in found.items()}


def _is_hidden(value: Any) -> bool:
    """Return whether the node has not returned the value, or not all of it."""
    return value is SECRET or _has_credentials(value)


def _has_credentials(value: Any) -> bool:
    """Return whether the node has masked a part of the value."""
    if isinstance(value, dict):
        return any(_has_credentials(each) for each in value.values())
    return any(
        MASK in each for each in (value if isinstance(value, list) else [value]) if isinstance(each, str)
    )


class _Adopter:
    """The adoption of one node."""

    def __init__(self, report: ConfigurationReport, managed: Mapping[str, str]) -> None:
        self.report, self.managed = report, managed
        self.version: Version = effective_configuration.version_of(report)
        self.effective = effective_configuration.of_report(report)
        self.read = units(effective_configuration.of_report(report, adapted=False).values)
        self.defaults = units(effective_configuration.defaults(self.version))
        # What remains if the file of the role no longer has a key.
        self.others = units(effective_configuration.of_report(with_file(report, {}), adapted=False).values)
        self.left: list[Left] = []
        self.warnings: list[Finding] = []

    def result(self) -> Adoption:
        """Return what is adopted."""
        candidates = {path: unit for path, unit in self.read.items() if self._is_set(path, unit)}
        useless = {path: unit for path, unit in candidates.items() if self._is_useless(path)}
        for path, unit in candidates.items():
            self._leave_secrets(path, unit)
        adopted = self._accepted(
            {path: unit for path, unit in candidates.items() if not unit.secrets and path not in useless}
        )
        data = nested(_values(adopted))
        self._warn_of_checks(
            "without_effect", crio_conf.check_data(nested(_values(useless)), {}, [str(self.version)])
        )
        self._warn_of_sources(candidates)
        self._warn_of_files()
        self.warnings += self._findings()
        self._warn_of_changes(data)
        settings: list[Setting] = [
            {"key": toml.dotted(path), "value": unit.value, "source": unit.source.name}
            for path, unit in adopted.items()
        ]
        return Adoption(data, settings, self.left, self.warnings)

    def _is_set(self, path: Path, unit: _Unit) -> bool:
        """Return whether the value is not what CRI-O would use without the file of the role, or without any file."""
        return not unit.is_default and not (
            self._equals(self.defaults, path, unit) and self._equals(self.others, path, unit)
        )

    def _equals(self, others: Mapping[Path, _Unit], path: Path, unit: _Unit) -> bool:
        other = others.get(path)
        return other is not None and (other.value, other.secrets) == (unit.value, unit.secrets)

    def _is_useless(self, path: Path) -> bool:
        key = CATALOGUE.lookup(path)
        return key is not None and key.without_effect_in(self.version) is not None

    def _leave(self, path: Path, source: str, kind: str, reason: str) -> None:
        name = shown(toml.dotted(path), 300)
        self.left.append({"key": name, "source": source, "kind": kind, "reason": shown(reason)})
        self._warn(kind, f"{name}, which {source} sets, {reason}", path)

    def _leave_secrets(self, path: Path, unit: _Unit) -> None:
        for key in unit.secrets:
            reason = "may be secret, so that its value was not read: set it in a variable that is encrypted"
            if key != path:
                whole = shown(toml.dotted(path), 300)
                reason += f", with the whole table {whole}, which is only replaced as a whole and was not adopted either"
            self._leave(key, unit.source.name, "secret", reason)

    def _accepted(self, wanted: dict[Path, _Unit]) -> dict[Path, _Unit]:
        """Return what the role accepts, with the value that CRI-O uses where it does not accept the one that is set."""
        while True:
            checked = crio_conf.check_data(nested(_values(wanted)), {}, [str(self.version)])
            refused = _by_unit(checked.problems, wanted)
            if not refused:
                self._warn_of_checks("deprecated", checked)
                return wanted
            wanted = dict(wanted)
            for path, problem in refused.items():
                instead = self._used_instead(path, wanted[path])
                if instead is not None and not self._equals(self.defaults, path, instead):
                    wanted[path] = instead
                    continue
                if instead is None:
                    reason = f"was not adopted, because the role crio refuses it: {problem._replace(accepted=None)}"
                    self._leave(path, wanted[path].source.name, "refused", reason)
                del wanted[path]

    def _used_instead(self, path: Path, unit: _Unit) -> _Unit | None:
        """Return a key with the value that CRI-O has adapted; None if it did not, or if this value was refused too."""
        value = self.effective.values.get(path)
        if value is None or not value.adapted or value.value == unit.value:
            return None
        self._warn("adapted", f"{toml.dotted(path)} is adopted as CRI-O uses it: {value.adapted}", path)
        return unit._replace(value=value.value)

    def _warn(self, kind: str, message: str, path: Path = (), file: str = "") -> None:
        key = shown(toml.dotted(path), 300) if path else ""
        self.warnings.append({"path": file, "key": key, "kind": kind, "message": shown(message)})

    def _warn_of_checks(self, kind: str, checked: checked_findings.Checked) -> None:
        for problem in checked.warnings:
            self.warnings.append({"path": "", "key": problem.key, "kind": kind, "message": str(problem)})

    def _warn_of_sources(self, found: Mapping[Path, _Unit]) -> None:
        """Warn of values that no file can override."""
        by_source: dict[Source, list[Path]] = {}
        for path, unit in found.items():
            if unit.source.kind in ("option", "variable"):
                by_source.setdefault(unit.source, []).append(path)
        for source, paths in by_source.items():
            what = "option" if source.kind == "option" else "environment variable"
            self._warn(
                "option",
                f"the {what} {source.name} of {self.report['unit']['name']} sets {_names(paths)} and overrides every file:"
                " a change in crio_config has no effect until it is removed from the unit or its environment file",
                paths[0],
            )

    def _warn_of_files(self) -> None:
        """Warn of the other files, which stay on the node."""
        directory = self.report["config_directory"]
        if posixpath.normpath(directory or "/") != CRIO_CONFIG_DIRECTORY:
            where = f"reads {directory}" if directory else "reads no folder of drop-ins"
            message = f"CRI-O {where} instead of {CRIO_CONFIG_DIRECTORY}, into which the role crio writes"
            self._warn("other_directory", message, file=directory)
        for file in self.report["files"]:
            set_here = _units_of_file(file)
            if file["path"] == _path_of_ours(self.report) or not set_here:
                continue
            writer = _WRITERS.get(posixpath.basename(file["path"]))
            name = f"{file['path']} ({writer})" if writer else file["path"]
            if _is_before_ours(self.report, file["path"]):
                message = f"{name} stays on the node, and {NAME} overrides it{self._needed_for(file['path'])}"
                self._warn("stays", message, file=file["path"])
            else:
                message = (
                    f"{name} stays on the node and overrides {NAME}: a change of {_names(set_here)} in crio_config has no effect"
                    f" while the file exists{self._needed_for(file['path'])}"
                )
                self._warn("outranks", message, file=file["path"])

    def _needed_for(self, path: str) -> str:
        keys = [left["key"] for left in self.left if left["source"] == path]
        return f"; keep it until crio_config has {listed(keys, _MOST_KEYS)}" if keys else ""

    def _findings(self) -> Iterator[Finding]:
        for finding in configuration_findings.findings(self.report, self.effective, dict(self.managed)):
            if finding["kind"] not in _ENDED:
                yield finding
        from_files = effective_configuration.of_report(self.report, with_options=False)
        for each in configuration_differences.differences(self.report, self.effective, from_files, None):
            if each["reason"] in _NOT_LIVE:
                yield {"path": "", "key": each["key"], "kind": "not_live", "message": each["detail"]}

    def _warn_of_changes(self, data: Data) -> None:
        """Warn of what the file of the role has now and would no longer have: values that may be secret, or are refused."""
        changed = changed_keys(self.report, data)
        if changed:
            message = f"crio_config would change the effective value of {listed(changed, _MOST_KEYS)}"
            self.warnings.append({"path": "", "key": changed[0], "kind": "changes", "message": message})


def _names(paths: Iterable[Path]) -> str:
    return listed([shown(toml.dotted(path), 300) for path in paths], _MOST_KEYS)


def _units_of_file(file: ConfigurationFile) -> list[Path]:
    """Return what a file sets, without keys that are unknown."""
    found: dict[Path, None] = {}
    for setting in file["settings"]:
        path = effective_configuration.canonical(tuple(setting["path"]))
        if CATALOGUE.lookup(path) is not None or CATALOGUE.is_named(path):
            found[unit_of(path)] = None
    return list(found)


def _by_unit(problems: Iterable[Problem], wanted: Iterable[Path]) -> dict[Path, Problem]:
    """Return the first problem of each unit. A problem has its key as text, which may end inside a unit."""
    names = {checked_findings.shown(path): path for path in wanted}
    found: dict[Path, Problem] = {}
    for problem in problems:
        meant = [
            name for name in names if problem.key == name or problem.key.startswith((f"{name}.", f"{name}["))
        ]
        if meant:
            found.setdefault(names[max(meant, key=len)], problem)
    return found
