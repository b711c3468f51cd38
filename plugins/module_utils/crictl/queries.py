# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Asks crictl for containers and pods, with as many calls as that takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ..errors import CrictlError
from . import container_output
from .call import Crictl

_BATCH = 50  # containers per crictl inspect: up to 100 KiB of JSON each, and 3 KiB of arguments


def containers(crictl: Crictl) -> list[dict[str, Any]]:
    """Return all containers, typed, with the names of their pods (a second call, if the labels do not have them)."""
    found = container_output.containers(crictl.json("ps", "-a"))
    if all("name" in container["pod"] for container in found):
        return found
    from . import pod_output  # not at the top: the labels of a kubelet have the names

    pods = pod_output.pods(crictl.json("pods"))
    return [pod_output.with_pod(container, pods) for container in found]


def container_details(
    crictl: Crictl, ids: Iterable[str], read: Callable[[Any], dict[str, dict[str, Any]]] | None = None
) -> dict[str, dict[str, Any]]:
    """Return {id: details} of containers, as `read` returns them. One call for each 50; those that vanish are left out."""
    from .container_details import details  # not at the top: a list needs none

    def listed() -> list[dict[str, Any]]:
        return container_output.containers(crictl.json("ps", "-a"))

    return _inspected(crictl, ("inspect",), ids, read or details, listed)


def pod_details(
    crictl: Crictl, ids: Iterable[str], read: Callable[[Any], dict[str, dict[str, Any]]]
) -> dict[str, dict[str, Any]]:
    """Return {id: details} of pods, as `read` returns them. One call for each 50; those that vanish are left out."""
    from . import pod_output

    return _inspected(
        crictl, ("inspectp", "-q"), ids, read, lambda: pod_output.sandboxes(crictl.json("pods"))
    )


def _inspected(
    crictl: Crictl,
    command: tuple[str, ...],
    ids: Iterable[str],
    read: Callable[[Any], dict[str, dict[str, Any]]],
    listed: Callable[[], list[dict[str, Any]]],
) -> dict[str, dict[str, Any]]:
    ids, found = list(ids), {}
    for start in range(0, len(ids), _BATCH):
        found.update(_inspected_batch(crictl, command, ids[start : start + _BATCH], read, listed))
    return found


def _inspected_batch(
    crictl: Crictl,
    command: tuple[str, ...],
    ids: list[str],
    read: Callable[[Any], dict[str, dict[str, Any]]],
    listed: Callable[[], list[dict[str, Any]]],
) -> dict[str, dict[str, Any]]:
    for _attempt in range(3):
        if not ids:
            return {}
        try:
            return read(crictl.json(*command, *ids))
        except CrictlError as error:  # one ID that does not exist fails the whole call
            if error.kind != "not_found":
                raise
        present = {item["id"] for item in listed()}
        ids = [each for each in ids if each in present]
    found = {}
    for each in ids:
        try:
            found.update(read(crictl.json(*command, each)))
        except CrictlError as error:
            if error.kind != "not_found":
                raise
    return found
