# SPDX-License-Identifier: GPL-3.0-or-later
"""The last part of a removal, after the files: the bundle, directories, what was changed on the host, and our own state.

Each step can be repeated. The state goes last, since it says what is ours.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from .. import bundle, bundle_removal, node_files
from ..file_removal import emptied
from ..host import prerequisites
from ..layout import CONTAINERD, STAGING
from ..program import run
from ..transaction import state as committed
from ..transaction.origin import text_of
from . import daemon
from .findings import Findings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..bundle_removal import Planned
    from ..contract import RemovalRequest, State
    from ..layout import Layout


def finish(
    asked: RemovalRequest,
    layout: Layout,
    check: bool,
    gone: Sequence[str] = (),
    restored: Mapping[str, str] | None = None,
) -> Findings:
    """Remove what is left of the collection. check: only report it, for a node on which the earlier parts have not been made.

    gone: the paths that they remove. restored: {path: SHA-256} of the files that they put back.

    Raises NodeError; the next run continues.
    """
    found = Findings()
    state, _damage = committed.load(layout)
    had_state = os.path.isdir(layout.state_directory)
    keep = set()
    directories = _remove_directories(asked, state, found, gone, check)
    _give_back(state, check)
    planned = bundle_removal.plan(stopped=True, gone=[*gone, *directories], restored=restored)
    if planned is not None and daemon.is_removed(planned):
        _remove_bundle(planned, found, check)
    else:
        _restore_enablement(asked, state, found, check)
    if planned is not None and not daemon.is_removed(planned):
        keep.add(os.path.basename(layout.bundle_record))
        found.keep("bundle", bundle.CRIO, "it was replaced since, so all files of the bundle stay")
    if asked["prerequisites"] is None:
        if os.path.lexists(layout.prerequisites_record):
            keep.add(os.path.basename(layout.prerequisites_record))
            found.keep("prerequisites", layout.prerequisites_record, "remove_prerequisites is false")
    else:
        _undo_prerequisites(asked["prerequisites"], layout, found, check)
    of_containerd = layout.of(CONTAINERD).committed
    if os.path.lexists(of_containerd):
        keep.add(os.path.basename(of_containerd))
        found.keep(
            "state", of_containerd, "the configuration of containerd is not removed with that of CRI-O"
        )
    _remove_state(layout, keep, had_state, found, check)
    return found


def _restore_enablement(asked: RemovalRequest, state: State, found: Findings, check: bool) -> None:
    origin = state.get("origin")
    enabled, was_changed = origin["enabled"] if origin else None, bool(state["generation"])
    # Changes that have not concerned the unit have not enabled it either.
    if not (origin and origin["first_unit_change"]):
        daemon.restore_enablement(asked, enabled, was_changed, found, check)


def _remove_bundle(planned: Planned, found: Findings, check: bool) -> None:
    planned = planned if check else bundle_removal.remove(stopped=True) or planned
    found.remove("bundle", *planned.files, *planned.directories)
    for path, reason in planned.kept.items():
        found.keep("bundle", path, reason)
    found.warnings += planned.warnings


def _remove_directories(
    asked: RemovalRequest, state: State, found: Findings, gone: Sequence[str], check: bool
) -> list[str]:
    """Remove the directories that changes have created, if they are empty. Returns them.

    The change of the files has already removed some of those that were predicted.
    """
    origin = state.get("origin")
    directories = emptied(origin["directories"], list(gone)) if origin else []
    if not check:
        for directory in reversed(directories):
            node_files.remove_empty_directory(directory)
        directories = sorted(
            {*directories, *(each for each in asked["directories"] if not os.path.lexists(each))}
        )
    found.remove("files", *directories)
    return directories


def _give_back(state: State, check: bool) -> None:
    """Give files that came back to the users who owned them: a change writes all files as root's."""
    origin = state.get("origin")
    for path, entry in (origin["files"] if origin and origin["restored"] and not check else {}).items():
        content = text_of(entry)
        if content is None or (entry["uid"], entry["gid"]) == (0, 0):
            continue
        if node_files.describe(path).get("sha256") == node_files.digest(content.encode()):
            node_files.give(path, entry["uid"], entry["gid"])


def _undo_prerequisites(request: dict[str, Any], layout: Layout, found: Findings, check: bool) -> None:
    done = prerequisites.prepare(request, check, layout)
    for subject, items in done["prerequisites"].items():
        found.remove(
            "prerequisites", *(f"{subject} {name}" for name, each in items.items() if each["changed"])
        )
    found.remove("prerequisites", *sorted(done["files"]))
    for note in done["notes"]:
        found.keep("prerequisites", "", note)


def _remove_state(layout: Layout, keep: set[str], had_state: bool, found: Findings, check: bool) -> None:
    """Remove our own files: of the state directory all but `keep`, units of an earlier change, and folders with staged files.

    had_state: whether the state directory existed before: an earlier step may have removed it as empty.
    """
    units = [path for path in (layout.recovery_link, layout.recovery_unit) if os.path.lexists(path)]
    stages = [layout.staging_directory, f"{layout.configuration_root}/{STAGING}"]
    own = [*units, *(path for path in stages if os.path.lexists(path))]
    found.remove("state", *own)
    names = os.listdir(layout.state_directory) if os.path.isdir(layout.state_directory) else []
    parts = [f"{layout.state_directory}/{name}" for name in sorted(names) if name not in keep]
    if had_state and not keep:
        found.remove("state", layout.state_directory)
        parts.append(layout.state_directory)
    elif parts:
        found.remove("state", f"{layout.state_directory} (except {', '.join(sorted(keep))})")
    if check:
        return
    for path in (*own, *parts):
        _remove(path)
    if units:
        run(["systemctl", "daemon-reload"])


def _remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        node_files.remove_tree(path)
        node_files.sync_directory(os.path.dirname(path))
    else:
        node_files.remove(path)
