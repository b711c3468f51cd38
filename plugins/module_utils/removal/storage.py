# SPDX-License-Identifier: GPL-3.0-or-later
"""CRI-O's storage, logs and records on a node: where they are, whether others use them, and how they are removed."""

from __future__ import annotations

import glob
import json
import os

from .. import node_files
from ..crio import effective, handlers
from ..crio.service import CrioService
from ..errors import NodeError
from ..program import run
from ..text import shown
from .findings import RemovalRefused

_LARGEST = 256 * 1024 * 1024  # bytes of a list of containers; one takes about 1 KiB
_WIPE_LIMIT = 600  # seconds
_MOST_NAMES = 10  # in one message
# Keys of folders that CRI-O alone uses, with their defaults. The first one is the storage itself.
_FOLDERS = {
    "crio.root": "/var/lib/containers/storage",
    "crio.runroot": "/run/containers/storage",
    "crio.log_dir": "/var/log/crio/pods",
}
_OWN = ("/var/lib/crio", "/var/log/crio", "/run/crio")
_LEAST_PARTS = 2  # of a path that is removed with all that it contains


def places(service: CrioService) -> list[str]:
    """Return the existing folders of CRI-O on the node, the storage first, by its configuration files."""
    values = effective.present(service)
    found = []
    for key, default in _FOLDERS.items():
        value = handlers.value_of(values.get(key)) or default
        found.append(value if _is_removable(value) else default)
    every = [os.path.realpath(place) for place in [*found, *_OWN]]
    return [place for place in dict.fromkeys(every) if os.path.isdir(place)]


def _is_removable(value: object) -> bool:
    """Whether a setting is the path of a folder that can be CRI-O's own."""
    return (
        isinstance(value, str)
        and os.path.isabs(value)
        and os.path.normpath(value) == value
        and len(value.strip("/").split("/")) > _LEAST_PARTS - 1
    )


def refuse_containers_of_others(found: list[str]) -> None:
    """Raise RemovalRefused if another engine, such as podman or buildah, has containers in the storage."""
    others = []
    for place in found:
        for path in sorted(glob.glob(f"{glob.escape(place)}/*-containers/containers.json")):
            others += [f"{name} ({place})" for name in _of_others(path)]
    if others:
        more = f" and {len(others) - _MOST_NAMES} more" if len(others) > _MOST_NAMES else ""
        raise RemovalRefused(
            f"the storage has containers of another engine, such as podman or buildah: {', '.join(others[:_MOST_NAMES])}{more}."
            " Remove them first, or keep the storage with remove_storage: false. Nothing was changed"
        )


def _of_others(path: str) -> list[str]:
    """Return the names of containers in a list of containers/storage that have no pod, as `crio wipe` tells CRI-O's own.

    A list that cannot be read counts as one container, since it is not known to be CRI-O's.
    """
    try:
        listed = json.loads(node_files.read_bytes(path, _LARGEST))
    except (NodeError, ValueError, RecursionError):
        return [f"an unreadable {path}"]
    found = []
    for each in listed if isinstance(listed, list) else []:
        metadata = _object(each.get("metadata")) if isinstance(each, dict) else {}
        if not (metadata.get("pod-name") and metadata.get("pod-id")):
            names = each.get("names") if isinstance(each, dict) else None
            found.append(shown(names[0] if names else "a container without a name", 100))
    return found


def _object(text: object) -> dict[str, object]:
    try:
        found = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def remove(service: CrioService, found: list[str]) -> None:
    """Wipe the storage of a stopped CRI-O, and remove its folders. Raises RemovalRefused, NodeFileError; may run twice."""
    if service.binary:
        named = ["--config-dir", service.config_directory, *service.options]
        status, output, error = run(
            [service.binary, *named, "wipe", "--force"], _WIPE_LIMIT, effective.environment(service)
        )
        if status:
            words = (error or output).strip().splitlines() or [f"exit status {status}"]
            raise RemovalRefused(f"crio wipe --force failed: {shown(words[-1], 300)}; the next run continues")
    for place in found:
        _unmount_below(place)
        node_files.remove_tree(place)


def _unmount_below(place: str) -> None:
    """Unmount what the storage library has mounted in a folder, such as the folder onto itself."""
    inside = [each for each in node_files.mount_points() if each.startswith(f"{place}/")]
    for mount in sorted(inside, reverse=True):
        status, _output, error = run(["umount", mount])
        if status and mount in node_files.mount_points():
            raise RemovalRefused(f"{mount} cannot be unmounted: {shown(error.strip(), 300)}")
