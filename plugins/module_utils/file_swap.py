# SPDX-License-Identifier: GPL-3.0-or-later
"""Replaces a group of files: all of them have the old content or all have the new one, even after a kill and the next run.

The steps: write the intent, which lists the files; stage every file beside its target and sync it; add a second hard link
(`kept`) to each existing file; write the complete intent; rename the files; activate them; and rename the last file, the
record, which commits. Without the record `recover` goes back, with it forward. Going back needs renames and removals only,
so a full disk cannot prevent it, and it brings the old inodes back: with their owner, mode and SELinux label (no restorecon
is needed).
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shutil
from collections.abc import Callable

from . import node_files
from .errors import NodeError
from .os_errors import os_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO, Any, TypeVar

    _T = TypeVar("_T")
    Placement = tuple[str, str, int]  # target, path of its content, mode

FORMAT = 1
_STAGED, _KEPT = ".cri-node-", ".cri-node-kept-"
_STAGING, _SWAPPING = "staging", "swapping"
_KEYS = {"target": str, "staged": str, "kept": str, "existed": bool}


class SwapError(NodeError):
    """The files cannot be replaced, or an earlier attempt cannot be ended; the message says what is in place now."""


class FileSwap:
    """One replacement of files, or an earlier one that is read from its intent.

    intent: the path of the intent. It is removed when the replacement has ended, in either direction.
    """

    def __init__(self, intent: str) -> None:
        self.intent = intent
        self._files: list[dict[str, Any]] = []
        self._directories: list[str] = []

    def stage(self, placements: list[Placement], record: str) -> dict[str, str]:
        """Stage [(target, path of its content, mode), ...]. `record`, which is renamed last, is staged by `stage_record`.

        Returns {target: path of the staged file}.
        """
        self._files = [
            {
                "target": target,
                "staged": beside(target),
                "kept": beside(target, _KEPT),
                "existed": False,
                "identity": None,
            }
            for target in [*(target for target, _content, _mode in placements), record]
        ]
        parents = [os.path.dirname(entry["target"]) for entry in self._files]
        self._directories = node_files.missing_directories(parents)
        self._write_intent(_STAGING)
        for directory in self._directories:
            os.mkdir(directory, 0o755)
            os.chmod(directory, 0o755)
            _plainly(node_files.sync_directory, os.path.dirname(directory))
        for entry, (_target, content, mode) in zip(self._files, placements):
            entry["identity"] = _stage(entry["staged"], mode, functools.partial(_copy, content))
        return {entry["target"]: entry["staged"] for entry in self._files[:-1]}

    def stage_record(self, content: bytes, mode: int = 0o600) -> None:
        """Stage the content of the record, which may contain what `stage` returned for the other files."""
        entry = self._files[-1]
        entry["identity"] = _stage(entry["staged"], mode, lambda file: file.write(content))

    def swap(self) -> None:
        """Keep the existing files, and rename all staged files but the record into place."""
        for entry in self._files:
            _remove(entry["kept"])
            try:
                os.link(entry["target"], entry["kept"], follow_symlinks=False)
                entry["existed"] = True
            except FileNotFoundError:
                entry["existed"] = False
        self._sync(self._files)
        self._write_intent(_SWAPPING)
        for entry in self._files[:-1]:
            os.rename(entry["staged"], entry["target"])
        self._sync(self._files[:-1])

    def commit(self) -> None:
        """Rename the record into place: from here on `recover` goes forward."""
        entry = self._files[-1]
        os.rename(entry["staged"], entry["target"])
        _plainly(node_files.sync_directory, os.path.dirname(entry["target"]))

    def is_committed(self) -> bool:
        """Whether the record is in place, even if an error followed its rename."""
        if not self._files or self._files[-1]["identity"] is None:
            return False
        return identity(self._files[-1]["target"]) == self._files[-1]["identity"]

    @property
    def new_paths(self) -> list[str]:
        """The targets, and the directories that were created for them."""
        return [*self._directories, *(entry["target"] for entry in self._files[:-1])]

    @property
    def new_directories(self) -> list[str]:
        """The directories that were created for the targets, outermost first."""
        return list(self._directories)

    def recover(self) -> str | None:
        """End an interrupted replacement. Returns "undone", "completed", "damaged", or None if there was none.

        "damaged": the intent cannot be read and was renamed; some files may be old and others new. Raises SwapError, OSError.
        """
        document = _read(self.intent)
        if document is None:
            _remove(self.intent + ".new")
            return None
        if not _is_valid(document):
            self._refuse_another_format(document)
            os.replace(self.intent, self.intent + ".damaged")
            return "damaged"
        self._files, self._directories = document["files"], document["directories"]
        if self.is_committed():
            self.finish()
            return "completed"
        self.undo()
        return "undone"

    def _refuse_another_format(self, document: object) -> None:
        found = document.get("format") if isinstance(document, dict) else None
        if isinstance(found, int) and found != FORMAT:
            raise SwapError(
                f"{self.intent} has format {found}, but this version of cri.node supports only format {FORMAT}: an installation"
                " by another version of the collection was interrupted. Run that version again, or remove the file"
            )

    def undo(self) -> None:
        """Restore every file. All of them are tried before SwapError is raised for the failures; `recover` tries them again."""
        failures = []
        for entry in reversed(self._files):
            try:
                _undo(entry)
            except (OSError, SwapError) as error:
                failures.append(_sentence(error, f"restoring {entry['target']}"))
        if not failures:
            for directory in reversed(self._directories):
                with contextlib.suppress(OSError):  # gone, or somebody else put something into it
                    os.rmdir(directory)
            try:
                self._sync(self._files)
                self._remove_intent()
            except OSError as error:
                failures.append(_sentence(error, f"removing {self.intent}"))
        if failures:
            raise SwapError("; ".join(failures[:3]))

    def finish(self) -> None:
        """Remove what a committed replacement left beside the files."""
        for entry in self._files:
            _remove(entry["kept"])
            _remove(entry["staged"])
        self._remove_intent()

    def _sync(self, entries: list[dict[str, Any]]) -> None:
        places = {os.path.dirname(entry[name]) for entry in entries for name in ("target", "staged")}
        for place in sorted(places):
            with contextlib.suppress(FileNotFoundError):  # a directory that was made and removed again
                _plainly(node_files.sync_directory, place)

    def _write_intent(self, step: str) -> None:
        document = {"format": FORMAT, "step": step, "files": self._files, "directories": self._directories}
        content = json.dumps(document, sort_keys=True).encode("ascii")
        _stage(self.intent + ".new", 0o600, lambda file: file.write(content))
        os.rename(self.intent + ".new", self.intent)
        _plainly(node_files.sync_directory, os.path.dirname(self.intent))

    def _remove_intent(self) -> None:
        _remove(self.intent + ".new")
        _remove(self.intent)
        _plainly(node_files.sync_directory, os.path.dirname(self.intent))


def beside(target: str, prefix: str = _STAGED) -> str:
    """Return the path beside `target` for its staged or kept file."""
    directory, name = os.path.split(target)
    # A daemon reads each file of its *.d directory, whatever the suffix is: the copy waits one level up.
    waiting_room = os.path.dirname(directory) if directory.endswith(".d") else directory
    return os.path.join(waiting_room, prefix + name)


def _stage(path: str, mode: int, write: Callable[[IO[bytes]], object]) -> list[int] | None:
    """Write a new file durably; returns its identity."""
    _remove(path)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
        try:
            write(file)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        except OSError as error:
            error.filename = error.filename or path
            raise
    return identity(path)


def _copy(content: str, file: IO[bytes]) -> None:
    with open(content, "rb") as source:
        shutil.copyfileobj(source, file, 1024 * 1024)


def identity(path: str) -> list[int] | None:
    """Return what a file keeps across renames and hard links and no other file has; None for a missing file."""
    try:
        status = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return [status.st_ino, status.st_size, status.st_mtime_ns]


def _undo(entry: dict[str, Any]) -> None:
    is_ours = entry["identity"] is not None and identity(entry["target"]) == entry["identity"]
    if is_ours and entry["existed"]:
        if identity(entry["kept"]) is None:
            raise SwapError(f"the previous {entry['target']} is lost: its copy {entry['kept']} was removed")
        os.rename(entry["kept"], entry["target"])
    elif is_ours:
        _remove(entry["target"])
    _remove(entry["staged"])
    _remove(entry["kept"])


def _remove(path: str) -> None:
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        os.unlink(path)


def _sentence(error: Exception, doing: str) -> str:
    return os_error(error, doing) if isinstance(error, OSError) else str(error)


def _read(path: str) -> Any:
    """Return the intent at `path`, None if there is none, {} if it cannot be parsed."""
    try:
        content = _plainly(node_files.read_bytes, path)
    except FileNotFoundError:
        return None
    try:
        return json.loads(content) or {}
    except (ValueError, RecursionError):
        return {}


def _is_valid(document: object) -> bool:
    return (
        isinstance(document, dict)
        and document.get("format") == FORMAT
        and document.get("step") in (_STAGING, _SWAPPING)
        and isinstance(document.get("files"), list)
        and bool(document["files"])
        and all(isinstance(entry, dict) and _is_valid_entry(entry) for entry in document["files"])
        and isinstance(document.get("directories"), list)
        and all(isinstance(each, str) for each in document["directories"])
    )


def _is_valid_entry(entry: dict[str, Any]) -> bool:
    return all(isinstance(entry.get(key), kind) for key, kind in _KEYS.items()) and (
        entry.get("identity") is None or isinstance(entry["identity"], list)
    )


def _plainly(call: Callable[[str], _T], path: str) -> _T:
    """Run a file operation and raise the system's own error, for callers that describe it themselves."""
    try:
        return call(path)
    except node_files.NodeFileError as error:
        raise error.__cause__ or error from None
