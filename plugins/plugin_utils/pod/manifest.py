# SPDX-License-Identifier: GPL-3.0-or-later
"""Converts a Kubernetes Pod manifest to CRI requests: a sandbox and its containers.

Follows what a kubelet does with the same manifest. Sources: kuberuntime of kubernetes 1.36, and api.proto of cri-api (with its
field names; enumerations are numbers, as crictl reads them).
"""

from __future__ import annotations

import hashlib
import json
import uuid
from typing import Any

from ansible_collections.cri.node.plugins.module_utils.pod.marks import HASH, LOGS
from ansible_collections.cri.node.plugins.module_utils.text import shown
from ansible_collections.cri.node.plugins.plugin_utils.plain import TooDeep, plain
from ansible_collections.cri.node.plugins.plugin_utils.pod import container as pod_container
from ansible_collections.cri.node.plugins.plugin_utils.pod import fields, rules, security
from ansible_collections.cri.node.plugins.plugin_utils.pod.reader import Reader
from ansible_collections.cri.node.plugins.plugin_utils.problem import Problem
from ansible_collections.cri.node.plugins.plugin_utils.text.structured_text import documents_of
from ansible_collections.cri.node.plugins.plugin_utils.value_types import kind as kind_of

_UUIDS = uuid.UUID("8d7b4a5e-1f37-5d0b-9f2b-6c1f0f6c9a51")  # the UUID namespace of the collection
_MOST_NAMED = 5  # documents that a message names
_PROTOCOL = {"TCP": 0, "UDP": 1, "SCTP": 2}


def convert(
    manifest: object, variable: str = "manifest", node: str = ""
) -> tuple[dict[str, Any], list[Problem]]:
    """Return (pod, problems): the CRI requests, and the problems of the manifest. The pod is only valid without problems.

    pod: name, namespace, uid, handler (of the runtime, or empty), sandbox (PodSandboxConfig), host_paths ({path, type,
    key}, to check on the node), init_containers and containers: {name, pull (Always, IfNotPresent or Never), oom
    (guaranteed, best-effort or the requested bytes of memory, from which the node calculates oom_score_adj), config
    (ContainerConfig)}. It contains the environment, which may be secret.

    node: the node's name, so that pods of one name have different UIDs on different nodes.
    """
    reader = Reader(variable)
    try:
        read = reader.table(plain(manifest), "", fields.POD)
    except TooDeep as error:
        return {}, [Problem(variable, "", None, str(error))]
    metadata, spec = read.get("metadata", {}), read.get("spec", {})
    rules.check(reader, metadata, spec)
    if reader.problems:
        return {}, reader.problems
    pod = _identity(metadata, spec, node, variable)
    pod["sandbox"] = _sandbox(pod, metadata, spec)
    for kind, name in (("initContainers", "init_containers"), ("containers", "containers")):
        pod[name] = []
        for index, each in enumerate(spec.get(kind, [])):
            try:
                pod[name].append(pod_container.convert(pod, spec, each))
            except pod_container.TooLong as error:
                reader.refuse(f"spec.{kind}[{index}]", str(error))
    if reader.problems:
        return {}, reader.problems
    pod["sandbox"]["annotations"][HASH] = _hash(pod)
    return pod, []


def is_text(value: str) -> bool:
    """Return whether a text is a manifest and not the path of a manifest file."""
    return "\n" in value or ": " in value or value.lstrip().startswith(("{", "---"))


def of_text(text: str) -> tuple[object, str]:
    """Return (the manifest in a text of YAML or JSON, "") or (None, the problem without the text)."""
    documents, fault = documents_of(text)
    if fault:
        return None, f"is not valid YAML or JSON: {fault}"
    if len(documents) > 1:
        names = ", ".join(_name_of(each) for each in documents[:_MOST_NAMED])
        more = f" and {len(documents) - _MOST_NAMED} more" if len(documents) > _MOST_NAMED else ""
        return None, f"contains {len(documents)} documents ({names}{more}), but a task creates one Pod"
    return (documents[0], "") if documents else (None, "is empty")


def _name_of(document: object) -> str:
    if not isinstance(document, dict):
        return kind_of(document)
    metadata = document.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    words = [each for each in (document.get("kind"), name) if isinstance(each, str) and each]
    return shown(" ".join(words), 100) if words else "a document without kind and name"


def identity(manifest: object) -> tuple[str | None, str]:
    """Return (name, namespace) of a manifest; the name is None if there is none."""
    metadata = manifest.get("metadata") if isinstance(manifest, dict) else None
    metadata = metadata if isinstance(metadata, dict) else {}
    return metadata.get("name"), metadata.get("namespace") or "default"


def _identity(metadata: dict[str, Any], spec: dict[str, Any], node: str, variable: str) -> dict[str, Any]:
    name, namespace = metadata["name"], metadata.get("namespace", "default")
    # Neither random nor derived from the manifest: the pod keeps its UID, which reveals nothing about the environment.
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


def _sandbox(pod: dict[str, Any], metadata: dict[str, Any], spec: dict[str, Any]) -> dict[str, Any]:
    sandbox: dict[str, Any] = {
        "metadata": {**{key: pod[key] for key in ("name", "namespace", "uid")}, "attempt": 0},
        "log_directory": f"{LOGS}/{pod['namespace']}_{pod['name']}_{pod['uid']}",
        "labels": {**metadata.get("labels", {}), **pod_container.kubelet_labels(pod)},
        "annotations": dict(metadata.get("annotations", {})),
        "linux": {"security_context": security.of_sandbox(spec)},
    }
    if not spec.get("hostNetwork"):  # else the name of the node
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


def _hash(pod: dict[str, Any]) -> str:
    """Return a hash of all CRI requests, so that manifests with the same meaning have the same hash."""
    asked: dict[str, Any] = {key: pod[key] for key in ("sandbox", "handler", "host_paths")}
    asked["containers"] = [each["config"] for each in (*pod["init_containers"], *pod["containers"])]
    asked["init_containers"] = len(pod["init_containers"])
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
