# SPDX-License-Identifier: GPL-3.0-or-later
"""Prepares a host for a container runtime and the kubelet, and puts it back.

Everything is read and judged first. Then a change is made as a whole or undone. What is recorded as ours and not wanted any more
is put back, so that removing everything is the same as wanting nothing.
"""

from __future__ import annotations

from .. import node_files
from ..layout import NODE
from . import cgroups, commands, kernel_modules, record, subordinate_ids, swap, sysctls
from .steps import HostError, Part, take

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..layout import Layout

_MOST_PROBLEMS = 20  # in one message


def prepare(request: dict[str, Any], check: bool, layout: Layout = NODE) -> dict[str, Any]:
    """Bring the host to its desired state. check: only report what a run would do.

    request: modules, sysctls, swap, cgroup_v2, subordinate_ids, commands, families, packages_follow; empty ones are not wanted.
    Returns changed, prerequisites, files, packages and notes (warnings). Raises HostError, NodeError.
    """
    recorded, damage = record.read(layout)
    parts = _parts(layout, request, recorded)
    problems = [problem for part in parts.values() for problem in part.problems]
    if problems:
        raise HostError(_message(problems))
    after = record.empty()
    for part in parts.values():
        after.update(part.record)
    steps = [step for part in parts.values() for step in part.steps]
    warnings = [warning for part in parts.values() for warning in part.warnings]
    if damage:
        warnings.append(
            f"{damage}; it was renamed to {layout.prerequisites_record}.damaged, and what it recorded is not put back"
        )
    during = record.joined(recorded, after)
    if during != recorded:
        steps.insert(0, record.step(layout, recorded, during))
    if after != during:
        steps.append(record.step(layout, during, after))
    if not check:
        if damage:
            node_files.set_aside(layout.prerequisites_record)
        take(steps)
    items: dict[str, dict[str, Any]] = {}
    for name, part in parts.items():
        items.setdefault(name.partition(" ")[0], {}).update(part.items)
    return {
        "changed": bool(steps) or bool(damage),
        "prerequisites": items,
        "files": {path: list(texts) for part in parts.values() for path, texts in part.files.items()},
        "packages": [package for part in parts.values() for package in part.packages],
        "notes": warnings,
    }


def _parts(layout: Layout, request: dict[str, Any], recorded: dict[str, Any]) -> dict[str, Part]:
    """Return what each subject needs, in the order in which changes are made."""
    load, unload = kernel_modules.plan(layout, request["modules"], recorded["loaded_modules"])
    modules_follow = any(not each["found"]["loaded"] for each in load.items.values())
    return {
        "commands": commands.plan(
            layout, request["commands"], request["families"], request["packages_follow"]
        ),
        "cgroup": cgroups.plan(layout, request["cgroup_v2"]),
        "modules": load,
        "sysctls": sysctls.plan(layout, request["sysctls"], recorded["sysctls"], modules_follow),
        "swap": swap.plan(
            layout, request["swap"] == "disable", recorded["turned_off"], recorded["masked_units"]
        ),
        "subordinate_ids": subordinate_ids.plan(
            layout, request["subordinate_ids"], recorded["subordinate_ids"]
        ),
        "modules unloaded": unload,
    }


def _message(problems: list[str]) -> str:
    if len(problems) == 1:
        return f"{problems[0]}. Nothing was changed"
    more = len(problems) - _MOST_PROBLEMS
    listed = [f"({number}) {each}" for number, each in enumerate(problems[:_MOST_PROBLEMS], 1)]
    return f"{len(problems)} problems, and nothing was changed: {'; '.join(listed)}{f'; and {more} more' if more > 0 else ''}"
