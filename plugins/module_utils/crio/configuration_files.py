# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration files that CRI-O reads, in its order, without the values that the caller did not ask for.

CRI-O reads crio.conf, then every file below crio.conf.d, whatever its name: folders are entered in the order of their names,
links to files are followed, links to folders are not (Go's filepath.Walk; pkg/config/config.go, UpdateFromPath). A file that it
cannot read keeps it from starting. Here, such a file is described, and nothing waits for it or reads more than the limits.
"""

from __future__ import annotations

import os
import re
import stat

from .. import node_files, toml_reader
from ..os_errors import os_reason
from ..text import without_credentials

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from ..contract import ConfigurationFile, FoundSetting

    # By lower-case name, or "*" for any: a table of further names, or for a key whether its value may be returned, or the
    # list of its values that may be.
    Keys = dict[str, Any]

MOST_FILES = 1000
LARGEST_FILE = 1024 * 1024  # bytes
LARGEST_ALL = 8 * 1024 * 1024  # bytes of all files together
_DEEPEST = 32  # folders inside each other
_HEADER = re.compile(rb"#[^\n]{0,100}cri\.node\.([a-z0-9_]{1,60})\b")
_KINDS = {
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
_TYPES = {str: "string", bool: "boolean", int: "integer", float: "float", toml_reader.Moment: "time"}


def keys_of(patterns: dict[str, bool | list[Any]]) -> Keys:
    """Return the dotted keys as a tree; a value says whether the values of the key may be returned, or lists those that may."""
    tree: Keys = {}
    for pattern, is_shown in patterns.items():
        *tables, name = pattern.split(".")
        table = tree
        for each in tables:
            table = table.setdefault(each, {})
        table[name] = is_shown
    return tree


def read(config_path: str, directory: str, keys: Keys) -> list[ConfigurationFile]:
    """Describe each file that CRI-O reads, in its order; see contract.ConfigurationFile."""
    files: list[ConfigurationFile] = []
    room = LARGEST_ALL
    for path, problem in _paths(config_path, directory):
        if len(files) >= MOST_FILES:
            files.append(
                _of_problem(
                    path, "limit", f"only {MOST_FILES} files are read; this one and those after it are not"
                )
            )
            break
        found = _of_problem(path, *problem) if problem else _describe(path, keys, room)
        room -= found.get("size", 0)
        files.append(found)
    return files


def in_order(directory: str) -> Iterator[tuple[str, tuple[str, str] | None]]:
    """Yield each path below the folder in CRI-O's order, with (kind, reason) if a folder cannot be read."""
    if not os.path.exists(directory):
        return
    if os.path.islink(directory):
        yield directory, ("not_a_file", "is a link to a folder, which CRI-O reads as a file")
        return
    yield from _below(directory, 0)


def folders_changed_at(directory: str) -> float | None:
    """Return when a file was last added, renamed or removed below the folder, in seconds since the epoch; None if unknown."""
    changed = None
    for count, (folder, _folders, _names) in enumerate(os.walk(directory)):
        if count >= MOST_FILES:
            break
        try:
            changed = max(changed or 0, os.stat(folder).st_ctime)
        except OSError:
            continue
    return changed


def _paths(config_path: str, directory: str) -> Iterator[tuple[str, tuple[str, str] | None]]:
    if config_path and os.path.lexists(config_path):
        yield config_path, None
    if directory:
        yield from in_order(directory)


def _below(directory: str, depth: int) -> Iterator[tuple[str, tuple[str, str] | None]]:
    if depth > _DEEPEST:
        yield directory, ("limit", f"is below {_DEEPEST} folders; what is in it is not read")
        return
    try:
        names = sorted(os.listdir(directory), key=os.fsencode)
    except OSError as error:
        yield directory, ("unreadable", f"cannot be read: {os_reason(error)}")
        return
    for name in names:
        path = os.path.join(directory, name)
        if os.path.isdir(path) and not os.path.islink(path):
            yield from _below(path, depth + 1)
        else:
            yield path, None


def _of_problem(path: str, kind: str, reason: str) -> ConfigurationFile:
    return {"path": _text(path), "problem": {"kind": kind, "reason": reason}, "settings": []}


def _describe(path: str, keys: Keys, room: int) -> ConfigurationFile:
    found: ConfigurationFile = {"path": _text(path), "settings": []}
    if os.path.islink(path):
        found["target"] = _text(os.path.realpath(path))
    try:
        status = os.stat(path)
    except OSError as error:
        return {**found, "problem": {"kind": "unreadable", "reason": f"cannot be read: {os_reason(error)}"}}
    found["mode"] = f"{stat.S_IMODE(status.st_mode):04o}"
    found["uid"], found["gid"] = status.st_uid, status.st_gid
    found["modified"], found["changed_at"] = status.st_mtime_ns, status.st_ctime
    problem = _problem_of(status, room)
    if problem:
        return {**found, "problem": problem}
    try:
        content = node_files.read_bytes(path, LARGEST_FILE)
    except node_files.NodeFileError as error:
        kind = "denied" if error.kind == "EACCES" else "unreadable"
        return {**found, "problem": {"kind": kind, "reason": f"cannot be read: {error}"}}
    found["size"] = len(content)
    header = _HEADER.match(content)
    if header:
        found["header_owner"] = header.group(1).decode("ascii")
    try:
        found["settings"] = settings(content, keys)
    except toml_reader.TomlSyntaxError as error:
        return {**found, "problem": {"kind": "not_toml", "reason": f"is not valid TOML: {error}"}}
    if not any(each.get("secret") for each in found["settings"]) and status.st_mode & stat.S_IROTH:
        found["sha256"] = node_files.digest(content)
    return found


def _problem_of(status: os.stat_result, room: int) -> dict[str, str] | None:
    if stat.S_ISDIR(status.st_mode):
        return {"kind": "not_a_file", "reason": "is a link to a folder, which CRI-O reads as a file"}
    if not stat.S_ISREG(status.st_mode):
        kind = _KINDS.get(stat.S_IFMT(status.st_mode), "not a file")
        return {"kind": "not_a_file", "reason": f"is {kind}, not a regular file; CRI-O tries to read it"}
    if status.st_size > min(LARGEST_FILE, room):
        limit = LARGEST_FILE if status.st_size > LARGEST_FILE else LARGEST_ALL
        what = "one file" if limit == LARGEST_FILE else "all files together"
        return {"kind": "limit", "reason": f"is not read: more than {limit >> 20} MiB of {what}"}
    return None


def settings(content: bytes, keys: Keys) -> list[FoundSetting]:
    """Return each key of a TOML document with its type, and its value if `keys` allows that. Raises TomlSyntaxError.

    Of a table or key that is not in `keys`, only the name is returned. Credentials in URLs are masked.
    """
    found: list[FoundSetting] = []
    _collect(found, toml_reader.loads(content), keys, ())
    return found


def _collect(found: list[FoundSetting], table: dict[str, Any], keys: Keys, path: tuple[str, ...]) -> None:
    for name, value in table.items():
        here = (*path, name)
        known = keys.get("*", keys.get(name.lower()))
        if isinstance(known, dict) and isinstance(value, dict):
            found.append({"path": list(here), "type": "table"})
            _collect(found, value, known, here)
            continue
        setting: FoundSetting = {"path": list(here), "type": _type(value)}
        if (known is True and setting["type"] in _RETURNED) or (isinstance(known, list) and value in known):
            setting["value"] = _masked(value)
        elif known is False or isinstance(known, list):
            setting["secret"] = True
            setting["empty"] = value in ("", [], {})
        found.append(setting)


_RETURNED = ("string", "boolean", "integer", "strings", "table of strings")


def _type(value: Any) -> str:
    if isinstance(value, dict):
        return "table of strings" if all(_type(each) == "string" for each in value.values()) else "table"
    if isinstance(value, list):
        return "strings" if all(_type(each) == "string" for each in value) else "list"
    return _TYPES[type(value)]


def _masked(value: Any) -> Any:
    if isinstance(value, str):
        return without_credentials(value)
    if isinstance(value, list):
        return [without_credentials(each) for each in value]
    if isinstance(value, dict):
        return {name: without_credentials(each) for name, each in value.items()}
    return value


def _text(path: str) -> str:
    """Return a path as text that can be printed and sent; bytes that are not UTF-8 become question marks."""
    return os.fsencode(path).decode("utf-8", "replace")
