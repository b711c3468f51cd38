# SPDX-License-Identifier: GPL-3.0-or-later
"""What a change of registries.conf may concern on a node: its registries files, its images, and the pods that run with them.

The controller compares where each image is pulled from, before and after the change. crictl is only called for such a change.
"""

from __future__ import annotations

from ..crictl import image_output, queries
from ..crictl.call import Crictl
from ..errors import NodeError
from ..layout import Layout
from ..text import shown
from . import registries_files
from .handlers import value_of
from .live import CrioSocketError, live_configuration
from .service import CrioService

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..contract import ImageInUse, RegistriesInUse

_SHORT_NAME_MODE = "crio.image.short_name_mode"
_PAUSE_IMAGE = "crio.image.pause_image"
_RELOADS_ITSELF = "crio.image.auto_reload_registries"


def read(service: CrioService, layout: Layout) -> RegistriesInUse:
    """Read the registries files and the images of a node whose daemon runs. `problem` is why the images are not known."""
    home = service.environment.get("HOME") or "/root"
    places = registries_files.Places(layout, home, *service.registries_options)
    try:
        live = live_configuration(service.socket)
    except CrioSocketError:
        live = {}
    found: RegistriesInUse = {
        "main": places.main,
        "folders": places.folders,
        "files": registries_files.read(places, layout),
        "aliases": registries_files.read_aliases(layout),
        "short_name_mode": _text(live.get(_SHORT_NAME_MODE)),
        "reloads_itself": live.get(_RELOADS_ITSELF) == "true",
        "images": [],
    }
    try:
        crictl = Crictl(f"unix://{service.socket}")
        images, containers = crictl.together(
            lambda: image_output.images(crictl.json("images")), lambda: queries.containers(crictl)
        )
    except NodeError as error:
        found["problem"] = shown(error)
        return found
    found["images"] = _in_use(images, containers, _text(live.get(_PAUSE_IMAGE)))
    return found


def _in_use(
    images: list[dict[str, Any]], containers: list[dict[str, Any]], pause_image: str
) -> list[ImageInUse]:
    """Return each name that an image of the node or a running container has, sorted, and that of the pause image."""
    found: dict[str, ImageInUse] = {}
    for image in images:
        for name in image["tags"] or image["digests"]:
            found[name] = {"name": name, "pinned": bool(image.get("pinned")), "pods": []}
    if pause_image:
        found.setdefault(pause_image, {"name": pause_image, "pinned": True, "pods": []})
    for container in containers:
        name = container["image"].get("requested") or container["image"].get("name", "")
        if container.get("state") == "running" and name:
            pod = container["pod"]
            title = f"{pod.get('namespace', '')}/{pod.get('name') or pod.get('id', '')}"
            pods = found.setdefault(name, {"name": name, "pinned": False, "pods": []})["pods"]
            if title not in pods:
                pods.append(title)
    return [found[name] for name in sorted(found)]


def _text(printed: str | None) -> str:
    value = value_of(printed)
    return value if isinstance(value, str) else ""
