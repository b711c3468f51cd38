# SPDX-License-Identifier: GPL-3.0-or-later
"""The pod that tries a runtime, see module_utils/pod/once.py."""

from __future__ import annotations

import uuid
from typing import Any

from ansible_collections.cri.node.plugins.plugin_utils.pod import manifest as pod_manifest
from ansible_collections.cri.node.plugins.plugin_utils.task.failure import refuse

_PODS = 3  # tried one after the other, because a kubelet may remove a pod that it did not create
_GRACE = 1  # seconds; nothing is lost with its container


def pods(prefix: str, image: str) -> list[dict[str, Any]]:
    """Return the same pod with different names, in CRI's form. It runs an image that containers/image accepts the name of.

    prefix: of the names. The pod has the network of its node, because the pod network may be missing, or may be refused to pods
    that no API server knows.
    """
    return [_pod(f"{prefix}{uuid.uuid4().hex[:12]}", image) for _each in range(_PODS)]


def _pod(name: str, image: str) -> dict[str, Any]:
    manifest = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {
            "hostNetwork": True,
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": _GRACE,
            "containers": [{"name": "hello-world", "image": image, "imagePullPolicy": "IfNotPresent"}],
        },
    }
    pod, problems = pod_manifest.convert(manifest, "image")
    refuse(problems)
    return pod
