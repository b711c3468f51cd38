# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of single values, by the names in the catalogue's column `format`.

Each check returns None or the problem; FORMATS also describes accepted values. Sources: CRI-O's pkg/config
(what its `Validate` functions refuse) and the parsers it calls: go-units (ulimits, sizes),
k8s.io/utils/cpuset, Go's time, net and regexp, containers/image (names of images) and containers/storage (drivers, mappings).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from ansible_collections.cri.node.plugins.plugin_utils.registries import image_reference
from ansible_collections.cri.node.plugins.plugin_utils.text import go_duration

_ULIMITS = frozenset(
    "core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack".split()
)
# Those of Linux (capabilities.7). CRI-O accepts the ones that the node's kernel has.
_CAPABILITIES = frozenset(
    """
    AUDIT_CONTROL AUDIT_READ AUDIT_WRITE BLOCK_SUSPEND BPF CHECKPOINT_RESTORE CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID
    IPC_LOCK IPC_OWNER KILL LEASE LINUX_IMMUTABLE MAC_ADMIN MAC_OVERRIDE MKNOD NET_ADMIN NET_BIND_SERVICE NET_BROADCAST NET_RAW
    PERFMON SETFCAP SETGID SETPCAP SETUID SYSLOG SYS_ADMIN SYS_BOOT SYS_CHROOT SYS_MODULE SYS_NICE SYS_PACCT SYS_PTRACE SYS_RAWIO
    SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG WAKE_ALARM
    """.split()
)
# What names of time zones begin with, and names without a slash (the IANA database, which these are never added to).
_AREAS = frozenset(
    """
    Africa America Antarctica Arctic Asia Atlantic Australia Brazil Canada Chile Etc Europe Indian Mexico Pacific US posix right
    """.split()
)
_ZONES = frozenset(
    """
    CET CST6CDT Cuba EET EST EST5EDT Egypt Eire Factory GB GB-Eire GMT GMT+0 GMT-0 GMT0 Greenwich HST Hongkong Iceland Iran Israel
    Jamaica Japan Kwajalein Libya MET MST MST7MDT NZ NZ-CHAT Navajo PRC PST8PDT Poland Portugal ROC ROK Singapore Turkey UCT UTC
    Universal W-SU WET Zulu
    """.split()
)
_BUFFER = 8192  # bytes; CRI-O's OCIBufSize, the least log_size_max
_LONGEST_NAME = 255  # bytes of one name in a path: NAME_MAX
_LONGEST_PATH = 4095  # bytes of a path: PATH_MAX without its end
_LONGEST_SOCKET = 107  # bytes of the path of a socket: sun_path without its end
# What Go's strings.TrimSpace removes: Unicode's White_Space, which Python's strip() exceeds by four control characters.
_SPACES = (
    "\t\n\v\f\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"
)
_DIGITS = r"\d(_?\d){0,400}"
# What Go's strconv.ParseFloat reads as a number.
_NUMBER = re.compile(rf"({_DIGITS}\.?|({_DIGITS})?\.{_DIGITS})(e[+-]?\d{{1,3}})?", re.IGNORECASE | re.ASCII)
_HEXADECIMAL = re.compile(r"0x[0-9a-f]{1,40}(\.[0-9a-f]{0,40})?p[+-]?\d{1,3}", re.IGNORECASE | re.ASCII)
_MAPPINGS = "CRI-O does not start with it, or silently ignores it if only users or only groups have mappings"
_METRIC_PREFIXES = ("container_runtime_", "crio_")


class Format(NamedTuple):
    """A check of one value, and a description of accepted values."""

    check: Callable[[Any], str | None]
    accepted: str


def _absolute_path(value: str) -> str | None:
    return _path(value) if value.startswith("/") else "is not an absolute path"


def _address(value: str) -> str | None:
    if not value or _is_address(value):
        return None
    return "is not an IP address: CRI-O silently listens on all addresses instead"


def _is_address(value: str) -> bool:
    import ipaddress  # few files have an address

    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return "%" not in value  # Go's net.ParseIP accepts no zone


def _assignment(value: str) -> str | None:
    return None if value.partition("=")[1] and not value.startswith("=") else "is not NAME=value"


def _capability(value: str) -> str | None:
    if value.upper() in _CAPABILITIES:
        return None
    if value.upper().startswith("CAP_"):
        return f"has the prefix CAP_, which CRI-O adds itself: write {value[4:]}"
    if value.upper() == "ALL":
        return "is not a single capability, and CRI-O does not start with it"
    return "is not the name of a capability, and CRI-O does not start with it"


def _cpu_period(value: int) -> str | None:
    return None if value == 0 or value >= 1000 else "is shorter than the minimum period of the kernel"


def _cpuset(value: str) -> str | None:
    if not value:
        return None
    for part in value.split(","):
        first, _separator, last = part.partition("-")
        if not re.fullmatch(r"\+?\d{1,9}(-\+?\d{1,9})?", part, re.ASCII) or int(first) > int(last or first):
            return "is not a list of CPUs"
    return None


def _create_timeout(value: int) -> str | None:
    return None if value == 0 or value >= 30 else "is too short: CRI-O silently uses 30 instead"


def _device(value: str) -> str | None:
    """Check host path[:container path][:permissions], as CRI-O reads it; it ignores an empty one."""
    source, *rest = value.split(":", 3)
    if not value:
        return None
    if len(rest) > 2:
        return "has more than three parts, and CRI-O does not start with it"
    target = rest[0] if rest and not _is_permissions(rest[0]) else ""
    if target and not target.startswith("/"):
        return _of_permissions(target)
    if len(rest) == 2 and not _is_permissions(rest[1]):
        return _of_permissions(rest[1])
    if not source:
        return "has no path on the node, and CRI-O does not start with it"
    place = target or source
    if not place.startswith("/dev/"):
        return f"would be at {place[:80]} in a container, but CRI-O only starts with devices below /dev/"
    return _path(source)


def _is_permissions(text: str) -> bool:
    return 0 < len(text) <= 3 and set(text) <= set("rwm") and len(set(text)) == len(text)


def _of_permissions(text: str) -> str:
    return f"has the permissions {text!r}, and CRI-O does not start with them"


def _directory(value: str) -> str | None:
    return _path(value) if value else "is empty, but CRI-O has to create this directory and does not start"


def _duration(value: str) -> str | None:
    return None if not value or go_duration.parse(value) is not None else "is not a valid Go duration"


def _file(value: str) -> str | None:
    if value and not value.strip("/"):
        return "is the root directory, where CRI-O would have to write a file, and it does not start"
    return _path(value)


def _id_mappings(value: str) -> str | None:
    for part in value.split(","):
        numbers = part.split(":") if part else []
        if len(numbers) % 3:
            return f"has a mapping without three numbers, and {_MAPPINGS}"
        if not all(re.fullmatch("0{0,50}[0-9]{1,10}", each) and int(each) < 2**32 for each in numbers):
            return f"has a number that is not one from 0 to 4294967295, and {_MAPPINGS}"
    return None


def _image_reference(value: str) -> str | None:
    fault = image_reference.fault_of_name(value)
    return f"is not the name of an image, and CRI-O does not start with it: {fault}" if fault else None


def _listen(value: str) -> str | None:
    if not value:
        return "is empty, and CRI-O does not start without a socket"
    return _socket(value)


def _log_size(value: int) -> str | None:
    return None if value < 0 or value >= _BUFFER else "is smaller than the buffer of CRI-O"


def _monitor_cgroup(value: str) -> str | None:
    fits = value in ("", "pod") or value.endswith(".slice")
    return None if fits else "is neither the pod's cgroup nor a systemd slice"


def _not_negative(value: str) -> str | None:
    return "is negative" if value.startswith("-") and go_duration.parse(value) != 0 else None


def _path(value: str) -> str | None:
    """Check what the path is made of: its lengths."""
    encoded = value.encode("utf-8", "replace")
    if len(encoded) > _LONGEST_PATH or any(len(name) > _LONGEST_NAME for name in encoded.split(b"/")):
        return "is longer than a path can be"
    return None


def _pattern(value: str) -> str | None:
    from ansible_collections.cri.node.plugins.plugin_utils.text import go_pattern  # few files have a pattern

    fault = go_pattern.fault(value)
    if not fault:
        return None
    return f"is not a regular expression that Go compiles, and CRI-O does not start with it: {fault}"


def _pinned_image(value: str) -> str | None:
    return 'is "*" alone, with which CRI-O crashes at its start' if value == "*" else None


def _port(value: str) -> str | None:
    if not re.fullmatch(r"[+-]?\d{1,1000}", value, re.ASCII):
        # The name of a service, which the node has in /etc/services.
        named = re.fullmatch(r"[\w.+-]{0,100}[A-Za-z][\w.+-]{0,100}", value, re.ASCII) or not value
        return None if named else "is not a port, and CRI-O does not start with it"
    digits = value.lstrip("+-").lstrip("0") or "0"
    fits = len(digits) <= 5 and int(digits) <= 65535 and not (value.startswith("-") and digits != "0")
    return None if fits else "is not a port, and CRI-O does not start with it"


def _program(value: str) -> str | None:
    if value and not value.startswith("/"):
        return "is not an absolute path, and CRI-O does not start with it"
    return _path(value)


def _size(value: str) -> str | None:
    """Check a size as go-units reads it: numbers of 1024 for each unit, whether it is MiB, MB or M."""
    if not value:
        return None
    text, unit = _split_size(value)
    number = _number(text)
    if number is None or number < 0 or not re.fullmatch("([kmgtp](ib?|b)?|b)?", unit):
        return "is not a size, so CRI-O logs an error and uses the default instead"
    if unit.endswith("i"):
        shown = value[:20] + ("..." if len(value) > 20 else "")
        return f"has half a unit, so CRI-O logs an error and uses the default instead: write {shown}B"
    if number * 1024 ** max(0, " kmgtp".find(unit[:1] or " ")) >= 2**63:
        return "is more bytes than 64 bits can count, and CRI-O silently uses another number"
    return None


def _split_size(value: str) -> tuple[str, str]:
    """Return the number and the unit, in lower case; a space may be between them."""
    found = re.search(r"[^0-9. ]{0,3}\Z", value[-100:])
    unit = found.group() if found else ""
    number = value[: len(value) - len(unit)]
    return number.removesuffix(" "), unit.lower()


def _number(text: str) -> float | None:
    sign, digits = (text[0], text[1:]) if text[:1] in ("+", "-") else ("+", text)
    if _HEXADECIMAL.fullmatch(digits):
        return float.fromhex(f"{sign}{digits}")
    if not _NUMBER.fullmatch(digits):
        return None
    number = float(f"{sign}{digits}")
    return number if number < float("inf") else None


def _socket(value: str) -> str | None:
    return "is longer than the path of a socket can be" if len(value.encode()) > _LONGEST_SOCKET else None


def _storage_option(value: str) -> str | None:
    name, equals, _setting = value.partition("=")
    if not equals:
        return "is not NAME=value, and CRI-O does not start with it"
    return None if name.strip(_SPACES) else "has no name, and CRI-O does not start with it"


def _sysctl(value: str) -> str | None:
    name, equals, setting = value.partition("=")
    if not value:
        return None
    if not equals:
        return "is not name=value"
    if name != name.strip(_SPACES) or setting != setting.strip(_SPACES):
        return "has spaces around the name or the value"
    return None if name else "has no name, so that CRI-O silently skips it in every pod"


def _timezone(value: str) -> str | None:
    if not value or value.lower() == "local" or value in _ZONES:
        return None
    area, slash, place = value.partition("/")
    if slash and area in _AREAS and re.fullmatch(r"[A-Za-z0-9_+/-]{1,100}", place):
        return None
    return "is not the name of a time zone, and CRI-O does not start with it"


def _ulimit(value: str) -> str | None:
    name, equals, limits = value.partition("=")
    if not equals:
        return "is not name=soft:hard"
    if name not in _ULIMITS:
        return f"does not name one of the limits {', '.join(sorted(_ULIMITS))}"
    numbers = limits.split(":", 2)
    if len(numbers) > 2 or not all(
        re.fullmatch(r"[+-]?0{0,1000}\d{1,19}", each, re.ASCII) for each in numbers
    ):
        return "has limits that are not numbers"
    soft, hard = int(numbers[0]), int(numbers[-1])
    if not all(-(2**63) <= number < 2**63 for number in (soft, hard)):
        return "has a limit that does not fit in 64 bits"
    if hard != -1 and len(numbers) == 2 and (soft == -1 or soft > hard):
        return "has a soft limit above the hard limit"
    return None


FORMATS = {
    "absolute_path": Format(_absolute_path, "a path that begins with /"),
    "address": Format(_address, "an IP address, or an empty string for all addresses"),
    "assignment": Format(_assignment, "NAME=value"),
    "capability": Format(_capability, "a capability without CAP_, for example NET_RAW"),
    "cpu_period": Format(_cpu_period, "0 (none) or at least 1000 microseconds"),
    "cpuset": Format(_cpuset, 'a list of CPUs, for example "0-3,8"'),
    "create_timeout": Format(_create_timeout, "0 (the default) or at least 30 seconds"),
    "device": Format(
        _device, "a path, optionally :path below /dev and :permissions, for example /dev/sda:/dev/xvda:rwm"
    ),
    "directory": Format(_directory, "the path of a directory"),
    "duration": Format(_duration, 'a number with a unit, for example "90s" or "1m30s"'),
    "file": Format(_file, "the path of a file"),
    "id_mappings": Format(
        _id_mappings, "container:host:size, separated by commas, for example 0:100000:65536"
    ),
    "image_reference": Format(
        _image_reference, "the name of an image, for example registry.k8s.io/pause:3.10.1"
    ),
    "listen": Format(_listen, f"the path of a socket of at most {_LONGEST_SOCKET} bytes"),
    "log_size": Format(_log_size, f"a negative number (no limit) or at least {_BUFFER} bytes"),
    "monitor_cgroup": Format(_monitor_cgroup, '"pod", a slice such as "system.slice", or an empty string'),
    "not_negative": Format(_not_negative, "a duration of 0s or longer"),
    "pattern": Format(
        _pattern, "a regular expression in the syntax of RE2, without lookarounds and backreferences"
    ),
    "pinned_image": Format(
        _pinned_image, "the name of an image, a part of it between two *, or its beginning with * at the end"
    ),
    "port": Format(_port, "a port from 0 (any free one) to 65535"),
    "program": Format(_program, "a path that begins with /, or an empty string to search PATH"),
    "size": Format(_size, 'a number of bytes with or without a unit, for example "12MiB"'),
    "socket": Format(_socket, f"the path of a socket of at most {_LONGEST_SOCKET} bytes"),
    "storage_option": Format(_storage_option, "NAME=value, for example overlay.mountopt=nodev"),
    "sysctl": Format(_sysctl, "name=value without spaces, for example net.ipv4.ip_unprivileged_port_start=0"),
    "timezone": Format(
        _timezone, 'a name of the IANA database such as "Europe/Berlin", "Local", or an empty string for UTC'
    ),
    "ulimit": Format(_ulimit, 'name=soft:hard, for example "nofile=1024:2048"'),
}


def without_metric_prefix(name: str) -> str:
    """Return the name of a collector as CRI-O compares it: processes_defunct for crio_processes_defunct."""
    for prefix in _METRIC_PREFIXES:
        name = name.removeprefix(prefix)
    return name
