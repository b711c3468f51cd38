# SPDX-License-Identifier: GPL-3.0-or-later
"""A bridge network for the pods of a node without a cluster, as a list of CNI plugins in the folder that CRI-O watches.

The settings are the project's own. The format is that of CNI 1.0.0, and of its plugins bridge, host-local and portmap. All
problems are found at once, and nothing is raised.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Iterable
from itertools import combinations
from typing import TYPE_CHECKING, Any

from ansible_collections.cri.node.plugins.plugin_utils.files.kind import Kind, Versions
from ansible_collections.cri.node.plugins.plugin_utils.findings import Checked, Findings, shown_value
from ansible_collections.cri.node.plugins.plugin_utils.layers import Data, Layers, Path

if TYPE_CHECKING:
    from typing import Union

    Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]

#: sorts after the files of networks for clusters, so that CRI-O prefers one of these if it comes later
FILE = "99-cri-node.conflist"
DEFAULT_FOLDER = "/etc/cni/net.d"
_TYPES = {
    "bridge": "string",
    "hairpin": "boolean",
    "masquerade": "boolean",
    "mtu": "integer",
    "name": "string",
    "portmap": "boolean",
    "subnets": "strings",
}
_DEFAULTS: Data = {
    "bridge": "cni0",
    "hairpin": True,
    "masquerade": True,
    "name": "cri-node",
    "portmap": True,
}
_UNKNOWN = "is not a key of the network"
_SUBNET = "a subnet such as 10.85.0.0/16 or fd00:85::/64"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}", re.ASCII)  # CNI: names of networks
_BRIDGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,14}", re.ASCII)  # Linux: 15 characters
_LEAST = 8  # addresses of a subnet: itself, its gateway, its broadcast address, and some pods
_SMALLEST_MTU = {4: 576, 6: 1280}  # RFC 791, RFC 8200
_LARGEST_MTU = 65535
_EVERYWHERE = {4: "0.0.0.0/0", 6: "::/0"}


def check(layers: Layers) -> Checked:
    """Merge named layers of the network's settings, and check the result; {} for no network."""
    data, findings = CniNetwork().merged(layers)
    typed = findings.flat_table(data, (), _TYPES, _UNKNOWN)
    if data:
        _names(typed, findings)
        networks = _subnets(typed, findings)
        _mtu(typed, networks, findings)
        typed = {**_DEFAULTS, **typed}
    return Checked(typed, findings.sources, findings.listed(), findings.warnings)


def _names(typed: Data, findings: Findings) -> None:
    for key, pattern, accepted in (
        ("name", _NAME, "letters, digits, '_', '.' and '-'"),
        ("bridge", _BRIDGE, "at most 15 letters, digits, '_', '.' and '-'"),
    ):
        if key in typed and not pattern.fullmatch(typed[key]):
            findings.problem((key,), "is not a valid name", accepted, shown_value(typed[key]))


def _subnets(typed: Data, findings: Findings) -> list[Network]:
    """Check the subnets; return those that are valid."""
    if not typed.get("subnets"):
        findings.problem(("subnets",), "is missing or empty", f"a list of at least one: {_SUBNET}")
        return []
    networks = []
    for index, text in enumerate(typed["subnets"]):
        fault, network = _fault(text)
        if fault:
            findings.problem(("subnets",), fault, _SUBNET, shown_value(text), inside=f"[{index}]")
        elif network is not None:
            networks.append(network)
    for one, other in combinations(networks, 2):
        if _overlap(one, other):
            fault = f"{one} and {other} overlap, so that two pods could get the same address"
            findings.problem(("subnets",), fault, "subnets without a common address")
    return networks


def _overlap(one: Network, other: Network) -> bool:
    if one.version != other.version:
        return False
    (first, last), (begin, end) = ((int(each[0]), int(each[-1])) for each in (one, other))
    return first <= end and begin <= last


def _fault(text: str) -> tuple[str, Network | None]:
    """Return (why a text is not a subnet for pods, None) or ("", the subnet)."""
    if "/" not in text:
        return "has no prefix length", None
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return "is not a subnet", None
    if ipaddress.ip_interface(text).ip != network.network_address:
        return f"has bits of a host; the subnet is {network}", None
    for is_it, words in (
        (network.is_loopback, "of the loopback interface"),
        (network.is_multicast, "for multicast"),
        (network.is_link_local, "for link-local addresses"),
        (network.network_address.is_unspecified or not network.prefixlen, "of all addresses"),
    ):
        if is_it:
            return f"is a subnet {words}", None
    if network.num_addresses < _LEAST:
        return (
            f"is too small for pods: it has {network.num_addresses} addresses, of which three are not for pods",
            None,
        )
    return "", network


def _mtu(typed: Data, networks: Iterable[Network], findings: Findings) -> None:
    least = max((_SMALLEST_MTU[each.version] for each in networks), default=_SMALLEST_MTU[4])
    if "mtu" in typed and not least <= typed["mtu"] <= _LARGEST_MTU:
        findings.problem(
            ("mtu",), "is not possible with these subnets", f"{least} to {_LARGEST_MTU}", str(typed["mtu"])
        )


def plugins_of(data: Data) -> list[str]:
    """Return the names of the CNI plugins that a network needs."""
    if not data:
        return []
    return ["bridge", "host-local", *(["portmap"] if data["portmap"] else [])]


def document(data: Data) -> Data:
    """Return the list of plugins for checked settings. Each family of addresses gives a pod one address."""
    networks = [ipaddress.ip_network(text) for text in data["subnets"]]
    families = sorted({each.version for each in networks})
    bridge: dict[str, Any] = {
        "type": "bridge",
        "bridge": data["bridge"],
        "isGateway": True,
        "ipMasq": data["masquerade"],
        "hairpinMode": data["hairpin"],
        "ipam": {
            "type": "host-local",
            "ranges": [
                [{"subnet": str(each)} for each in networks if each.version == family] for family in families
            ],
            "routes": [{"dst": _EVERYWHERE[family]} for family in families],
        },
    }
    if "mtu" in data:
        bridge["mtu"] = data["mtu"]
    portmap = [{"type": "portmap", "capabilities": {"portMappings": True}}] if data["portmap"] else []
    return {"cniVersion": "1.0.0", "name": data["name"], "plugins": [bridge, *portmap]}


class CniNetwork(Kind):
    """The list of plugins of one network. CRI-O watches the folder, so that a change needs neither a reload nor a restart."""

    name = "cni_network"
    file = "the CNI network"
    disruption = "none"
    accepted = "a mapping such as {subnets: [10.85.0.0/16]}"
    folder = True
    comments = False
    path_key = "crio.network.network_dir"

    def check(self, layers: Layers, versions: Versions) -> Checked:
        """Merge the layers and check the settings."""
        return check(layers)

    def parts(self, path: str, data: Data) -> dict[str, Data]:
        """Return the only file."""
        return {f"{path.rstrip('/')}/{FILE}": data} if data else {}

    def value_of_path(self, place: str) -> str:
        """Return what CRI-O's configuration has for the folder."""
        return f"{place}/" if place == DEFAULT_FOLDER else place

    def render(self, data: Data) -> str:
        """Return the list of plugins as JSON; "" for settings with a problem."""
        return f"{json.dumps(document(data), indent=2)}\n" if _is_complete(data) else "{}\n"

    def walk(self, data: Data) -> list[tuple[Path, object]]:
        """Return each setting."""
        return [((name,), value) for name, value in data.items()]


def _is_complete(data: Data) -> bool:
    return bool(data.get("subnets")) and not any(_fault(text)[0] for text in data["subnets"])
