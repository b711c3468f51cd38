# SPDX-License-Identifier: GPL-3.0-or-later
"""Adapts containerd's answers to those of CRI-O: functions over answers, without calls.

tests/integration/test_standin_crictl.py compares the shapes with those of real CRI-O.
"""

import json

# What CRI-O tells when asked for more than the status.
_CONTAINER_INFO = ("pid", "privileged", "runtimeSpec", "sandboxID")
_POD_INFO = ("image", "pid", "runtimeSpec")
_IMAGE_INFO = ("imageSpec", "labels")
_COUNTERS = {"rxBytes": 0, "rxErrors": 2, "txBytes": 8, "txErrors": 10}  # columns of /proc/net/dev


def complete_container(answer, verbose):
    """Change a verbose ContainerStatusResponse: CRI-O always includes the user, from the spec."""
    said = json.loads(answer.info.get("info", "{}"))
    user = said.get("runtimeSpec", {}).get("process", {}).get("user", {})
    linux = answer.status.user.linux
    linux.uid, linux.gid = user.get("uid", 0), user.get("gid", 0)
    linux.supplemental_groups[:] = dict.fromkeys([linux.gid, *user.get("additionalGids", [])])
    security = said.get("config", {}).get("linux", {}).get("security_context", {})
    said["privileged"] = security.get("privileged", False)
    _keep(answer.info, said if verbose else {}, _CONTAINER_INFO)


def label_pod(labels):
    """Change a pod's labels: if it has any, CRI-O adds one for the infra container."""
    if labels:
        labels["io.kubernetes.container.name"] = "POD"


def complete_pod(answer):
    """Change a PodSandboxStatusResponse: add CRI-O's label, and keep only what CRI-O returns."""
    label_pod(answer.status.labels)
    _keep(answer.info, json.loads(answer.info.get("info", "{}")), _POD_INFO)


def complete_image(answer):
    """Change an ImageStatusResponse with an image: add an empty spec, and keep only what CRI-O returns."""
    answer.image.spec.SetInParent()
    _keep(answer.info, json.loads(answer.info.get("info", "{}")), _IMAGE_INFO)


def complete_stats(stats):
    """Change a ContainerStats: CRI-O always includes swap."""
    if not stats.HasField("swap"):
        stats.swap.timestamp = stats.memory.timestamp
        stats.swap.swap_available_bytes.value = stats.swap.swap_usage_bytes.value = 0


def _keep(info, said, names):
    info.clear()
    kept = {name: said[name] for name in names if name in said}
    if kept:
        info["info"] = json.dumps(kept)


def pod_stats(pods, containers, networks):
    """Return a ListPodSandboxStatsResponse, in protobuf's JSON mapping.

    pods: PodSandbox, containers: by the ID of their pod, ContainerStats, both in the same mapping; networks: by the
    pod's ID, the text of /proc/PID/net/dev in the pod. There is no more of CRI-O's than where it cannot read cgroups.
    """
    attributes = ("id", "metadata", "labels", "annotations")
    return {
        "stats": [
            {
                "attributes": {name: pod[name] for name in attributes if name in pod},
                "linux": {
                    "network": _network(networks.get(pod["id"], "")),
                    "containers": sorted(containers.get(pod["id"], []), key=_identity),
                },
            }
            for pod in pods
        ]
    }


def _identity(stats):
    """containerd lists samples in any order, another one each time."""
    return stats["attributes"]["id"]


def _network(counted):
    interfaces = []
    for line in counted.splitlines()[2:]:  # two lines of headings
        name, _separator, numbers = line.partition(":")
        columns = numbers.split()
        counters = {key: {"value": columns[column]} for key, column in _COUNTERS.items()}
        interfaces.append({"name": name.strip(), **counters})
    interfaces.sort(key=lambda interface: interface["name"] != "lo")
    return {
        "timestamp": "0",
        "interfaces": interfaces[1:],
        **({"defaultInterface": interfaces[0]} if interfaces else {}),
    }
