# SPDX-License-Identifier: GPL-3.0-or-later
"""What another configuration of registries changes for the names of images: pure functions over two resolutions."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ansible_collections.cri.node.plugins.plugin_utils.registries import resolution
from ansible_collections.cri.node.plugins.plugin_utils.registries.effective import Effective, File
from ansible_collections.cri.node.plugins.plugin_utils.registries.resolution import Endpoint, Resolution

UNCHANGED = "unchanged"
ADDED = "added"  # everything as before, and further places
REORDERED = "reordered"  # a name with a digest gets the same image from each place
POSSIBLE = "possible"  # it could not be pulled before
ELSEWHERE = "elsewhere"
BLOCKED = "blocked"
REFUSED = "refused"
EFFECTS = (UNCHANGED, ADDED, REORDERED, POSSIBLE, ELSEWHERE, BLOCKED, REFUSED)
#: those that may take an image away from a pod, or give it another one
DISRUPTIVE = (ELSEWHERE, BLOCKED, REFUSED)


class PullChange(NamedTuple):
    """What a change of registries does to one name of an image."""

    name: str
    effect: str  # one of EFFECTS
    before: tuple[str, ...]  # the places that are contacted, in order
    after: tuple[str, ...]
    reason: str  # a clause for a disruptive effect

    def as_dict(self) -> dict[str, Any]:
        """Return the change as users see it."""
        return {**self._asdict(), "before": list(self.before), "after": list(self.after)}


def of_name(name: str, before: Effective, after: Effective, modes: tuple[str, str]) -> PullChange:
    """Return what changes for a name. modes: crio.image.short_name_mode before and after."""
    old, new = resolution.resolve(name, before, modes[0]), resolution.resolve(name, after, modes[1])
    effect = _effect(_contacted(old), _contacted(new), new)
    return PullChange(name, effect, _places(old), _places(new), _reason(effect, old, new))


def files_after(
    files: Iterable[File], changed: Mapping[str, dict[str, Any] | None], main: str, folders: Sequence[str]
) -> list[File]:
    """Return the files that containers/image reads after a change, in its order.

    changed: by path, the data of a file that is written, None for one that is removed. Paths that are neither `main` nor in one
    of `folders` are not read.
    """
    found = {file.path: file for file in files}
    for path, data in changed.items():
        if data is None:
            found.pop(path, None)
        elif path == main or posixpath.dirname(path) in folders:
            found[path] = File(path, data, path != main)

    def position(file: File) -> tuple[int, bytes]:
        folder = posixpath.dirname(file.path)
        place = -1 if not file.drop_in else folders.index(folder) if folder in folders else len(folders)
        return place, os.fsencode(posixpath.basename(file.path))

    return sorted(found.values(), key=position)


def _contacted(found: Resolution) -> list[Endpoint]:
    return [each for each in found.endpoints if not each.blocked]


def _places(found: Resolution) -> tuple[str, ...]:
    return tuple(f"{each.reference}{' (insecure)' if each.insecure else ''}" for each in _contacted(found))


def _effect(old: list[Endpoint], new: list[Endpoint], after: Resolution) -> str:
    if not old:
        return POSSIBLE if new else UNCHANGED
    if not new:
        return BLOCKED if after.endpoints and not after.problems else REFUSED
    if not all(_is_kept(each, new) for each in old):
        return ELSEWHERE
    by_digest = "@" in old[0].candidate
    if old[0].reference != new[0].reference and not by_digest:
        return ELSEWHERE  # a tag may be another image there
    if len(new) > len(old):
        return ADDED
    return UNCHANGED if [each.reference for each in old] == [each.reference for each in new] else REORDERED


def _is_kept(endpoint: Endpoint, endpoints: Iterable[Endpoint]) -> bool:
    """Return whether a place is still contacted, and without stricter demands on its certificate."""
    return any(
        each.reference == endpoint.reference and (each.insecure or not endpoint.insecure)
        for each in endpoints
    )


def _reason(effect: str, old: Resolution, new: Resolution) -> str:
    if effect == BLOCKED:
        return f"{', '.join(dict.fromkeys(each.blocked for each in new.endpoints))} is blocked"
    if effect == REFUSED:
        return "; ".join([new.error] if new.error else new.problems)
    if effect == ELSEWHERE:
        return f"from {' or '.join(_places(new))} instead of {' or '.join(_places(old))}"
    return ""
