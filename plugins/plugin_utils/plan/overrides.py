# SPDX-License-Identifier: GPL-3.0-or-later
"""Disruptions that users set for keys of crio.conf in place of the catalogue's, read and checked.

A key can always get a more disruptive one. A less disruptive one is only accepted for a key that the catalogue does not have:
of the others it is known that CRI-O would not load the change.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ansible_collections.cri.node.plugins.plugin_utils.crio import accepted_keys
from ansible_collections.cri.node.plugins.plugin_utils.crio.accepted_keys import AcceptedKeys
from ansible_collections.cri.node.plugins.plugin_utils.crio.catalogue import ANY, CATALOGUE, Key
from ansible_collections.cri.node.plugins.plugin_utils.crio.live_values import entry_of
from ansible_collections.cri.node.plugins.plugin_utils.crio.versions import SUPPORTED, Version, parse_version
from ansible_collections.cri.node.plugins.plugin_utils.findings import shown_value
from ansible_collections.cri.node.plugins.plugin_utils.layers import Path
from ansible_collections.cri.node.plugins.plugin_utils.plain import TooDeep, plain
from ansible_collections.cri.node.plugins.plugin_utils.plan.levels import LEVELS, of_entry
from ansible_collections.cri.node.plugins.plugin_utils.problem import Problem
from ansible_collections.cri.node.plugins.plugin_utils.text.did_you_mean import did_you_mean
from ansible_collections.cri.node.plugins.plugin_utils.text.structured_text import (
    fault_of_mapping,
    mapping_of,
)

VARIABLE = "runtime_disruptions"
_ACCEPTED = (
    "dotted keys or tables of crio.conf, such as crio.runtime.pids_limit, with none, reload, restart or drain"
)
_MOST = 500  # entries; more of them are a mistake


class Override(NamedTuple):
    """The disruption of a key, or of all keys of a table; `*` stands for the name of each handler or workload."""

    path: Path
    disruption: str  # one of LEVELS

    @property
    def key(self) -> str:
        """The dotted key."""
        return ".".join(self.path)

    def __str__(self) -> str:
        """Return the override as the variable has it, for a reason."""
        return f"{VARIABLE}: {self.key}: {self.disruption}"


class Overrides(NamedTuple):
    """The overrides, and the problems of the entries that are none."""

    entries: tuple[Override, ...] = ()
    problems: tuple[Problem, ...] = ()
    accepted: AcceptedKeys = (
        accepted_keys.NONE
    )  # the keys that users accept although the catalogue does not have them

    def of(self, key: str) -> Override | None:
        """Return the override of a dotted key: the one with the longest path, and of equal ones that without `*`."""
        path = _path_of(key)
        found = [each for each in self.entries if accepted_keys.matches(each.path, path)]
        return max(found, key=lambda each: (len(each.path), -each.path.count(ANY)), default=None)

    def level_of(self, key: str, without: str) -> str:
        """Return the disruption of a changed key. without: its disruption if it had no override."""
        override = self.of(key)
        if override is None:
            return without
        if CATALOGUE.lookup(key) is None and self.accepted.include(_path_of(key)):
            return override.disruption
        return max(without, override.disruption, key=LEVELS.index)


NONE = Overrides()


def _path_of(key: str) -> Path:
    """Return the path of a dotted key in which only the name of a handler or a workload may be quoted."""
    table, name = entry_of(key)
    if not table:
        return tuple(key.split("."))
    rest = key[len(table) + 1 :]
    return ("crio", "runtime", table.split(".")[2], name, *(rest.split(".") if rest else ()))


def read(value: object, files: Iterable[dict[str, object]]) -> Overrides:
    """Return the overrides in the value of the variable, which may be a text that holds the mapping.

    files: the entries of the option files, which have the accepted keys and the declared version.
    """
    try:
        given = mapping_of(plain(value))
    except TooDeep as error:
        return Overrides(problems=(Problem(VARIABLE, "", None, str(error), _ACCEPTED),))
    if not isinstance(given, dict):
        return Overrides(problems=(Problem(VARIABLE, "", None, fault_of_mapping(given), _ACCEPTED),))
    if not given:
        return NONE
    if len(given) > _MOST:
        fault = f"has {len(given)} entries"
        return Overrides(problems=(Problem(VARIABLE, "", None, fault, f"at most {_MOST}"),))
    entries = [each for each in files if each.get("kind") == "crio_conf"]
    accepted = AcceptedKeys(
        tuple(path for each in entries for path in accepted_keys.read(each.get("accept_keys")).paths)
    )
    versions = _versions([each.get("version") for each in entries])
    found, problems = [], []
    for key, level in given.items():
        problem = _problem(key, level, accepted, versions)
        if problem:
            problems.append(problem)
        else:
            found.append(Override(tuple(str(key).split(".")), str(level)))
    return Overrides(tuple(found), tuple(problems), accepted)


def _versions(declared: list[object]) -> list[Version]:
    """Return the declared versions that can be read, else all supported ones."""
    found = []
    for text in declared:
        try:
            found.append(parse_version(text if isinstance(text, str) else ""))
        except ValueError:
            continue
    return found or [parse_version(text) for text in SUPPORTED]


def _problem(key: object, level: object, accepted: AcceptedKeys, versions: list[Version]) -> Problem | None:
    """Return what is wrong with one entry, or None."""
    fault = accepted_keys.fault_of_name(key)
    if fault:
        return Problem(VARIABLE, str(key)[:100], None, fault, _ACCEPTED)
    value, name = shown_value(level), str(key)
    if not isinstance(level, str) or level not in LEVELS:
        meant = did_you_mean(level, LEVELS) if isinstance(level, str) else ""
        return Problem(VARIABLE, name, value, f"is not a disruption{meant}", ", ".join(LEVELS))
    path = tuple(name.split("."))
    known = _known(path)
    if not known:
        if accepted.include(path) or any(accepted_keys.matches(path, each) for each in accepted.paths):
            return None
        close = CATALOGUE.suggest(path)
        meant = f"; did you mean {close}?" if close else ""
        fault = f"is neither a key of crio.conf nor one of {accepted_keys.VARIABLE}{meant}"
        return Problem(VARIABLE, name, value, fault)
    least, needing = max(
        (
            (min((of_entry(each, version) for version in versions), key=LEVELS.index), each.key)
            for each in known
        ),
        key=lambda each: LEVELS.index(each[0]),
    )
    if LEVELS.index(level) >= LEVELS.index(least):
        return None
    higher = ", ".join(LEVELS[LEVELS.index(least) :])
    return Problem(
        VARIABLE,
        name,
        value,
        f"is less than the {least} that {'it' if needing == name else needing} needs: CRI-O would not load the change",
        f"{higher}; a lower one only for {accepted_keys.VARIABLE}",
    )


def _known(path: Path) -> list[Key]:
    """Return the entries of the catalogue for a key, or for all keys of a table."""
    found = []
    for key in CATALOGUE.keys:
        other = tuple(key.key.split("."))
        if len(path) <= len(other) and all(
            ANY in (mine, its) or mine == its for mine, its in zip(path, other)
        ):
            found.append(key)
    return found
