# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the check of one file's data gathers what it finds: each with the variable that gave the value."""

from __future__ import annotations

from typing import Any, NamedTuple

from ansible_collections.cri.node.plugins.plugin_utils.layers import Path, source_of
from ansible_collections.cri.node.plugins.plugin_utils.problem import Problem
from ansible_collections.cri.node.plugins.plugin_utils.text import toml
from ansible_collections.cri.node.plugins.plugin_utils.text.did_you_mean import did_you_mean
from ansible_collections.cri.node.plugins.plugin_utils.value_types import TYPES, Unfit, is_unicode

MOST = 200  # problems, or warnings, of one file: whoever has more of them has made one mistake in many places
_LONGEST_NAME = 200  # characters of a name in a message


class Checked(NamedTuple):
    """The outcome: typed data, the variable of each value by its path, what is wrong, and what is only unwise."""

    data: dict[str, Any]
    sources: dict[Path, str]
    problems: list[Problem]
    warnings: list[Problem]

    def as_result(self, values: list[tuple[Path, object]]) -> dict[str, Any]:
        """Return the outcome as a filter does. values: each value of the data with its path."""
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
        """Note what is wrong. `value` is printed as it is; `inside` is the place within a list or table."""
        self.found += 1
        if self.found > MOST:
            return
        key = f"{shown(path)}{inside}"
        self.problems.append(Problem(source_of(self.sources, path), key, value, message, accepted))

    def warning(self, path: Path, message: str) -> None:
        """Note what works and is unwise."""
        if len(self.warnings) >= MOST:
            return
        self.warnings.append(Problem(source_of(self.sources, path), shown(path), None, message, None))

    def listed(self) -> list[Problem]:
        """The problems, and how many more there are than are worth a look at once."""
        if self.found <= MOST:
            return self.problems
        return [*self.problems, Problem("", "", None, f"{self.found - MOST} more problems are not listed")]

    def suggestion(self, name: str, known: list[str]) -> str:
        """The known name that was probably meant, as the end of a sentence; "" where a reader has enough to do already."""
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
        """The typed values of a table whose keys and their types are `types`; the faulty ones are left out.

        `unknown` says what becomes of a key that is not among them; `tables` are further names that it may have
        been meant to be. A null says nothing.
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
    """A path for people; unlike toml.dotted it never fails."""
    path = tuple(f"{name[:_LONGEST_NAME]}..." if len(name) > _LONGEST_NAME else name for name in path)
    names = (name if name.isprintable() and "." not in name else ascii(name) for name in path)
    return ".".join(names).replace(".[", "[")  # an entry of a list that has no name but its place


def shown_value(value: object) -> str | None:
    """A scalar as TOML would write it; what is longer or no scalar is described by the message alone."""
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
    """A name as these files spell theirs."""
    return name.lower().replace("_", "-")
