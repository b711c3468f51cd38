# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of handlers: which are missing or differ, how they are fetched, and what refers to those that are not desired."""

from __future__ import annotations

import contextlib
import os
import re
import stat

from .. import download, node_files
from ..crio import live
from ..crio.configuration_files import in_order
from ..errors import NodeError
from ..text import shown
from . import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..layout import Layout
    from .record import Installed
    from .versions import CrioOfNode

    File = dict[str, Any]

_BLOCK = 1024 * 1024
_LARGEST_CONFIGURATION = 1024 * 1024  # bytes of one file of crio.conf.d


class FileError(NodeError):
    """A file of a handler cannot be installed; the message names it."""


def wanted(file: File, architecture: str) -> str:
    """Return the SHA-256 that a file shall have on this node. Raises FileError."""
    if file["content"] is not None:
        return node_files.digest(file["content"].encode())
    digest = file["sha256"].get(architecture) or file["sha256"].get("")
    if not digest:
        known = ", ".join(sorted(file["sha256"])) or "none"
        raise FileError(
            f"{file['handler']}: sha256 has no entry for this node's architecture {architecture}; it has: {known}"
        )
    return str(digest)


def differs(layout: Layout, file: File, digest: str, installed: Installed) -> bool:
    """Return whether a file has to be installed. Raises FileError for a file of somebody else in its place."""
    path, place = file["path"], layout.at(file["path"])
    node_files.refuse_untouchable(place)
    if not os.path.lexists(place):
        return True
    ours = installed.get(path)
    if ours and ours["sha256"] == digest and ours["identity"] == record.identity(place):
        return stat.S_IMODE(os.lstat(place).st_mode) != int(file["mode"], 8)
    if not ours and file["keep"]:
        return False
    found = node_files.hash_of(place)
    if found != digest and not ours:
        raise FileError(
            f"{file['handler']}: {path} exists with another content (SHA-256 {found}) and was not installed by cri.node;"
            " remove it, or set another path"
        )
    return found != digest


def fetched(file: File, digest: str, folder: str, number: int) -> str:
    """Return the path of a file's content in `folder`, with the SHA-256 that it shall have. Raises FileError, DownloadError."""
    target = os.path.join(folder, f"file-{number}")
    name = shown(file["path"])
    if file["content"] is not None:
        node_files.write_durably(target, file["content"].encode())
        return target
    if file["sent"]:
        target = file["sent"]
    else:
        name = download.redacted(file["source"])
        download.fetch(file["source"], target)
    found = node_files.hash_of(target)
    if found != digest:
        raise FileError(f"{file['handler']}: {name} has the SHA-256 {found}, but sha256 specifies {digest}")
    os.chmod(target, 0o700)
    return target


def references(crio: CrioOfNode, paths: list[str]) -> set[str]:
    """Return those of the paths that CRI-O's files name, or that the running daemon has loaded."""
    if not paths or not crio.is_installed:
        return set()
    service = crio.service
    texts = []
    for path in (service.config_path, *(path for path, _problem in in_order(service.config_directory))):
        with contextlib.suppress(NodeError):
            texts.append(node_files.read_bytes(path, _LARGEST_CONFIGURATION).decode("utf-8", "replace"))
    if service.active:
        try:
            texts += live.live_configuration(service.socket).values()
        except NodeError:
            return set(paths)  # what the daemon uses is not known
    text = "\n".join(texts)
    return {path for path in paths if re.search(rf"[\"']{re.escape(path)}[\"']", text)}


def removable(layout: Layout, path: str, entry: dict[str, Any]) -> tuple[bool, str]:
    """Return (whether a recorded file is still the one that was installed, a note if it is not)."""
    place = layout.at(path)
    if not os.path.lexists(place):
        return False, ""
    is_ours = node_files.file_type_of(place) == "file" and node_files.hash_of(place) == entry["sha256"]
    return is_ours, "" if is_ours else f"{path} was changed since it was installed, and is kept"
