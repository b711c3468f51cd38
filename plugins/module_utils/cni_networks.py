# SPDX-License-Identifier: GPL-3.0-or-later
"""The networks of other software on a node. CRI-O uses the first one in its folder, so that ours must never join another one."""

from __future__ import annotations

import json
import os
import re

from . import node_files
from .crio import effective
from .crio.handlers import value_of
from .crio.service import CrioService
from .node_files import NodeFileError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from .layout import Layout

_ENDS = (".conf", ".conflist", ".json")  # the files that CRI-O reads (ocicni)
_OURS = ".conflist"
_LARGEST = 1024 * 1024  # bytes of one file
_MOST = 100  # files
_SOFTWARE = re.compile(
    r"calico|cilium|flannel|weave|antrea|kube-router|ovn|multus|kindnet|canal|aws-cni|azure", re.I
)
_IPV6 = "net.ipv6.conf.default.disable_ipv6"
_IPV6_SUBNET = re.compile(r'"subnet": "([0-9a-fA-F.]*:[^"]*)"')
# What networks of clusters leave on a node, also while or after their file is in the folder.
_MARKS = {
    "/run/flannel/subnet.env": "flannel",
    "/var/lib/calico/nodename": "Calico",
    "/run/cilium/state": "Cilium",
    "/var/lib/cni/networks/cbr0": "flannel or kubenet",
    "/var/run/antrea": "Antrea",
}


class UnfitNetworkError(NodeFileError):
    """The node cannot have the network. Nothing was changed."""


class ForeignNetworkError(NodeFileError):
    """Another network is configured on the node. Nothing was changed. kind: shared."""

    kind = "shared"


def refuse_unfit(contents: Mapping[str, str], layout: Layout) -> None:
    """Raise ForeignNetworkError if a network that is to be written would join another one.

    contents: of the files that are to be written, by path. Raises UnfitNetworkError if no pod could use the network.
    """
    ours = {path for path in contents if path.endswith(_OURS)}
    if not ours:
        return
    _refuse_without_ipv6([contents[path] for path in ours], layout)
    folders = {os.path.dirname(path) for path in ours}
    used = _network_dir()
    if used and used not in folders:
        raise ForeignNetworkError(
            f"CRI-O reads its networks from {used}, not from {', '.join(sorted(folders))}: set crio.network.network_dir of"
            " crio_config to the same folder"
        )
    found = [_described(path) for folder in sorted(folders) for path in _others(layout, folder, ours)]
    found += [
        f"{path} of {software}" for path, software in _MARKS.items() if os.path.lexists(layout.at(path))
    ]
    if found:
        raise ForeignNetworkError(
            f"this node has another network: {'; '.join(found[:5])}. A network of the role cni is only for nodes without a"
            " cluster; remove the other one, or empty cni_network"
        )


def _refuse_without_ipv6(texts: list[str], layout: Layout) -> None:
    """Raise UnfitNetworkError if a network has IPv6 addresses, but the node gives none to new interfaces: no pod would start."""
    subnets = [each for text in texts for each in _IPV6_SUBNET.findall(text)]
    path = layout.at(f"/proc/sys/{_IPV6.replace('.', '/')}")
    # The kernel has no room for a read of the usual limit.
    setting = node_files.read_bytes(path, 16).decode("ascii", "replace") if os.path.exists(path) else ""
    if subnets and (setting or "1").strip() != "0":
        why = f"{_IPV6} is 1" if setting else "its kernel has none"
        raise UnfitNetworkError(
            f"the network has the subnet {subnets[0]}, but this node does not use IPv6 ({why}), so that no pod could start; set"
            f" {_IPV6} to 0, as with prepare_sysctls, or remove the subnet"
        )


def _network_dir() -> str:
    """Return the folder that CRI-O's files name for networks; "" if CRI-O is not installed or does not print it."""
    value = value_of(effective.present(CrioService()).get("crio.network.network_dir"))
    return value.rstrip("/") if isinstance(value, str) else ""


def _others(layout: Layout, folder: str, ours: Collection[str]) -> Iterator[str]:
    """Yield the paths of the networks of others in a folder, as CRI-O sorts them."""
    try:
        names = sorted(os.listdir(layout.at(folder)))[:_MOST]
    except OSError:
        return
    for name in names:
        if name.endswith(_ENDS) and f"{folder}/{name}" not in ours:
            yield layout.at(f"{folder}/{name}")


def _described(path: str) -> str:
    """Return a path with what its content says about its software."""
    try:
        text = node_files.read_bytes(path, _LARGEST).decode("utf-8", "replace")
    except NodeFileError:
        return path
    software = _SOFTWARE.search(f"{os.path.basename(path)}\n{text}")
    name = _name(text)
    words = [
        *([f'the network "{name}"'] if name else []),
        *([f"of {software.group().lower()}"] if software else []),
    ]
    return f"{path} ({' '.join(words)})" if words else path


def _name(text: str) -> str:
    try:
        name = json.loads(text).get("name")
    except (ValueError, AttributeError, RecursionError):
        return ""
    return name[:80] if isinstance(name, str) else ""
