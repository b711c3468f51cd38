# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the request of a change that returns the node to an earlier generation. The contents come from its folder.

The change itself is a transaction like any other one. A generation contains neither the content of secret files nor the values
of entries in shared files that are secret: where one of these differs by now, the rollback is refused as a whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import managed_file, node_files
from ..documents import LARGEST_SHOWN
from ..errors import NodeError
from ..layout import Layout, is_registries_file
from . import history
from . import state as committed
from .history import KeptGeneration

if TYPE_CHECKING:
    from ..contract import (
        EarlierFile,
        EarlierFileSet,
        EntrySet,
        File,
        KeptFile,
        Report,
        Request,
        RollbackRequest,
        State,
    )


class RollbackError(NodeError):
    """The node cannot be returned to a generation; the message says why, and what to do. Nothing was changed."""


class Rollback:
    """The rollback of a node to one of its generations."""

    def __init__(self, asked: RollbackRequest, layout: Layout) -> None:
        """Find the generation. Raises RollbackError if there is none that can be used, NodeFileError."""
        state, _damage = committed.load(layout)
        self._state = state
        self._kept, self._files = _selected(history.read(layout, state), asked["generation"], state)
        self.request = self._request(asked)

    @property
    def number(self) -> int:
        """The number of the generation."""
        return self._kept.number

    def _request(self, asked: RollbackRequest) -> Request:
        """Return the request for the state of the node, which node_state.read compares with the generation."""
        shared = self._kept.listed["shared"] if self._kept.listed else {}
        owners = {*self._state["owners"], *self._state.get("shared", {}), *shared}
        return {
            "unit": asked["unit"],
            "ready_timeout": asked["ready_timeout"],
            # All owners: files that the generation does not have are removed, whichever role wrote them.
            "owners": sorted(owners | {file["owner"] for file in self._files.values()}),
            "files": [_described(path, file) for path, file in sorted(self._files.items())],
            "unwanted": [],
            "shared": self._entry_sets(),
            "expect": {},
            "paths": [],
            "asks_for_crictl": False,
        }

    def _entry_sets(self) -> list[EntrySet]:
        """Return our entries in shared files. The mode of an existing file stays."""
        found: dict[str, EntrySet] = {}
        shared = self._kept.listed["shared"] if self._kept.listed else {}
        for owner, sets in sorted(shared.items()):
            for path, entries in sorted(sets.items()):
                if path in found:
                    raise self._refusal([f"{path} has entries of more than one owner"])
                found[path] = {
                    "path": path,
                    "owner": owner,
                    "mode": node_files.describe(path).get("mode", "0600"),
                    "secret": entries["secret"],
                    "disruption": entries["disruption"],
                    "entries": entries["entries"],
                    "required": entries.get("required", []),
                }
        return list(found.values())

    def _values(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Return the values of our entries in shared files, as far as they are kept: {path: section: name: value}."""
        shared = self._kept.listed["shared"] if self._kept.listed else {}
        return {path: each.get("values", {}) for sets in shared.values() for path, each in sets.items()}

    def refuse_lost_values(self, report: Report) -> None:
        """Raise RollbackError if the change needs a content or a value that is not kept. `report`: the state of the node."""
        problems = [
            self._lost(path, file)
            for path, file in sorted(self._files.items())
            if not report["files"][path]["as_wanted"] and self._content(path, file) is None
        ]
        kept = self._values()
        for shared in managed_file.shared_files(self.request, self._state):
            names = [
                name
                for section, name in shared.needed
                if name not in kept.get(shared.path, {}).get(section, {})
            ]
            if names:
                problems.append(
                    f"{shared.path} does not have the entries {', '.join(names)} of that time any more, and their values are not"
                    " kept"
                )
        if problems:
            raise self._refusal(problems)

    def _lost(self, path: str, file: KeptFile) -> str:
        if file["secret"]:
            return f"{path} has changed since, and contains secrets, which are not kept"
        return f"{path} has changed since, and its content of that time is not kept"

    def _refusal(self, problems: list[str]) -> RollbackError:
        return RollbackError(
            f"generation {self.number} cannot be restored: {'; '.join(problems)}. Nothing was changed; apply the settings of that"
            " time with the role instead"
        )

    def _content(self, path: str, file: KeptFile) -> str | None:
        """Return the content of a file: the kept one, or the one of the same file on the node; None if there is neither."""
        content = history.content_of(self._kept, file)
        if content is not None:
            return content
        try:
            found = node_files.read_bytes(path)
            return found.decode("utf-8") if node_files.digest(found) == file["sha256"] else None
        except (NodeError, UnicodeDecodeError):
            return None

    def file_set(self, report: Report, show_contents: bool) -> EarlierFileSet:
        """Return what the controller needs for a plan and, with `show_contents`, for a diff of the files that differ.

        A plan names the images that a change of registries concerns, which needs the contents of those files.
        """
        files: dict[str, EarlierFile] = {}
        for path, file in self._files.items():
            hidden = _is_hidden(file)
            needed = show_contents or is_registries_file(path)
            show = needed and not hidden and not report["files"][path]["as_wanted"]
            content = (self._content(path, file) or "")[:LARGEST_SHOWN] if show else ""
            files[path] = {
                "mode": file["mode"],
                "secret": hidden,
                "disruption": file["disruption"],
                "content": content,
            }
        for each in self.request["shared"]:
            files[each["path"]] = {
                "mode": each["mode"],
                "secret": True,
                "disruption": each["disruption"],
                "content": "",
            }
        return {"generation": self.number, "files": files}

    def change(self, asked: RollbackRequest) -> Request:
        """Return the request of the change that was planned, with the contents. Raises RollbackError."""
        contents: dict[str, str] = {}
        shared = {each["path"] for each in self.request["shared"]}
        for path in sorted(set(asked["writes"]) - shared):
            content = self._content(path, self._files[path]) if path in self._files else None
            if content is None:
                raise self._refusal([f"{path} changed while the rollback was planned"])
            contents[path] = content
        return {
            **self.request,
            "contents": contents,
            "entries": self._values(),
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
        }


def _selected(
    kept: list[KeptGeneration], number: int, state: State
) -> tuple[KeptGeneration, dict[str, KeptFile]]:
    """Return the generation with this number (0: the one before the latest) and its files. Raises RollbackError."""
    intact = [str(each.number) for each in reversed(kept) if each.listed is not None]
    there_are = f"this node has: {', '.join(intact)}" if intact else "this node has no generations"
    if number == 0:
        number = max((each.number for each in kept if each.number < state["generation"]), default=0)
        if number == 0:
            raise RollbackError(f"there is no generation before the latest one; {there_are}")
    for each in kept:
        if each.number == number and each.listed is not None:
            return each, each.listed["files"]
        if each.number == number:
            raise RollbackError(f"generation {number} is damaged: {each.problem}; {there_are}")
    raise RollbackError(f"generation {number} does not exist; {there_are}")


def _described(path: str, file: KeptFile) -> File:
    return {
        "path": path,
        "owner": file["owner"],
        "sha256": file["sha256"],
        "mode": file["mode"],
        "secret": file["secret"],
        "disruption": file["disruption"],
        "key_hashes": file["key_hashes"],
    }


def _is_hidden(file: KeptFile) -> bool:
    """Return whether the content must not be shown: of a secret file, and of one that only root can read."""
    return file["secret"] or not int(file["mode"], 8) & 0o004
