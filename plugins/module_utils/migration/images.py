# SPDX-License-Identifier: GPL-3.0-or-later
"""Carries images from one engine to another: by archives, one at a time, skipping those that are there."""

from __future__ import annotations

import time

from .. import node_files
from ..crictl.image_output import bare_id
from ..errors import NodeError
from ..image import archive, imported, store
from ..layout import Layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .engine import Engine

    Row = dict[str, Any]

_ARCHIVE = "image.tar"
_POLL = 0.5  # seconds
_LATE = 30  # seconds until an engine must list what it has imported


def planned(former: Engine, target: Engine | None) -> list[Row]:
    """Return a row for each image of the former engine: id, names, and action, which says what a run does with it.

    action: carry; none for one that the target has under these names; keep if one of its names means another image there, which
    stays; unnamed for one that has no name, or only one by a digest that does not survive the export. target: None for an engine
    that is not there yet. Raises NodeError.
    """
    there = store.by_name(target.images()) if target and target.serves else {}
    rows = []
    for image in former.images():
        names = sorted(image["tags"]) or image["digests"][:1]
        found = {name: bare_id(there[name]["id"]) for name in names if name in there}
        missing = [name for name in names if name not in found]
        others = [name for name, identity in found.items() if identity != bare_id(image["id"])]
        action = "carry" if missing else "keep" if others else "none" if names else "unnamed"
        if action == "carry" and not image["tags"] and not former.known["keeps_manifests"]:
            action = "unnamed"
        rows.append({"id": bare_id(image["id"]), "names": missing or names, "action": action, "image": image})
    return sorted(rows, key=lambda row: (row["names"] or [""], row["id"]))


def shown_rows(rows: list[Row]) -> list[Row]:
    """Return the rows as a result has them."""
    return [{key: value for key, value in row.items() if key != "image"} for row in rows]


def carry(layout: Layout, former: Engine, target: Engine, rows: list[Row], timeout: int) -> list[Row]:
    """Carry over the rows with the action carry, and return all of them. timeout: seconds for each image and direction.

    What failed has the key `error`; the former engine keeps all of its images. Raises NodeError if none can be carried at all.
    """
    folder = layout.migration_images
    node_files.remove_tree(folder)  # of a run that was killed
    if not any(row["action"] == "carry" for row in rows):
        return rows
    export, done = former.way(), []
    node_files.make_private_directory(layout.state_directory)
    node_files.make_private_directory(folder)
    try:
        for row in rows:
            done.append(_carried(row, export, target, f"{folder}/{_ARCHIVE}", timeout))
    finally:
        node_files.remove_tree(folder)
    return done


def _carried(row: Row, export: Any, target: Engine, path: str, timeout: int) -> Row:
    if row["action"] != "carry":
        return row
    started = time.monotonic()
    node_files.remove(path)  # of the row before
    try:
        export.take(row["image"], target.archive_kind, path, timeout)
        with imported.opened(path) as file:
            _import(file, row, target, timeout)
    except (NodeError, OSError) as error:
        return {**row, "error": str(error)}
    return {**row, "seconds": round(time.monotonic() - started, 3)}


def _import(file: Any, row: Row, target: Engine, timeout: int) -> None:
    found = archive.read(file)
    way, image = target.way(), found["images"][0]
    image = {**image, "source": "", "names": row["names"]}
    way.intended = set(row["names"])
    with archive.uncompressed(file) as plain:
        way.add(plain, found["kind"], image, timeout)
    deadline = time.monotonic() + _LATE
    while True:
        there = store.by_name(target.images())
        missing = [name for name in row["names"] if bare_id(there.get(name, {"id": ""})["id"]) != row["id"]]
        if not missing:
            return
        if time.monotonic() >= deadline:
            raise NodeError(f"{target.title} does not list {', '.join(missing)} after the import")
        time.sleep(_POLL)
