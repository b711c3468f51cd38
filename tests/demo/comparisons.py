# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of nodes and of runs that the checks of the demo compare."""

from collections.abc import Iterable, Mapping
from typing import Any

from testbed.playbooks import Run


def same(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, bool | tuple]:
    """Return, for each node, True if both values are equal, else both values."""
    return {name: value == other[name] or (value, other[name]) for name, value in one.items()}


def plans(run: Run) -> dict[str, dict[str, Any]]:
    """Return the plan of each node that a run changes, or would change, from the statistics of the run."""
    return by_node(run.custom["_run"]["cri_node_plan"]["plans"])


def by_node(joined: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the entries of a report, each of which names its nodes, by node."""
    return {name: dict(each) for each in joined for name in each["nodes"]}
