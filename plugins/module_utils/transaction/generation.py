# SPDX-License-Identifier: GPL-3.0-or-later
"""Generations: committed transactions that are kept on the node, to roll back to.

Everything that a commit needs is read and written before the first file of the node is changed; the commit itself is the
rename of state.json. A generation never holds the content of a secret file: a secret leaves the node with its setting.
"""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING, NamedTuple

from .. import documents, node_files
from ..crio.service import RuntimeService, binary_identity
from ..errors import NodeError
from ..layout import Layout
from ..managed_file import SharedFile
from . import state as committed

if TYPE_CHECKING:  # Python 3.8, which node_host refuses, cannot evaluate them
    from ..contract import (
        CommittedEntries,
        CommittedFile,
        File,
        FileIdentity,
        KeptFile,
        Origin,
        PlanSummary,
        Request,
        State,
    )

    Owners = dict[str, dict[str, CommittedFile]]  # owner: {path: ...}
    SharedEntries = dict[str, dict[str, CommittedEntries]]  # the same for shared files

KEPT = 5
#: the name of a generation's list, a contract.Generation
LIST = "files.json"
_MOST_REASONS = 20  # of a plan
_LONGEST_REASON = 300  # characters
_MOST_FILES = 100


class NextGeneration(NamedTuple):
    """The generation that a change will commit."""

    number: int
    owners: Owners
    shared: SharedEntries
    notes: list[str]  # on files of other owners
    origin: Origin


def prepare(
    layout: Layout, request: Request, state: State, shared: list[SharedFile], origin: Origin
) -> NextGeneration:
    """Write the next generation beside the others. `shared` are the shared files of the request's owners.

    origin: what is committed with it, see origin.py.

    Files of other owners that are missing or changed since their commit are noted, and do not stop a change. Raises
    NodeFileError.
    """
    # Of a state that was lost, the generations may still be there.
    number = max([state["generation"], *(int(name) for name in names(layout) if name.isdigit())]) + 1
    owners = {
        owner: dict(entries) for owner, entries in state["owners"].items() if owner not in request["owners"]
    }
    notes = []
    contents: dict[str, bytes | None] = {}
    for owner, entries in owners.items():
        for path in sorted(entries):
            note, contents[path] = _of_others(path, entries[path])
            if note:
                notes.append(f"{path} (of the owner {owner}) {note}")
    # What a removal writes belongs to somebody else.
    for file in [] if origin["restored"] else request["files"]:
        owners.setdefault(file["owner"], {})[file["path"]] = {
            "sha256": file["sha256"],
            "mode": file["mode"],
            "secret": file["secret"],
            "disruption": file["disruption"],
            "key_hashes": file.get("key_hashes"),
        }
        contents[file["path"]] = _content_of(file, request)
    folder = f"{layout.generations}/{number}.partial"
    node_files.remove_tree(folder)
    for directory in dict.fromkeys([layout.state_directory, layout.committed]):
        node_files.make_private_directory(directory)
    node_files.make_private_directory(layout.generations)
    node_files.make_private_directory(folder)
    kept: dict[str, KeptFile] = {}
    for owner, entries in owners.items():
        for path, entry in entries.items():
            kept[path] = {**entry, "owner": owner, "saved": None}
            if entry["secret"]:
                kept[path]["key_hashes"] = (
                    None  # a secret could be guessed from its hash, and must not outlive its setting
                )
            content = contents[path]
            if content is not None and not entry["secret"]:
                name = kept[path]["saved"] = str(len(kept))
                node_files.write_durably(os.path.join(folder, name), content)
    of_shared = _shared_entries(request, state, shared)
    listed: dict[str, object] = {
        "format": documents.GENERATION_FORMAT,
        "files": kept,
        "created_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    if of_shared:
        listed["shared"] = of_shared
    if request.get("plan"):
        listed["plan"] = _bounded(request["plan"])
    node_files.write_json(os.path.join(folder, LIST), listed)
    return NextGeneration(number, owners, of_shared, notes, origin)


def _bounded(plan: PlanSummary) -> PlanSummary:
    """Return what a generation records of a plan."""
    return {
        "disruption": plan["disruption"],
        "reasons": [reason[:_LONGEST_REASON] for reason in plan["reasons"][:_MOST_REASONS]],
        "files": dict(sorted(plan["files"].items())[:_MOST_FILES]),
    }


def _shared_entries(request: Request, state: State, shared: list[SharedFile]) -> SharedEntries:
    """Return our entries in shared files after the change, including those of other owners."""
    found: SharedEntries = {
        owner: dict(files)
        for owner, files in state.get("shared", {}).items()
        if owner not in request["owners"]
    }
    owners = {each["path"]: each["owner"] for each in request.get("shared") or []}
    for file in shared:
        record = file.record()
        if record:
            found.setdefault(owners[file.path], {})[file.path] = record
    return found


def _content_of(entry: File, request: Request) -> bytes:
    if entry["path"] in request["contents"]:
        return request["contents"][entry["path"]].encode()
    return node_files.read_bytes(entry["path"])


def _of_others(path: str, entry: CommittedFile) -> tuple[str, bytes | None]:
    """Return (a note on a file of another owner, or ""; its content or None)."""
    try:
        found = node_files.describe(path)
        if found["file_type"] == "absent":
            return "no longer exists", None
        if found["file_type"] != "file":
            return f"is now a {found['file_type']}", None
        note = "" if found["sha256"] == entry["sha256"] else "was changed after its commit"
        return note, node_files.read_bytes(path)
    except NodeError as error:
        return f"cannot be read: {error}", None


def forget_prepared(layout: Layout, number: int) -> None:
    """Remove what prepare wrote."""
    node_files.remove_tree(f"{layout.generations}/{number}.partial")


def commit(
    layout: Layout,
    request: Request,
    service: RuntimeService,
    version: str | None,
    prepared: NextGeneration,
    state: State,
) -> State:
    """Commit the change: record its files by owner and hash, and the InvocationID. Returns the new state.

    Raises NodeFileError if the change is not committed. `tidy` does what follows the commit.
    """
    new_state = documents.empty_state()
    new_state.update({"generation": prepared.number, "transaction": request["id"], "owners": prepared.owners})
    if prepared.shared:
        new_state["shared"] = prepared.shared
    new_state["origin"] = prepared.origin
    new_state["acknowledged"] = {
        "invocation_id": service.invocation_id,
        "files": _acknowledged(request, service, prepared, state),
    }
    if service.binary:
        with contextlib.suppress(OSError):
            new_state["binary"] = {"identity": binary_identity(service.binary), "version": version}
    node_files.write_json(layout.state_file, new_state)
    return new_state


def _acknowledged(
    request: Request, service: RuntimeService, prepared: NextGeneration, state: State
) -> dict[str, FileIdentity]:
    """Return what the running daemon has loaded: these files, and those of other owners that it had loaded before.

    After a start that is every file.
    """
    started = request["activate"] in ("start", "restart")
    ours = {entry["path"] for entry in request["files"]}
    ours |= {entry["path"] for entry in request.get("shared") or []}
    found = {}
    paths = [path for entries in prepared.owners.values() for path in entries]
    paths += [
        path for sets in prepared.shared.values() for path in sets if sets[path]["disruption"] != "none"
    ]
    for path in paths:
        try:
            here = node_files.describe(path)
        except NodeError:
            continue
        if here["file_type"] == "file" and (
            started or path in ours or committed.is_loaded(path, here, service, state)
        ):
            found[path] = committed.identity(here)
    return found


def tidy(layout: Layout, number: int) -> list[str]:
    """Name the committed generation and remove the oldest ones. Returns sentences about failures."""
    problems = []
    partial, folder = f"{layout.generations}/{number}.partial", f"{layout.generations}/{number}"
    try:
        if os.path.isdir(partial):
            node_files.remove_tree(folder)
            node_files.swap_in(partial, folder)
    except NodeError as error:
        problems.append(str(error))
    for name in sorted(names(layout), key=lambda name: int(name.partition(".")[0])):
        try:
            if name.endswith(".partial") or int(name) <= number - KEPT:
                node_files.remove_tree(os.path.join(layout.generations, name))
            elif int(name) < number:
                _drop_secrets(os.path.join(layout.generations, name))
        except NodeError as error:
            problems.append(str(error))
    return problems


def names(layout: Layout) -> list[str]:
    """Return the names of the folders of generations: a number, with the suffix .partial until it has been committed."""
    try:
        found = os.listdir(layout.generations)
    except OSError:
        return []
    return [
        name
        for name in found
        if name.partition(".")[0].isdigit() and name.partition(".")[2] in ("", "partial")
    ]


def _drop_secrets(folder: str) -> None:
    """Remove the content of secret files, which older versions of the collection kept."""
    text = node_files.read_text(os.path.join(folder, LIST))
    if text is None:
        return
    try:
        listed = documents.read_generation(text, folder)
    except documents.UnknownFormat:
        return
    except documents.DamagedDocument:
        node_files.remove_tree(folder)
        return
    for entry in listed["files"].values():
        if entry["secret"] and entry["saved"]:
            node_files.remove(os.path.join(folder, os.path.basename(entry["saved"])))
