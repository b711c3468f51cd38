# SPDX-License-Identifier: GPL-3.0-or-later
"""Collects problems and warnings of one file's data, each with the variable that set the value."""

from __future__ import annotations

from typing import Any, NamedTuple

from ansible_collections.cri.node.plugins.plugin_utils.layers import Path, source_of
from ansible_collections.cri.node.plugins.plugin_utils.problem import Problem
from ansible_collections.cri.node.plugins.plugin_utils.text import toml
from ansible_collections.cri.node.plugins.plugin_utils.text.did_you_mean import did_you_mean
from ansible_collections.cri.node.plugins.plugin_utils.value_types import TYPES, Unfit, is_unicode

MOST = 200  # problems, or warnings, of one file: more of them are usually one mistake in many places
_LONGEST_NAME = 200  # characters of a name in a message


class Checked(NamedTuple):
    """The result: typed data, the variable of each value by its path, problems and warnings."""

    data: dict[str, Any]
    sources: dict[Path, str]
    problems: list[Problem]
    warnings: list[Problem]

    def as_result(self, values: list[tuple[Path, object]]) -> dict[str, Any]:
        """Return the result in the form of the filters. values: each value of the data with its path."""
        return {
            "data": self.data,
            "layers": {toml.dotted(path): source_of(self.sources, path) for path, _value in values},
            "problems": [str(problem) for problem in self.problems],
            "warnings": [str(warning) for warning in self.warnings],
        }


class Findings:
    """Problems and warnings of one check; `sources` names each value's variable (see layers.merge)."""

    def __init__(self, sources: dict[Path, str]) -> None:
        self.sources = sources
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        self.found = 0  # problems, those beyond MOST included

    def problem(
        self,
        path: Path,
        message: str,
        accepted: str | None = None,
        value: str | None = None,
        inside: str = "",
    ) -> None:
        """Add a problem. `value` is printed as it is; `inside` is the place inside a list or table."""
        self.found += 1
        if self.found > MOST:
            return
        key = f"{shown(path)}{inside}"
        self.problems.append(Problem(source_of(self.sources, path), key, value, message, accepted))

    def warning(self, path: Path, message: str) -> None:
        """Add a warning for a setting that is accepted, but not recommended."""
        if len(self.warnings) >= MOST:
            return
        self.warnings.append(Problem(source_of(self.sources, path), shown(path), None, message, None))

    def listed(self) -> list[Problem]:
        """Return the problems, at most MOST, and the number of further ones."""
        if self.found <= MOST:
            return self.problems
        return [*self.problems, Problem("", "", None, f"{self.found - MOST} more problems are not listed")]

    def suggestion(self, name: str, known: list[str]) -> str:
        """Return the known name that was probably meant, as the end of a sentence; "" if there are too many problems."""
        return did_you_mean(_spelled(name), known) if self.found < MOST else ""

    def flat_table(
        self,
        table: dict[str, Any],
        path: Path,
        types: dict[str, str],
        unknown: str,
        inside: str = "",
        tables: tuple[str, ...] = (),
    ) -> dict[str, Any]:
        """Return the typed values of a table whose keys have these `types`, without values that have a problem.

        `unknown` is the message for an unknown key; `tables` are further names for suggestions. Null is ignored.
        """
        typed = {}
        for name, value in table.items():
            here, within = ((*path, name), "") if not inside else (path, f"{inside}.{name}")
            if name not in types:
                meant = self.suggestion(name, sorted((*types, *tables)))
                self.problem(here, f"{unknown}{meant}", inside=within)
            elif value is not None:
                try:
                    typed[name] = TYPES[types[name]].convert(value)
                except Unfit as unfit:
                    place = f"{within}{unfit.inside}"
                    self.problem(here, unfit.message, unfit.accepted, shown_value(unfit.value), place)
        return typed


def shown(path: Path) -> str:
    """Return a path for messages; unlike toml.dotted it never fails."""
    path = tuple(f"{name[:_LONGEST_NAME]}..." if len(name) > _LONGEST_NAME else name for name in path)
    names = (name if name.isprintable() and "." not in name else ascii(name) for name in path)
    return ".".join(names).replace(".[", "[")  # a list entry, which only has an index


def shown_value(value: object) -> str | None:
    """Return a scalar as TOML writes it; None for a long value or another type, which the message describes."""
    if not isinstance(value, (bool, int, float, str)):
        return None
    if (isinstance(value, int) and value.bit_length() > 200) or (
        isinstance(value, str) and not _is_short(value)
    ):
        return None
    text = toml.literal(value) if not isinstance(value, int) or isinstance(value, bool) else str(value)
    return text if len(text) <= 80 else None


def _is_short(text: str) -> bool:
    return len(text) <= 80 and is_unicode(text)


def _spelled(name: str) -> str:
    """Return a name in the spelling of these files."""
    return name.lower().replace("_", "-")
