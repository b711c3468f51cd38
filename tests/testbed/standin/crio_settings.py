# SPDX-License-Identifier: GPL-3.0-or-later
"""CRI-O's settings: the defaults, and the result of files."""

import copy
import json
import os
import re
from dataclasses import dataclass, field
from decimal import Decimal

import crio_toml
from crio_toml import TomlError

HANDLERS = "crio.runtime.runtimes"
WORKLOADS = "crio.runtime.workloads"
# What a handler is made of, in CRI-O's order: key -> (type, field in `crictl info`, written even when empty).
HANDLER_KEYS = {
    "runtime_config_path": ("string", "RuntimeConfigPath", True),
    "runtime_path": ("string", "RuntimePath", True),
    "runtime_type": ("string", "RuntimeType", True),
    "runtime_root": ("string", "RuntimeRoot", True),
    "privileged_without_host_devices": ("boolean", "PrivilegedWithoutHostDevices", False),
    "allowed_annotations": ("list", "AllowedAnnotations", False),
    "monitor_path": ("string", "MonitorPath", False),
    "monitor_cgroup": ("string", "MonitorCgroup", False),
    "monitor_env": ("list", "MonitorEnv", False),
    "monitor_exec_cgroup": ("string", "MonitorExecCgroup", False),
    "platform_runtime_paths": ("map", "PlatformRuntimePaths", False),
    "runtime_pull_image": ("boolean", "RuntimePullImage", False),
    "container_min_memory": ("string", "ContainerMinMemory", False),
    "no_sync_log": ("boolean", "NoSyncLog", True),
    "inherit_default_runtime": ("boolean", "InheritDefaultRuntime", False),
    "default_annotations": ("map", "DefaultAnnotations", False),
    "stream_websockets": ("boolean", "StreamWebsockets", False),
    "exec_cpu_affinity": ("string", "ExecCPUAffinity", False),
    "seccomp_profile": ("string", "SeccompProfile", False),
    "container_create_timeout": ("integer", "ContainerCreateTimeout", False),
}
WORKLOAD_KEYS = {
    "activation_annotation": "string",
    "annotation_prefix": "string",
    "allowed_annotations": "list",
}
RESOURCE_KEYS = {
    "cpushares": "integer", "cpuquota": "integer", "cpuperiod": "integer", "cpuset": "string", "cpulimit": "integer",
}  # fmt: skip
_EMPTY = {"string": "", "boolean": False, "integer": 0, "list": None, "map": {}}
_TOML_TYPES = {
    str: "string",
    bool: "bool",
    int: "int64",
    float: "float64",
    list: "[]any",
    dict: "map[string]any",
}
# A size of memory as go-units reads it.
SIZE = re.compile(r"\d+(\.\d+)* ?[kKmMgGtTpP]?[iI]?[bB]?")
# A duration as Go reads it.
DURATION = re.compile(r"[+-]?(?:0|(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|ms|s|m|h))+")


@dataclass(frozen=True)
class Key:
    """One key of crio.conf."""

    name: str
    kind: str
    field: str
    default: object


@dataclass
class Settings:
    """The values of all keys, handlers and workloads; `features`: the capabilities of the handlers' programs."""

    values: dict
    handlers: dict = field(default_factory=dict)
    workloads: dict = field(default_factory=dict)
    features: dict = field(default_factory=dict, compare=False)

    def __getitem__(self, name):
        return self.values[name]

    def copy(self):
        """Return a copy of the settings."""
        return copy.deepcopy(self)


def _read_keys():
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "crio_keys.txt")
    with open(path, encoding="utf-8") as file:
        for line in file:
            if not line.startswith("#"):
                name, kind, in_info, default = line.split(" ", 3)
                yield Key(name, kind, in_info, json.loads(default))


KEYS = {key.name: key for key in _read_keys()}
TABLES = list(dict.fromkeys(name.rpartition(".")[0] for name in KEYS))


def handler(**values):
    """Return a handler with only these values."""
    return {
        **{name: copy.copy(_EMPTY[kind]) for name, (kind, _field, _always) in HANDLER_KEYS.items()},
        **values,
    }


def defaults():
    """Return CRI-O's defaults."""
    crun = handler(
        runtime_type="oci",
        runtime_root="/run/crun",
        allowed_annotations=["io.containers.trace-syscall", "devices.crio.io"],
        monitor_env=["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
        monitor_cgroup="system.slice",
        container_min_memory="500KiB",
        container_create_timeout=240,
    )
    return Settings({name: copy.copy(key.default) for name, key in KEYS.items()}, {"crun": crun})


def merge_file(settings, path):
    """Merge one file into the settings. Raises OSError, or TomlError with CRI-O's message."""
    with open(path, encoding="utf-8", errors="replace") as file:
        text = file.read()
    try:
        data, lines = crio_toml.loads(text)
        merge(settings, data, lines)
    except TomlError as error:
        raise TomlError(f"unable to decode configuration {path}: {error}") from None


def merge(settings, data, lines):
    """Merge parsed TOML into the settings; unknown keys are ignored, as in CRI-O. Raises TomlError."""
    for name, table in data.items():
        if name.lower() == "crio":
            _merge_table(settings, "crio", name, table, lines)


def _merge_table(settings, table, written, data, lines):
    if not isinstance(data, dict):
        raise crio_toml.at(
            lines, written, f"type mismatch for {table}: expected table but found {_type(data)}"
        )
    for name, value in data.items():
        key, place = f"{table}.{name.lower()}", f"{written}.{name}"
        if key in (HANDLERS, WORKLOADS):
            _merge_entries(settings, key, place, value, lines)
        elif key in KEYS:
            _check(KEYS[key].kind, value, place, lines)
            settings.values[key] = (
                _joined(settings.values[key], value) if key == "crio.storage_option" else value
            )
        elif key in TABLES:
            _merge_table(settings, key, place, value, lines)


def _merge_entries(settings, key, written, entries, lines):
    if not isinstance(entries, dict):
        return  # CRI-O's decoder overlooks this one
    for name, entry in entries.items():
        place = f"{written}.{name}"
        if not isinstance(entry, dict):
            kind = "config.RuntimeHandler" if key == HANDLERS else "config.WorkloadConfig"
            raise crio_toml.at(
                lines, place, f"type mismatch for {kind}: expected table but found {_type(entry)}"
            )
        if key == HANDLERS:
            kinds = {each: kind for each, (kind, _field, _always) in HANDLER_KEYS.items()}
            settings.handlers[name] = handler(**_known(entry, kinds, place, lines))
        else:
            workload = _known(entry, WORKLOAD_KEYS, place, lines)
            if isinstance(entry.get("resources"), dict):
                workload["resources"] = _known(entry["resources"], RESOURCE_KEYS, f"{place}.resources", lines)
            settings.workloads[name] = workload


def _known(entry, kinds, place, lines):
    values = {}
    for name, value in entry.items():
        if name.lower() in kinds:
            _check(kinds[name.lower()], value, f"{place}.{name}", lines)
            values[name.lower()] = value
    return values


def _check(kind, value, place, lines):
    """Refuse a value of another type, with the message of CRI-O's decoder."""
    wanted = {"list": "slice", "duration": "integer"}.get(kind, kind)
    if kind == "duration" and isinstance(value, str):
        if not DURATION.fullmatch(value):
            raise crio_toml.at(lines, place, f'invalid duration: "{value}"')
        return
    types = {"string": str, "boolean": bool, "integer": int, "slice": list, "map": dict}
    if not isinstance(value, types[wanted]) or (wanted == "integer" and isinstance(value, bool)):
        raise _mismatch(value, wanted, place, lines)
    for each in value if wanted == "slice" else []:
        if not isinstance(each, str):
            raise _mismatch(each, "string", place, lines)


_UNITS = {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}


def as_go_writes(duration):
    """Return a duration in Go's format: 1m30s for "90s". A bare number is nanoseconds."""
    if isinstance(duration, int):
        total = duration
    else:
        parts = re.findall(r"([\d.]+)(ns|us|µs|ms|s|m|h)", duration)
        total = sum((int(Decimal(number) * _UNITS[unit]) for number, unit in parts), 0)
        total = -total if duration.startswith("-") else total
    size, sign = abs(total), "-" if total < 0 else ""
    if not size:
        return "0s"
    for unit in ("ns", "µs", "ms"):
        if size < 1000 * _UNITS[unit]:
            return f"{sign}{_plain(size, _UNITS[unit])}{unit}"
    minutes, rest = divmod(size, _UNITS["m"])
    hours, minutes = divmod(minutes, 60)
    said = f"{hours}h" if hours else ""
    said += f"{minutes}m" if minutes or hours else ""
    return f"{sign}{said}{_plain(rest, _UNITS['s'])}s"


def _plain(size, unit):
    return f"{Decimal(size) / unit:f}"


def _mismatch(value, wanted, place, lines):
    told = f"incompatible types: TOML value has type {_type(value)}; destination has type {wanted}"
    return crio_toml.at(lines, place, told)


def _type(value):
    if isinstance(value, list) and value and all(isinstance(each, dict) for each in value):
        return "[]map[string]any"
    return _TOML_TYPES.get(type(value), "time.Time")


def _joined(before, more):
    """Merge storage options, the only list that is collected from all files; the last one of equal options is kept."""
    options = [*(before or []), *more]
    return [each for position, each in enumerate(options) if each not in options[position + 1 :]]
