# SPDX-License-Identifier: GPL-3.0-or-later
"""The container engines from and to which a node can be migrated. Data.

Sources: the endpoints of kubeadm (cmd/kubeadm/app/constants), the units of Debian's and the projects' own packages.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ansible_collections.cri.node.plugins.module_utils.layout import CRIO_SOCKET

CRIO = "crio"
#: the node annotation in which kubeadm keeps the endpoint of each node
ANNOTATION = "kubeadm.alpha.kubernetes.io/cri-socket"


class Engine(NamedTuple):
    """One engine. units: in the order in which they are stopped; the reverse one starts them. Missing ones are skipped.

    main: the units without which the engine cannot be migrated to. kind: how its containers are listed: cri or docker. namespace:
    of its containers in containerd, "" if it has none there. keeps_manifests: whether an exported image has the digest of its
    manifest, which one with unpacked layers has not. users: units of others that stop working with it. packages: those
    that contain it, by any distributor; only these are ever removed, none for an engine that is removed otherwise.
    """

    title: str
    socket: str
    units: tuple[str, ...]
    main: tuple[str, ...]
    kind: str = "cri"
    namespace: str = ""
    keeps_manifests: bool = False
    users: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()


ENGINES = {
    CRIO: Engine("CRI-O", CRIO_SOCKET, ("crio.service",), ("crio.service",)),
    "containerd": Engine(
        "containerd",
        "/var/run/containerd/containerd.sock",
        ("containerd.service",),
        ("containerd.service",),
        namespace="k8s.io",
        keeps_manifests=True,
        users=("docker.service",),
        packages=("containerd", "containerd.io"),
    ),
    "docker": Engine(
        "Docker",
        "/var/run/cri-dockerd.sock",
        # containerd last: dockerd keeps its containers there. The sockets first: they would start their services again.
        ("cri-docker.socket", "cri-docker.service", "docker.socket", "docker.service", "containerd.service"),
        ("cri-docker.service", "docker.service"),
        kind="docker",
        namespace="moby",
        packages=(
            "cri-dockerd",
            "docker.io",
            "docker-cli",
            "docker-ce",
            "docker-ce-cli",
            "docker-ce-rootless-extras",
            "moby-engine",
            "moby-cli",
            "containerd",
            "containerd.io",
        ),
    ),
}


def endpoint(name: str) -> str:
    """Return the endpoint of an engine as kubeadm and the kubelet write it."""
    return f"unix://{ENGINES[name].socket}"


def as_request() -> dict[str, dict[str, Any]]:
    """Return the engines as a node gets them."""
    return {
        name: {
            "title": engine.title,
            "endpoint": endpoint(name),
            "units": list(engine.units),
            "main": list(engine.main),
            "kind": engine.kind,
            "namespace": engine.namespace,
            "keeps_manifests": engine.keeps_manifests,
            "users": list(engine.users),
            "packages": list(engine.packages),
        }
        for name, engine in ENGINES.items()
    }
