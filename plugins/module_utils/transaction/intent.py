# SPDX-License-Identifier: GPL-3.0-or-later
"""The intent of a change: on disk before the first rename, with everything needed to go back, and removed at the end.

Whoever finds it (the unit's ExecStopPost, the next run, the next boot) can end the change, see recovery.py. Going back needs no
space: the old files are kept as hard links and return by a rename.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Collection

from .. import documents, managed_file, node_files, selinux_labels
from ..errors import NodeError
from ..layout import CONTAINERD, Layout
from ..managed_file import ManagedFile
from . import programs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..contract import Before, FoundFile, Intent, Request, Undo


class Prepared:
    """What is written for a change before the first file of the node is changed."""

    def __init__(self, identity: str, files: list[ManagedFile]) -> None:
        self.identity = identity
        self.files = files  # sorted by path
        self.stages: list[str] = []  # one folder for each file system
        self.staged: dict[str, str] = {}  # path: its new content, beside it
        self.undo: list[Undo] = []
        self.directories: list[str] = []
        self.for_stages: list[
            str
        ] = []  # missing directories above the stages, which the change creates and leaves


def prepare(
    layout: Layout, request: Request, files: list[ManagedFile], mounts: Collection[str], program: str
) -> Prepared:
    """Stage the new files and keep the old ones, each on its own file system. Returns a Prepared.

    `files` are those that the change writes or removes, see managed_file.of_request. The node's configuration is not changed. If
    this is interrupted, `sweep` of recovery.py removes what was written: at once, after a kill, or at the next boot, by
    `program` (its path). Raises NodeFileError; then the caller must sweep.
    """
    prepared = Prepared(request["id"], files)
    stage_of = {
        file.path: f"{node_files.staging_directory_of(file.path, layout, mounts)}/{prepared.identity}"
        for file in files
    }
    prepared.stages = sorted(set(stage_of.values()))
    above = (os.path.dirname(os.path.dirname(stage)) for stage in prepared.stages)
    prepared.for_stages = node_files.missing_directories(above)
    _begin(layout, request, prepared.stages, program)
    for number, file in enumerate(files):
        stage = stage_of[file.path]
        prepared.undo.append(file.keep(stage, number))
        if file.is_written:
            prepared.staged[file.path] = f"{stage}/new-{number}"
            file.stage(prepared.staged[file.path])
    missing = node_files.missing_directories(os.path.dirname(path) for path in prepared.staged)
    prepared.directories = missing[::-1]
    return prepared


def _begin(layout: Layout, request: Request, stages: list[str], program: str) -> None:
    """Record what is about to be written before it is, and make the next boot read that record."""
    node_files.make_private_directory(layout.state_directory)
    node_files.make_private_directory(layout.transaction)
    note = {
        "format": documents.PREPARATION_FORMAT,
        "id": request["id"],
        "runtime": layout.runtime,
        "stages": stages,
    }
    node_files.write_json(layout.preparation, note)
    node_files.write_durably(layout.recovery_unit, _boot_unit(layout, request, program).encode(), 0o644)
    node_files.make_directories(os.path.dirname(layout.recovery_link))
    with node_files.doing("creating a link", layout.recovery_link), contextlib.suppress(FileExistsError):
        os.symlink(layout.recovery_unit, layout.recovery_link)
    node_files.sync_directory(os.path.dirname(layout.recovery_link))
    for stage in stages:
        node_files.make_private_directory(os.path.dirname(stage))
        node_files.make_private_directory(stage)


def announce(
    layout: Layout, request: Request, prepared: Prepared, before: Before | None, program: str
) -> None:
    """Write the intent. Before that, nothing of the node's configuration is changed.

    `before` is the result of candidate.rehearse, `program` the path of the program that recovers. Raises NodeFileError.
    """
    intent = {
        "format": documents.INTENT_FORMAT,
        "id": request["id"],
        "runtime": layout.runtime,
        "unit": request["unit"],
        "activate": request["activate"],
        "undo": prepared.undo,
        "stages": prepared.stages,
        "directories": prepared.directories,
        "before": before,
        "program": program,
    }
    node_files.write_json(layout.intent, intent)


def _boot_unit(layout: Layout, request: Request, program: str) -> str:
    python = os.path.realpath(sys.executable)
    return f"""[Unit]
Description=Undo a change of the container runtime's configuration that was interrupted
ConditionPathExists=|{layout.intent}
ConditionPathExists=|{layout.preparation}
RequiresMountsFor={layout.state_directory} {os.path.dirname(layout.staging_directory)} {os.path.dirname(layout.registries)}
Before={request["unit"]} crio.service kubelet.service

[Service]
Type=oneshot
ExecStart={python} {program} recover-at-boot
"""


def load(layout: Layout) -> tuple[Intent | None, str]:
    """Return (the open intent or None, a sentence about what is wrong with its file, or "").

    A damaged one contains nothing that could be undone; it is renamed, so that it does not block every later change. Raises
    NodeFileError.
    """
    text = node_files.read_text(layout.intent)
    if text is None:
        return None, ""
    try:
        return documents.read_intent(text, layout.intent), ""
    except documents.DamagedDocument as error:
        aside = node_files.set_aside(layout.intent)
        forget_boot_unit(layout)
        return (
            None,
            f"{error}; the file was renamed to {aside}, and the change that it describes cannot be undone",
        )


def is_open(layout: Layout) -> bool:
    """Whether a change has begun and has not ended."""
    return os.path.lexists(layout.intent)


def is_littered(layout: Layout) -> bool:
    """Whether files may be left that a change wrote beside the configuration."""
    try:
        names = os.listdir(layout.transaction)
    except OSError:
        return False
    ours = {os.path.basename(path) for path in (layout.preparation, layout.probes)}
    return any(name in ours or name.endswith(node_files.PARTIAL) for name in names)


def needs_recovery(layout: Layout) -> bool:
    """Whether there is anything for a recovery to end or to remove."""
    return is_open(layout) or is_littered(layout)


def stages_left(layout: Layout) -> list[str]:
    """Return the folders that the preparation on disk lists; if it is damaged, those that nearly every change uses."""
    usual = [
        *(f"{layout.of(runtime).staging_directory}/x" for runtime in ("crio", CONTAINERD)),
        f"{layout.configuration_root}/{os.path.basename(layout.staging_directory)}/x",
    ]
    text = node_files.read_text(layout.preparation)
    if text is None:
        return []
    try:
        return documents.read_preparation(text, layout.preparation)["stages"]
    except documents.DamagedDocument:
        return usual


def runtime_prepared(layout: Layout) -> str:
    """Return the runtime that the preparation on disk is for; that of `layout` if there is none."""
    text = node_files.read_text(layout.preparation)
    try:
        found = documents.read_preparation(text, layout.preparation) if text is not None else None
    except documents.DamagedDocument:
        found = None
    return found["runtime"] if found else layout.runtime


def restore(intent: Intent) -> list[str]:
    """Restore every file, and remove directories that the change created. May run twice.

    Returns a sentence for each path that could not be restored.
    """
    problems = []
    for entry in intent["undo"]:
        try:
            _restore(entry)
        except NodeError as error:
            problems.append(str(error))
    selinux_labels.restore([entry["path"] for entry in intent["undo"] if entry["kind"] == "file"])
    for directory in intent["directories"]:
        try:
            node_files.remove_empty_directory(directory)
        except NodeError as error:
            problems.append(str(error))
    return problems


def _restore(entry: Undo) -> None:
    if "entries" in entry:
        managed_file.restore_entries(entry)
        return
    path = entry["path"]
    found = _found(entry)
    if entry["kind"] != "file":
        if found["file_type"] in ("file", "symlink"):
            node_files.remove(path)
        elif found["file_type"] == "directory":
            _refuse_full_directory(path)
        elif found["file_type"] != "absent":
            raise node_files.NodeFileError(f"{path} is now a {found['file_type']}; it is not removed")
        return
    if _is_back(entry, found):
        return  # never swapped, or back already
    if not os.path.lexists(entry["saved"]):
        raise node_files.NodeFileError(
            f"{path} is not as it was, and its copy {entry['saved']} does not exist"
        )
    if found["file_type"] == "directory":
        _refuse_full_directory(path)
    node_files.make_directories(os.path.dirname(path))
    if entry.get("stage"):
        node_files.swap_in(entry["saved"], path)
        return
    # Format 1 saved a copy on another file system.
    partial = f"{os.path.dirname(os.path.dirname(path))}/.cri-node-undo"
    node_files.write_durably(partial, node_files.read_bytes(entry["saved"]), int(entry["mode"], 8))
    with node_files.doing("restoring the owner of a file", path):
        os.chown(partial, entry["uid"], entry["gid"])
    node_files.swap_in(partial, path)


def _found(entry: Undo) -> FoundFile:
    """Describe the path of an undo; a program is not read."""
    return node_files.look(entry["path"]) if "identity" in entry else node_files.describe(entry["path"])


def _is_back(entry: Undo, found: FoundFile) -> bool:
    if found["file_type"] != "file":
        return False
    if "identity" in entry and programs.identity_of(entry["path"]) != entry["identity"]:
        return False
    if "identity" not in entry and "sha256" not in entry:  # format 1
        entry["sha256"] = node_files.digest(node_files.read_bytes(entry["saved"]))
    now: dict[str, object] = {**found}
    then: dict[str, object] = {**entry}
    return all(now[name] == then[name] for name in ("sha256", "mode", "uid", "gid") if name in then)


def _refuse_full_directory(path: str) -> None:
    """Remove an empty folder that has taken a file's place. Raises NodeFileError for one with files."""
    node_files.remove_empty_directory(path)
    if os.path.isdir(path):
        raise node_files.NodeFileError(f"{path} is now a directory that contains files; move it away")


def not_as_before(intent: Intent) -> list[str]:
    """Return the paths that differ from the intent's undo, as read from the disk."""
    wrong = []
    for entry in intent["undo"]:
        try:
            fits = _fits(entry)
        except NodeError:
            fits = False
        if not fits:
            wrong.append(entry["path"])
    return wrong + [folder for folder in intent["directories"] if _is_empty_directory(folder)]


def _fits(entry: Undo) -> bool:
    if "entries" in entry:
        return managed_file.entries_are_back(entry)
    found = _found(entry)
    return found["file_type"] == "absent" if entry["kind"] != "file" else _is_back(entry, found)


def _is_empty_directory(path: str) -> bool:
    """Whether a folder that the change created is unused; one with somebody's files is left to them."""
    try:
        return os.path.isdir(path) and not os.listdir(path)
    except OSError:
        return True


def forget(layout: Layout, stages: list[str]) -> list[str]:
    """Remove the intent, and then what is left beside the configuration: nothing can go back any more.

    Returns sentences about what could not be removed. Raises NodeFileError if the intent itself cannot be removed.
    """
    node_files.remove(layout.intent)
    return abandon(layout, stages)


def abandon(layout: Layout, stages: list[str]) -> list[str]:
    """Remove what a change wrote beside the configuration, except its preparation. Returns sentences about what is left."""
    problems = []
    for step in (forget_boot_unit, remove_partial_documents):
        try:
            step(layout)
        except NodeError as error:
            problems.append(str(error))
    return problems + remove_stages(stages)


def finish(layout: Layout) -> list[str]:
    """Remove the preparation, which is the last step. Returns sentences about failures."""
    try:
        node_files.remove(layout.preparation)
    except NodeError as error:
        return [str(error)]
    return []


def remove_stages(stages: list[str]) -> list[str]:
    """Remove folders with staged and kept files, including those of former changes: the caller holds the node's lock.

    Returns sentences about those that could not be removed.
    """
    problems = []
    for base in sorted({os.path.dirname(stage) for stage in stages}):
        try:
            node_files.remove_tree(base)
        except NodeError as error:
            problems.append(str(error))
    return problems


def forget_boot_unit(layout: Layout) -> None:
    """Remove the unit that would recover at the next boot."""
    node_files.remove(layout.recovery_link)
    node_files.remove(layout.recovery_unit)


def remove_partial_documents(layout: Layout) -> None:
    """Remove documents and units that were half-written at a kill."""
    folders = (layout.committed, layout.state_directory, layout.transaction, layout.unit_directory)
    for folder in folders:
        with (
            contextlib.suppress(FileNotFoundError, NotADirectoryError),
            node_files.doing("reading a directory", folder),
        ):
            names = os.listdir(folder)
            for name in names:
                ours = folder != layout.unit_directory or name.startswith("cri-node-recover")
                if ours and name.endswith(node_files.PARTIAL):
                    node_files.remove(os.path.join(folder, name))
