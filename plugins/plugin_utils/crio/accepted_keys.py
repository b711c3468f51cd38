# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys of crio.conf that users accept although the catalogue does not have them, for a newer CRI-O or a vendor's build."""

from __future__ import annotations

import re
from typing import NamedTuple

from ansible_collections.cri.node.plugins.plugin_utils.crio.catalogue import ANY, CATALOGUE
from ansible_collections.cri.node.plugins.plugin_utils.findings import shown_value
from ansible_collections.cri.node.plugins.plugin_utils.layers import Path
from ansible_collections.cri.node.plugins.plugin_utils.plain import TooDeep, plain
from ansible_collections.cri.node.plugins.plugin_utils.problem import Problem
from ansible_collections.cri.node.plugins.plugin_utils.text.structured_text import list_of
from ansible_collections.cri.node.plugins.plugin_utils.value_types import kind

VARIABLE = "crio_accept_keys"
_KEY = re.compile(r"crio(?:\.(?:\*|[A-Za-z0-9_-]{1,100})){1,8}", re.ASCII)
_ACCEPTED = "a list of dotted keys such as crio.runtime.some_new_key; * matches each handler or workload"
_MOST = 500  # entries; more of them are a mistake


class AcceptedKeys(NamedTuple):
    """The keys to accept, each with everything below it, and the problems of the entries that are not keys."""

    paths: tuple[Path, ...] = ()
    problems: tuple[Problem, ...] = ()

    def include(self, path: Path) -> bool:
        """Return whether a key is one of them, or below one of them."""
        return any(matches(each, path) for each in self.paths)


NONE = AcceptedKeys()


def read(entries: object) -> AcceptedKeys:
    """Return the keys of the variable, which may be a text that holds the list."""
    try:
        given = list_of(plain(entries))
    except TooDeep as error:
        return AcceptedKeys(problems=(Problem(VARIABLE, "", None, str(error), _ACCEPTED),))
    if not isinstance(given, list):
        return AcceptedKeys(
            problems=(Problem(VARIABLE, "", None, f"is {kind(given)}, not a list", _ACCEPTED),)
        )
    if len(given) > _MOST:
        return AcceptedKeys(
            problems=(Problem(VARIABLE, "", None, f"has {len(given)} entries", f"at most {_MOST}"),)
        )
    faults = [(index, entry, fault_of_name(entry) or _fault(entry)) for index, entry in enumerate(given)]
    return AcceptedKeys(
        tuple(dict.fromkeys(tuple(str(entry).split(".")) for _index, entry, fault in faults if not fault)),
        tuple(
            Problem(VARIABLE, f"[{index}]", shown_value(entry), fault, _ACCEPTED)
            for index, entry, fault in faults
            if fault
        ),
    )


def fault_of_name(entry: object) -> str:
    """Return why an entry is not the dotted name of a key or a table of crio.conf, or ""."""
    if not isinstance(entry, str):
        return f"is {kind(entry)}, not the dotted name of a key"
    if not _KEY.fullmatch(entry):
        return "is not the dotted name of a key of crio.conf, which starts with crio"
    return ""


def _fault(entry: str) -> str:
    return "is a table of every CRI-O: name the keys in it" if CATALOGUE.is_table(entry) else ""


def matches(pattern: Path, path: Path) -> bool:
    """Return whether a path is a pattern's, in which * stands for any name, or is below it."""
    return len(pattern) <= len(path) and all(name in (ANY, other) for name, other in zip(pattern, path))
