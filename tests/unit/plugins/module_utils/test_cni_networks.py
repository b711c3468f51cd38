# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that our network is refused beside another one, by name and software."""

import json

import pytest

from ansible_collections.cri.node.plugins.module_utils import cni_networks
from ansible_collections.cri.node.plugins.module_utils.cni_networks import ForeignNetworkError, refuse_unfit
from ansible_collections.cri.node.plugins.module_utils.layout import Layout

FOLDER = "/etc/cni/net.d"
OURS = f"{FOLDER}/99-cri-node.conflist"


@pytest.fixture
def node(tmp_path, monkeypatch):
    """Return (a function that writes a file on the node, its layout, the folder that CRI-O names)."""
    used = {"folder": ""}
    monkeypatch.setattr(cni_networks, "_network_dir", lambda: used["folder"])

    def write(path, text=""):
        place = tmp_path / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)

    return write, Layout(str(tmp_path)), used


def refused(layout, contents=None):
    with pytest.raises(ForeignNetworkError) as error:
        refuse_unfit(contents or {OURS: "{}"}, layout)
    return str(error.value)


def test_a_node_without_another_network_is_accepted(node):
    write, layout, _used = node
    refuse_unfit({OURS: "{}"}, layout)
    write(OURS, "{}")  # our own
    write(f"{FOLDER}/10-crio-bridge.conflist.disabled", "{}")  # CRI-O's bundle, which is not read
    write(f"{FOLDER}/calico-kubeconfig", "")
    refuse_unfit({OURS: "{}"}, layout)


@pytest.mark.parametrize(
    ("name", "document", "expected"),
    [
        ("10-calico.conflist", {"name": "k8s-pod-network", "plugins": [{"type": "calico"}]},
         '10-calico.conflist (the network "k8s-pod-network" of calico)'),
        ("05-cilium.conflist", {"name": "cilium", "plugins": [{"type": "cilium-cni"}]}, "of cilium"),
        ("10-flannel.conflist", {"name": "cbr0", "plugins": [{"type": "flannel"}]}, '"cbr0" of flannel'),
        ("zz-other.conf", {"name": "mine", "type": "bridge"}, 'zz-other.conf (the network "mine")'),
        ("00-broken.json", None, "00-broken.json"),
    ],
)  # fmt: skip
def test_another_configuration_is_refused_wherever_it_sorts(node, name, document, expected):
    write, layout, _used = node
    write(f"{FOLDER}/{name}", json.dumps(document) if document else "{")
    message = refused(layout)
    assert f"this node has another network: {layout.at(FOLDER)}/{name}" in message
    assert expected in message
    assert "empty cni_network" in message


@pytest.mark.parametrize("mark", sorted(cni_networks._MARKS))
def test_what_a_network_of_a_cluster_left_is_refused(node, mark):
    write, layout, _used = node
    write(mark)
    assert f"{mark} of {cni_networks._MARKS[mark]}" in refused(layout)


def test_the_folder_must_be_the_one_that_crio_reads(node):
    _write, layout, used = node
    used["folder"] = "/srv/networks"
    message = refused(layout)
    assert f"CRI-O reads its networks from /srv/networks, not from {FOLDER}" in message
    refuse_unfit({"/srv/networks/99-cri-node.conflist": "{}"}, layout)


@pytest.mark.parametrize(
    ("setting", "expected"),
    [("1\n", "net.ipv6.conf.default.disable_ipv6 is 1"), (None, "its kernel has none")],
)
def test_ipv6_is_refused_on_a_node_that_does_not_use_it(node, setting, expected):
    write, layout, _used = node
    if setting:
        write("/proc/sys/net/ipv6/conf/default/disable_ipv6", setting)
    document = {"ipam": {"ranges": [[{"subnet": "10.85.0.0/24"}], [{"subnet": "fd00:85::/64"}]]}}
    with pytest.raises(cni_networks.UnfitNetworkError) as error:
        refuse_unfit({OURS: json.dumps(document, indent=2)}, layout)
    assert "the network has the subnet fd00:85::/64, but this node does not use IPv6" in str(error.value)
    assert expected in str(error.value)
    document["ipam"]["ranges"].pop()
    refuse_unfit({OURS: json.dumps(document, indent=2)}, layout)
    document["ipam"]["ranges"].append([{"subnet": "fd00:85::/64"}])
    write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "0\n")
    refuse_unfit({OURS: json.dumps(document, indent=2)}, layout)


def test_other_files_do_not_ask_for_networks(node):
    write, layout, used = node
    used["folder"] = "/srv/networks"
    write(f"{FOLDER}/10-calico.conflist", "{}")
    refuse_unfit({"/etc/crio/crio.conf.d/60-cri-node.conf": "x"}, layout)
