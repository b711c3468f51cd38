# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of registries that CRI-O reads, in its order, and the keys of the auth files, without the credentials.

The paths are those of newConfigWrapperWithHomeDir in pkg/sysregistriesv2, and of getAuthFilePaths in pkg/docker/config
(containers/image 5.38). registries.conf holds no secrets; what somebody put into a key that the format does not have, and
credentials in names, stay on the node.
"""

from __future__ import annotations

import json
import math
import os
import posixpath

from .. import node_files, toml_reader
from ..layout import REGISTRIES, REGISTRIES_DIRECTORY, Layout
from ..text import without_credentials

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..contract import AuthKeys, RegistriesFile

MOST_FILES = 1000
LARGEST_FILE = 1024 * 1024  # bytes
LARGEST_ALL = 8 * 1024 * 1024  # bytes of all files together
ALIASES = "/var/cache/containers/short-name-aliases.conf"
_OF_HOME = ".config/containers/registries.conf"
_ENDPOINT = ("location", "insecure", "pull-from-mirror")
_VERSION_1 = {name: {"registries": None} for name in ("search", "insecure", "block")}
# The names of the format; a table has the names inside it, None stands for any value.
_KNOWN: dict[str, Any] = {
    "registry": {
        **dict.fromkeys((*_ENDPOINT, "prefix", "blocked", "mirror-by-digest-only")),
        "mirror": dict.fromkeys(_ENDPOINT),
    },
    "unqualified-search-registries": None,
    "credential-helpers": None,
    "short-name-mode": None,
    "additional-layer-store-auth-helper": None,
    "aliases": None,
    "registries": _VERSION_1,
}


class Places:
    """Where containers/image looks: `main`, `folders`, and `hidden`, what exists and is not read because of `main`."""

    def __init__(self, layout: Layout, home: str = "/root", main: str = "", folder: str = "") -> None:
        """Find the files. main, folder: the daemon's options --registries-conf and --registries-conf-dir."""
        own = posixpath.join(home, _OF_HOME)
        own_folder = f"{own}.d"
        self.hidden: list[str] = []
        self.is_named = bool(main)
        if main:
            self.main, self.folders = main, [folder] if folder else [REGISTRIES_DIRECTORY, own_folder]
        elif os.path.exists(layout.at(own)):
            self.main, self.folders = own, [folder or own_folder]
            self.hidden = [
                path
                for path in (REGISTRIES, *([] if folder else _drop_ins(REGISTRIES_DIRECTORY, layout)))
                if os.path.exists(layout.at(path))
            ]
        else:
            self.main, self.folders = REGISTRIES, [folder] if folder else [REGISTRIES_DIRECTORY, own_folder]


def read(places: Places, layout: Layout) -> list[RegistriesFile]:
    """Return each file that containers/image reads, in its order; see contract.RegistriesFile."""
    files: list[RegistriesFile] = []
    room = LARGEST_ALL
    paths = [(places.main, False)] if places.is_named or os.path.lexists(layout.at(places.main)) else []
    for folder in places.folders:
        paths += [(path, True) for path in _drop_ins(folder, layout)]
    for path, drop_in in paths:
        if len(files) >= MOST_FILES:
            files.append(_problem(path, drop_in, f"only {MOST_FILES} files are read"))
            break
        if not os.path.exists(layout.at(path)) and drop_in:
            continue  # a link to nothing, which containers/image skips
        content, problem = _content(layout.at(path), room)
        room -= len(content)
        files.append(_problem(path, drop_in, problem) if problem else _file(path, drop_in, content))
    return files


def read_aliases(layout: Layout) -> RegistriesFile | None:
    """Return the aliases that containers/image has recorded; None if there are none."""
    if not os.path.exists(layout.at(ALIASES)):
        return None
    content, problem = _content(layout.at(ALIASES), LARGEST_FILE)
    return _problem(ALIASES, True, problem) if problem else _file(ALIASES, True, content)


def notes(places: Places, layout: Layout) -> list[str]:
    """Return a sentence for each folder whose files containers/image does not read, although it looks as if it did."""
    return [
        f"{folder} is a symbolic link: containers/image does not follow it and reads none of its files"
        for folder in places.folders
        if os.path.islink(layout.at(folder))
    ]


def auth_paths(named: str, home: str = "/root") -> list[str]:
    """Return the paths of the auth files, in their order. named: crio.image.global_auth_file, "" if it is not set."""
    if named:
        return [named]
    files = (".config/containers/auth.json", ".docker/config.json", ".dockercfg")
    return ["/run/containers/0/auth.json", *(posixpath.join(home, file) for file in files)]


def read_auth_keys(paths: list[str], layout: Layout) -> list[AuthKeys]:
    """Return the keys of each auth file that exists; see contract.AuthKeys."""
    found: list[AuthKeys] = []
    for path in paths:
        if not os.path.exists(layout.at(path)):
            continue
        old = path.endswith(".dockercfg")
        content, problem = _content(layout.at(path), LARGEST_FILE)
        document: Any = None
        if not problem:
            try:
                document = json.loads(content)
            except (ValueError, RecursionError):
                problem = "is not valid JSON"
        entry: AuthKeys = {"path": path, "keys": [], "empty_keys": [], "helpers": [], "old_format": old}
        if isinstance(document, dict):
            auths = _mapping(document if old else document.get("auths"))
            for key in sorted(auths):
                has_one = isinstance(auths[key], dict) and bool(auths[key].get("auth"))
                entry["keys" if has_one else "empty_keys"].append(without_credentials(key))
            entry["helpers"] = [] if old else sorted(map(str, _mapping(document.get("credHelpers"))))
        elif not problem:
            problem = "is not a JSON object"
        if problem:
            entry["problem"] = problem
        found.append(entry)
    return found


def _drop_ins(folder: str, layout: Layout) -> list[str]:
    """Return the drop-ins of a folder in lexical order; folders inside it are skipped, and a link is not followed."""
    place = layout.at(folder)
    if os.path.islink(place) or not os.path.isdir(place):
        return []
    try:
        names = sorted(os.listdir(place), key=os.fsencode)
    except OSError:
        return []
    return [
        posixpath.join(folder, name)
        for name in names
        if name.endswith(".conf")
        and (os.path.islink(os.path.join(place, name)) or not os.path.isdir(os.path.join(place, name)))
    ]


def _content(place: str, room: int) -> tuple[bytes, str]:
    """Return (content, why it was not read); the reason is the end of a sentence that starts with the path."""
    try:
        return node_files.read_bytes(place, min(LARGEST_FILE, max(room, 0))), ""
    except node_files.NodeFileError as error:
        return b"", f"cannot be read: {error}"


def _file(path: str, drop_in: bool, content: bytes) -> RegistriesFile:
    try:
        data = toml_reader.loads(content)
    except toml_reader.TomlSyntaxError as error:
        return _problem(path, drop_in, f"is not valid TOML: {error}")
    return {"path": path, "drop_in": drop_in, "data": _known(data, _KNOWN)}


def _problem(path: str, drop_in: bool, reason: str) -> RegistriesFile:
    return {"path": path, "drop_in": drop_in, "problem": reason}


def _known(table: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    """Return the table with null for the value of each name that the format does not have."""
    found: dict[str, Any] = {}
    for name, value in table.items():
        inside = known.get(name.lower(), "")
        if inside == "":
            found[name] = None
        elif isinstance(inside, dict) and isinstance(value, list):
            found[name] = [_known(each, inside) if isinstance(each, dict) else _plain(each) for each in value]
        elif isinstance(inside, dict) and isinstance(value, dict):
            found[name] = _known(value, inside)
        else:
            found[name] = _plain(value)
    return found


def _plain(value: Any) -> Any:
    """Return a value without credentials as JSON can hold it; a time becomes a table, which the format has nowhere either."""
    if isinstance(value, toml_reader.Moment):
        return {"time": str(value)}
    if isinstance(value, str):
        return without_credentials(value)
    if isinstance(value, float) and not math.isfinite(value):
        return 0.5  # any number is refused
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    return value


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
