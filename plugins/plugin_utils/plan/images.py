# SPDX-License-Identifier: GPL-3.0-or-later
"""The images of a node, and its running pods, that a change of registries concerns; pure functions over data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypedDict

from ansible_collections.cri.node.plugins.module_utils import toml_reader
from ansible_collections.cri.node.plugins.module_utils.crio.handlers import value_of
from ansible_collections.cri.node.plugins.module_utils.layout import is_registries_file
from ansible_collections.cri.node.plugins.module_utils.text import shown
from ansible_collections.cri.node.plugins.plugin_utils.registries import of_report, pull_changes, resolution
from ansible_collections.cri.node.plugins.plugin_utils.text.table import count

if TYPE_CHECKING:
    from ansible_collections.cri.node.plugins.module_utils.contract import RegistriesInUse
    from ansible_collections.cri.node.plugins.plugin_utils.plan.file_set import FileSet

_MODE = "crio.image.short_name_mode"
_MOST = 3  # images that a sentence names; the data has all
_ITSELF = (
    "the running CRI-O also reads changed drop-ins of registries.conf by itself (crio.image.auto_reload_registries), without"
    " showing whether it accepts them; the reload does"
)


class ConcernedImage(TypedDict):
    """An image that is pulled from elsewhere, or not at all, after the change."""

    name: str
    effect: str  # one of pull_changes.DISRUPTIVE
    reason: str
    pinned: bool
    pods: list[str]  # NAMESPACE/NAME of running ones with a container of this name


def concerned(wanted: FileSet, found: RegistriesInUse, files: Mapping[str, str]) -> list[ConcernedImage]:
    """Return the images that a change of registries concerns. files: what happens to each file, as in a plan."""
    changed: dict[str, dict[str, Any] | None] = {}
    for path, action in files.items():
        if is_registries_file(path):
            data = None if action == "remove" else _data(wanted.file(path).content)
            if action != "remove" and data is None:
                return []  # its content is not known, or not valid, which the node refuses
            changed[path] = data
    old, new = of_report.before_and_after(found, changed)
    mode = found["short_name_mode"] or resolution.CRIO_MODES[0]
    wanted_mode = value_of(wanted.expect.get(_MODE)) or mode
    images = []
    for image in found["images"]:
        change = pull_changes.of_name(image["name"], old, new, (mode, wanted_mode))
        if change.effect in pull_changes.DISRUPTIVE:
            images.append(_image(change, image["pinned"], image["pods"]))
    return images


def _image(change: pull_changes.PullChange, pinned: bool, pods: list[str]) -> ConcernedImage:
    return {
        "name": shown(change.name),
        "effect": change.effect,
        "reason": shown(change.reason),
        "pinned": pinned,
        "pods": [shown(pod) for pod in pods],
    }


def _data(content: str) -> dict[str, Any] | None:
    try:
        return toml_reader.loads(content.encode()) if content else None
    except toml_reader.TomlSyntaxError:
        return None


def notes(found: RegistriesInUse) -> list[str]:
    """Return sentences about a change of registries on this node that do not depend on its images."""
    lines = [_ITSELF] if found["reloads_itself"] else []
    if "problem" in found:
        lines.append(f"which images the change of registries concerns is not known: {found['problem']}")
    return lines


def sentences(images: Sequence[ConcernedImage]) -> list[str]:
    """Return a sentence for each kind of effect, with the first images and the number of running pods."""
    lines = []
    for what in dict.fromkeys(_WHAT.values()):
        some = [image for image in images if _WHAT[image["effect"]] == what]
        if some:
            pods = len({pod for image in some for pod in image["pods"]})
            used = f"; {count(pods, 'running pod')} {'has' if pods == 1 else 'have'} them" if pods else ""
            lines.append(f"{count(len(some), 'image')} of this node {what}: {_named(some)}{used}")
    return lines


_WHAT = {
    pull_changes.BLOCKED: "can no longer be pulled",
    pull_changes.REFUSED: "can no longer be pulled",
    pull_changes.ELSEWHERE: "will be pulled from elsewhere",
}


def _named(images: Sequence[ConcernedImage]) -> str:
    first = sorted(images, key=lambda image: (not image["pods"], not image["pinned"], image["name"]))
    names = [
        f"{image['name']}{' (pinned)' if image['pinned'] else ''}, {image['reason']}"
        for image in first[:_MOST]
    ]
    more = len(first) - _MOST
    return "; ".join(names) + (f"; and {more} more" if more > 0 else "")


class ConcernedOfNodes(TypedDict):
    """An image that a change of several nodes concerns."""

    name: str
    effect: str
    reason: str
    pinned: bool  # on any of them
    nodes: int
    pods: int  # on all of them


def joined(of_nodes: Iterable[Sequence[ConcernedImage]]) -> list[ConcernedOfNodes]:
    """Return the images of several nodes, each once, those of running pods first."""
    found: dict[tuple[str, str, str], ConcernedOfNodes] = {}
    for images in of_nodes:
        for image in images:
            one: ConcernedOfNodes = {
                "name": image["name"],
                "effect": image["effect"],
                "reason": image["reason"],
                "pinned": False,
                "nodes": 0,
                "pods": 0,
            }
            each = found.setdefault((image["name"], image["effect"], image["reason"]), one)
            each["pinned"] = each["pinned"] or image["pinned"]
            each["nodes"] += 1
            each["pods"] += len(image["pods"])
    return sorted(found.values(), key=lambda each: (-each["pods"], not each["pinned"], each["name"]))


def lines(images: Sequence[ConcernedOfNodes], nodes: int) -> Iterator[str]:
    """Yield a line for each image of a row of the report. nodes: those of the row."""
    for image in images:
        where = f" on {count(image['nodes'], 'node')}" if nodes > 1 else ""
        used = f", used by {count(image['pods'], 'running pod')}" if image["pods"] else ""
        pinned = " (pinned)" if image["pinned"] else ""
        yield f"image {image['name']}{pinned} {_WHAT[image['effect']]}{where}{used}: {image['reason']}"
