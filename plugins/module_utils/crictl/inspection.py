# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Types the configuration that crictl inspect and inspectp print of containers and pods. Pure functions; see fields.py.

The field names are CRI's (api.proto), in snake case. The environment and the command line of a container are never read, because
they may hold secrets; neither are annotations with a copy of the whole manifest.
"""

from __future__ import annotations

from typing import Any

from . import container_details, container_output
from .fields import (
    UNKNOWN,
    annotations_of,
    boolean,
    choice,
    identity,
    integer,
    integer_value,
    items,
    known,
    mapping,
    mapping_if_any,
    path,
    string,
    strings,
)

#: The enumerations as crictl prints them, and as facts have them.
PROPAGATIONS = {
    f"PROPAGATION_{name.upper()}": name for name in ("private", "host_to_container", "bidirectional")
}
NAMESPACE_MODES = {name.upper(): name for name in ("pod", "container", "node", "target")}

_DEFAULT_SIGNAL = "RUNTIME_DEFAULT"
_SIGNAL_ANNOTATION = "org.opencontainers.image.stopSignal"


def containers(document: Any) -> dict[str, dict[str, Any]]:
    """Read crictl inspect of one container or several: by ID, container_details.detail and configuration of each container."""
    documents = document if isinstance(document, list) else [document]
    found = [{**container_details.detail(each), **configuration(each)} for each in documents]
    return {item["id"]: item for item in found}


def configuration(document: Any) -> dict[str, Any]:
    """Read image, labels, annotations, mounts, resources, user and stop_signal of a container in crictl inspect.

    user (crictl 1.31), resources (1.25) and stop_signal (1.33) are absent with an older crictl or runtime.
    """
    document = mapping(document, "crictl inspect")
    status = mapping(document.get("status"), "status")
    resources = mapping(status.get("resources"), "resources").get("linux")
    user = mapping(status.get("user"), "user").get("linux")
    return known(
        image=_image(status),
        labels=strings(status, "labels"),
        annotations=annotations_of(status),
        mounts=[_mount(mapping(item, "mounts")) for item in items(status, "mounts")],
        resources=None if resources is None else _resources(mapping(resources, "resources.linux")),
        user=None if user is None else _user(mapping(user, "user.linux")),
        stop_signal=_stop_signal(document, status),
    )


def pods(document: Any) -> dict[str, dict[str, Any]]:
    """Read crictl inspectp of one pod or several: by ID, the namespaces (absent if not reported) of each pod."""
    documents = document if isinstance(document, list) else [document]
    found = {}
    for each in documents:
        status = mapping(mapping(each, "crictl inspectp").get("status"), "status")
        found[identity(status)] = known(namespaces=_namespaces(status))
    return found


def _image(status: dict[str, Any]) -> dict[str, str]:
    """Return container_output.image with the digest of the reference, if it has one. An image ID is not a digest of the image."""
    found = container_output.image(status)
    references = (found.get(key, "") for key in ("ref", "requested", "name"))
    digests = (reference.rpartition("@")[2] for reference in references if "@" in reference)
    return known(**found, digest=next(digests, None))


def _mount(item: dict[str, Any]) -> dict[str, Any]:
    return known(
        container_path=path(item, "containerPath"),
        host_path=path(item, "hostPath"),
        read_only=bool(boolean(item, "readonly")),
        recursive_read_only=boolean(item, "recursiveReadOnly"),
        selinux_relabel=bool(boolean(item, "selinuxRelabel")),
        propagation=choice(item, "propagation", PROPAGATIONS),
        uid_mappings=_mappings(item, "uidMappings"),
        gid_mappings=_mappings(item, "gidMappings"),
        image=string(mapping(item.get("image"), "image"), "image"),
        image_sub_path=path(item, "imageSubPath"),
    )


def _resources(item: dict[str, Any]) -> dict[str, Any]:
    """Return the limits that are set. In CRI zero means that a limit is not set."""
    return known(
        cpu_period=integer(item, "cpuPeriod") or None,
        cpu_quota=integer(item, "cpuQuota") or None,
        cpu_shares=integer(item, "cpuShares") or None,
        cpuset_cpus=string(item, "cpusetCpus"),
        cpuset_mems=string(item, "cpusetMems"),
        memory_limit_in_bytes=integer(item, "memoryLimitInBytes") or None,
        memory_swap_limit_in_bytes=integer(item, "memorySwapLimitInBytes") or None,
        oom_score_adj=integer(item, "oomScoreAdj") or None,
        hugepage_limits=[
            known(page_size=string(each, "pageSize"), limit=integer(each, "limit") or 0)
            for each in (mapping(each, "hugepageLimits") for each in items(item, "hugepageLimits"))
        ]
        or None,
        unified=strings(item, "unified") or None,
    )


def _user(item: dict[str, Any]) -> dict[str, Any]:
    return {
        "uid": integer(item, "uid") or 0,
        "gid": integer(item, "gid") or 0,
        "supplemental_groups": [
            integer_value(each, "supplementalGroups") for each in items(item, "supplementalGroups")
        ],
    }


def _stop_signal(document: dict[str, Any], status: dict[str, Any]) -> str | None:
    """Return the stop signal by its name, such as SIGTERM.

    CRI-O up to 1.37 always reports the default, and has the signal of pod or image in the specification for the OCI runtime.
    crictl prints a signal that is newer than itself as a number.
    """
    value = status.get("stopSignal")
    if isinstance(value, int) and not isinstance(value, bool):
        return UNKNOWN
    signal = string(status, "stopSignal")
    if signal not in (None, _DEFAULT_SIGNAL):
        return signal
    specification = mapping_if_any(mapping_if_any(document, "info"), "runtimeSpec")
    return string(mapping_if_any(specification, "annotations"), _SIGNAL_ANNOTATION) or signal


def _namespaces(status: dict[str, Any]) -> dict[str, Any] | None:
    """Return which namespaces a pod has of its own and which it shares; None if that is not reported."""
    linux = mapping(status.get("linux"), "linux")
    options = mapping(linux.get("namespaces"), "namespaces").get("options")
    if options is None:
        return None
    options = mapping(options, "options")
    user = options.get("usernsOptions")
    return known(
        network=choice(options, "network", NAMESPACE_MODES),
        pid=choice(options, "pid", NAMESPACE_MODES),
        ipc=choice(options, "ipc", NAMESPACE_MODES),
        target_id=string(options, "targetId"),
        user=None if user is None else _user_namespace(mapping(user, "usernsOptions")),
    )


def _user_namespace(item: dict[str, Any]) -> dict[str, Any]:
    return known(
        mode=choice(item, "mode", NAMESPACE_MODES),
        uid_mappings=_mappings(item, "uids"),
        gid_mappings=_mappings(item, "gids"),
    )


def _mappings(document: dict[str, Any], key: str) -> list[dict[str, int]] | None:
    """Return ranges of user or group IDs; None if there are none."""
    found = (mapping(item, key) for item in items(document, key))
    return [
        {
            "host_id": integer(item, "hostId") or 0,
            "container_id": integer(item, "containerId") or 0,
            "length": integer(item, "length") or 0,
        }
        for item in found
    ] or None
