# SPDX-License-Identifier: GPL-3.0-or-later
"""What kubeadm, CRI-O and the plugins of a pod network need of a host, and the packages that contain it. Data."""

from __future__ import annotations

from typing import NamedTuple

SEVERITIES = ("required", "recommended", "ignored")
MODULES = ("overlay", "br_netfilter")
SYSCTLS = {
    "net.ipv4.ip_forward": "1",
    "net.bridge.bridge-nf-call-iptables": "1",
    "net.bridge.bridge-nf-call-ip6tables": "1",
}
# The user whose ranges containers/storage gives to pods with a user namespace of their own, and the range that its
# documentation proposes: above all ids that useradd and the kubelet assign.
SUBORDINATE_IDS = {"user": "containers", "start": 2147483647, "count": 2147483648}
IDS = 4294967295  # the highest user id is one less
POD_IDS = 65536  # ids that the kubelet requires for a pod

#: ID and ID_LIKE of os-release(5) of the distributions whose packages are known
FAMILIES = {
    "debian": "debian",
    "ubuntu": "debian",
    "rhel": "rhel",
    "centos": "rhel",
    "fedora": "rhel",
    "rocky": "rhel",
    "almalinux": "rhel",
    "ol": "rhel",
    "suse": "suse",
    "opensuse": "suse",
    "sles": "suse",
}


class Command(NamedTuple):
    """A command, those that can replace it, its severity, why it is needed, and its package by family."""

    name: str
    severity: str
    reason: str
    debian: str
    rhel: str
    suse: str
    alternatives: tuple[str, ...] = ()


# Required: what kubeadm 1.33 and later refuses a node without. Recommended: what earlier versions checked, and what other
# software on a node still calls.
COMMANDS = (
    Command("mount", "required", "kubeadm: volumes", "mount", "util-linux", "util-linux"),
    Command(
        "losetup", "required", "kubeadm: volumes that are block devices", "mount", "util-linux", "util-linux"
    ),
    Command("cp", "required", "kubeadm: copies of etcd's data", "coreutils", "coreutils", "coreutils"),
    Command(
        "ip", "recommended", "kubeadm before 1.33; plugins of pod networks", "iproute2", "iproute", "iproute2"
    ),
    Command(
        "iptables",
        "recommended",
        "kubeadm before 1.33; host ports, kube-proxy",
        "iptables",
        "nftables",
        "iptables",
        ("nft",),
    ),
    Command(
        "nsenter",
        "recommended",
        "kubeadm before 1.33; debugging of pods",
        "util-linux",
        "util-linux",
        "util-linux",
    ),
    Command(
        "conntrack",
        "recommended",
        "kubeadm before 1.32; kube-proxy",
        "conntrack",
        "conntrack-tools",
        "conntrack-tools",
    ),
    Command("ethtool", "recommended", "kubeadm before 1.33", "ethtool", "ethtool", "ethtool"),
    Command("socat", "recommended", "kubeadm before 1.32; port forwarding", "socat", "socat", "socat"),
    Command(
        "tc", "recommended", "kubeadm before 1.33; bandwidth of pods", "iproute2", "iproute-tc", "iproute2"
    ),
)
