# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of single values, by the names in the catalogue's column `format`.

Each check returns None or the problem; FORMATS also describes accepted values. Sources: CRI-O's pkg/config
(what its `Validate` functions refuse) and the parsers it calls: go-units (ulimits, sizes),
k8s.io/utils/cpuset, Go's time.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from ansible_collections.cri.node.plugins.plugin_utils.text import go_duration

_ULIMITS = frozenset(
    "core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack".split()
)
_BUFFER = 8192  # bytes; CRI-O's OCIBufSize, the least log_size_max
_METRIC_PREFIXES = ("container_runtime_", "crio_")


class Format(NamedTuple):
    """A check of one value, and a description of accepted values."""

    check: Callable[[Any], str | None]
    accepted: str


def _absolute_path(value: str) -> str | None:
    return None if value.startswith("/") else "is not an absolute path"


def _assignment(value: str) -> str | None:
    return None if value.partition("=")[1] and not value.startswith("=") else "is not NAME=value"


def _capability(value: str) -> str | None:
    if value.upper().startswith("CAP_"):
        return f"has the prefix CAP_, which CRI-O adds itself: write {value[4:]}"
    return None if re.fullmatch("[A-Za-z_]+", value) else "is not the name of a capability"


def _cpu_period(value: int) -> str | None:
    return None if value == 0 or value >= 1000 else "is shorter than the minimum period of the kernel"


def _cpuset(value: str) -> str | None:
    if not value:
        return None
    for part in value.split(","):
        first, _separator, last = part.partition("-")
        if not re.fullmatch(r"\d{1,9}(-\d{1,9})?", part, re.ASCII) or int(first) > int(last or first):
            return "is not a list of CPUs"
    return None


def _create_timeout(value: int) -> str | None:
    return None if value == 0 or value >= 30 else "is too short: CRI-O silently uses 30 instead"


def _duration(value: str) -> str | None:
    return None if not value or go_duration.parse(value) is not None else "is not a valid Go duration"


def _log_size(value: int) -> str | None:
    return None if value < 0 or value >= _BUFFER else "is smaller than the buffer of CRI-O"


def _monitor_cgroup(value: str) -> str | None:
    fits = value in ("", "pod") or value.endswith(".slice")
    return None if fits else "is neither the pod's cgroup nor a systemd slice"


def _not_empty(value: str) -> str | None:
    return None if value else "is empty"


def _not_negative(value: str) -> str | None:
    return "is negative" if value.startswith("-") and go_duration.parse(value) != 0 else None


def _port(value: str) -> str | None:
    return (
        "is not a port"
        if re.fullmatch(r"\d+", value)
        and not re.fullmatch(
            r"0{0,9}[0-5]?\d{1,4}|6[0-4]\d{3}|65[0-4]\d\d|655[0-2]\d|6553[0-5]", value, re.ASCII
        )
        else None
    )


def _size(value: str) -> str | None:
    pattern = r"(\d{1,20}(\.\d{0,20})?|\.\d{1,20}) ?([kmgtp]i?b?|b)?"
    return None if not value or re.fullmatch(pattern, value, re.IGNORECASE | re.ASCII) else "is not a size"


def _sysctl(value: str) -> str | None:
    name, equals, setting = value.partition("=")
    if not value:
        return None
    if not equals or not name:
        return "is not name=value"
    spaced = name != name.strip() or setting != setting.strip()
    return "has spaces around the name or the value" if spaced else None


def _ulimit(value: str) -> str | None:
    name, equals, limits = value.partition("=")
    if not equals:
        return "is not name=soft:hard"
    if name not in _ULIMITS:
        return f"does not name one of the limits {', '.join(sorted(_ULIMITS))}"
    if not re.fullmatch(r"[+-]?\d{1,19}(:[+-]?\d{1,19})?", limits, re.ASCII):
        return "has limits that are not numbers"
    soft, _separator, hard = limits.partition(":")
    if hard and int(hard) != -1 and (int(soft) == -1 or int(soft) > int(hard)):
        return "has a soft limit above the hard limit"
    return None


FORMATS = {
    "absolute_path": Format(_absolute_path, "a path that begins with /"),
    "assignment": Format(_assignment, "NAME=value"),
    "capability": Format(_capability, "a capability without CAP_, for example NET_RAW"),
    "cpu_period": Format(_cpu_period, "0 (none) or at least 1000 microseconds"),
    "cpuset": Format(_cpuset, 'a list of CPUs, for example "0-3,8"'),
    "create_timeout": Format(_create_timeout, "0 (the default) or at least 30 seconds"),
    "duration": Format(_duration, 'a number with a unit, for example "90s" or "1m30s"'),
    "log_size": Format(_log_size, f"a negative number (no limit) or at least {_BUFFER} bytes"),
    "monitor_cgroup": Format(_monitor_cgroup, '"pod", a slice such as "system.slice", or an empty string'),
    "not_empty": Format(_not_empty, "a string that is not empty"),
    "not_negative": Format(_not_negative, "a duration of 0s or longer"),
    "port": Format(_port, "a port from 0 (any free one) to 65535"),
    "size": Format(_size, 'a number of bytes with or without a unit, for example "12MiB"'),
    "sysctl": Format(_sysctl, "name=value without spaces, for example net.ipv4.ip_unprivileged_port_start=0"),
    "ulimit": Format(_ulimit, 'name=soft:hard, for example "nofile=1024:2048"'),
}


def without_metric_prefix(name: str) -> str:
    """Return the name of a collector as CRI-O compares it: processes_defunct for crio_processes_defunct."""
    for prefix in _METRIC_PREFIXES:
        name = name.removeprefix(prefix)
    return name
