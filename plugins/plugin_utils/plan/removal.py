# SPDX-License-Identifier: GPL-3.0-or-later
"""What a removal takes from a node and what it leaves, as a task's result has it. Pure functions over data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.cri.node.plugins.module_utils.text import shown
from ansible_collections.cri.node.plugins.plugin_utils.plan.plan import Plan

#: what can be removed, in the order of reports
SUBJECTS = ("pods", "service", "storage", "files", "bundle", "prerequisites", "state")
_LONGEST = 1000  # characters of a name or a reason


def summary(made: Plan, parts: Iterable[Mapping[str, Any]]) -> dict[str, list[dict[str, str]]]:
    """Return {"removed": [{subject, name}], "kept": [{subject, name, reason}]} of the plan for the files and the other parts.

    parts: contract.RemovalFindings. A shared file that stays without our entries is kept, and so is one that comes back.
    """
    removed = [{"subject": "files", "name": shown(path, _LONGEST)} for path in made.removes]
    kept = []
    for path, action in made.files.items():
        if action == "remove":
            continue
        if path in made.left:
            removed.append({"subject": "files", "name": f"{shown(path, _LONGEST)} (entries of cri.node)"})
            kept.append(
                {"subject": "files", "name": shown(path, _LONGEST), "reason": "others have entries in it"}
            )
        else:
            removed.append({"subject": "files", "name": f"{shown(path, _LONGEST)} (the former file is back)"})
    for part in parts:
        removed += [_shown(each) for each in part["removed"]]
        kept += [_shown(each) for each in part["kept"]]
    # A file of the bundle with the entries of the bundle alone.
    gone = {each["name"] for each in removed}
    kept = [each for each in kept if each["subject"] != "files" or each["name"] not in gone]
    return {"removed": sorted(removed, key=_order), "kept": sorted(kept, key=_order)}


def _shown(entry: Mapping[str, str]) -> dict[str, str]:
    return {name: shown(text, _LONGEST) for name, text in entry.items()}


def _order(entry: Mapping[str, str]) -> tuple[int, str]:
    subject = entry["subject"]
    return SUBJECTS.index(subject) if subject in SUBJECTS else len(SUBJECTS), entry["name"]
