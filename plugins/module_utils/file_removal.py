# SPDX-License-Identifier: GPL-3.0-or-later
"""Removes a group of files and directories, even after a kill and the next run.

The intent, which lists all of them, is on disk before the first one is removed. From then on the removal only goes forward: it
needs no space, and nothing that it removes is needed to complete it. A file that somebody else has put in the place of a listed
one meanwhile is not removed.
"""

from __future__ import annotations

import json
import os

from . import node_files
from .errors import NodeError
from .file_swap import identity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FORMAT = 1


class RemovalError(NodeError):
    """An interrupted removal cannot be completed; the message says why."""


class FileRemoval:
    """One removal, or an earlier one that is read from its intent.

    intent: the path of the intent. It is removed when the removal has ended.
    """

    def __init__(self, intent: str) -> None:
        self.intent = intent
        self._files: list[dict[str, Any]] = []
        self._directories: list[str] = []
        self._record = ""

    def announce(self, files: list[str], directories: list[str], record: str) -> None:
        """Write the intent. directories: outermost first; only empty ones are removed. record: the file that goes last.

        Raises NodeFileError; then nothing was changed.
        """
        found = {path: identity(path) for path in files}
        self._files = [{"path": path, "identity": each} for path, each in found.items() if each]
        self._directories, self._record = directories, record
        document = {
            "format": FORMAT,
            "files": self._files,
            "directories": self._directories,
            "record": self._record,
        }
        node_files.write_json(self.intent, document)

    def is_announced(self) -> bool:
        """Whether there is an intent, or what a kill left of writing one."""
        return os.path.lexists(self.intent) or os.path.lexists(self.intent + node_files.PARTIAL)

    def load(self) -> bool:
        """Read the intent. Returns whether there is a removal to complete; a damaged intent is renamed.

        Raises RemovalError for one of another version of the collection, NodeFileError.
        """
        node_files.remove(self.intent + node_files.PARTIAL)
        text = node_files.read_text(self.intent)
        if text is None:
            return False
        document = _parsed(text)
        if not _is_valid(document):
            self._refuse_another_format(document)
            node_files.set_aside(self.intent)
            return False
        self._files, self._directories = document["files"], document["directories"]
        self._record = document["record"]
        return True

    def _refuse_another_format(self, document: Any) -> None:
        found = document.get("format") if isinstance(document, dict) else None
        if isinstance(found, int) and found != FORMAT:
            raise RemovalError(
                f"{self.intent} has format {found}, but this version of cri.node supports only format {FORMAT}: a removal by"
                " another version of the collection was interrupted. Run that version again, or remove the file"
            )

    def remove(self) -> None:
        """Remove the files and then the directories. May run twice. Raises NodeFileError; the next run continues."""
        for entry in self._files:
            if identity(entry["path"]) == entry["identity"]:
                node_files.remove(entry["path"])
        for directory in reversed(self._directories):
            node_files.remove_empty_directory(directory)

    def end(self) -> None:
        """Remove the record and then the intent. Raises NodeFileError; the next run continues."""
        node_files.remove(self._record)
        node_files.remove(self.intent)


def emptied(directories: list[str], files: list[str]) -> list[str]:
    """Return those of the directories that a removal of these files leaves empty, outermost first, as `remove` finds them.

    files: paths, of directories too, with all that is in them.
    """
    gone = set(files)
    inside = tuple(f"{path}/" for path in files)
    for directory in sorted(directories, reverse=True):
        if directory in gone or directory.startswith(inside):
            continue  # removed before
        try:
            names = os.listdir(directory)
        except OSError:  # it does not exist, or it is something else by now
            continue
        if all(os.path.join(directory, name) in gone for name in names) and not os.path.islink(directory):
            gone.add(directory)
    return sorted(gone.intersection(directories).difference(files))


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _is_valid(document: Any) -> bool:
    return (
        isinstance(document, dict)
        and document.get("format") == FORMAT
        and isinstance(document.get("record"), str)
        and isinstance(document.get("files"), list)
        and all(
            isinstance(each, dict)
            and isinstance(each.get("path"), str)
            and isinstance(each.get("identity"), list)
            for each in document["files"]
        )
        and isinstance(document.get("directories"), list)
        and all(isinstance(each, str) for each in document["directories"])
    )
