# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of a migration: what is wrong with them, and the request to the node that follows."""

from __future__ import annotations

from typing import Any

from ansible_collections.cri.node.plugins.plugin_utils.host.requirements import FAMILIES
from ansible_collections.cri.node.plugins.plugin_utils.migration.engines import CRIO, ENGINES, as_request
from ansible_collections.cri.node.plugins.plugin_utils.problem import Problem
from ansible_collections.cri.node.plugins.plugin_utils.task.option_rules import labelled

#: the role's variables of the options
VARIABLES = {
    "engine": "migrate_engine",
    "former": "migrate_former",
    "images": "migrate_images",
    "overruled_guards": "migrate_overruled_guards",
    "ready_timeout": "migrate_ready_timeout",
    "pull_timeout": "migrate_image_timeout",
}
MIGRATED, FORMER_REMOVED = "migrated", "former_removed"


def problems(options: dict[str, Any]) -> list[Problem]:
    """Return what is wrong with the options together. One of the two engines is always CRI-O."""
    engine, former = options["engine"], options["former"]
    if former and former == engine:
        return [
            Problem(
                "", labelled("former", VARIABLES), f'"{former}"', "is the new engine, too", _others(engine)
            )
        ]
    if former and CRIO not in (engine, former):
        fault = f"cannot be migrated to {engine}: one of the two engines must be {CRIO}"
        return [Problem("", labelled("former", VARIABLES), f'"{former}"', fault, CRIO)]
    if options["state"] == FORMER_REMOVED and engine != CRIO:
        fault = f"has no effect with state: {FORMER_REMOVED}, since {ENGINES[CRIO].title} is removed by the role remove"
        return [Problem("", labelled("engine", VARIABLES), f'"{engine}"', fault, CRIO)]
    return []


def _others(engine: str) -> str:
    return ", ".join(name for name in ENGINES if name != engine)


def request(options: dict[str, Any]) -> dict[str, Any]:
    """Return what the node is asked. Back from CRI-O, the former engine is known."""
    engine = options["engine"]
    return {
        "state": options["state"],
        "engines": as_request(),
        "families": FAMILIES,
        "engine": engine,
        "former": options["former"],
        "images": options["images"],
        "overruled_guards": options["overruled_guards"],
        "ready_timeout": options["ready_timeout"],
        "pull_timeout": options["pull_timeout"],
    }
