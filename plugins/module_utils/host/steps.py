# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of a change of the host: each can be undone, and all of them are if one fails."""

from __future__ import annotations

import functools
import os
import stat
from collections.abc import Callable, Iterable
from typing import NamedTuple

from .. import node_files, program
from ..errors import NodeError
from ..os_errors import os_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class HostError(NodeError):
    """A prerequisite of the host cannot be met; the message says which one, and whether anything was changed."""


class Step(NamedTuple):
    """One change, and how it is undone. Undoing a change that was not made does nothing."""

    do: Callable[[], None]
    undo: Callable[[], None]


class Part(NamedTuple):
    """What one subject needs, read without changing anything.

    items: {name: {wanted, found, changed}}. files: {path: (content before, content after)}, None for no file.
    problems, warnings: sentences. record: what is ours afterwards, by key of the record. packages: what has to be installed.
    """

    items: dict[str, dict[str, Any]]
    steps: list[Step] = []
    files: dict[str, tuple[str | None, str | None]] = {}
    problems: list[str] = []
    warnings: list[str] = []
    record: dict[str, Any] = {}
    packages: list[str] = []


def item(wanted: Any, found: Any, changed: bool) -> dict[str, Any]:
    """Return what a result contains of one item."""
    return {"wanted": wanted, "found": found, "changed": changed}


def take(steps: Iterable[Step]) -> None:
    """Take all steps, or none: after a failure those that were taken are undone. Raises HostError."""
    taken: list[Step] = []
    try:
        for step in steps:
            taken.append(step)
            step.do()
    except (NodeError, OSError) as error:
        failures = _undone(taken)
        end = "The change was undone: the node is as it was."
        if failures:
            end = f"The change could not be undone completely: {'; '.join(failures[:3])}. The next run continues."
        raise HostError(f"{_sentence(error)}. {end}") from error


def _undone(taken: list[Step]) -> list[str]:
    """Undo steps in reverse order; all of them are tried. Returns the failures."""
    failures = []
    for step in reversed(taken):
        try:
            step.undo()
        except (NodeError, OSError) as error:
            failures.append(_sentence(error))
    return failures


def _sentence(error: NodeError | OSError) -> str:
    words = os_error(error, "changing the node") if isinstance(error, OSError) else str(error)
    return words.rstrip(".")


def call(arguments: list[str], timeout: float = 60) -> None:
    """Run a program that must succeed. timeout: in seconds. Raises HostError with its last words."""
    status, output, errors = program.run(arguments, timeout)
    if status:
        words = (errors.strip() or output.strip() or f"exit status {status}").splitlines()[-1]
        raise HostError(f"{' '.join(arguments)} failed: {words}")


def file_step(path: str, after: bytes | None) -> Step:
    """Return the step that gives a file this content, or removes it. An existing one keeps its owner and mode.

    Raises NodeFileError for a file that must not be replaced.
    """
    node_files.refuse_untouchable(path)
    before = node_files.read_bytes(path) if os.path.lexists(path) else None
    status = os.lstat(path) if before is not None else None
    mode = stat.S_IMODE(status.st_mode) if status else 0o644
    owner = (status.st_uid, status.st_gid) if status else None
    missing = node_files.missing_directories([os.path.dirname(path)])
    return Step(
        functools.partial(_put, path, after, mode, owner, missing),
        functools.partial(_put_back, path, before, mode, owner, missing),
    )


def _put(
    path: str, content: bytes | None, mode: int, owner: tuple[int, int] | None, missing: list[str]
) -> None:
    if content is None:
        node_files.remove(path)
        return
    if missing:
        node_files.make_directories(missing[-1])
    node_files.write_durably(path, content, mode)
    if owner and owner != (os.geteuid(), os.getegid()):
        node_files.give(path, *owner)


def _put_back(
    path: str, content: bytes | None, mode: int, owner: tuple[int, int] | None, missing: list[str]
) -> None:
    _put(path, content, mode, owner, [])
    for directory in reversed(missing):
        node_files.remove_empty_directory(directory)
