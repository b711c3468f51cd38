# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules between several fields of a Pod manifest: duplicates, missing fields and fields that cannot be combined."""

from __future__ import annotations

from typing import Any

from ansible_collections.cri.node.plugins.module_utils.crictl.fields import POD_LABELS
from ansible_collections.cri.node.plugins.module_utils.pod.marks import HASH
from ansible_collections.cri.node.plugins.plugin_utils.pod import quantity
from ansible_collections.cri.node.plugins.plugin_utils.pod.reader import Reader
from ansible_collections.cri.node.plugins.plugin_utils.task.option_rules import IMAGE, image_fault

# Set by crictl_pod itself. Users can set all other names, such as io.kubernetes.cri-o.ShmSize.
HUGEPAGES = "hugepages-"
_RESERVED = {"labels": tuple(POD_LABELS.values()), "annotations": (HASH,)}


def check(reader: Reader, metadata: dict[str, Any], spec: dict[str, Any]) -> None:
    """Add all problems of a manifest to its reader. Fields that already have a problem are missing in the manifest."""
    _check_metadata(reader, metadata)
    _check_pod(reader, spec)
    _check_volumes(reader, spec)
    _check_profiles(reader, spec.get("securityContext", {}), "spec.securityContext")
    if "containers" in spec and not spec["containers"]:
        reader.refuse("spec.containers", "is empty")
    containers = all_containers(spec)
    _refuse_twins(reader, containers)
    for path, container in containers.items():
        _check_container(reader, container, path)
        _check_image(reader, container, path)
        _check_mounts(reader, container, path, {volume.get("name") for volume in spec.get("volumes", [])})
        _check_ports(reader, container, path, spec.get("hostNetwork", False))
        _check_resources(reader, container, path)
        _check_security(reader, container, f"{path}.securityContext", spec.get("securityContext", {}))


def all_containers(spec: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return all containers by their paths in the manifest, in the order in which they start."""
    return {
        f"spec.{kind}[{index}]": container
        for kind in ("initContainers", "containers")
        for index, container in enumerate(spec.get(kind, []))
    }


def is_privileged(container: dict[str, Any]) -> bool:
    """Return whether a container is privileged."""
    return container.get("securityContext", {}).get("privileged", False)


def _check_metadata(reader: Reader, metadata: dict[str, Any]) -> None:
    for kind, reserved in _RESERVED.items():
        for name in metadata.get(kind, {}):
            if name in reserved:
                reader.refuse(f"metadata.{kind}.{name}", "is reserved, because this module sets it")


def _check_pod(reader: Reader, spec: dict[str, Any]) -> None:
    if "hostname" in spec and spec.get("hostNetwork"):
        reader.refuse(
            "spec.hostname", "cannot be combined with hostNetwork, which uses the host name of the node"
        )
    if spec.get("shareProcessNamespace") and spec.get("hostPID"):
        reader.refuse("spec.shareProcessNamespace", "cannot be combined with hostPID")
    if "dnsConfig" in spec and spec.get("dnsPolicy") != "None":
        reader.refuse(
            "spec.dnsConfig",
            "requires dnsPolicy: None, because nothing is merged with the node's resolv.conf",
        )
    if spec.get("dnsPolicy") == "None" and not spec.get("dnsConfig", {}).get("nameservers"):
        reader.miss("spec.dnsConfig.nameservers", "is missing, but required with dnsPolicy: None")


def _check_volumes(reader: Reader, spec: dict[str, Any]) -> None:
    volumes = {f"spec.volumes[{index}]": volume for index, volume in enumerate(spec.get("volumes", []))}
    _refuse_twins(reader, volumes)
    for path, volume in volumes.items():
        if "hostPath" not in volume and not any(problem.key.startswith(path) for problem in reader.problems):
            reader.refuse(f"{path}.hostPath", "is missing")


def _check_container(reader: Reader, container: dict[str, Any], path: str) -> None:
    for kind, key in (("env", "name"), ("volumeMounts", "mountPath")):
        items = {f"{path}.{kind}[{index}]": item for index, item in enumerate(container.get(kind, []))}
        _refuse_twins(reader, items, key)


def _check_image(reader: Reader, container: dict[str, Any], path: str) -> None:
    fault = image_fault(container["image"]) if "image" in container else ""
    if fault:
        reader.refuse(f"{path}.image", fault, IMAGE, container["image"][:100])


def _check_mounts(reader: Reader, container: dict[str, Any], path: str, volumes: set[str | None]) -> None:
    for index, mount in enumerate(container.get("volumeMounts", [])):
        here = f"{path}.volumeMounts[{index}]"
        if "name" in mount and mount["name"] not in volumes:
            reader.refuse(f"{here}.name", "is not a volume of spec.volumes", value=mount["name"])
        if mount.get("mountPropagation") == "Bidirectional" and not is_privileged(container):
            reader.refuse(f"{here}.mountPropagation", "Bidirectional requires a privileged container")


def _check_ports(reader: Reader, container: dict[str, Any], path: str, host_network: bool) -> None:
    for index, port in enumerate(container.get("ports", [])):
        inside = port.get("containerPort")
        if host_network and port.get("hostPort", inside) != inside:
            reader.refuse(f"{path}.ports[{index}].hostPort", "must equal containerPort with hostNetwork")


def _check_resources(reader: Reader, container: dict[str, Any], path: str) -> None:
    resources = container.get("resources", {})
    for name, request in resources.get("requests", {}).items():
        if request > resources.get("limits", {}).get(name, request):
            reader.refuse(f"{path}.resources.requests.{name}", "is above the limit")
    pages = {
        name
        for kind in ("limits", "requests")
        for name in resources.get(kind, {})
        if name.startswith(HUGEPAGES)
    }
    for name in sorted(pages):
        _check_hugepages(reader, name, resources, f"{path}.resources")


def _check_hugepages(reader: Reader, name: str, resources: dict[str, Any], path: str) -> None:
    """Check as an API server does: a size is a power of 2, the limit a multiple of it, and a request equals the limit."""
    limits = resources.get("limits", {})
    size = quantity.page_size(name.removeprefix(HUGEPAGES))
    if not size:
        kind = "limits" if name in limits else "requests"
        reader.refuse(
            f"{path}.{kind}.{name}", "has no page size", "for example hugepages-2Mi or hugepages-1Gi"
        )
    elif name not in limits:
        reader.refuse(
            f"{path}.requests.{name}", "requires the same limit: huge pages cannot be overcommitted"
        )
    elif resources.get("requests", {}).get(name, limits[name]) != limits[name]:
        reader.refuse(f"{path}.requests.{name}", "must equal the limit: huge pages cannot be overcommitted")
    elif limits[name] % size:
        reader.refuse(f"{path}.limits.{name}", "is not a multiple of the page size")


def _check_security(reader: Reader, container: dict[str, Any], path: str, pod: dict[str, Any]) -> None:
    own = container.get("securityContext", {})
    asked = {**pod, **own}
    _check_profiles(reader, own, path)
    if asked.get("runAsNonRoot") and not asked.get("runAsUser"):
        fault = "contradicts runAsUser: 0" if "runAsUser" in asked else "cannot be verified without runAsUser"
        reader.refuse(f"{path}.runAsNonRoot", fault)
    if "runAsGroup" in asked and "runAsUser" not in asked:
        reader.refuse(f"{path}.runAsGroup", "requires runAsUser, as in CRI")
    profile = own.get("seccompProfile", {}).get("type", "Unconfined")
    if own.get("privileged") and profile != "Unconfined":
        reader.refuse(
            f"{path}.seccompProfile", "cannot be set for a privileged container, which is always Unconfined"
        )
    mighty = own.get("privileged") or "SYS_ADMIN" in own.get("capabilities", {}).get("add", [])
    if own.get("allowPrivilegeEscalation") is False and mighty:
        reader.refuse(
            f"{path}.allowPrivilegeEscalation",
            "cannot be false for a privileged container or one with SYS_ADMIN",
        )


def _check_profiles(reader: Reader, context: dict[str, Any], path: str) -> None:
    for key in ("seccompProfile", "appArmorProfile"):
        profile = context.get(key, {})
        here = f"{path}.{key}.localhostProfile"
        if profile.get("type") == "Localhost" and "localhostProfile" not in profile:
            reader.miss(here, "is missing, but required with type: Localhost")
        elif "localhostProfile" in profile and profile.get("type") != "Localhost":
            reader.refuse(here, "is only for type: Localhost")


def _refuse_twins(reader: Reader, items: dict[str, dict[str, Any]], key: str = "name") -> None:
    seen = set()
    for path, item in items.items():
        if key in item and item[key] in seen:
            reader.refuse(f"{path}.{key}", "is used twice", value=item[key])
        seen.add(item.get(key))
