# SPDX-License-Identifier: GPL-3.0-or-later
"""The pods that show effects: CRI's PodSandboxConfig and ContainerConfig of each, as crictl reads them."""

import copy
from typing import Any

POD_PID, CONTAINER_PID = 0, 1  # with its own PID namespace for each container, a pod needs no infra container
RUNTIME_DEFAULT = {"profile_type": 0}
ABSENT = "/run/predict-absent"


def of(name: str, registry: str) -> dict[str, Any]:
    """Return {"handler", "pod", "container", "limit", "execute"} of a pod.

    The container is None if the pod alone shows the effect.
    """
    made = copy.deepcopy(_PODS[name])
    more = made.get("pod", {})
    pod = {
        "metadata": {
            "name": f"predict-{name}",
            "namespace": "default",
            "uid": f"predict-{name}",
            "attempt": 0,
        },
        "log_directory": f"/var/log/pods/predict-{name}",
        "annotations": {},
        "linux": {"security_context": {"namespace_options": {"network": 2, "pid": CONTAINER_PID}}},
    }
    container = {
        "metadata": {"name": name, "attempt": 0},
        "image": {"image": f"{registry}/long-running:1"},
        "log_path": f"{name}.log",
        "linux": {"security_context": {"namespace_options": {"network": 2, "pid": CONTAINER_PID}, "seccomp": RUNTIME_DEFAULT}},
    }  # fmt: skip
    _merge(pod, more)
    _merge(container, made.get("container") or {})
    alone = "container" in made and made["container"] is None
    return {
        "handler": made.get("handler", ""),
        "pod": {key: value for key, value in pod.items() if value is not None},
        "container": None if alone else container,
        "limit": made.get("limit", 20),
        "execute": made.get("execute", False),
    }


def names() -> list[str]:
    """Return the names of all pods."""
    return list(_PODS)


def _merge(data: dict[str, Any], more: dict[str, Any]) -> None:
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(data.get(key), dict):
            _merge(data[key], value)
        else:
            data[key] = value


def _security(**more: Any) -> dict[str, Any]:
    return {"linux": {"security_context": more}}


_PODS: dict[str, dict[str, Any]] = {
    "plain": {},
    "infra": {"pod": _security(namespace_options={"network": 2, "pid": POD_PID}), "container": None},
    "networked": {
        "pod": _security(namespace_options={"network": 0, "pid": CONTAINER_PID}),
        "container": None,
    },
    "handled": {
        "handler": "predict",
        "pod": {"annotations": {"umask.crio.io": "0077"}},
    },
    "grouped": {"handler": "grouped"},
    "executing": {"handler": "predict", "execute": True},
    "privileged": {
        "handler": "predict",
        "pod": _security(privileged=True),
        "container": _security(privileged=True),
    },
    "small": {
        "handler": "predict",
        "container": {"linux": {"resources": {"memory_limit_in_bytes": 20 * 1024 * 1024}}},
    },
    # CRI-O gives up after at least 30 s, and its OCI runtime after 40 s (base.py).
    "slow": {"handler": "slow", "limit": 34},
    "device": {"pod": {"annotations": {"io.kubernetes.cri-o.Devices": "/dev/full:/dev/predict-full"}}},
    "owned": {
        "container": {
            "devices": [
                {"host_path": "/dev/null", "container_path": "/dev/predict-null", "permissions": "rwm"}
            ],
            **_security(run_as_user={"value": 1000}, run_as_group={"value": 1000}),
        }
    },
    "mounted": {"container": {"mounts": [{"host_path": ABSENT, "container_path": "/predict-absent"}]}},
    # The second annotation only counts with another prefix.
    "workload": {
        "pod": {
            "annotations": {
                "predict.example/activate": "",
                "another.example/workload": '{"cpushares": 30}',
            }
        }
    },
    "logged": {"pod": {"log_directory": None}, "container": {"log_path": ""}},
    # What a kubelet names the cgroup of such a pod; CRI-O looks for the word.
    "besteffort": {"pod": {"linux": {"cgroup_parent": "/predict-besteffort"}}},
    "cdi": {"container": {"CDI_devices": [{"name": "predict.example/device=one"}]}},
    "blockio": {"pod": {"annotations": {"blockio.resources.beta.kubernetes.io/pod": "predict"}}},
    **{name: {"handler": name} for name in ("moved", "rooted", "typed", "heir")},
}
