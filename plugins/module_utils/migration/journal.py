# SPDX-License-Identifier: GPL-3.0-or-later
"""What a migration has on a node's disk: the journal while it is under way, and the record of the one that was completed.

The journal has everything that is needed to go back, before the first step, and each step before it is taken. Who finds it after
a kill or a power cut undoes these steps. The record says which engine was the former one, so that a later run can remove it.
"""

from __future__ import annotations

import base64
import binascii

from .. import documents, node_files
from ..documents import DamagedDocument
from ..layout import Layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Journal = dict[str, Any]

FORMAT = 1
# Keys by the type of their values.
_KEYS = {
    "former": str,
    "target": str,
    "taken": list,  # the steps, in their order
    "units": dict,  # see units.States, of the kubelet and both engines
    "files": dict,  # path: the file before the change, see `kept`
    "written": dict,  # path: the SHA-256 of its new content
    "containers": list,  # what is started again
}
_FILE = {"content": str, "mode": int, "uid": int, "gid": int}


def read(layout: Layout) -> Journal | None:
    """Return the journal of a migration that has not ended; None without one. Raises DamagedDocument, NodeFileError."""
    path = layout.migration_intent
    text = node_files.read_text(path)
    if text is None:
        return None
    data = documents.read_object(text, path)
    documents.refuse_other_format(data.get("format"), (FORMAT,), path)
    broken = [name for name, kind in _KEYS.items() if not isinstance(data.get(name), kind)]
    files = data.get("files")
    if isinstance(files, dict):
        broken += [name for name, entry in files.items() if not _is_file(entry)]
    if broken:
        raise DamagedDocument(
            f"{path} has no usable {broken[0]:.100}. It describes a migration that was interrupted: put the kubelet's files and"
            " the engines' units right by hand, and remove it"
        )
    return data


def _is_file(entry: object) -> bool:
    return isinstance(entry, dict) and all(
        isinstance(entry.get(name), expected) for name, expected in _FILE.items()
    )


def write(layout: Layout, journal: Journal) -> None:
    """Write the journal durably. Raises NodeFileError."""
    node_files.make_private_directory(layout.state_directory)
    node_files.write_json(layout.migration_intent, {"format": FORMAT, **journal})


def remove(layout: Layout) -> None:
    """Remove the journal: the migration has ended. Raises NodeFileError."""
    node_files.remove(layout.migration_intent)


def kept(content: bytes, mode: int, uid: int, gid: int) -> dict[str, Any]:
    """Return the entry of a file in a journal."""
    return {"content": base64.b64encode(content).decode(), "mode": mode, "uid": uid, "gid": gid}


def content_of(entry: dict[str, Any]) -> bytes:
    """Return the content of a file in a journal. Raises DamagedDocument."""
    try:
        return base64.b64decode(entry["content"], validate=True)
    except binascii.Error:
        raise DamagedDocument("the journal of a migration has a file that is not in base64") from None


def recorded(layout: Layout) -> dict[str, str]:
    """Return former, target and driver (the cgroup driver of the former engine) of the last migration; {} without one.

    Raises DamagedDocument, NodeFileError.
    """
    text = node_files.read_text(layout.migration_record)
    if text is None:
        return {}
    data = documents.read_object(text, layout.migration_record)
    documents.refuse_other_format(data.get("format"), (FORMAT,), layout.migration_record)
    found = {name: data.get(name) for name in ("former", "target", "driver")}
    if not all(isinstance(value, str) for value in found.values()):
        raise DamagedDocument(f"{layout.migration_record} does not say what was migrated; remove it")
    return {name: str(value) for name, value in found.items()}


def record(layout: Layout, former: str, target: str, driver: str) -> None:
    """Record a completed migration. Raises NodeFileError."""
    entry = {"format": FORMAT, "former": former, "target": target, "driver": driver}
    node_files.write_json(layout.migration_record, entry)
