# SPDX-License-Identifier: GPL-3.0-or-later
"""Observes a node from outside: its configuration files and its daemon, read without the collection."""

from dataclasses import dataclass

from testbed.node import Node

# Names, content, times and modes of all that configures CRI-O; times tell a file rewritten with the same bytes.
_FILES = r"""
find /etc/crio /etc/containers /etc/systemd/system /etc/cni -type f -printf '%p %C@ %m %U ' -exec sha256sum {} \; | sort
"""
_CONTENTS = (
    r"find /etc/crio /etc/containers /etc/systemd/system /etc/cni -type f -exec sha256sum {} \; | sort -k2"
)


@dataclass(frozen=True)
class Observed:
    """The state of a node at one moment; two states are equal if nothing was done in between."""

    files: str  # with change times
    contents: str  # without
    invocation_id: str
    active: str
    configuration: str  # the daemon's own GET /config


def observe(node: Node) -> Observed:
    """Look at a node. Raises NodeError."""
    return Observed(
        files=node.check(["sh", "-c", _FILES]),
        contents=node.check(["sh", "-c", _CONTENTS]),
        invocation_id=service(node, "InvocationID"),
        active=service(node, "ActiveState"),
        configuration=live_configuration(node),
    )


def service(node: Node, name: str, unit: str = "crio.service") -> str:
    """Return a property of a unit."""
    return node.check(["systemctl", "show", unit, "-p", name, "--value"]).strip()


def live_configuration(node: Node) -> str:
    """Return the running daemon's configuration; empty if it does not answer."""
    return node.run("curl -s --max-time 5 --unix-socket /var/run/crio/crio.sock http://crio/config").out


def metrics_answer(node: Node, port: int) -> bool:
    """Return whether CRI-O serves Prometheus metrics on this port."""
    return "container_runtime_crio_" in node.run(f"curl -s --max-time 5 http://127.0.0.1:{port}/metrics").out


def running_containers(node: Node) -> list[str]:
    """Return the ids of all running containers, sorted."""
    return sorted(node.check(["crictl", "ps", "-q", "--no-trunc"]).split())


def litter(node: Node) -> str:
    """Return leftovers of a completed transaction: records, staged files, boot unit, transient unit."""
    return node.run(
        "ls -d /var/lib/cri-node/transaction/intent.json /var/lib/cri-node/transaction/preparation.json"
        " /var/lib/cri-node/transaction/probes.json"
        " /var/lib/cri-node/*/*.partial /etc/crio/.cri-node /etc/containerd/.cri-node /run/cri-node/apply"
        " /var/lib/cri-node/containerd/*/*.partial"
        " /etc/systemd/system/cri-node-recover.service /etc/systemd/system/*.wants/cri-node-recover.service 2>/dev/null;"
        " systemctl list-units --all --no-legend 'cri-node-*'"
    ).out
