# SPDX-License-Identifier: GPL-3.0-or-later
"""Subordinate user and group ids: the ranges in /etc/subuid and /etc/subgid (subuid(5))."""

from __future__ import annotations

from .. import node_files
from .steps import Part, file_step, item

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..layout import Layout

PATHS = ("/etc/subuid", "/etc/subgid")


def plan(layout: Layout, wanted: dict[str, Any] | None, ours: dict[str, dict[str, Any]]) -> Part:
    """Return what gives the wanted user a range in both files, or removes our lines if that is not wanted.

    wanted: {user, start, count}. ours: {path: {"line": text, "created": whether we created the file, ...}} of the record;
    "unterminated" there: whether the last line before ours had no line feed.
    A user who has a range keeps it. Raises NodeFileError.
    """
    items: dict[str, dict[str, Any]] = {}
    files, record, steps, problems = {}, {}, [], []
    for path in PATHS:
        place = layout.at(path)
        before = node_files.read_bytes(place) if node_files.file_type_of(place) == "file" else None
        after, mine = before, ours.get(path)
        is_ours = mine is not None and mine["line"].encode() + b"\n" in (before or b"").splitlines(True)
        if mine is not None and is_ours and (wanted is None or mine["line"].split(":")[0] != wanted["user"]):
            after = _without(before or b"", mine)
            after = None if not after and mine["created"] else after
            is_ours, created = False, bool(mine["created"])
        else:
            created = bool(mine["created"]) if mine and is_ours else before is None
        line = ""
        if wanted is not None:
            found = _ranges(after or b"")
            of_user = [each for each in found if each[0] == wanted["user"]]
            line = f"{wanted['user']}:{wanted['start']}:{wanted['count']}"
            if not of_user:
                problems += _overlaps(path, wanted, found)
                unterminated = bool(after) and not (after or b"").endswith(b"\n")
                after = (after or b"") + (b"\n" if unterminated else b"") + f"{line}\n".encode()
                record[path] = {"line": line, "created": created, "unterminated": unterminated}
            elif is_ours and mine is not None:
                record[path] = mine
            found_text = ", ".join(f"{start}:{count}" for _user, start, count in of_user) or None
            items[path] = item(f"a range for {wanted['user']}", found_text, after != before)
        elif after != before and mine is not None:
            items[path] = item("no range of cri.node", mine["line"], True)
        if after != before:
            files[path] = (_text(before), _text(after))
            steps.append(file_step(place, after))
    return Part(items, steps, files, problems, record={"subordinate_ids": record})


def _ranges(content: bytes) -> list[tuple[str, int, int]]:
    """Return [(user, first id, number of ids), ...]; lines of another form are ignored, as the readers of the files do."""
    found = []
    for line in content.decode("utf-8", "replace").splitlines():
        fields = line.split(":")
        if len(fields) == 3 and fields[1].isdigit() and fields[2].isdigit():
            found.append((fields[0], int(fields[1]), int(fields[2])))
    return found


def _overlaps(path: str, wanted: dict[str, Any], found: list[tuple[str, int, int]]) -> list[str]:
    start, end = wanted["start"], wanted["start"] + wanted["count"]
    return [
        f"subordinate_ids: {start}:{wanted['count']} overlaps {user}:{first}:{count} in {path}; choose another start and count"
        for user, first, count in found
        if first < end and start < first + count
    ]


def _without(content: bytes, mine: dict[str, Any]) -> bytes:
    """Return the content of a file without our line, and without the line feed before it if we have added that, too."""
    line = mine["line"].encode() + b"\n"
    if mine.get("unterminated") and content.endswith(b"\n" + line):
        return content[: -len(line) - 1]
    return b"".join(each for each in content.splitlines(True) if each != line)


def _text(content: bytes | None) -> str | None:
    return None if content is None else content.decode("utf-8", "replace")
