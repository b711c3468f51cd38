# SPDX-License-Identifier: GPL-3.0-or-later
"""The desired state of a host: the options of host_prerequisites, checked, merged with the defaults, and as a request."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ansible_collections.cri.node.plugins.module_utils.text import shown
from ansible_collections.cri.node.plugins.plugin_utils.host.requirements import (
    COMMANDS,
    FAMILIES,
    IDS,
    MODULES,
    POD_IDS,
    SEVERITIES,
    SUBORDINATE_IDS,
    SYSCTLS,
)
from ansible_collections.cri.node.plugins.plugin_utils.problem import Problem
from ansible_collections.cri.node.plugins.plugin_utils.text.did_you_mean import did_you_mean
from ansible_collections.cri.node.plugins.plugin_utils.value_types import kind

_SUBJECT = "host_prerequisites"
_MODULE = re.compile(r"[A-Za-z0-9_-]{1,60}", re.ASCII)
_SYSCTL = re.compile(r"[A-Za-z0-9_-]+(?:[./][A-Za-z0-9_:.@-]+)+", re.ASCII)
_COMMAND = re.compile(r"[A-Za-z0-9_.+-]{1,100}", re.ASCII)
_USER = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}", re.ASCII)
_VALUE = "a number or a text of one line"
_LONGEST_VALUE = 1000  # characters


def completed(options: dict[str, Any]) -> dict[str, Any]:
    """Return validated options with the defaults of those that are not given."""
    modules, ids = options["modules"], options["subordinate_ids"]
    return {
        **options,
        "modules": list(MODULES) if modules is None else modules,
        "subordinate_ids": dict(SUBORDINATE_IDS) if ids is None else ids,
    }


def problems(options: dict[str, Any]) -> Iterator[Problem]:
    """Yield what is wrong with validated options."""
    for index, name in enumerate(options["modules"]):
        if not _MODULE.fullmatch(name):
            yield _problem(
                f"modules[{index}]", name, "is not the name of a kernel module", "for example br_netfilter"
            )
    yield from _problems_of_sysctls(options["sysctls"])
    yield from _problems_of_ids(options["subordinate_ids"])
    for name, severity in options["commands"].items():
        if not _COMMAND.fullmatch(str(name)):
            yield _problem(
                f"commands.{shown(name, 80)}", None, "is not the name of a command", "for example conntrack"
            )
        elif severity not in SEVERITIES:
            hint = did_you_mean(str(severity), SEVERITIES)
            yield _problem(f"commands.{name}", severity, f"is not a severity{hint}", ", ".join(SEVERITIES))


def _problems_of_sysctls(sysctls: dict[str, Any]) -> Iterator[Problem]:
    first: dict[str, str] = {}
    for name, value in sysctls.items():
        key = f"sysctls.{shown(name, 100)}"
        place = normalised_sysctl(str(name))
        if not _SYSCTL.fullmatch(str(name)) or ".." in str(name):
            yield _problem(
                key, None, "is not the name of one kernel parameter", "for example net.ipv4.ip_forward"
            )
            continue
        if place in first:
            yield _problem(key, None, f"is the same parameter as {first[place]}", "each parameter once")
        first.setdefault(place, str(name))
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, (int, str)):
            yield _problem(key, value, f"is {kind(value)}", f"{_VALUE}, or null for none")
        elif not str(value).strip() or not str(value).isprintable() or len(str(value)) > _LONGEST_VALUE:
            yield _problem(key, value, "is empty, too long, or has several lines", _VALUE)


def _problems_of_ids(ids: dict[str, Any]) -> Iterator[Problem]:
    if not _USER.fullmatch(ids["user"]):
        yield _problem(
            "subordinate_ids.user", ids["user"], "is not the name of a user", "for example containers"
        )
    if ids["start"] < POD_IDS:
        accepted = f"at least {POD_IDS}"
        yield _problem(
            "subordinate_ids.start", ids["start"], "is among the ids of the host's own users", accepted
        )
    if ids["count"] < POD_IDS:
        accepted = f"at least {POD_IDS}"
        yield _problem("subordinate_ids.count", ids["count"], "is not enough for a pod", accepted)
    if ids["start"] + ids["count"] > IDS:
        fault = f"ends above the highest id with start {ids['start']}"
        yield _problem("subordinate_ids.count", ids["count"], fault, f"start + count of at most {IDS}")


def _problem(key: str, value: object, message: str, accepted: str) -> Problem:
    given = None if value is None else shown(f'"{value}"' if isinstance(value, str) else value, 100)
    return Problem(_SUBJECT, key, given, message, accepted)


def normalised_sysctl(name: str) -> str:
    """Return the name with dots as separators, however it is written (sysctl.d(5))."""
    first = next((letter for letter in name if letter in "./"), ".")
    return name if first == "." else name.translate(str.maketrans("./", "/."))


def request(options: dict[str, Any]) -> dict[str, Any]:
    """Return the request to the node for options without problems."""
    if options["state"] == "absent":
        return {
            "modules": [],
            "sysctls": {},
            "swap": "keep",
            "cgroup_v2": "ignored",
            "subordinate_ids": None,
            "commands": [],
            "families": {},
            "packages_follow": False,
        }
    own = {normalised_sysctl(name): value for name, value in options["sysctls"].items()}
    sysctls = {name: str(value) for name, value in {**SYSCTLS, **own}.items() if value is not None}
    return {
        "modules": options["modules"],
        "sysctls": sysctls,
        "swap": options["swap"],
        "cgroup_v2": options["cgroup_v2"],
        "subordinate_ids": options["subordinate_ids"] if options["user_namespaces"] else None,
        "commands": _commands(options["commands"]),
        "families": FAMILIES,
        "packages_follow": options["packages_follow"],
    }


def _commands(severities: dict[str, str]) -> list[dict[str, Any]]:
    known = [
        {
            "name": each.name,
            "alternatives": list(each.alternatives),
            "severity": severities.get(each.name, each.severity),
            "packages": {"debian": each.debian, "rhel": each.rhel, "suse": each.suse},
        }
        for each in COMMANDS
    ]
    names = {each.name for each in COMMANDS}
    others = [
        {"name": name, "alternatives": [], "severity": severity, "packages": {}}
        for name, severity in severities.items()
        if name not in names
    ]
    return [each for each in (*known, *others) if each["severity"] != "ignored"]
