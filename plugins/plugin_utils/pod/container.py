# SPDX-License-Identifier: GPL-3.0-or-later
"""Turns a container of a Pod manifest into CRI's ContainerConfig, as a kubelet does."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from ansible_collections.cri.node.plugins.module_utils.crictl.fields import POD_LABELS
from ansible_collections.cri.node.plugins.module_utils.pod.marks import DEFAULT_GRACE, GRACE
from ansible_collections.cri.node.plugins.plugin_utils.pod import quantity, rules, security

_PROPAGATION = {"None": 0, "HostToContainer": 1, "Bidirectional": 2}
_MOST = 2 * 1024 * 1024  # characters of a complete environment, as in Linux
_LONGEST = 128 * 1024 - 1  # characters of an argument or a value, as in Linux


class TooLong(ValueError):
    """A text is too long after its $(NAME) references are expanded; the message does not contain it."""


def kubelet_labels(pod: dict[str, Any]) -> dict[str, str]:
    """Return the labels that identify the pod of a sandbox or a container."""
    return {label: pod[key] for key, label in POD_LABELS.items()}


def convert(pod: dict[str, Any], spec: dict[str, Any], container: dict[str, Any]) -> dict[str, Any]:
    """Return {name, pull, oom, config} of a valid container, as manifest.convert documents them."""
    environment = _environment(container.get("env", []))
    grace = spec.get("terminationGracePeriodSeconds", DEFAULT_GRACE)
    config = {
        "metadata": {"name": container["name"], "attempt": 0},
        "image": {"image": container["image"]},
        "command": [_expand(word, environment) for word in container.get("command", [])],
        "args": [_expand(word, environment) for word in container.get("args", [])],
        "working_dir": container.get("workingDir", ""),
        "envs": [{"key": name, "value": value} for name, value in environment.items()],
        "mounts": _mounts(container, spec),
        "labels": {**kubelet_labels(pod), "io.kubernetes.container.name": container["name"]},
        "annotations": {"io.kubernetes.container.restartCount": "0", GRACE: str(grace)},
        "log_path": f"{container['name']}/0.log",
        "stdin": container.get("stdin", False),
        "stdin_once": container.get("stdinOnce", False),
        "tty": container.get("tty", False),
        "linux": {
            "resources": _resources(container),
            "security_context": security.of_container(spec, container),
        },
    }
    return {
        "name": container["name"],
        "pull": container.get("imagePullPolicy") or _default_policy(container["image"]),
        "oom": _oom(container, spec),
        "config": config,
    }


def _default_policy(image: str) -> str:
    """Return the default pull policy of Kubernetes, which pulls an image again if its name can refer to a newer image."""
    if "@" in image:
        return "IfNotPresent"
    tag = image.rpartition("/")[2].partition(":")[2]
    return "Always" if tag in ("", "latest") else "IfNotPresent"


def _environment(entries: list[dict[str, Any]]) -> dict[str, str]:
    environment: dict[str, str] = {}
    for entry in entries:
        environment[entry["name"]] = _expand(entry.get("value", ""), environment)
        if sum(map(len, environment.values())) > _MOST:
            raise TooLong(f"has an environment of more than {_MOST} characters")
    return environment


def _expand(text: str, environment: dict[str, str]) -> str:
    """Expand $(NAME) as Kubernetes does: $$ becomes $, and an unknown name is not expanded."""
    parts: list[str] = []
    position, length = 0, 0
    last = text.rfind(")")
    while True:
        dollar = text.find("$", position)
        following = text[dollar + 1 : dollar + 2] if dollar >= 0 else ""
        parts.append(text[position:dollar] if dollar >= 0 else text[position:])
        length += len(parts[-1])
        if dollar < 0:
            break
        if following == "(" and dollar < last:
            end = text.find(")", dollar)
            part, position = environment.get(text[dollar + 2 : end], text[dollar : end + 1]), end + 1
        else:
            part, position = "$", dollar + (2 if following == "$" else 1)
        parts.append(part)
        length += len(part)
        if length > _LONGEST:
            break
    if length > _LONGEST:
        raise TooLong(f"has more than {_LONGEST} characters after its $(NAME) references are expanded")
    return "".join(parts)


def _mounts(container: dict[str, Any], spec: dict[str, Any]) -> list[dict[str, Any]]:
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


def _requests(container: dict[str, Any]) -> dict[str, Any]:
    """Return the requested resources, with limits as defaults, as an API server does."""
    resources = container.get("resources", {})
    return {**resources.get("limits", {}), **resources.get("requests", {})}


def _resources(container: dict[str, Any]) -> dict[str, object]:
    limits = container.get("resources", {}).get("limits", {})
    resources: dict[str, Any] = {
        "cpu_shares": quantity.cpu_shares(_requests(container).get("cpu", Fraction(0)))
    }
    if limits.get("cpu"):
        resources.update(cpu_period=quantity.CPU_PERIOD, cpu_quota=quantity.cpu_quota(limits["cpu"]))
    if limits.get("memory"):
        resources["memory_limit_in_bytes"] = quantity.whole(limits["memory"])
    pages = {
        quantity.page_size(name.removeprefix(rules.HUGEPAGES)): quantity.whole(limit)
        for name, limit in limits.items()
        if name.startswith(rules.HUGEPAGES)
    }
    if pages:
        resources["hugepage_limits"] = [
            {"page_size": quantity.page_size_name(size), "limit": limit}
            for size, limit in sorted(pages.items())
        ]
    return resources


def _oom(container: dict[str, Any], spec: dict[str, Any]) -> int | str:
    """Return what a kubelet's oom_score_adj depends on: the QoS class of the pod, or the requested bytes of a burstable pod."""
    resources = [each.get("resources", {}) for each in rules.all_containers(spec).values()]
    if not any(
        each.get(kind, {}).get(name)
        for each in resources
        for kind in ("limits", "requests")
        for name in ("cpu", "memory")
    ):
        return "best-effort"
    if all(
        each.get("limits", {}).get(name) and _requests({"resources": each})[name] == each["limits"][name]
        for each in resources
        for name in ("cpu", "memory")
    ):
        return "guaranteed"
    return quantity.whole(_requests(container).get("memory", Fraction(0)))
