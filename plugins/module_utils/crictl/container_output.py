# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Types the containers that crictl ps lists: parsed JSON in, plain data out. Pure functions; see fields.py."""

from __future__ import annotations

from typing import Any

from .fields import (
    CONTAINER_STATES,
    annotations_of,
    choice,
    entries,
    identity,
    integer,
    known,
    mapping,
    pod_of,
    string,
    strings,
    time,
)


def containers(document: Any) -> list[dict[str, Any]]:
    """Read crictl ps: a list of containers, in crictl's order; see container."""
    return [container(item) for item in entries(document, "crictl ps", "containers")]


def running(document: Any) -> list[dict[str, str]]:
    """Read crictl ps without -a, which lists running containers: id, name (absent if unknown) and pod (its sandbox's ID).

    Nothing else of a container is read, so that it counts even if one of its labels is malformed.
    """
    found = []
    for item in entries(document, "crictl ps", "containers"):
        item = mapping(item, "containers")
        metadata = mapping(item.get("metadata"), "metadata")
        named = known(id=identity(item), name=string(metadata, "name"))
        found.append({**named, "pod": string(item, "podSandboxId") or ""})
    return found


def container(item: Any) -> dict[str, Any]:
    """Read one container of crictl ps. The name of its pod is known only from the kubelet's labels; see with_pod."""
    item = mapping(item, "containers")
    metadata = mapping(item.get("metadata"), "metadata")
    labels = strings(item, "labels")
    return known(
        id=identity(item),
        name=string(metadata, "name"),
        attempt=integer(metadata, "attempt") or 0,
        state=choice(item, "state", CONTAINER_STATES),
        created_at=time(item, "createdAt"),
        pod=pod_of(string(item, "podSandboxId"), labels),
        image=image(item),
        labels=labels,
        annotations=annotations_of(item),
    )


def image(item: dict[str, Any]) -> dict[str, str]:
    """Read the image of a container that crictl ps or crictl inspect printed: name, requested, id and ref, where known."""
    specification = mapping(item.get("image"), "image")
    return known(
        name=string(specification, "image"),
        requested=string(specification, "userSpecifiedImage"),
        id=string(item, "imageId"),
        ref=string(item, "imageRef"),
    )
