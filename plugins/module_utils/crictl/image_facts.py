# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Gathers the facts of crictl_images_facts: the images that match its filters, who uses them, and the space they take.

options: the options of the module, by name.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from . import image_output, queries
from .call import Crictl
from .image_use import used_by

_OF_CONTAINER = ("id", "name", "state", "pod")


def read(crictl: Crictl, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return images (sorted by their names) and file_systems. Raises CrictlError and UnexpectedOutput."""
    document, containers, usage = crictl.together(
        lambda: crictl.json("images"),
        lambda: queries.containers(crictl),
        lambda: crictl.json("imagefsinfo"),
    )
    listed = image_output.images(document)
    for image, users in zip(listed, used_by(listed, containers)):
        image["containers"] = [
            {key: container[key] for key in _OF_CONTAINER if key in container} for container in users
        ]
    found = [image for image in listed if _matches(image, options)]
    return {
        "images": sorted(found, key=lambda image: (*image["tags"], *image["digests"], image["id"])),
        "file_systems": {
            kind: [{**each, **_space(each)} for each in file_systems]
            for kind, file_systems in image_output.file_systems(usage).items()
        },
    }


def _matches(image: dict[str, Any], options: Mapping[str, Any]) -> bool:
    """Return whether an image passes all filters."""
    identity, prefixes = (
        image_output.bare_id(image["id"]),
        [image_output.bare_id(each) for each in options["id"] or ()],
    )
    return (
        (not prefixes or identity.startswith(tuple(prefixes)))
        and (not options["name"] or _any_like(options["name"], [*image["tags"], *image["digests"]]))
        and (options["pinned"] is None or image.get("pinned", False) == options["pinned"])
        and (options["in_use"] is None or bool(image["containers"]) == options["in_use"])
    )


def _any_like(patterns: list[str], values: list[str]) -> bool:
    return any(fnmatchcase(value, pattern) for value in values for pattern in patterns)


def _space(file_system: dict[str, Any]) -> dict[str, int]:
    """Return the size of the file system of a directory and what is left of it, in bytes; {} if it cannot be read."""
    try:
        found = os.statvfs(file_system["mountpoint"])
    except (KeyError, OSError, ValueError):  # the last for a NUL in the path
        return {}
    return {
        "size_bytes": found.f_blocks * found.f_frsize,
        "available_bytes": found.f_bavail * found.f_frsize,
    }
