# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the request of a change that removes all that the collection has written, of all owners.

What a managed file has replaced comes back, from the origin in the state. The change itself is a transaction like any other one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import managed_file, node_files
from ..documents import LARGEST_SHOWN
from ..errors import NodeError
from ..layout import Layout, is_registries_file
from . import origin
from . import state as committed

if TYPE_CHECKING:
    from ..contract import (
        EarlierFile,
        EarlierFileSet,
        File,
        Original,
        RemovalChange,
        RemovalRequest,
        Report,
        Request,
    )


class RemovalError(NodeError):
    """A file cannot be put back; the message says which one. Nothing was changed."""


class Removal:
    """The change of a node back to what it was before the first change."""

    def __init__(self, asked: RemovalRequest, layout: Layout) -> None:
        """Find what is ours. Raises NodeFileError."""
        self._state, _damage = committed.load(layout)
        found = self._state.get("origin")
        # Once they are back, they are somebody else's, who may remove them: a bundle's own files go with it.
        self._replaced = found["files"] if found and not found["restored"] else {}
        self.originals = {
            path: entry for path, entry in self._replaced.items() if self._is_put_back(path, entry)
        }
        self.request = self._request(asked)

    def _is_put_back(self, path: str, entry: Original) -> bool:
        """Whether a replaced file comes back: nobody else has written one since the managed one was removed."""
        if origin.text_of(entry) is None:
            return False
        return path in committed.recorded(self._state) or node_files.file_type_of(path) == "absent"

    def restored(self) -> dict[str, str]:
        """Return {path: SHA-256} of the files that come back, and of shared files without our entries. Raises NodeFileError."""
        found = {entry["path"]: entry["sha256"] for entry in self.request["files"]}
        for file in managed_file.shared_files(self.request, self._state):
            if not file.matches():
                file.prepare({})
                if file.content is not None:
                    found[file.path] = node_files.digest(file.content)
        return found

    def not_kept(self) -> list[str]:
        """Return the paths of the files that were replaced, and whose content was not kept."""
        owned = committed.recorded(self._state)
        return sorted(
            path for path, entry in self._replaced.items() if path in owned and origin.text_of(entry) is None
        )

    def _request(self, asked: RemovalRequest) -> Request:
        owners = {*asked["owners"], *self._state["owners"], *self._state.get("shared", {})}
        return {
            "unit": asked["unit"],
            "ready_timeout": asked["ready_timeout"],
            "owners": sorted(owners | {entry["owner"] for entry in self.originals.values()}),
            "files": [self._described(path, entry) for path, entry in sorted(self.originals.items())],
            "unwanted": [each for each in asked["unwanted"] if each["path"] not in self.originals],
            "shared": [],
            "expect": {},
            "paths": [],
            "asks_for_crictl": False,
        }

    def _described(self, path: str, entry: Original) -> File:
        text = origin.text_of(entry) or ""
        return {
            "path": path,
            "owner": entry["owner"],
            "sha256": node_files.digest(text.encode()),
            "mode": entry["mode"],
            "secret": False,
            "disruption": entry["disruption"],
            "key_hashes": None,
        }

    def file_set(self, report: Report, show_contents: bool) -> EarlierFileSet:
        """Return what the controller needs for a plan and, with `show_contents`, for a diff of the files that differ."""
        files: dict[str, EarlierFile] = {}
        for path, entry in self.originals.items():
            show = (show_contents or is_registries_file(path)) and not report["files"][path]["as_wanted"]
            text = origin.text_of(entry) or ""
            files[path] = {
                "mode": entry["mode"],
                "secret": False,
                "disruption": entry["disruption"],
                "content": text[:LARGEST_SHOWN] if show else "",
            }
        return {"generation": 0, "files": files}

    def change(self, asked: RemovalRequest) -> RemovalChange:
        """Return the request of the change that was planned, with the contents. Raises RemovalError."""
        lost = [path for path in asked["writes"] if path not in self.originals]
        if lost:
            raise RemovalError(f"{', '.join(sorted(lost))} changed while the removal was planned; run again")
        return {
            **self.request,
            "contents": {path: origin.text_of(self.originals[path]) or "" for path in asked["writes"]},
            "entries": {},
            "remove": asked["remove"],
            "activate": asked["activate"],
            "concerns_daemon": asked["concerns_daemon"],
            "reload_keys": asked["reload_keys"],
            "reload_is_logged": asked["reload_is_logged"],
            "daemon_reload": asked["daemon_reload"],
            "id": asked["id"],
            "fingerprint": asked["fingerprint"],
            "overruled_guards": asked.get("overruled_guards", []),
            "plan": asked["plan"],
            "removal": True,
        }


def removed_paths(report: Report) -> list[str]:
    """Return the files that the change removes, of a report for its request."""
    return sorted(
        path
        for path, found in report["orphans"].items()
        if not found["as_wanted"] and found.get("is_removed", True)
    )
