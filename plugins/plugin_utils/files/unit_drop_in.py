# SPDX-License-Identifier: GPL-3.0-or-later
"""Renders a drop-in for a systemd unit from data: sections, directives, values (systemd.syntax(7)).

Values may hold secrets (Environment=), so no problem ever prints one. Specifiers (%n) stay as they are.
"""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.cri.node.plugins.plugin_utils.crio import daemon_options
from ansible_collections.cri.node.plugins.plugin_utils.files import secret_values
from ansible_collections.cri.node.plugins.plugin_utils.files.kind import Kind, Versions
from ansible_collections.cri.node.plugins.plugin_utils.findings import Checked
from ansible_collections.cri.node.plugins.plugin_utils.layers import Data, Layers, Path
from ansible_collections.cri.node.plugins.plugin_utils.plain import TooDeep, plain
from ansible_collections.cri.node.plugins.plugin_utils.problem import Problem
from ansible_collections.cri.node.plugins.plugin_utils.text import toml
from ansible_collections.cri.node.plugins.plugin_utils.text.one_line import line_fault, shown_name
from ansible_collections.cri.node.plugins.plugin_utils.text.structured_text import (
    fault_of_mapping,
    mapping_of,
)
from ansible_collections.cri.node.plugins.plugin_utils.value_types import LONGEST, kind

_Sections = dict[str, dict[str, object]]  # section: {directive: a scalar or a list of them}
# Directives that may contain a password. The drop-in then has mode 0600 and does not appear in diffs and logs.
_SECRET = frozenset(("Environment", "SetCredential"))
SECTIONS = ("Unit", "Service", "Install")
_DIRECTIVE = re.compile(r"(X-)?[A-Z][A-Za-z0-9]*", re.ASCII)
_VALUE = "a single-line string, a number, true or false, or a list of these (one line each)"


def unit_problems(data: object, variable: str) -> list[Problem]:
    """Return all problems of the data of a drop-in."""
    return _read(data, variable)[1]


def render_unit(data: object) -> str:
    """Return the content of a drop-in, with sections and directives in a fixed order and list entries in the given order.

    Invalid entries are omitted: call unit_problems first.
    """
    return _lines(_read(data, "")[0])


def _lines(sections: _Sections) -> str:
    parts = []
    for section in SECTIONS:
        directives = sorted(sections.get(section, {}).items())
        lines = [f"{name}={_text(item)}\n" for name, value in directives for item in _items(value)]
        if lines:
            parts.append(f"[{section}]\n{''.join(lines)}")
    return "\n".join(parts)


def _items(value: object) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _read(data: object, variable: str) -> tuple[_Sections, list[Problem]]:
    """Return (the valid part of the data, the problems)."""
    found: _Sections = {}
    try:
        data = plain(data)
    except TooDeep as error:
        return found, [Problem(variable, "", None, str(error))]
    mapping = mapping_of(data)
    if not isinstance(mapping, dict):
        fault = fault_of_mapping(data, " of sections")
        return found, [Problem(variable, "", None, fault, ", ".join(SECTIONS))]
    problems: list[Problem] = []
    for section, directives in mapping.items():
        if section not in SECTIONS:
            problems.append(
                Problem(
                    variable, shown_name(section), None, "is not a section of a service", ", ".join(SECTIONS)
                )
            )
        elif not isinstance(directives, dict):
            message = f"is {kind(directives)}, not a mapping of directives"
            problems.append(Problem(variable, section, None, message, "for example KillMode: process"))
        else:
            found[section] = _directives(section, directives, variable, problems)
    return found, problems


def _directives(section: str, directives: Data, variable: str, problems: list[Problem]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in directives.items():
        if not _DIRECTIVE.fullmatch(name):
            accepted = "a name such as KillMode or LimitNOFILE"
            problems.append(
                Problem(
                    variable,
                    f"{section}.{shown_name(name)}",
                    None,
                    "is not the name of a directive",
                    accepted,
                )
            )
            continue
        right = []
        for index, item in enumerate(_items(value)):
            place = f"{section}.{name}" + (f"[{index}]" if isinstance(value, list) else "")
            fault = _fault(item) or daemon_options.fault_of_directive(section, name, _text(item))
            if fault:
                problems.append(Problem(variable, place, None, fault, _VALUE))
            else:
                right.append(item)
        found[name] = value if len(right) == len(_items(value)) else right
    return found


def _fault(value: object) -> str | None:
    if isinstance(value, (bool, int)):
        return None if int(value).bit_length() <= 64 else "is not a 64-bit integer"
    if not isinstance(value, str):
        return f"is {kind(value)}"
    if len(value) > LONGEST:
        return f"has {len(value)} characters, more than {LONGEST}"
    if value.endswith("\\"):
        return "ends with a backslash, which joins the next line to it"
    return line_fault(value)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


class UnitDropIn(Kind):
    """A drop-in of a service. Its layers are written one after the other, and systemd merges them by its own rules."""

    name = "unit_drop_in"
    file = "a drop-in of a systemd service"
    accepted = ", ".join(SECTIONS)

    def check(self, layers: Layers, versions: Versions) -> Checked:
        """Check each layer. The data contains their valid parts by name, or nothing if all of them are empty."""
        read = [(name, *_read(layer, name)) for name, layer in layers]
        data = {name: sections for name, sections, _problems in read}
        sources = {path: name for name, layer in data.items() for path, _value in _directives_of(layer)}
        problems = [problem for _name, _sections, each in read for problem in each]
        return Checked(data if any(data.values()) else {}, sources, problems, [])

    def render(self, data: Data) -> str:
        """Return the layers' sections one after the other, an empty line before each but the first."""
        parts = [_lines(layer) for layer in data.values()]
        while parts and not parts[-1]:
            parts.pop()
        return "\n".join(parts)

    def walk(self, data: Data) -> list[tuple[Path, object]]:
        """Return each directive below its section."""
        return [
            (path, None if path[1] in _SECRET else value)
            for layer in data.values()
            for path, value in _directives_of(layer)
        ]

    def read(self, text: str) -> dict[str, str] | None:
        """Return each directive below its section, the values of a repeated one on a line each."""
        section, found = "", dict[str, str]()
        for line in map(str.strip, text.splitlines()):
            if not line or line[0] in "#;":
                continue
            if line.startswith("[") and line.endswith("]"):
                section = line[1:-1]
                continue
            name, equals, value = line.partition("=")
            if not section or not equals or line.endswith("\\"):  # continued on the next line
                return None
            key = toml.dotted((section, name.strip()))
            found[key] = f"{found[key]}\n{value.strip()}" if key in found else value.strip()
        return found

    def is_secret(self, data: Data) -> bool:
        """Return whether a directive is set that may hold a password."""
        return any(not _SECRET.isdisjoint(layer.get("Service", {})) for layer in data.values())

    def secrets(self, data: Data, content: str) -> list[str]:
        """Return the values of directives that may hold a password."""
        return secret_values.of_text(content) if self.is_secret(data) else []


def _directives_of(layer: _Sections) -> list[tuple[Path, object]]:
    return [
        ((section, name), value)
        for section, directives in layer.items()
        for name, value in directives.items()
    ]
