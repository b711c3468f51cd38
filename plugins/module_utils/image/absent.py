# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Removes images by name or by rule; never one that is pinned or that a container uses.

CRI leaves open what else goes with a name. CRI-O 1.37 removes a name if the image has another one, and refuses to remove an
image that a container uses. containerd removes the image with all its names, even if a container uses it.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from ..crictl import image_output, queries
from ..crictl import info as cri_info
from ..crictl.call import Crictl, CrictlError
from ..crictl.image_output import bare_id
from ..crictl.image_use import used_by
from ..errors import ImageError
from ..text import shown
from . import store

TYPE_CHECKING = False
if TYPE_CHECKING:
    Users = dict[str, list[dict[str, Any]]]  # containers by the ID of their image without its prefix

_REMOVAL = 120  # seconds that the removal of an image may take at least: its layers are deleted meanwhile
_BATCH = 50  # images of one call of crictl
_MOST = 5  # containers that a message names
_LONGEST = 300  # characters of a name in a message


def absent(crictl: Crictl, names: list[str], check: bool = False) -> dict[str, Any]:
    """Remove names, and images whose last name that is. An ID or a digest means the image with all its names.

    Nothing is removed if one of them must not be. Returns changed and images (as store.reported). Raises ImageError, CrictlError,
    UnexpectedOutput.
    """
    images, users = _with_users(crictl)
    found = store.find(crictl, names, images)
    removals = _removals(crictl, names, found)
    for identity, image in removals:
        is_whole = identity == image["id"]  # an image that keeps a name stays, whoever uses it
        _refuse_needed(image, users.get(bare_id(image["id"]), []) if is_whole else [])
    if not check:
        _remove(crictl, [removed for removed, _image in removals])
    return {
        "changed": bool(found),
        "images": [
            store.reported(name, "remove" if name in found else "none", name in found, found.get(name))
            for name in names
        ],
    }


def prune(
    crictl: Crictl,
    patterns: list[str],
    keep: list[str],
    built_before: str | None = None,
    check: bool = False,
) -> dict[str, Any]:
    """Remove images that no container uses and that are not pinned.

    patterns, keep: shell patterns; one of the tags or digests of an image must match patterns, and none may match keep, which may
    also contain IDs.
    built_before: RFC 3339 in UTC with nanoseconds; an image without a time is kept. Returns changed and images. Raises
    CrictlError, UnexpectedOutput, ImageError if some of them could not be removed.
    """
    images, users = _with_users(crictl)
    chosen = [
        image
        for image in images
        if not image.get("pinned") and not users[bare_id(image["id"])] and _is_chosen(image, patterns, keep)
    ]
    if built_before is not None:
        built = _built(crictl, [image["id"] for image in chosen])
        chosen = [image for image in chosen if built.get(image["id"], built_before) < built_before]
    entries = [_pruned(crictl, image, check) for image in chosen]
    changed = any(entry["changed"] for entry in entries)
    problems = [f"{entry['name']}: {entry['error']}" for entry in entries if "error" in entry]
    if problems:
        message = f"{len(problems)} of {len(chosen)} images could not be removed: {'; '.join(problems)}"
        raise ImageError(message, images=entries, changed=changed)
    return {"changed": changed, "images": entries}


def _with_users(crictl: Crictl) -> tuple[list[dict[str, Any]], Users]:
    """Return all images, and the containers that use each by its ID without prefix."""
    images, containers = crictl.together(lambda: store.listed(crictl), lambda: queries.containers(crictl))
    users = used_by(images, containers)
    return images, {bare_id(image["id"]): each for image, each in zip(images, users)}


def _remove(crictl: Crictl, names: list[str]) -> None:
    for index, name in enumerate(names):
        try:
            crictl.within(max(crictl.timeout, _REMOVAL)).text("rmi", name)
        except CrictlError as error:
            if error.kind != "not_found":
                message = f"the image {shown(name, _LONGEST)} could not be removed: {error}"
                raise ImageError(message, error.kind, changed=index > 0) from None


def _removals(
    crictl: Crictl, names: list[str], found: dict[str, dict[str, Any]]
) -> list[tuple[str, dict[str, Any]]]:
    """Return (what to remove, its image): an ID for a whole image, else a name. Raises ImageError."""
    asked: dict[str, tuple[dict[str, Any], list[str]]] = {}
    for name in names:
        if name in found:
            asked.setdefault(found[name]["id"], (found[name], []))[1].append(name)
    removals: list[tuple[str, dict[str, Any]]] = []
    for identity, (image, given) in asked.items():
        tags = [_tag(name, image) for name in given]
        others = [tag for tag in image["tags"] if tag not in tags]
        if "" in tags or not others:
            removals.append((identity, image))
        else:
            _refuse_partial(crictl, given, others)
            removals += [(tag, image) for tag in tags]
    return removals


def _tag(name: str, image: dict[str, Any]) -> str:
    """Return the tag of the image that a name means; "" for an ID or a digest, which means the whole image. Raises ImageError."""
    if name in image["tags"]:
        return name
    if "@" in name or bare_id(image["id"]).startswith(bare_id(name)):
        return ""
    path = name if ":" in name else f"{name}:latest"
    meant = [tag for tag in image["tags"] if tag.endswith(f"/{path}")]
    if len(meant) != 1:
        known = ", ".join(shown(tag, _LONGEST) for tag in image["tags"]) or "none"
        raise ImageError(
            f"the short name {name} does not show which name of its image to remove; it has: {known}"
        )
    return meant[0]


def _refuse_partial(crictl: Crictl, given: list[str], others: list[str]) -> None:
    """Refuse to remove some names of an image where the runtime would remove all of them. Raises ImageError."""
    runtime = cri_info.version(crictl.text("version"))["runtime_name"]
    if runtime != "cri-o":
        raise ImageError(
            f"{runtime} removes an image with all its names, and the image {given[0]} is also {', '.join(others)};"
            " list all of its names, or use its ID"
        )


def _refuse_needed(image: dict[str, Any], users: list[dict[str, Any]]) -> None:
    """Refuse to remove an image that is pinned or in use. Raises ImageError."""
    name = _name_of(image)
    if image.get("pinned"):
        raise ImageError(
            f"the image {name} is pinned and was not removed; the configuration of the runtime pins it"
            " (CRI-O: crio.image.pinned_images and crio.image.pause_image)",
            "pinned",
        )
    if users:
        listed = ", ".join(_described(container) for container in users[:_MOST])
        more = f" and {len(users) - _MOST} more" if len(users) > _MOST else ""
        count = "a container uses" if len(users) == 1 else f"{len(users)} containers use"
        raise ImageError(
            f"the image {name} was not removed, because {count} it: {listed}{more}; remove the containers first",
            "in_use",
        )


def _described(container: dict[str, Any]) -> str:
    pod = container["pod"]
    named = "/".join(pod[key] for key in ("namespace", "name") if key in pod)
    label = "/".join(part for part in (named, container.get("name")) if part)
    return shown(f"{label or container['id'][:12]} ({container['state']})", _LONGEST)


def _name_of(image: dict[str, Any]) -> str:
    names = [*image["tags"], *image["digests"], image["id"]]
    return shown(names[0], _LONGEST)


def _is_chosen(image: dict[str, Any], patterns: list[str], keep: list[str]) -> bool:
    names = [*image["tags"], *image["digests"]] or [""]  # an image without a name matches *
    is_kept = _any_like(names, keep) or bare_id(image["id"]) in map(bare_id, keep)
    return _any_like(names, patterns) and not is_kept


def _any_like(names: list[str], patterns: list[str]) -> bool:
    return any(fnmatchcase(name, pattern) for name in names for pattern in patterns)


def _built(crictl: Crictl, ids: list[str]) -> dict[str, str]:
    """Return when each image was built, by its ID. One call for each 50; one by one if an image vanishes meanwhile."""
    found: dict[str, str] = {}
    for start in range(0, len(ids), _BATCH):
        batch = ids[start : start + _BATCH]
        try:
            found.update(image_output.created(crictl.json("inspecti", *batch)))
        except CrictlError as error:
            if error.kind != "not_found":
                raise
            for identity in batch:
                found.update(_built_one(crictl, identity))
    return found


def _built_one(crictl: Crictl, identity: str) -> dict[str, str]:
    try:
        return image_output.created(crictl.json("inspecti", identity))
    except CrictlError as error:
        if error.kind != "not_found":
            raise
        return {}


def _pruned(crictl: Crictl, image: dict[str, Any], check: bool) -> dict[str, Any]:
    """Remove one image. Returns its result, with `error` if a container began to use it, for example."""
    try:
        if not check:
            crictl.within(max(crictl.timeout, _REMOVAL)).text("rmi", image["id"])
    except CrictlError as error:
        if error.kind != "not_found":
            return store.reported(_name_of(image), "remove", False, image, error=str(error))
    return store.reported(_name_of(image), "remove", True, image)
