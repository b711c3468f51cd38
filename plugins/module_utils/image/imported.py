# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Imports the images of an archive into the store that the runtime reads.

CRI cannot import. What can depends on the runtime: CRI-O's store is containers/storage, which skopeo and podman write;
containerd's has ctr. The tools get the archive as their standard input, so that they read the file that was checked, whatever
its name.
"""

from __future__ import annotations

import hashlib
import os
import stat
import time
from typing import IO, Any

from ..archive import ArchiveError
from ..crictl.call import Crictl
from ..crictl.image_output import bare_id
from ..errors import ImageError
from ..os_errors import os_reason
from ..text import shown
from . import archive as image_archive
from . import store, ways

_BLOCK = 1024 * 1024
_POLL = 0.2  # seconds; containerd's CRI notices an import a moment later


def opened(path: str) -> IO[bytes]:
    """Open an archive on the node. Raises ImageError."""
    try:
        file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
    except (OSError, ValueError) as error:
        reason = os_reason(error, path) if isinstance(error, OSError) else "it contains a NUL"
        raise ImageError(f"the archive {shown(path, 300)} cannot be read: {reason}") from None
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise ImageError(f"the archive {shown(path, 300)} is not a regular file")
    return file


def described(file: IO[bytes], place: str, sha256: str, names: list[str]) -> dict[str, Any]:
    """Return what archive.read does, with the names that the images of the archive are to have. Raises ImageError.

    place: the archive, for messages. sha256: what the file must have, 64 hexadecimal digits, or "". names: those of its only
    image, instead of its own; may be empty.
    """
    try:
        if sha256:
            _require_hash(file, place, sha256)
        found = image_archive.read(file)
    except ArchiveError as error:
        raise ImageError(f"the archive {place} cannot be imported: {error}") from None
    except OSError as error:
        raise ImageError(f"the archive {place} cannot be read: {os_reason(error, place)}") from None
    images = found["images"]
    if names and len(images) > 1:
        raise ImageError(
            f"the archive {place} contains {len(images)} images, so that name cannot rename them"
        )
    for image in images:
        image["names"] = names or image["names"]
        if not image["names"]:
            raise ImageError(f"the archive {place} contains an image without a name; set name")
    return found


def imported(
    crictl: Crictl,
    wanted: dict[str, Any],
    file: IO[bytes] | None,
    timeout: int = 300,
    check: bool = False,
) -> dict[str, Any]:
    """Import those images of an archive whose names do not mean them yet.

    wanted: as returned by described(). file: the archive; None if it is not on the node. timeout: seconds for each image.
    Returns changed, images (as store.reported), and needs_archive: whether something has to be imported and there is no file.
    Raises ImageError, CrictlError, UnexpectedOutput.
    """
    before = store.by_name(store.listed(crictl))
    missing = [image for image in wanted["images"] if not _is_there(image, before)]
    intended = {name for image in wanted["images"] for name in image["names"]}
    way = (
        ways.of(crictl, intended) if missing else None
    )  # also in check mode: what cannot be imported is no change
    if way is None or check or file is None:
        return {
            "changed": bool(missing),
            "images": _reported(wanted, before, before, missing, {}),
            "needs_archive": bool(missing) and file is None,
        }
    seconds = _import(way, wanted["kind"], missing, file, timeout)
    after = _after(crictl, missing)
    return {
        "changed": True,
        "images": _reported(wanted, before, after, missing, seconds),
        "needs_archive": False,
    }


def _require_hash(file: IO[bytes], place: str, sha256: str) -> None:
    found = hashlib.sha256()
    file.seek(0)
    for block in iter(lambda: file.read(_BLOCK), b""):
        found.update(block)
    if found.hexdigest() != sha256.lower():
        raise ImageError(f"the archive {place} has the SHA-256 {found.hexdigest()}, not {sha256.lower()}")


def _is_there(image: dict[str, Any], known: dict[str, dict[str, Any]]) -> bool:
    """Return whether all names of an image mean it."""
    found = [known.get(name) for name in image["names"]]
    return all(each is not None and bare_id(each["id"]) in image["ids"] for each in found)


def _import(
    way: ways.Way, kind: str, missing: list[dict[str, Any]], file: IO[bytes], timeout: int
) -> dict[str, float]:
    """Import images, and return the seconds that each took, by its first name. Raises ImageError."""
    seconds: dict[str, float] = {}
    try:
        with image_archive.uncompressed(file) as plain:
            for image in missing:
                started = time.monotonic()
                way.add(plain, kind, image, timeout)
                seconds[image["names"][0]] = round(time.monotonic() - started, 3)
    except (ImageError, ArchiveError) as error:
        raise ImageError(
            f"the archive could not be imported: {error}", error.kind, changed=bool(seconds)
        ) from None
    return seconds


def _after(crictl: Crictl, missing: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the images by name, once the runtime lists those that were imported. Raises ImageError."""
    deadline = time.monotonic() + crictl.timeout
    while True:
        known = store.by_name(store.listed(crictl))
        absent = [image for image in missing if not _is_there(image, known)]
        if not absent:
            return known
        if time.monotonic() >= deadline:
            names = ", ".join(shown(name, 300) for image in absent for name in image["names"])
            raise ImageError(f"the runtime does not list {names} after the import", changed=True)
        time.sleep(_POLL)


def _reported(
    wanted: dict[str, Any],
    before: dict[str, dict[str, Any]],
    after: dict[str, dict[str, Any]],
    missing: list[dict[str, Any]],
    seconds: dict[str, float],
) -> list[dict[str, Any]]:
    found = []
    for image in wanted["images"]:
        for name in image["names"]:
            is_new = image in missing and not _is_there({**image, "names": [name]}, before)
            more: dict[str, Any] = {}
            if is_new and image["names"][0] in seconds:
                more["seconds"] = seconds[image["names"][0]]
            if is_new and name in before:
                more["previous_id"] = before[name]["id"]
            action = "import" if is_new else "none"
            found.append(store.reported(name, action, is_new, after.get(name), **more))
    return found
