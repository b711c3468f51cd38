# SPDX-License-Identifier: GPL-3.0-or-later
"""Pods as CRI-O stored them on the node's disk, with the containers that run now.

CRI-O does not report the handler of a pod through CRI (server/sandbox_list.go leaves the field empty, CRI-O 1.37). It is in
the OCI configuration of the pod's own container, even if that container is dropped or the daemon is stopped.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable

from .. import node_files
from ..errors import NodeError
from . import containers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..contract import HandledPod, Monitor

_LARGEST = 4 * 1024 * 1024  # bytes of an OCI configuration; usual are 20 to 60 KiB
_PREFIX = "io.kubernetes.cri-o."
_FILE = "userdata/config.json"


def noted(folder: str, pod: str) -> dict[str, str]:
    """Return {"name", "namespace", "handler" ("" for the default)} of a pod; {} if its configuration cannot be read.

    folder: RUNROOT/DRIVER-containers. pod: the id of the pod.
    """
    if not pod or "/" in pod:
        return {}
    annotations = _annotations(f"{folder}/{pod}/{_FILE}")
    handler = annotations.get("RuntimeHandler")
    if handler is None:
        return {}
    return {
        "name": annotations.get("KubeName") or pod[:12],
        "namespace": annotations.get("Namespace", ""),
        "handler": handler,
    }


def of_monitors(monitors: Iterable[Monitor]) -> tuple[dict[str, HandledPod], list[Monitor]]:
    """Return ({pod id: pod} for the containers of these monitors, the monitors whose pod is not known)."""
    pods: dict[str, HandledPod] = {}
    unknown = []
    for monitor in monitors:
        if "id" not in monitor or "container" not in monitor or containers.is_pods_own(monitor):
            continue
        bundle = monitor.get("bundle", "")
        pod = _annotations(f"{bundle}/config.json").get("SandboxID", "")
        if pod not in pods:
            found = noted(os.path.dirname(os.path.dirname(bundle)), pod)
            if not found:
                unknown.append(monitor)
                continue
            pods[pod] = {
                "name": found["name"],
                "namespace": found["namespace"],
                "handler": found["handler"],
                "containers": [],
            }
        pods[pod]["containers"].append(monitor["id"])
    return pods, unknown


def _annotations(path: str) -> dict[str, str]:
    """Return CRI-O's own annotations of an OCI configuration, without their prefix; {} if it cannot be read."""
    try:
        document = json.loads(node_files.read_bytes(path, _LARGEST))
    except (NodeError, ValueError, RecursionError):
        return {}
    found = document.get("annotations") if isinstance(document, dict) else None
    if not isinstance(found, dict):
        return {}
    return {
        name[len(_PREFIX) :]: value
        for name, value in found.items()
        if name.startswith(_PREFIX) and isinstance(value, str)
    }
