# SPDX-License-Identifier: GPL-3.0-or-later
"""Renders a file for systemd's EnvironmentFile= from a mapping (systemd.exec(5), "EnvironmentFile=").

A POSIX shell reads the same text in the same way. Values are often secret (a proxy's password), so problems never contain
them.
"""

from __future__ import annotations

import re

from ansible_collections.cri.node.plugins.plugin_utils.crio import daemon_options
from ansible_collections.cri.node.plugins.plugin_utils.files import secret_values
from ansible_collections.cri.node.plugins.plugin_utils.files.kind import Kind, Versions
from ansible_collections.cri.node.plugins.plugin_utils.findings import Checked
from ansible_collections.cri.node.plugins.plugin_utils.layers import Data, Layers, merge
from ansible_collections.cri.node.plugins.plugin_utils.plain import TooDeep, plain
from ansible_collections.cri.node.plugins.plugin_utils.problem import Problem
from ansible_collections.cri.node.plugins.plugin_utils.text.one_line import line_fault, shown_name
from ansible_collections.cri.node.plugins.plugin_utils.text.structured_text import (
    fault_of_mapping,
    mapping_of,
)
from ansible_collections.cri.node.plugins.plugin_utils.value_types import LONGEST, kind

_NAME = "[A-Za-z_][A-Za-z0-9_]*"
_UNQUOTED = "[A-Za-z0-9_@%+=:,./-]+"
_ESCAPED = {ord(char): f"\\{char}" for char in '"\\`$'}


def environment_problems(data: object, variable: str) -> list[Problem]:
    """Return all problems of a mapping of names to values."""
    return _read(data, variable)[1]


def render_environment(data: object) -> str:
    """Return the content of the file, sorted by variable. Invalid entries are omitted: call environment_problems first."""
    return _lines(_read(data, "")[0])


def _lines(values: dict[str, str]) -> str:
    return "".join(f"{name}={_quoted(values[name])}\n" for name in sorted(values))


def _read(data: object, variable: str) -> tuple[dict[str, str], list[Problem]]:
    """Return (the valid values as strings, the problems of the others)."""
    try:
        data = plain(data)
    except TooDeep as error:
        return {}, [Problem(variable, "", None, str(error))]
    mapping = mapping_of(data)
    if not isinstance(mapping, dict):
        message = fault_of_mapping(data, " of names to values")
        accepted = "for example HTTP_PROXY: http://proxy.example.com:3128"
        return {}, [Problem(variable, "", None, message, accepted)]
    found = {}
    problems = []
    for name, value in mapping.items():
        if not re.fullmatch(_NAME, name, re.ASCII):
            accepted = "letters, digits and underscores, not starting with a digit"
            problems.append(
                Problem(
                    variable,
                    shown_name(name),
                    None,
                    "is not a valid name of an environment variable",
                    accepted,
                )
            )
            continue
        fault = _fault(value) or daemon_options.fault_of_variable(name, str(value))
        if fault:
            problems.append(Problem(variable, name, None, fault, "a single-line string or an integer"))
        else:
            found[name] = str(value)
    return found, problems


def _fault(value: object) -> str | None:
    if isinstance(value, bool):
        return "is a boolean, which has more than one spelling in an environment: put it in quotes"
    if isinstance(value, int):
        return None if value.bit_length() <= 64 else "is not a 64-bit integer"
    if not isinstance(value, str):
        return f"is {kind(value)}, not a string"
    if len(value) > LONGEST:
        return f"has {len(value)} characters, but Linux accepts at most {LONGEST}"
    return line_fault(value)


def _quoted(value: str) -> str:
    return value if re.fullmatch(_UNQUOTED, value, re.ASCII) else f'"{value.translate(_ESCAPED)}"'


class EnvironmentFile(Kind):
    """A file of environment variables for a service, always secret."""

    name = "environment_file"
    file = "a file of environment variables"
    accepted = "a mapping of names to values"

    def check(self, layers: Layers, versions: Versions) -> Checked:
        """Check each layer and merge the valid parts. A problem names the variable of its layer."""
        read = [(name, *_read(layer, name)) for name, layer in layers]
        data, sources = merge([(name, values) for name, values, _problems in read])
        return Checked(data, sources, [problem for _name, _values, each in read for problem in each], [])

    def render(self, data: Data) -> str:
        """Return one variable per line, sorted."""
        return _lines(data)

    def is_secret(self, data: Data) -> bool:
        """Return True: a value is often a password."""
        return True

    def secrets(self, data: Data, content: str) -> list[str]:
        """Return the values."""
        return secret_values.of_text(content)
