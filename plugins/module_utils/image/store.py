# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The images of a runtime by the names that a task has for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ..crictl import image_output
from ..crictl.call import Crictl, CrictlError
from ..crictl.image_output import bare_id

_REPORTED = ("id", "tags", "digests", "size", "pinned")


def listed(crictl: Crictl) -> list[dict[str, Any]]:
    """Return all images, typed. Raises CrictlError and UnexpectedOutput."""
    return image_output.images(crictl.json("images"))


def by_name(images: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the images by their tags, digests and IDs; an ID without its prefix."""
    found: dict[str, dict[str, Any]] = {}
    for image in images:
        found.update(dict.fromkeys((*image["tags"], *image["digests"], bare_id(image["id"])), image))
    return found


def find(crictl: Crictl, names: Iterable[str], images: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the images by these names; a name without an image is left out.

    The runtime is asked for names that are not in the listing `images`: only it resolves short names, and knows the beginning
    of an ID.
    """
    known = by_name(images)
    found = {name: known[bare_id(name)] for name in names if bare_id(name) in known}
    asked = [name for name in names if name not in found]
    statuses = crictl.together(*(_status(crictl, name) for name in asked))
    for name, status in zip(asked, statuses):
        if status:
            found[name] = known.get(bare_id(status["id"]), status)
    return found


def reported(
    name: str, action: str, changed: bool, image: dict[str, Any] | None, **more: Any
) -> dict[str, Any]:
    """Return the result for one image. image: as it is now, None if it does not exist."""
    state = {key: image[key] for key in _REPORTED if key in image} if image else {}
    return {"name": name, "action": action, "changed": changed, **state, **more}


def _status(crictl: Crictl, name: str) -> Callable[[], dict[str, Any] | None]:
    def ask() -> dict[str, Any] | None:
        try:
            return image_output.image_status(crictl.json("inspecti", "-q", name))
        except CrictlError as error:
            if error.kind != "not_found":
                raise
            return None

    return ask
