# SPDX-License-Identifier: GPL-3.0-or-later
"""Problems of the settings of many nodes, with equal problems combined, as data and as a table."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from ansible_collections.cri.node.plugins.module_utils.text import shown
from ansible_collections.cri.node.plugins.plugin_utils.problem import Problem
from ansible_collections.cri.node.plugins.plugin_utils.text import table

_MOST = 200  # faults that are listed; the rest are counted
_WIDTHS = (28, 32, 16)  # columns of variable, key and value
_LONGEST = 400  # characters of one cell
_LABELLED = re.compile(r"\w+ \((\w+) of the role\)")  # as option_rules.labelled writes it


class Fault(NamedTuple):
    """One problem or warning, and the nodes that have it."""

    nodes: tuple[str, ...]
    problem: Problem


def joined(problems: Iterable[tuple[str, Problem]]) -> list[Fault]:
    """Combine equal problems of several nodes, in the order in which they are found."""
    nodes: dict[Problem, dict[str, None]] = {}
    for node, problem in problems:
        nodes.setdefault(_placed(problem), {})[node] = None
    return [Fault(tuple(names), problem) for problem, names in nodes.items()]


def _placed(problem: Problem) -> Problem:
    """Return the problem of an option as a problem of the role variable."""
    labelled = "" if problem.variable else _LABELLED.fullmatch(problem.key)
    return problem._replace(variable=labelled[1], key="") if labelled else problem


def as_data(faults: list[Fault]) -> list[dict[str, Any]]:
    """Return the faults for a task's result: nodes, variable, key, value, message, accepted; unknown values are omitted."""
    return [
        {
            "nodes": list(fault.nodes),
            **{
                name: shown(text, _LONGEST)
                for name, text in fault.problem._asdict().items()
                if text not in (None, "")
            },
        }
        for fault in faults
    ]


def lines(faults: list[Fault], nodes: int) -> list[str]:
    """Return the faults as a table; nodes: how many were checked."""
    body: list[str] = []
    for fault in faults[:_MOST]:
        variable, key, value, message, accepted = (shown(text or "", _LONGEST) for text in fault.problem)
        if variable or key:
            body += table.row((variable, key, value, accepted), _WIDTHS)
        body += table.wrapped(f"    {message}", table.WIDTH, "    ")
        if nodes > 1:
            which = "all nodes" if len(fault.nodes) == nodes else table.listed(fault.nodes)
            body += table.wrapped(f"    on {which}", table.WIDTH, "    ")
    if len(faults) > _MOST:
        body.append(f"    {len(faults) - _MOST} more are not listed")
    return table.ruled(table.row(("variable", "key", "value", "accepted"), _WIDTHS), body)
