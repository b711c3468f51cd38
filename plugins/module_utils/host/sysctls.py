# SPDX-License-Identifier: GPL-3.0-or-later
"""Kernel parameters: their live values, and those that systemd-sysctl gives them at boot (sysctl.d(5))."""

from __future__ import annotations

import fnmatch
import functools
import os
from typing import NamedTuple

from .. import node_files
from . import drop_ins
from .steps import Part, Step, item

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..layout import Layout

DIRECTORY = "sysctl.d"
_GLOB = frozenset("*?[")
_LONGEST = 64 * 1024  # bytes of a value; the kernel reserves as many as a read asks for


class Boot(NamedTuple):
    """The value of a parameter at boot, the file that sets it, and whether the file names it without a pattern."""

    value: str
    path: str
    is_explicit: bool


def normalised(name: str) -> str:
    """Return the path of a parameter below /proc/sys: the first separator of its name decides, as in sysctl.d(5)."""
    first = next((letter for letter in name if letter in "./"), ".")
    return name if first == "/" else name.translate(str.maketrans("./", "/."))


def value_of(text: str) -> str:
    """Return a value as it is compared: numbers are separated by tabs in /proc and by blanks in files."""
    return " ".join(text.split())


def at_boot(files: list[tuple[str, str]], names: list[str]) -> dict[str, Boot]:
    """Return what systemd-sysctl sets these parameters to, without those that it does not set.

    A later file wins. A parameter that is named explicitly is excluded from all patterns, wherever they are.
    """
    explicit: dict[str, Boot] = {}
    patterns: list[tuple[str, Boot]] = []
    excluded: set[str] = set()
    for path, text in files:
        for line in text.splitlines():
            line = line.strip()
            if not line or line[0] in "#;":
                continue
            name, equals, value = line.partition("=")
            name = normalised(name.strip().lstrip("-").strip())
            if not equals:
                if line.startswith("-"):
                    excluded.add(name)
            elif _GLOB & set(name):
                patterns.append((name, Boot(value_of(value), path, False)))
            else:
                explicit[name] = Boot(value_of(value), path, True)
    found = {}
    for name in names:
        place = normalised(name)
        matches = [boot for pattern, boot in patterns if place not in excluded and _matches(place, pattern)]
        if place in explicit:
            found[name] = explicit[place]
        elif matches:
            found[name] = matches[-1]
    return found


def _matches(place: str, pattern: str) -> bool:
    """Return whether a path matches a pattern as glob(3) does, whose * does not match a slash."""
    parts, wanted = place.split("/"), pattern.split("/")
    return len(parts) == len(wanted) and all(map(fnmatch.fnmatchcase, parts, wanted))


def plan(
    layout: Layout, wanted: dict[str, str], ours: dict[str, dict[str, str | None]], modules_follow: bool
) -> Part:
    """Return what is needed to set the wanted parameters now and at boot, and to put back those of ours that are not wanted.

    ours: {name: {"before": value, "set": value}} of the record. modules_follow: modules are loaded before, so that a parameter
    may be missing until then. Raises NodeFileError.
    """
    files = drop_ins.files(layout, DIRECTORY)
    our_path = drop_ins.ours(DIRECTORY)
    of_others = [entry for entry in files if entry[0] != our_path]
    names = list(wanted)
    booted, booted_by_others = at_boot(files, names), at_boot(of_others, names)
    in_ours = at_boot([entry for entry in files if entry[0] == our_path], names)
    items: dict[str, dict[str, Any]] = {}
    steps, problems, lines = [], [], []
    record: dict[str, dict[str, str | None]] = {}
    for name, value in wanted.items():
        value = value_of(value)
        live, foreign = read(layout, name), booted_by_others.get(name)
        needs_us = foreign is None or foreign.value != value
        if needs_us:
            lines.append(f"{name} = {value}")
            problems += _overriding(name, value, foreign)
        needs_value = live != value
        if needs_value:
            problems += _problems_of_setting(layout, name, live, value, modules_follow)
            steps.append(
                Step(
                    functools.partial(_write, layout, name, value),
                    functools.partial(_write, layout, name, live),
                )
            )
        if needs_value or name in ours:
            record[name] = {"before": ours.get(name, {}).get("before", live), "set": value}
        boot = booted.get(name)
        found = {"live": live, "at_boot": boot.value if boot else None, "file": boot.path if boot else None}
        is_in_file = name in in_ours and in_ours[name].value == value
        changed = needs_value or (not is_in_file if needs_us else name in in_ours)
        items[name] = item({"live": value, "at_boot": value}, found, changed)
    back, steps_back = _putting_back(layout, {name: ours[name] for name in ours if name not in wanted})
    file = drop_ins.plan(layout, DIRECTORY, lines)
    return Part(
        {**items, **back},
        [*file.steps, *steps, *steps_back],
        file.files,
        [*problems, *file.problems],
        record={"sysctls": record},
    )


def _overriding(name: str, value: str, foreign: Boot | None) -> list[str]:
    if foreign is None or not foreign.is_explicit or os.path.basename(foreign.path) < drop_ins.OURS:
        return []
    return [
        f"sysctls: {name} = {value}: {foreign.path} sets it to {foreign.value} at boot, and is read after"
        f" {drop_ins.ours(DIRECTORY)}; remove the line there, or set the value in that file"
    ]


def _problems_of_setting(
    layout: Layout, name: str, live: str | None, value: str, modules_follow: bool
) -> list[str]:
    path = path_of(layout, name)
    if live is None:
        if modules_follow:
            return []
        return [
            f"sysctls: {name} = {value}: this kernel has no such parameter ({path} does not exist);"
            " load the module that provides it, with the option modules"
        ]
    if os.access(path, os.W_OK):
        return []
    return [
        f"sysctls: {name} = {value}: its live value is {live}, and {path} cannot be written: it is read-only, as in a"
        " container; set it on the host"
    ]


def _putting_back(
    layout: Layout, ours: dict[str, dict[str, str | None]]
) -> tuple[dict[str, dict[str, Any]], list[Step]]:
    """Return the items and steps that restore the values before ours. One that somebody has changed since is kept."""
    items, steps = {}, []
    for name, entry in ours.items():
        live, before = read(layout, name), entry["before"]
        if before is None or live is None or live != entry["set"] or live == before:
            continue
        items[name] = item(
            {"live": before, "at_boot": None}, {"live": live, "at_boot": live, "file": None}, True
        )
        steps.append(
            Step(
                functools.partial(_write, layout, name, before), functools.partial(_write, layout, name, live)
            )
        )
    return items, steps


def path_of(layout: Layout, name: str) -> str:
    """Return the path of a parameter."""
    return layout.at(f"/proc/sys/{normalised(name)}")


def read(layout: Layout, name: str) -> str | None:
    """Return the live value of a parameter, None if the kernel does not have it. Raises NodeFileError."""
    path = path_of(layout, name)
    if not os.path.exists(path):
        return None
    return value_of(node_files.read_bytes(path, _LONGEST).decode("utf-8", "replace"))


def _write(layout: Layout, name: str, value: str | None) -> None:
    if value is None or read(layout, name) == value:
        return
    path = path_of(layout, name)
    with node_files.doing(f"setting {name} to {value}", path), open(path, "w", encoding="utf-8") as file:
        file.write(f"{value}\n")
