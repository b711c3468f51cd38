# SPDX-License-Identifier: GPL-3.0-or-later
"""What is committed on this node, and whether its daemon has loaded it."""

from __future__ import annotations

from .. import documents, node_files
from ..crio.service import RuntimeService
from ..layout import Layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..contract import CommittedFile, FileIdentity, FoundFile, OwnedFile, State


def load(layout: Layout) -> tuple[State, str]:
    """Return (the state, a sentence about what is wrong with its file, or "").

    A damaged file is ignored: the node is then treated as if nothing had been committed, and the next commit writes it
    anew. Raises NodeFileError for a file that cannot be read.
    """
    text = node_files.read_text(layout.state_file)
    if text is None:
        return documents.empty_state(), ""
    try:
        return documents.read_state(text, layout.state_file), ""
    except documents.DamagedDocument as error:
        return documents.empty_state(), f"{error}; the next change writes it again"


def recorded(state: State) -> dict[str, OwnedFile]:
    """Return {path: the committed file with its owner}."""
    return {
        path: {**entry, "owner": owner}
        for owner, entries in state["owners"].items()
        for path, entry in entries.items()
    }


def identity(found: FoundFile) -> FileIdentity:
    """Return what distinguishes a file from a later one at its path; chmod changes none of it."""
    return {"sha256": found.get("sha256"), "inode": found.get("inode"), "modified": found.get("modified")}


def is_as_committed(found: FoundFile, entry: CommittedFile) -> bool:
    """Whether a file still has the content, the mode and the owner, root, with which it was committed."""
    return (found.get("sha256"), found.get("mode"), found.get("uid"), found.get("gid")) == (
        entry["sha256"],
        entry["mode"],
        0,
        0,
    )


def unloaded_keys(
    path: str, wanted: dict[str, str] | None, found: FoundFile, service: RuntimeService, state: State
) -> list[str] | None:
    """Return the keys of a file whose desired values differ from those that the running daemon has loaded; None if unknown.

    wanted: the hashes of the desired keys, {} for a file that is not desired, None for one that only counts as a whole.
    """
    loaded = _loaded_keys(path, recorded(state).get(path), found, service, state)
    if wanted is None or loaded is None:
        return None
    return sorted(key for key in {*loaded, *wanted} if loaded.get(key) != wanted.get(key))


def _loaded_keys(
    path: str, entry: OwnedFile | None, found: FoundFile, service: RuntimeService, state: State
) -> dict[str, str] | None:
    """Return the hashes of the keys that the running daemon has loaded from a file, whatever is at its path now."""
    acknowledged = state["acknowledged"]
    is_same_daemon = service.active and acknowledged["invocation_id"] == service.invocation_id
    if entry is None:
        # The daemon was there when the last change was committed, which found no such file.
        was_there = path in acknowledged["files"]
        return {} if is_same_daemon and found["file_type"] == "absent" and not was_there else None
    known = acknowledged["files"].get(path, {}) if is_same_daemon else {}
    is_committed = known.get("sha256") == entry["sha256"]
    if not is_same_daemon and found.get("sha256") == entry["sha256"]:
        is_committed = is_loaded(path, found, service, state)
    return entry["key_hashes"] if is_committed else None


def is_loaded(path: str, found: FoundFile, service: RuntimeService, state: State) -> bool:
    """Whether the running daemon has read these bytes.

    Known by the hash under its InvocationID; else, for a daemon that was started since the commit, because the file is the
    one that was committed, or is older than that start.
    """
    if not service.active:
        return False
    acknowledged = state["acknowledged"]
    known = acknowledged["files"].get(path)
    if acknowledged["invocation_id"] == service.invocation_id:
        return (known or {}).get("sha256") == found.get("sha256")
    if known and found["file_type"] == "file" and known == identity(found):
        return True
    return found["file_type"] == "absent" or found["changed_at"] < (service.started_at or 0)
