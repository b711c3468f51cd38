# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of what was changed on the host, /var/lib/cri-node/prerequisites.json, from which it is put back.

It is written before the first change, with all that may have been changed if the run is interrupted.
"""

from __future__ import annotations

import functools
import os

from .. import documents, node_files
from ..documents import DamagedDocument, UnknownFormat
from .steps import Step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..layout import Layout

    Record = dict[str, Any]

FORMAT = 1
# Keys by the type of their values.
_LISTS = ("loaded_modules", "turned_off", "masked_units")
_MAPPINGS = {"sysctls": ("before", "set"), "subordinate_ids": ("line", "created")}
_TYPES = {"before": (str, type(None)), "set": (str,), "line": (str,), "created": (bool,)}


def empty() -> Record:
    """Return the record of a host on which nothing was changed."""
    return {**{name: [] for name in _LISTS}, **{name: {} for name in _MAPPINGS}}


def read(layout: Layout) -> tuple[Record, str]:
    """Return (the record, why it is damaged or ""). Raises UnknownFormat, NodeFileError.

    A damaged record counts as empty; `set_aside` renames it.
    """
    path = layout.prerequisites_record
    text = node_files.read_text(path)
    if text is None:
        return empty(), ""
    try:
        return _read(text, path), ""
    except UnknownFormat:
        raise
    except DamagedDocument as error:
        return empty(), str(error)


def _read(text: str, path: str) -> Record:
    data = documents.read_object(text, path)
    documents.refuse_other_format(data.get("format"), (FORMAT,), path)
    found = empty()
    for name in _LISTS:
        value = data.get(name, [])
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise DamagedDocument(f"{path}: {name} is not a list of strings")
        found[name] = value
    for name, keys in _MAPPINGS.items():
        value = data.get(name, {})
        if not isinstance(value, dict) or not all(_is_entry(each, keys) for each in value.values()):
            raise DamagedDocument(f"{path}: {name} has an entry without {' and '.join(keys)}")
        found[name] = value
    return found


def _is_entry(entry: Any, keys: tuple[str, ...]) -> bool:
    return isinstance(entry, dict) and all(
        key in entry and isinstance(entry[key], _TYPES[key]) for key in keys
    )


def joined(before: Record, after: Record) -> Record:
    """Return the record while a change is under way: what may be ours at any of its steps."""
    lists = {name: list(dict.fromkeys([*before[name], *after[name]])) for name in _LISTS}
    return {**lists, **{name: {**before[name], **after[name]} for name in _MAPPINGS}}


def step(layout: Layout, before: Record, after: Record) -> Step:
    """Return the step that writes a record; an empty one is removed."""
    return Step(functools.partial(_write, layout, after), functools.partial(_write, layout, before))


def _write(layout: Layout, record: Record) -> None:
    if any(record.values()):
        node_files.make_private_directory(layout.state_directory)
        node_files.write_json(layout.prerequisites_record, {"format": FORMAT, **record})
        return
    node_files.remove(layout.prerequisites_record)
    if os.path.isdir(layout.state_directory):
        node_files.remove_empty_directory(layout.state_directory)
