# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node was before the collection's first change of it, as far as a removal cannot read that from the node.

It is part of the state: the files that a managed file has replaced, the directories that changes have created, and whether the
unit was enabled. Contents that may be secret are not recorded.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, cast

from .. import node_files, node_state
from ..documents import LARGEST_SHOWN
from . import state as committed

if TYPE_CHECKING:
    from ..contract import Before, Origin, Original, RemovalChange, Request, State
    from .intent import Prepared


def extended(request: Request, state: State, prepared: Prepared, before: Before | None) -> Origin:
    """Return the origin that the change of a request commits. Raises NodeFileError.

    prepared: its files, which are not swapped yet. before: the daemon before the change, None if it concerns none.
    """
    found = _known(state)
    directories = sorted({*found["directories"], *prepared.directories, *prepared.for_stages})
    if cast("RemovalChange", request).get("removal"):
        return {**found, "directories": directories, "restored": True}
    files = {} if found["restored"] else dict(found["files"])  # after a removal they are read again
    owned = committed.recorded(state)
    for file in request["files"]:
        path = file["path"]
        if path in request["contents"] and path not in owned and path not in files:
            original = _original(path, file["owner"], file["disruption"], file["secret"])
            if original:
                files[path] = original
    found = {**found, "directories": directories, "files": files, "restored": False}
    if before is not None and found["first_unit_change"]:
        found = {**found, "enabled": before["enabled"], "first_unit_change": False}
    return found


def _known(state: State) -> Origin:
    """Return the recorded origin; an empty one before the first change."""
    if "origin" in state:
        return state["origin"]
    # Of a node that an earlier version of the collection has changed, it is not known whether the unit was enabled.
    first = state["generation"] == 0
    return {"enabled": None, "first_unit_change": first, "directories": [], "files": {}, "restored": False}


def _original(path: str, owner: str, disruption: str, secret: bool) -> Original | None:
    """Return what is known of the file of somebody else that a managed file replaces; None if there is none."""
    found = node_files.describe(path)
    if found["file_type"] != "file" or node_state.has_our_header(path):
        return None
    content = node_files.read_bytes(path)
    is_public = bool(int(found["mode"], 8) & 0o004) and not secret
    return {
        "owner": owner,
        "disruption": disruption,
        "mode": found["mode"],
        "uid": found["uid"],
        "gid": found["gid"],
        "content": base64.b64encode(content).decode("ascii")
        if is_public and len(content) <= LARGEST_SHOWN
        else None,
    }


def text_of(original: Original) -> str | None:
    """Return the content of a replaced file; None if it was not kept, or is not text, which no configuration file is."""
    if original["content"] is None:
        return None
    try:
        return base64.b64decode(original["content"], validate=True).decode("utf-8")
    except ValueError:
        return None
