# SPDX-License-Identifier: GPL-3.0-or-later
"""The effective configuration: files, variables and options merged as CRI-O does (pkg/config/config.go, criocli.go).

A later file replaces scalars and lists. Exceptions: `storage_option` is collected from all files, with the last of equal
entries; an empty `root`, `runroot` or `storage_driver` changes nothing; a handler or a workload is one entry, which a later file
replaces as a whole, while entries of other names stay. Keys are compared without regard to case, names of entries are not.
Variables replace the values of all files, and options those of variables. Then CRI-O adapts some values (see _ADAPTATIONS).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.cri.node.plugins.plugin_utils.crio import option_names
from ansible_collections.cri.node.plugins.plugin_utils.crio.catalogue import CATALOGUE, Key
from ansible_collections.cri.node.plugins.plugin_utils.crio.live import HANDLERS, INHERITED, WORKLOADS
from ansible_collections.cri.node.plugins.plugin_utils.crio.versions import SUPPORTED, Version, parse_version
from ansible_collections.cri.node.plugins.plugin_utils.layers import Path
from ansible_collections.cri.node.plugins.plugin_utils.text import go_duration

if TYPE_CHECKING:
    from ansible_collections.cri.node.plugins.module_utils.contract import (
        ConfigurationFile,
        ConfigurationReport,
        FoundOption,
        FoundSetting,
    )


SECRET = "(secret)"
DEFAULT = "default"
EMPTY: dict[str, Any] = {
    "string": "",
    "boolean": False,
    "integer": 0,
    "strings": [],
    "table": {},
    "duration": "0s",
}
#: the type of the reader for each type of the catalogue; a duration may also be a number of nanoseconds
_READ_AS = {
    "string": "string",
    "boolean": "boolean",
    "integer": "integer",
    "strings": "strings",
    "duration": "string",
}
_COLLECTED = "crio.storage_option"
_KEPT_IF_EMPTY = ("crio.root", "crio.runroot", "crio.storage_driver")
_ENTRIES = (HANDLERS, WORKLOADS)
PLUGIN_DIR: Path = ("crio", "network", "plugin_dir")
PLUGIN_DIRS: Path = ("crio", "network", "plugin_dirs")
# The handler that exists without any file (defaultRuntimeHandler), in the words of crio.conf.
_BUILT_IN = "crun"
_BUILT_IN_HANDLER: dict[str, Any] = {
    "runtime_type": "oci",
    "runtime_root": "/run/crun",
    "monitor_env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
    "container_min_memory": "500KiB",
}
_BOOLEANS = {
    **dict.fromkeys(("1", "t", "T", "true", "TRUE", "True"), True),
    **dict.fromkeys(("0", "f", "F", "false", "FALSE", "False"), False),
}


class Source(NamedTuple):
    """Where a value comes from. kind: file, variable, option or default; name: a path, NAME, --name or "default"."""

    kind: str
    name: str


class Value(NamedTuple):
    """The effective value of a key: its origin, the values that it replaced in the order in which CRI-O read them."""

    value: Any
    source: Source
    overridden: tuple[tuple[Any, Source], ...] = ()
    merged_from: tuple[str, ...] = ()  # the files of a collected list
    adapted: str = ""  # what CRI-O did to the value, one clause
    key: Key | None = None


class Fault(NamedTuple):
    """Something that keeps CRI-O from starting, or is not known: the file, the key or "", and a predicate."""

    path: str
    key: Path
    kind: str
    reason: str


class Replaced(NamedTuple):
    """An entry that a later file replaced as a whole: its path, both files, and the keys that it lost."""

    entry: Path
    before: Source
    path: str
    lost: tuple[str, ...]


class Effective(NamedTuple):
    """The result: values by path, what is wrong with files and options, replaced entries, and keys that nobody knows."""

    values: dict[Path, Value]
    faults: list[Fault]
    replaced: list[Replaced]
    unknown: list[tuple[str, Path]]

    @property
    def complete(self) -> bool:
        """Whether everything was read that CRI-O reads; otherwise it does not start, or something is unknown here."""
        return not self.faults

    def data(self) -> dict[str, Any]:
        """Return the values as nested tables, without secret ones."""
        data: dict[str, Any] = {}
        for path, value in self.values.items():
            if value.value is not SECRET:
                table = data
                for name in path[:-1]:
                    table = table.setdefault(name, {})
                table[path[-1]] = value.value
        return data


def shown_keys() -> dict[str, bool | list[Any]]:
    """Return {dotted key: whether its values may be returned, or the list of those that may}, of all known keys, for the node.

    Of a key that may hold a secret, the value of the built-in handler may be returned, because everybody knows it.
    """
    built_in = {".".join((*HANDLERS, "*", name)): value for name, value in _BUILT_IN_HANDLER.items()}
    return {
        key.key: ([built_in[key.key]] if key.key in built_in else False) if key.secret else True
        for key in CATALOGUE.keys
    }


def defaults(version: Version) -> dict[Path, Value]:
    """Return the values of a version of CRI-O without any file, before it adapts them; keys with unknown defaults are absent."""
    return _Merge(version).values


def of_report(report: ConfigurationReport, with_options: bool = True, adapted: bool = True) -> Effective:
    """Merge what a node has reported. Without options: what CRI-O uses after a reload of the keys that it reloads.

    Not adapted: the values as files, variables and options set them, which have the same effect if one file sets all of them.
    """
    merge = _Merge(version_of(report))
    for file in report["files"]:
        merge.file(file)
    if report["is_named"] and report["config_path"] not in [file["path"] for file in report["files"]][:1]:
        reason = (
            "does not exist, but an option or a variable of the daemon names it, so that CRI-O does not start"
        )
        if report["config_path"]:
            merge.faults.append(Fault(report["config_path"], (), "missing", reason))
    if with_options:
        merge.variables(report["variables"])
        merge.options(report["options"])
    return merge.result(adapted)


def version_of(report: ConfigurationReport) -> Version:
    """Return the version of the node's CRI-O, or the newest supported one if it is not known."""
    try:
        return parse_version(report["version"] or SUPPORTED[-1])
    except ValueError:
        return parse_version(SUPPORTED[-1])


class _Merge:
    """The merge of one node, one source after the other."""

    def __init__(self, version: Version) -> None:
        self.values: dict[Path, Value] = {}
        self.faults: list[Fault] = []
        self.replaced: list[Replaced] = []
        self.unknown: list[tuple[str, Path]] = []
        default = Source(DEFAULT, DEFAULT)
        for key in CATALOGUE.keys_of(version):
            path = tuple(key.key.split("."))
            if "*" not in path:
                known = key.default_in(version)
                if known is not None:
                    self.values[path] = Value(known, default, key=key)
        self._version = version
        self._entry((*HANDLERS, _BUILT_IN), _built_in(version), default)

    def file(self, file: ConfigurationFile) -> None:
        """Merge one file, or none of it if CRI-O refuses it."""
        if "problem" in file:
            self.faults.append(Fault(file["path"], (), file["problem"]["kind"], file["problem"]["reason"]))
            return
        plain: list[tuple[Path, Key, Any]] = []
        entries: dict[Path, dict[Path, tuple[Key, Any]]] = {}
        faults: list[Fault] = []
        for setting in file["settings"]:
            path = canonical(tuple(setting["path"]))
            entry = next(
                (
                    path[: len(table) + 1]
                    for table in _ENTRIES
                    if len(path) > len(table) and path[: len(table)] == table
                ),
                None,
            )
            if entry and path == entry and setting["type"] == "table":
                entries.setdefault(entry, {})
            key = CATALOGUE.lookup(path)
            if key is None or not key.exists_in(self._version):
                faults += self._without_key(file["path"], path, setting, key)
                continue
            if not _fits(key, setting):
                # CRI-O's decoder overlooks anything but a table where a map belongs.
                if key.type != "table" or setting["type"] == "table":
                    faults.append(_mismatch(file["path"], path, key, setting))
                continue
            value = _typed(key, setting)
            if entry:
                entries.setdefault(entry, {})[path[len(entry) :]] = (key, value)
            else:
                plain.append((path, key, value))
        if faults:
            self.faults += faults
            return
        source = Source("file", file["path"])
        for path, key, value in plain:
            self._set(path, key, value, source)
        for entry, keys in entries.items():
            self._entry(entry, keys, source)

    def _without_key(self, file: str, path: Path, setting: FoundSetting, key: Key | None) -> list[Fault]:
        """Note a name that is not a key; a value instead of a table is a fault."""
        is_table = setting["type"] in ("table", "table of strings")
        if CATALOGUE.is_table(path) and path not in _ENTRIES and not is_table:
            words = f"is {_A[setting['type']]}, not a table: CRI-O does not start with it"
            return [Fault(file, path, "wrong_type", words)]
        if not (CATALOGUE.is_table(path) and is_table) and path not in _ENTRIES:
            self.unknown.append((file, path))
        return []

    def variables(self, found: Iterable[FoundOption]) -> None:
        """Merge the environment of the daemon."""
        given = {variable["name"]: variable for variable in found}
        for option in option_names.options().values():
            name = next((each for each in option.variables if each in given), None)
            if name and option.key.exists_in(self._version):
                text = given[name].get("value")
                if text != "" or option.key.type not in ("integer", "duration"):
                    self._option(
                        option.key,
                        ["false" if text == "" and option.key.type == "boolean" else text],
                        Source("variable", name),
                    )
        if "CONTAINER_RUNTIMES" in given:
            self._handlers(
                [given["CONTAINER_RUNTIMES"].get("value") or ""], Source("variable", "CONTAINER_RUNTIMES")
            )

    def options(self, found: Iterable[FoundOption]) -> None:
        """Merge the command line of the daemon."""
        given: dict[str, list[str | None]] = {}
        forms: dict[str, str] = {}
        known = option_names.options()
        for option in found:
            if not option["known"]:
                reason = "is not an option of CRI-O, which does not start with it"
                self.faults.append(Fault("", (f"--{option['name']}",), "wrong_option", reason))
            given.setdefault(option["name"], []).append(option.get("value"))
            if forms.setdefault(option["name"], option["form"]) != option["form"]:
                reason = (
                    f"is also given as -{option['form']}: CRI-O does not start with two forms of an option"
                )
                self.faults.append(Fault("", (f"--{option['name']}",), "wrong_option", reason))
        for name, values in given.items():
            if name == option_names.RUNTIMES:
                self._handlers([value or "" for value in values], Source("option", f"--{name}"))
            elif name in known:
                self._option(known[name].key, values, Source("option", f"--{name}"))

    def _option(self, key: Key, texts: list[str | None], source: Source) -> None:
        path = tuple(key.key.split("."))
        if texts[-1] is None:
            self._set(path, key, SECRET, source)
            return
        value = _of_text(key, [text for text in texts if text is not None])
        if value is None:
            self.faults.append(
                Fault(
                    "",
                    (source.name,),
                    "wrong_option",
                    f"has a value that is not {_A[key.type]}: CRI-O does not start with it",
                )
            )
        else:
            self._put(path, Value(value, source, key=key))

    def _handlers(self, texts: list[str], source: Source) -> None:
        """Merge the option --runtimes."""
        names = (
            "runtime_path",
            "runtime_root",
            "runtime_type",
            "privileged_without_host_devices",
            "runtime_config_path",
            "container_min_memory",
        )
        for text in (each.strip() for given in texts for each in given.split(",")):
            name, *fields = text.split(":")
            if not 2 <= len(fields) <= len(names):
                self.faults.append(
                    Fault(
                        "",
                        (source.name,),
                        "wrong_option",
                        "has not the form name:path:root[:type[:...]]: CRI-O does not start with it",
                    )
                )
                continue
            values: dict[str, Any] = {"runtime_type": "oci", **dict(zip(names, fields))}
            if "privileged_without_host_devices" in values:
                values["privileged_without_host_devices"] = (
                    values["privileged_without_host_devices"] == "true"
                )
            self._entry((*HANDLERS, name), _with_keys(HANDLERS, values), source)

    def _set(self, path: Path, key: Key, value: Any, source: Source) -> None:
        if key.key in _KEPT_IF_EMPTY and value == "":
            return
        if key.key != _COLLECTED or source.kind != "file":
            self._put(path, Value(value, source, key=key))
            return
        before = self.values.get(path)
        collected = [*(before.value if before else []), *value]
        last = [each for index, each in enumerate(collected) if each not in collected[index + 1 :]]
        files = (*(before.merged_from if before else ()), source.name)
        self.values[path] = Value(last, source, merged_from=files, key=key)

    def _put(self, path: Path, value: Value) -> None:
        before = self.values.get(path)
        if before and before.source.kind != DEFAULT:
            value = value._replace(overridden=(*before.overridden, (before.value, before.source)))
        elif before:
            value = value._replace(overridden=before.overridden)
        self.values[path] = value

    def _entry(self, entry: Path, keys: dict[Path, tuple[Key, Any]], source: Source) -> None:
        """Replace a handler or a workload as a whole."""
        before = {path: value for path, value in self.values.items() if path[: len(entry)] == entry}
        lost = [
            path[len(entry) :]
            for path, value in before.items()
            if path[len(entry) :] not in keys
            and value.source.kind != DEFAULT
            and value.value not in ("", [], {}, False, 0)
        ]
        if lost:
            names = tuple(".".join(path) for path in lost)
            self.replaced.append(Replaced(entry, before[(*entry, *lost[0])].source, source.name, names))
        for path, (key, value) in _all_keys(entry[:-1], self._version, keys).items():
            self._put((*entry, *path), Value(value, source, key=key))

    def result(self, adapted: bool = True) -> Effective:
        """Return the values after CRI-O has adapted them, or as they were read."""
        for adapt in _ADAPTATIONS if adapted else ():
            adapt(self.values)
        return Effective(dict(sorted(self.values.items())), self.faults, self.replaced, self.unknown)


_A = {
    "string": "a string",
    "boolean": "a boolean",
    "integer": "an integer",
    "strings": "a list of strings",
    "duration": "a duration",
    "list": "a list with values that are not strings",
    "table": "a table",
    "table of strings": "a table",
    "float": "a number with a fraction",
    "time": "a time",
}


def canonical(path: Path) -> Path:
    """Return a path with its keys in lower case, as CRI-O compares them; names of handlers and workloads stay."""
    found: Path = ()
    for name in path:
        found = (*found, name if found in _ENTRIES else name.lower())
    return found


def _fits(key: Key, setting: FoundSetting) -> bool:
    if key.type == "table":
        return setting["type"] == "table of strings"
    if key.type == "duration":
        if setting["type"] == "string":
            return go_duration.parse(str(setting.get("value"))) is not None
        return setting["type"] == "integer"
    return setting["type"] == _READ_AS[key.type]


def _mismatch(file: str, path: Path, key: Key, setting: FoundSetting) -> Fault:
    return Fault(
        file,
        path,
        "wrong_type",
        f"is {_A[setting['type']]}, not {_A[key.type]}: CRI-O does not start with it",
    )


def _typed(key: Key, setting: FoundSetting) -> Any:
    if setting.get("secret"):
        return EMPTY[key.type] if setting.get("empty") else SECRET
    value = setting.get("value")
    if key.type == "duration":
        return go_duration.render(value if isinstance(value, int) else go_duration.parse(str(value)) or 0)
    return value


def _of_text(key: Key, texts: list[str]) -> Any:
    """Return the value of an option; None if CRI-O does not accept the text."""
    text = texts[-1]
    if key.type == "strings":
        return [each.strip() for given in texts for each in given.split(",")]
    if key.type == "boolean":
        return _BOOLEANS.get(text)
    if key.type == "duration":
        nanoseconds = go_duration.parse(text)
        return None if nanoseconds is None else go_duration.render(nanoseconds)
    if key.type == "integer":
        try:
            return int(text, 8 if text.lstrip("+-").isdigit() and text.lstrip("+-")[:1] == "0" else 0)
        except ValueError:
            return None
    return text


def _built_in(version: Version) -> dict[Path, tuple[Key, Any]]:
    devices = "devices.crio.io" if version.line >= (1, 35) else "io.kubernetes.cri-o.Devices"
    values = {**_BUILT_IN_HANDLER, "allowed_annotations": ["io.containers.trace-syscall", devices]}
    if version.line >= (1, 35):
        values["container_create_timeout"] = 240
    return _with_keys(HANDLERS, values)


def _with_keys(table: Path, values: dict[str, Any]) -> dict[Path, tuple[Key, Any]]:
    found = ((name, CATALOGUE.lookup((*table, "*", name)), value) for name, value in values.items())
    return {(name,): (key, value) for name, key, value in found if key}


def _all_keys(
    table: Path, version: Version, given: dict[Path, tuple[Key, Any]]
) -> dict[Path, tuple[Key, Any]]:
    """Return every key of an entry with its value, or the empty value, which is what CRI-O uses instead of a default."""
    keys = ((key, tuple(key.key.split("."))) for key in CATALOGUE.keys_of(version))
    inner = {path[len(table) + 1 :]: key for key, path in keys if path[: len(table)] == table and "*" in path}
    return {path: given.get(path, (key, EMPTY[key.type])) for path, key in inner.items()}


# What CRI-O does to values that it has read (Validate of pkg/config/config.go)

_RUNTIME: Path = ("crio", "runtime")
_Values = dict[Path, Value]


def _adapt(values: _Values, path: Path, value: Any, why: str) -> None:
    if path in values and values[path].value != value:
        values[path] = values[path]._replace(value=value, adapted=why)


def _minimums(values: _Values) -> None:
    path = (*_RUNTIME, "ctr_stop_timeout")
    if path in values and values[path].value < 30:
        _adapt(values, path, 30, "CRI-O raises it to 30")
    for name in ("grpc_max_recv_msg_size", "grpc_max_send_msg_size"):
        path = ("crio", "api", name)
        if path in values and values[path].value <= 0:
            _adapt(values, path, 83886080, "CRI-O replaces values that are not positive by its default")


def _default_runtime(values: _Values) -> None:
    path = (*_RUNTIME, "default_runtime")
    if path in values and values[path].value == "":
        _adapt(values, path, _BUILT_IN, "CRI-O uses its default instead of an empty name")


def _checkpoints(values: _Values) -> None:
    disabled = values.get((*_RUNTIME, "enable_criu_support"))
    if disabled and disabled.value is False:
        path = ("crio", "checkpoint_restore", "container_level_enabled")
        _adapt(values, path, "none", "because crio.runtime.enable_criu_support is false")


def _monitors(values: _Values) -> None:
    """Let the deprecated keys of crio.runtime override those of each handler of type oci (TranslateMonitorFields)."""
    manager = values.get((*_RUNTIME, "cgroup_manager"))
    by_systemd = manager is None or manager.value == "systemd"
    for entry in {path[: len(HANDLERS) + 1] for path in values if path[: len(HANDLERS)] == HANDLERS}:
        if values[(*entry, "runtime_type")].value not in ("", "oci"):
            continue
        for name, instead in (
            ("monitor_path", "conmon"),
            ("monitor_cgroup", "conmon_cgroup"),
            ("monitor_env", "conmon_env"),
        ):
            outer = values.get((*_RUNTIME, instead))
            if outer and outer.value not in ("", []):
                path = (*entry, name)
                before = values[path]
                values[path] = before._replace(
                    value=outer.value,
                    source=outer.source,
                    overridden=(*before.overridden, (before.value, before.source))
                    if before.value not in ("", [])
                    else before.overridden,
                    adapted=f"crio.runtime.{instead} overrides it",
                )
        cgroup = (*entry, "monitor_cgroup")
        if by_systemd and values[cgroup].value == "":
            _adapt(values, cgroup, "system.slice", "CRI-O's default with cgroup_manager systemd")
        elif not by_systemd and values[cgroup].value == "system.slice":
            _adapt(values, cgroup, "", "CRI-O ignores system.slice without cgroup_manager systemd")


def _plugin_dir(values: _Values) -> None:
    single, path = values.get(PLUGIN_DIR), PLUGIN_DIRS
    if single and single.value and path in values:
        why = f"CRI-O appends crio.network.plugin_dir, set by {single.source.name}"
        _adapt(values, path, [*values[path].value, single.value], why)
        _adapt(values, PLUGIN_DIR, "", "CRI-O moves it to crio.network.plugin_dirs")


def _inherited(values: _Values) -> None:
    """Copy what a handler inherits from the default handler (ValidateRuntimes)."""
    default = values.get((*_RUNTIME, "default_runtime"))
    for path in [
        path for path in values if path[: len(HANDLERS)] == HANDLERS and path[-1] == "inherit_default_runtime"
    ]:
        if not values[path].value or default is None:
            continue
        for name in INHERITED:
            of_default = values.get((*HANDLERS, default.value, name))
            if of_default:
                _adapt(values, (*path[:-1], name), of_default.value, "inherited from the default handler")


_ADAPTATIONS: tuple[Callable[[_Values], None], ...] = (
    _minimums,
    _default_runtime,
    _checkpoints,
    _plugin_dir,
    _inherited,
    _monitors,
)
