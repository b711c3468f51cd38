# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests the settings of the pods' network: what is refused, and the list of plugins that they become."""

import ipaddress
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cri.node.plugins.plugin_utils.files import cni_network
from ansible_collections.cri.node.plugins.plugin_utils.files.kind import Versions
from ansible_collections.cri.node.plugins.plugin_utils.files.kinds import KINDS

KIND = KINDS["cni_network"]


def checked(**settings):
    return KIND.check([("cni_network", settings)], Versions())


def rendered(**settings):
    found = checked(**settings)
    assert found.problems == []
    return json.loads(KIND.render(found.data))


def test_a_network_for_both_families_has_a_range_and_a_route_for_each():
    assert rendered(subnets=["10.85.0.0/16", "fd00:85::/64"], mtu=1400) == {
        "cniVersion": "1.0.0",
        "name": "cri-node",
        "plugins": [
            {
                "type": "bridge",
                "bridge": "cni0",
                "isGateway": True,
                "ipMasq": True,
                "hairpinMode": True,
                "mtu": 1400,
                "ipam": {
                    "type": "host-local",
                    "ranges": [[{"subnet": "10.85.0.0/16"}], [{"subnet": "fd00:85::/64"}]],
                    "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}],
                },
            },
            {"type": "portmap", "capabilities": {"portMappings": True}},
        ],
    }


def test_subnets_of_one_family_give_a_pod_one_address():
    document = rendered(subnets=["10.1.0.0/24", "fd00::/64", "10.2.0.0/24"], portmap=False, hairpin="false")
    assert document["plugins"][0]["ipam"]["ranges"] == [
        [{"subnet": "10.1.0.0/24"}, {"subnet": "10.2.0.0/24"}],
        [{"subnet": "fd00::/64"}],
    ]
    assert document["plugins"][0]["hairpinMode"] is False
    assert len(document["plugins"]) == 1


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"subnets": []}, "cni_network: subnets: is missing or empty; accepted: a list of at least one"),
        ({"name": "a"}, "subnets: is missing or empty"),
        ({"subnets": ["10.85.0.1/16"]}, 'subnets[0] = "10.85.0.1/16": has bits of a host; the subnet is 10.85.0.0/16'),
        ({"subnets": ["10.85.0.0"]}, "has no prefix length"),
        ({"subnets": ["10.85.0.0/33"]}, "is not a subnet"),
        ({"subnets": ["pods"]}, "has no prefix length"),
        ({"subnets": ["10.85.0.0/30"]}, "is too small for pods: it has 4 addresses"),
        ({"subnets": ["fd00::/126"]}, "is too small for pods"),
        ({"subnets": ["127.0.0.0/8"]}, "is a subnet of the loopback interface"),
        ({"subnets": ["224.0.0.0/8"]}, "is a subnet for multicast"),
        ({"subnets": ["fe80::/64"]}, "is a subnet for link-local addresses"),
        ({"subnets": ["0.0.0.0/0"]}, "is a subnet of all addresses"),
        ({"subnets": ["10.0.0.0/8", "10.85.0.0/16"]}, "10.0.0.0/8 and 10.85.0.0/16 overlap"),
        ({"subnets": ["fd00::/48", "fd00::/64"]}, "overlap, so that two pods could get the same address"),
        ({"subnets": ["10.1.0.0/24"], "bridge": "a" * 16}, "is not a valid name; accepted: at most 15"),
        ({"subnets": ["10.1.0.0/24"], "name": "a b"}, 'name = "a b": is not a valid name'),
        ({"subnets": ["10.1.0.0/24"], "mtu": 500}, "mtu = 500: is not possible with these subnets; accepted: 576"),
        ({"subnets": ["fd00::/64"], "mtu": 1000}, "accepted: 1280 to 65535"),
        ({"subnets": ["10.1.0.0/24"], "hairpinn": True}, "is not a key of the network; did you mean hairpin?"),
        ({"subnets": "10.1.0.0/24", "mtu": "x"}, "mtu"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_refused_by_key_and_value(settings, expected):
    problems = [str(problem) for problem in checked(**settings).problems]
    assert any(expected in problem for problem in problems), problems


def test_the_file_is_in_the_folder_that_crio_watches_and_gone_without_settings():
    data = checked(subnets=["10.85.0.0/16"]).data
    assert list(KIND.parts("/etc/cni/net.d", data)) == ["/etc/cni/net.d/99-cri-node.conflist"]
    assert list(KIND.parts("/srv/networks/", data)) == ["/srv/networks/99-cri-node.conflist"]
    assert KIND.parts("/etc/cni/net.d", checked().data) == {}
    assert (KIND.disruption, KIND.value_of_path("/etc/cni/net.d")) == ("none", "/etc/cni/net.d/")
    assert KIND.value_of_path("/srv/networks") == "/srv/networks"


def test_the_plugins_follow_from_the_network():
    assert cni_network.plugins_of(checked().data) == []
    assert cni_network.plugins_of(checked(subnets=["10.85.0.0/16"]).data) == [
        "bridge",
        "host-local",
        "portmap",
    ]
    data = checked(subnets=["10.85.0.0/16"], portmap=False).data
    assert cni_network.plugins_of(data) == ["bridge", "host-local"]


_SUBNETS = st.one_of(
    st.ip_addresses(v=4).flatmap(lambda ip: st.integers(0, 32).map(lambda bits: f"{ip}/{bits}")),
    st.ip_addresses(v=6).flatmap(lambda ip: st.integers(0, 128).map(lambda bits: f"{ip}/{bits}")),
    st.builds(lambda a, bits: f"10.{a}.0.0/{bits}", st.integers(0, 3), st.integers(16, 28)),
    st.text(max_size=12),
)


@given(st.lists(_SUBNETS, max_size=4))
def test_accepted_subnets_are_usable_and_disjoint(subnets):
    found = checked(subnets=subnets)
    if found.problems:
        return
    networks = [ipaddress.ip_network(text) for text in found.data["subnets"]]  # raises for bits of a host
    assert all(each.num_addresses >= 8 for each in networks)
    for index, one in enumerate(networks):
        assert not any(one.version == other.version and one.overlaps(other) for other in networks[:index])
    document = json.loads(KIND.render(found.data))
    ranges = document["plugins"][0]["ipam"]["ranges"]
    assert sorted(each["subnet"] for family in ranges for each in family) == sorted(map(str, networks))
