# SPDX-License-Identifier: GPL-3.0-or-later
"""Turns a Kubernetes Pod manifest into what CRI is asked for: a sandbox and its containers.

Follows what a kubelet makes of the same manifest. Facts: kuberuntime of kubernetes 1.36, cri-api's api.proto (field
names are its own; enumerations are numbers, as crictl reads them).
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid

from ansible_collections.cri.node.plugins.plugin_utils import pod_fields, pod_rules, pod_security, quantity
from ansible_collections.cri.node.plugins.plugin_utils.manifest_reader import Reader
from ansible_collections.cri.node.plugins.plugin_utils.plain import plain
from ansible_collections.cri.node.plugins.plugin_utils.problem import Problem

HASH = "cri.node/config-sha256"  # also in module_utils/cri_pod.py, which knows its own pods by it
GRACE = "io.kubernetes.pod.terminationGracePeriod"
LOGS = "/var/log/pods"

_UUIDS = uuid.UUID("8d7b4a5e-1f37-5d0b-9f2b-6c1f0f6c9a51")  # the collection's own space of UUIDs
_DEFAULT_GRACE = 30  # seconds, Kubernetes' own
_PROPAGATION = {"None": 0, "HostToContainer": 1, "Bidirectional": 2}
_PROTOCOL = {"TCP": 0, "UDP": 1, "SCTP": 2}
_VARIABLE = re.compile(r"\$(?:\$|\(([^)]*)\))")


def convert(manifest: object, variable: str = "manifest", node: str = "") -> tuple[dict, list[Problem]]:
    """(pod, problems): what CRI is asked for, and why the manifest cannot be had; the pod counts only without problems.

    pod: name, namespace, uid, handler (of the runtime, or empty), sandbox (PodSandboxConfig), host_paths ({path, type,
    key}, to check on the node), init_containers and containers: {name, pull (Always, IfNotPresent or Never), oom
    (guaranteed, best-effort or the requested bytes of memory: what oom_score_adj is made of on the node), config
    (ContainerConfig)}. It holds the environment, which may be secret.

    node: the node's name, so that pods of one name have different UIDs on different nodes.
    """
    reader = Reader(variable)
    read = reader.table(plain(manifest), "", pod_fields.POD)
    metadata, spec = read.get("metadata", {}), read.get("spec", {})
    pod_rules.check(reader, metadata, spec)
    if reader.problems:
        return {}, reader.problems
    pod = _identity(metadata, spec, node, variable)
    pod["sandbox"] = _sandbox(pod, metadata, spec)
    pod["init_containers"] = [_container(pod, spec, each) for each in spec.get("initContainers", [])]
    pod["containers"] = [_container(pod, spec, each) for each in spec["containers"]]
    pod["sandbox"]["annotations"][HASH] = _hash(pod)
    return pod, []


def identity(manifest: object) -> tuple[str | None, str]:
    """(name, namespace) that a manifest gives; the name is None where there is none."""
    metadata = manifest.get("metadata") if isinstance(manifest, dict) else None
    metadata = metadata if isinstance(metadata, dict) else {}
    return metadata.get("name"), metadata.get("namespace") or "default"


def _identity(metadata: dict, spec: dict, node: str, variable: str) -> dict:
    name, namespace = metadata["name"], metadata.get("namespace", "default")
    # Neither random nor made of the manifest: the same pod keeps its UID, and it tells nothing of the environment.
    stable = str(uuid.uuid5(_UUIDS, f"{node}/{namespace}/{name}"))
    return {
        "name": name,
        "namespace": namespace,
        "uid": metadata.get("uid", stable),
        "handler": spec.get("runtimeClassName", ""),
        "host_paths": [
            {"key": f"{variable}: spec.volumes[{index}].hostPath", "type": "", **volume["hostPath"]}
            for index, volume in enumerate(spec.get("volumes", []))
        ],
    }


def _kubelet_labels(pod: dict) -> dict[str, str]:
    return {f"io.kubernetes.pod.{key}": pod[key] for key in ("name", "namespace", "uid")}


def _sandbox(pod: dict, metadata: dict, spec: dict) -> dict:
    sandbox = {
        "metadata": {**{key: pod[key] for key in ("name", "namespace", "uid")}, "attempt": 0},
        "log_directory": f"{LOGS}/{pod['namespace']}_{pod['name']}_{pod['uid']}",
        "labels": {**metadata.get("labels", {}), **_kubelet_labels(pod)},
        "annotations": dict(metadata.get("annotations", {})),
        "linux": {"security_context": pod_security.of_sandbox(spec)},
    }
    if not spec.get("hostNetwork"):  # else the node's own name
        sandbox["hostname"] = spec.get("hostname", pod["name"][:63].rstrip("-."))
    if "dnsConfig" in spec:
        dns = spec["dnsConfig"]
        sandbox["dns_config"] = {
            "servers": dns["nameservers"],
            "searches": dns.get("searches", []),
            "options": [
                ":".join(filter(None, (each["name"], each.get("value")))) for each in dns.get("options", [])
            ],
        }
    sysctls = spec.get("securityContext", {}).get("sysctls", [])
    if sysctls:
        sandbox["linux"]["sysctls"] = {each["name"]: each["value"] for each in sysctls}
    ports = [
        port for container in spec["containers"] for port in container.get("ports", []) if "hostPort" in port
    ]
    if ports and not spec.get("hostNetwork"):
        sandbox["port_mappings"] = [
            {
                "protocol": _PROTOCOL[port.get("protocol", "TCP")],
                "container_port": port["containerPort"],
                "host_port": port["hostPort"],
                "host_ip": port.get("hostIP", ""),
            }
            for port in ports
        ]
    return sandbox


def _container(pod: dict, spec: dict, container: dict) -> dict:
    environment = _environment(container.get("env", []))
    grace = spec.get("terminationGracePeriodSeconds", _DEFAULT_GRACE)
    config = {
        "metadata": {"name": container["name"], "attempt": 0},
        "image": {"image": container["image"]},
        "command": [_expand(word, environment) for word in container.get("command", [])],
        "args": [_expand(word, environment) for word in container.get("args", [])],
        "working_dir": container.get("workingDir", ""),
        "envs": [{"key": name, "value": value} for name, value in environment.items()],
        "mounts": _mounts(container, spec),
        "labels": {**_kubelet_labels(pod), "io.kubernetes.container.name": container["name"]},
        "annotations": {"io.kubernetes.container.restartCount": "0", GRACE: str(grace)},
        "log_path": f"{container['name']}/0.log",
        "stdin": container.get("stdin", False),
        "stdin_once": container.get("stdinOnce", False),
        "tty": container.get("tty", False),
        "linux": {
            "resources": _resources(container),
            "security_context": pod_security.of_container(spec, container),
        },
    }
    return {
        "name": container["name"],
        "pull": container.get("imagePullPolicy") or _default_policy(container["image"]),
        "oom": _oom(container, spec),
        "config": config,
    }


def _default_policy(image: str) -> str:
    """Kubernetes' own: what can change under its name is asked for again."""
    if "@" in image:
        return "IfNotPresent"
    tag = image.rpartition("/")[2].partition(":")[2]
    return "Always" if tag in ("", "latest") else "IfNotPresent"


def _environment(entries: list[dict]) -> dict[str, str]:
    environment: dict[str, str] = {}
    for entry in entries:
        environment[entry["name"]] = _expand(entry.get("value", ""), environment)
    return environment


def _expand(text: str, environment: dict[str, str]) -> str:
    """Kubernetes' $(NAME): $$ stands for $, a name that is not there stays as it is written."""

    def value(found: re.Match) -> str:
        name = found.group(1)
        return "$" if name is None else environment.get(name, found.group(0))

    return _VARIABLE.sub(value, text)


def _mounts(container: dict, spec: dict) -> list[dict]:
    paths = {volume["name"]: volume["hostPath"]["path"] for volume in spec.get("volumes", [])}
    return [
        {
            "container_path": mount["mountPath"],
            "host_path": paths[mount["name"]],
            "readonly": mount.get("readOnly", False),
            "propagation": _PROPAGATION[mount.get("mountPropagation", "None")],
        }
        for mount in container.get("volumeMounts", [])
    ]


def _requests(container: dict) -> dict:
    """What is not requested is what is the limit, as an API server has it."""
    resources = container.get("resources", {})
    return {**resources.get("limits", {}), **resources.get("requests", {})}


def _resources(container: dict) -> dict[str, int]:
    limits = container.get("resources", {}).get("limits", {})
    resources = {"cpu_shares": quantity.cpu_shares(_requests(container).get("cpu", quantity.parse("0")))}
    if limits.get("cpu"):
        resources.update(cpu_period=quantity.CPU_PERIOD, cpu_quota=quantity.cpu_quota(limits["cpu"]))
    if limits.get("memory"):
        resources["memory_limit_in_bytes"] = quantity.whole(limits["memory"])
    return resources


def _oom(container: dict, spec: dict) -> int | str:
    """What a kubelet's oom_score_adj depends on: the class of the pod or, of one between, the requested bytes."""
    resources = [each.get("resources", {}) for each in pod_rules.all_containers(spec).values()]
    if not any(
        value
        for each in resources
        for kind in ("limits", "requests")
        for value in each.get(kind, {}).values()
    ):
        return "best-effort"
    if all(
        each.get("limits", {}).get(name) and _requests({"resources": each})[name] == each["limits"][name]
        for each in resources
        for name in ("cpu", "memory")
    ):
        return "guaranteed"
    return quantity.whole(_requests(container).get("memory", quantity.parse("0")))


def _hash(pod: dict) -> str:
    """Of all that the runtime is asked for, so that a manifest that only looks different is the same."""
    asked = {key: pod[key] for key in ("sandbox", "handler", "host_paths")}
    asked["containers"] = [each["config"] for each in (*pod["init_containers"], *pod["containers"])]
    asked["init_containers"] = len(pod["init_containers"])
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
