# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Types what crictl pods, inspectp, runp and create print about pods. Pure functions; see fields.py."""

from __future__ import annotations

from typing import Any

from .fields import (
    POD_LABELS,
    UnexpectedOutput,
    annotations_of,
    choice,
    entries,
    identity,
    integer,
    items,
    known,
    mapping,
    string,
    strings,
    time,
)

#: The states as crictl prints them, and as facts have them.
SANDBOX_STATES = {f"SANDBOX_{name.upper()}": name for name in ("ready", "notready")}


def pods(document: Any) -> dict[str, dict[str, str]]:
    """Read crictl pods: by ID, the id, name, namespace and uid of each pod."""
    found = {}
    for item in entries(document, "crictl pods", "items"):
        item = mapping(item, "items")
        metadata = mapping(item.get("metadata"), "metadata")
        pod_id = identity(item)
        found[pod_id] = known(id=pod_id, **{key: string(metadata, key) for key in POD_LABELS})
    return found


def sandboxes(document: Any) -> list[dict[str, Any]]:
    """Read crictl pods: a list of pods with everything that it prints about them, in crictl's order; see sandbox."""
    return [sandbox(item) for item in entries(document, "crictl pods", "items")]


def sandbox(item: Any) -> dict[str, Any]:
    """Read a pod of crictl pods, or the status of crictl inspectp, which alone has the addresses."""
    item = mapping(item, "a pod")
    metadata, network = mapping(item.get("metadata"), "metadata"), mapping(item.get("network"), "network")
    more = (mapping(each, "additionalIps") for each in items(network, "additionalIps"))
    addresses = [string(network, "ip"), *(string(each, "ip") for each in more)]
    return known(
        id=identity(item),
        name=string(metadata, "name"),
        namespace=string(metadata, "namespace"),
        uid=string(metadata, "uid"),
        attempt=integer(metadata, "attempt") or 0,
        state=choice(item, "state", SANDBOX_STATES),
        created_at=time(item, "createdAt"),
        handler=string(item, "runtimeHandler"),
        ip=addresses[0],
        ips=[address for address in addresses if address] or None,
        labels=strings(item, "labels"),
        annotations=annotations_of(item),
    )


def with_pod(item: dict[str, Any], known_pods: dict[str, dict[str, str]]) -> dict[str, Any]:
    """Return the container with its pod completed from pods()."""
    return dict(item, pod={**known_pods.get(item["pod"].get("id"), {}), **item["pod"]})


def sandbox_status(document: Any) -> dict[str, Any]:
    """Read crictl inspectp of one pod; see sandbox."""
    return sandbox(mapping(document, "crictl inspectp").get("status"))


def printed_identity(text: str) -> str:
    """Read the ID that crictl runp or crictl create prints last, as text."""
    words = text.split()
    if not words:
        raise UnexpectedOutput("crictl printed nothing where it should print an ID")
    return identity({"id": words[-1]})
