# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of the files of handlers that we installed, /var/lib/cri-node/handlers.json."""

from __future__ import annotations

import json
import os

from .. import documents, node_files
from ..documents import DamagedDocument

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..layout import Layout

    # By path: the SHA-256 of what was installed, the handler, and what identifies the file without reading it.
    Installed = dict[str, dict[str, Any]]

FORMAT = 1
_KEYS = {"sha256": str, "handler": str, "identity": list}


def read(layout: Layout) -> Installed:
    """Return what is recorded; {} without a record. Raises DamagedDocument, UnknownFormat, NodeFileError."""
    path = layout.handlers_record
    text = node_files.read_text(path)
    if text is None:
        return {}
    data = documents.read_object(text, path)
    documents.refuse_other_format(data.get("format"), (FORMAT,), path)
    files = data.get("files")
    if not isinstance(files, dict) or not all(
        place.startswith("/") and _is_entry(entry) for place, entry in files.items()
    ):
        raise DamagedDocument(f"{path} has no usable list of files; remove it, and the files that it lists")
    return files


def _is_entry(entry: object) -> bool:
    return isinstance(entry, dict) and all(
        isinstance(entry.get(name), expected) for name, expected in _KEYS.items()
    )


def content(installed: Installed) -> bytes:
    """Return the bytes of a record."""
    return json.dumps({"format": FORMAT, "files": installed}, sort_keys=True).encode()


def write(layout: Layout, installed: Installed) -> None:
    """Write the record durably; an empty one is removed."""
    if installed:
        node_files.write_durably(layout.handlers_record, content(installed))
    else:
        node_files.remove(layout.handlers_record)


def identity(path: str) -> list[int]:
    """Return what a file keeps until it is written or replaced: inode, size and modification time. Raises OSError."""
    status = os.lstat(path)
    return [status.st_ino, status.st_size, status.st_mtime_ns]
