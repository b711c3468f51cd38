# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Types what crictl prints about images: parsed JSON in, plain data out. Pure functions; see fields.py.

The ID of an image is the digest of its configuration. containerd prints it with the prefix sha256:, CRI-O without; it stays as
printed, since both accept only their own form.
"""

from __future__ import annotations

import re
from typing import Any

from .fields import (
    UnexpectedOutput,
    boolean,
    entries,
    integer,
    integer_value,
    items,
    known,
    mapping,
    mapping_if_any,
    required_string,
    string,
    time,
    valid,
)

_PREFIX = "sha256:"
_IDENTITY = re.compile(f"(?:{_PREFIX})?[A-Za-z0-9][A-Za-z0-9_.-]{{0,255}}")


def images(document: Any) -> list[dict[str, Any]]:
    """Read crictl images: a list of images, in crictl's order; see image."""
    return [image(item) for item in entries(document, "crictl images", "images")]


def image(item: Any) -> dict[str, Any]:
    """Read one image: id, tags and digests (references; either may be empty); where known size (bytes), pinned, uid, username."""
    item = mapping(item, "images")
    uid = mapping(item.get("uid"), "uid").get("value")
    return known(
        id=_identity(item),
        tags=_texts(item, "repoTags"),
        digests=_texts(item, "repoDigests"),
        size=integer(item, "size")
        or None,  # CRI requires one that is not 0; CRI-O prints 0 for an unknown one
        pinned=boolean(item, "pinned"),
        uid=None if uid is None else integer_value(uid, "uid"),
        username=string(item, "username"),
    )


def image_ids(document: Any) -> list[str]:
    """Read crictl images: the ID of each image."""
    return [_identity(mapping(item, "images")) for item in entries(document, "crictl images", "images")]


def image_id(document: Any) -> str:
    """Read crictl inspecti of one image: its ID."""
    return _identity(_status(document))


def image_status(document: Any) -> dict[str, Any]:
    """Read crictl inspecti of one image; see image."""
    return image(_status(document))


def created(document: Any) -> dict[str, str]:
    """Read crictl inspecti of one or more images, not quiet: {id: when it was built}, without those that do not have a time."""
    found = {}
    for each in document if isinstance(document, list) else [document]:
        information = mapping_if_any(mapping(each, "crictl inspecti"), "info")
        built = time(mapping_if_any(information, "imageSpec"), "created")
        if built:
            found[_identity(_status(each))] = built
    return found


def bare_id(identity: str) -> str:
    """Return the ID of an image without the prefix that only some runtimes print, to compare two of them."""
    return identity[len(_PREFIX) :] if identity.startswith(_PREFIX) else identity


def file_systems(document: Any) -> dict[str, list[dict[str, Any]]]:
    """Read crictl imagefsinfo: the file systems of images and, since crictl 1.29, of the writable layers of containers.

    Each has mountpoint and, where known, used_bytes, inodes_used and measured_at.
    """
    status = mapping(mapping(document, "crictl imagefsinfo").get("status"), "status")
    return {
        "images": [_usage(item) for item in items(status, "imageFilesystems")],
        "containers": [_usage(item) for item in items(status, "containerFilesystems")],
    }


def _status(document: Any) -> dict[str, Any]:
    return mapping(mapping(document, "crictl inspecti").get("status"), "status")


def _usage(item: Any) -> dict[str, Any]:
    item = mapping(item, "filesystems")
    return known(
        mountpoint=string(mapping(item.get("fsId"), "fsId"), "mountpoint"),
        used_bytes=integer(mapping(item.get("usedBytes"), "usedBytes"), "value"),
        inodes_used=integer(mapping(item.get("inodesUsed"), "inodesUsed"), "value"),
        measured_at=time(item, "timestamp"),
    )


def _identity(item: dict[str, Any]) -> str:
    """Return the ID of an image. It becomes an argument of crictl, so it must not look like an option."""
    value = required_string(item, "id")
    if not _IDENTITY.fullmatch(value):
        raise UnexpectedOutput("crictl printed an image whose id is not an ID")
    return value


def _texts(item: dict[str, Any], key: str) -> list[str]:
    found = items(item, key)
    if not all(isinstance(each, str) for each in found):
        raise UnexpectedOutput(f"crictl printed an image whose {key} are not all strings")
    return [valid(each) for each in found if each]
