# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the generations that are kept on a node: as facts, and as the source of a rollback. Changes nothing."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from .. import documents, node_files
from ..errors import NodeError
from ..layout import Layout
from ..text import shown
from . import generation
from . import state as committed

if TYPE_CHECKING:
    from ..contract import Generation, KeptFile, State


class KeptGeneration(NamedTuple):
    """A generation on the node's disk."""

    number: int
    folder: str
    listed: Generation | None  # None if it is damaged
    problem: str  # why it cannot be used, or ""


def read(layout: Layout, state: State) -> list[KeptGeneration]:
    """Return the kept generations, the newest first. A damaged one has a problem, and does not fail the others.

    A generation that was committed and not yet named so, as after a kill, is one of them; one of a change that is under way
    or has failed is not.
    """
    numbers: dict[int, str] = {}
    for name in sorted(generation.names(layout), reverse=True):  # 3 replaces 3.partial
        number = int(name.partition(".")[0])
        if name.isdigit() or number == state["generation"]:
            numbers[number] = os.path.join(layout.generations, name)
    return [_read(number, numbers[number]) for number in sorted(numbers, reverse=True)]


def _read(number: int, folder: str) -> KeptGeneration:
    path = os.path.join(folder, generation.LIST)
    try:
        text = node_files.read_text(path)
        if text is None:
            return KeptGeneration(number, folder, None, f"{path} does not exist")
        return KeptGeneration(number, folder, documents.read_generation(text, path), "")
    except NodeError as error:
        return KeptGeneration(number, folder, None, str(error))


def content_of(kept: KeptGeneration, file: KeptFile) -> str | None:
    """Return the kept content of a file, None if it is not kept: of a secret file, and of one that was not as committed.

    A content with another hash than the recorded one is as good as none.
    """
    if file["secret"] or not file["saved"]:
        return None
    try:
        content = node_files.read_bytes(os.path.join(kept.folder, os.path.basename(file["saved"])))
    except NodeError:
        return None
    if node_files.digest(content) != file["sha256"]:
        return None
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return None


def facts(layout: Layout) -> dict[str, Any]:
    """Return the facts of runtime_generations_facts. Raises NodeFileError.

    They contain no content of a file, no hash of a secret one, and of shared files only the names of our entries.
    """
    state, damage = committed.load(layout)
    listed = [_facts_of(each, state) for each in read(layout, state)]
    return {"current": state["generation"], "generations": listed, "problem": shown(damage)}


def _facts_of(kept: KeptGeneration, state: State) -> dict[str, Any]:
    found: dict[str, Any] = {
        "number": kept.number,
        "current": kept.number == state["generation"],
        "created_at": None,
        "plan": None,
        "files": [],
        "shared": [],
        "problem": shown(kept.problem),
    }
    if kept.listed is None:
        return found
    plan = kept.listed["plan"]
    found["created_at"] = kept.listed["created_at"]
    found["plan"] = plan and {**plan, "reasons": [shown(reason) for reason in plan["reasons"]]}
    found["files"] = [_facts_of_file(kept, path, file) for path, file in sorted(kept.listed["files"].items())]
    found["shared"] = [
        {
            "path": path,
            "owner": owner,
            "entries": {section: sorted(names) for section, names in sets[path]["entries"].items()},
        }
        for owner, sets in sorted(kept.listed["shared"].items())
        for path in sorted(sets)
    ]
    return found


def _facts_of_file(kept: KeptGeneration, path: str, file: KeptFile) -> dict[str, Any]:
    found = {
        "path": path,
        "owner": file["owner"],
        "mode": file["mode"],
        "secret": file["secret"],
        "disruption": file["disruption"],
        "content_kept": content_of(kept, file) is not None,
        "matches_node": _matches_node(path, file),
    }
    # A short secret could be guessed from its hash.
    return found if file["secret"] else {**found, "sha256": file["sha256"]}


def _matches_node(path: str, file: KeptFile) -> bool:
    try:
        return committed.is_as_committed(node_files.describe(path), file)
    except NodeError:
        return False
