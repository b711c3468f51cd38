# SPDX-License-Identifier: GPL-3.0-or-later
"""Removes what an installation of CRI-O's bundle created, and nothing else.

The record of the installation lists these files and directories. A file that somebody has changed since is kept, and so is one
that somebody has put in the place of ours.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from . import bundle, documents, node_files
from .bundle import BundleError
from .crio import containers, running_pods
from .crio.service import CrioService
from .errors import NodeError
from .file_removal import FileRemoval, emptied
from .text import shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .contract import BundleRecord

_MOST_NAMES = 10  # in one message


class Planned(NamedTuple):
    """What a removal does, read without changing anything."""

    version: str  # of the bundle's CRI-O
    sha256: str  # of the bundle
    files: list[str]  # that are removed, sorted
    directories: list[str]  # that are removed, outermost first
    kept: dict[str, str]  # path: why it stays
    warnings: list[str]


def plan(
    stopped: bool = False, gone: Sequence[str] = (), restored: Mapping[str, str] | None = None
) -> Planned | None:
    """Return what a removal would do; None if no bundle is recorded, so that there is nothing to remove.

    stopped: the caller stops and disables CRI-O before the removal, so its present state does not matter. gone: other paths
    that the caller removes before. restored: {path: SHA-256} of files that the caller puts back before. Raises BundleError for
    what refuses the removal, DamagedDocument for a record that cannot be used, NodeFileError.
    """
    text = node_files.read_text(bundle.RECORD)
    if text is None:
        return None
    # Raises for a damaged one: without it, it is unknown which files are ours.
    is_listed = documents.read_bundle_record(text, bundle.RECORD)["files"] is not None
    record = bundle.former_record()
    if record is None:  # removed meanwhile
        return None
    if not stopped:
        _refuse_running()
    planned = _planned(record, gone, restored or {})
    for path in planned.files:
        _refuse_untouchable(path)
    if not is_listed:
        planned.warnings.append(
            f"the record of the bundle, {bundle.RECORD}, has format 1, which does not list its files: they were derived from the"
            " known places of a bundle and the times of the files in them"
        )
    return planned


def _planned(record: BundleRecord, gone: Sequence[str], restored: Mapping[str, str]) -> Planned:
    files, kept = [], {}
    for path, digest in sorted((record["files"] or {}).items()):
        file_type = node_files.file_type_of(path)
        if path in gone:
            continue
        if file_type == "file" and (restored.get(path) or node_files.hash_of(path)) == digest:
            files.append(path)
        elif file_type != "absent":
            kept[path] = f"it is a {file_type} now" if file_type != "file" else "it was changed since"
    warnings = [f"{path} of the bundle is kept: {reason}" for path, reason in kept.items()]
    lost = [path for path in record["replaced"] if path in files]
    if lost:
        more = f" and {len(lost) - _MOST_NAMES} more" if len(lost) > _MOST_NAMES else ""
        warnings.append(
            f"the bundle had replaced files that were there before, and they cannot be put back:"
            f" {', '.join(lost[:_MOST_NAMES])}{more}"
        )
    directories = emptied(record["directories"], [*files, *gone])
    version = shown(record["version"], 100)
    return Planned(version, shown(record["sha256"], 100), files, directories, kept, warnings)


def _refuse_running() -> None:
    """Raise BundleError while CRI-O runs, would be started at boot, or has containers that outlive it."""
    service = CrioService()
    if service.exists and service.phase != "stopped":
        raise BundleError(
            f"{service.unit} is {service.state_words}; stop and disable it before its bundle is removed"
        )
    if service.exists and service.properties.get("UnitFileState") in ("enabled", "enabled-runtime"):
        raise BundleError(
            f"{service.unit} is enabled, and would be missing at the next boot; disable it before its bundle is removed"
        )
    names = running_pods.of_monitors(containers.monitors())
    if names:
        raise BundleError(
            f"{running_pods.counted(names)} on this node although {service.unit} is stopped: start it, and remove them first"
        )


def _refuse_untouchable(path: str) -> None:
    try:
        node_files.refuse_untouchable(path)
    except node_files.NodeFileError as error:
        raise BundleError(f"{error}. Nothing was removed") from error
    above = node_files.nearest_directory(path)
    if os.statvfs(above).f_flag & os.ST_RDONLY:
        raise BundleError(f"the file system of {above} is mounted read-only. Nothing was removed")


def remove(stopped: bool = False) -> Planned | None:
    """Remove the bundle. Returns what was removed; None if there was nothing. stopped: as in `plan`.

    Raises BundleError, NodeError; after a failure the next run continues.
    """
    if not os.path.lexists(bundle.RECORD) and not bundle.is_interrupted():
        return None
    with bundle.locked():
        bundle.recover_locked()
        planned = plan(stopped)
        if planned is None:
            return None
        removal = FileRemoval(bundle.REMOVAL)
        try:
            removal.announce(planned.files, planned.directories, bundle.RECORD)
        except NodeError as error:
            raise BundleError(f"{error}. Nothing was removed") from error
        try:
            bundle.complete_removal(removal)
        except NodeError as error:
            raise BundleError(f"{error}. The removal has begun; the next run continues it") from error
    return planned
