# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Finds the containers that use an image. Pure functions over the typed output of crictl."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from .image_output import bare_id


def used_by(
    images: Sequence[dict[str, Any]], containers: Iterable[dict[str, Any]]
) -> list[list[dict[str, Any]]]:
    """Return the containers of each image, in any state: a runtime needs the image of one that has ended, too.

    A container names its image up to three times. The ID is exact, but only newer versions of crictl print it; a name may belong
    to another image by now.
    """
    by_id = {bare_id(image["id"]): index for index, image in enumerate(images)}
    by_name = {
        name: index for index, image in enumerate(images) for name in (*image["digests"], *image["tags"])
    }
    users: list[list[dict[str, Any]]] = [[] for _image in images]
    for container in containers:
        names = [container["image"].get(key, "") for key in ("id", "ref", "name")]
        places = (by_id.get(bare_id(name), by_name.get(name)) for name in names)
        index = next((place for place in places if place is not None), None)
        if index is not None:
            users[index].append(container)
    return users
