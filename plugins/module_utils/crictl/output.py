# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Types what crictl prints about containers and pods: parsed JSON in, plain data out. Pure functions; see fields.py."""

from __future__ import annotations

from typing import Any

from .fields import (
    POD_LABELS,
    UNKNOWN,
    UnexpectedOutput,
    annotations_of,
    choice,
    entries,
    identity,
    integer,
    items,
    known,
    mapping,
    mapping_if_any,
    path,
    string,
    strings,
    time,
)

#: The states as crictl prints them, and as facts have them.
CONTAINER_STATES = {f"CONTAINER_{name.upper()}": name for name in ("created", "running", "exited", UNKNOWN)}
SANDBOX_STATES = {f"SANDBOX_{name.upper()}": name for name in ("ready", "notready")}


# Listings


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
        pod=_pod_of(string(item, "podSandboxId"), labels),
        image=image(item),
        labels=labels,
        annotations=annotations_of(item),
    )


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


# Single containers and pods


def sandbox_status(document: Any) -> dict[str, Any]:
    """Read crictl inspectp of one pod; see sandbox."""
    return sandbox(mapping(document, "crictl inspectp").get("status"))


def details(document: Any) -> dict[str, dict[str, Any]]:
    """Read crictl inspect of one container or several: the details of each container by ID; see detail."""
    documents = document if isinstance(document, list) else [document]
    return {item["id"]: item for item in (detail(each) for each in documents)}


def detail(document: Any) -> dict[str, Any]:
    """Read crictl inspect: how a container runs or how it ended. There is an exit code only after it has exited."""
    document = mapping(document, "crictl inspect")
    status = mapping(document.get("status"), "status")
    metadata = mapping(status.get("metadata"), "metadata")
    verbose = mapping_if_any(document, "info")
    state = choice(status, "state", CONTAINER_STATES)
    pid = integer(verbose, "pid")
    return known(
        id=identity(status),
        name=string(metadata, "name"),
        attempt=integer(metadata, "attempt") or 0,
        state=state,
        created_at=time(status, "createdAt"),
        started_at=time(status, "startedAt"),
        finished_at=time(status, "finishedAt"),
        exit_code=(integer(status, "exitCode") or 0) if state == "exited" else None,
        reason=string(status, "reason"),
        message=string(status, "message"),
        log_path=path(status, "logPath"),
        pid=pid if pid and state == "running" else None,
        pod=_pod_of(string(verbose, "sandboxID"), strings(status, "labels")),
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


def image_ids(document: Any) -> list[str]:
    """Read crictl images: the ID of each image."""
    return [identity(mapping(item, "images")) for item in entries(document, "crictl images", "images")]


def image_id(document: Any) -> str:
    """Read crictl inspecti of one image: its ID."""
    return identity(mapping(mapping(document, "crictl inspecti").get("status"), "status"))


def printed_identity(text: str) -> str:
    """Read the ID that crictl runp or crictl create prints last, as text."""
    words = text.split()
    if not words:
        raise UnexpectedOutput("crictl printed nothing where it should print an ID")
    return identity({"id": words[-1]})


def _pod_of(pod_id: str | None, labels: dict[str, str]) -> dict[str, str]:
    """Return the pod of a container, as far as its ID and the kubelet's labels tell."""
    return known(id=pod_id, **{key: labels.get(label) for key, label in POD_LABELS.items()})
