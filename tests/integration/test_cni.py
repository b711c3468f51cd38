# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests the network of a node without a cluster: CRI-O uses it without a restart, and it never joins another network."""

import hashlib
import json
import tarfile

import pytest

from testbed.observed import litter, observe

PLAY = [{"hosts": "nodes", "gather_facts": False, "roles": ["cri.node.cni"]}]
PLUGINS = "cri.node.cni : Provide the CNI plugins"
APPLY = "cri.node.cni : Apply the network"
FOLDER = "/etc/cni/net.d"
IPV6 = "/proc/sys/net/ipv6/conf"
OURS = f"{FOLDER}/99-cri-node.conflist"
THEIRS = f"{FOLDER}/10-testbed.conflist"
BOTH = {"subnets": ["10.85.0.0/24", "fd00:85::/64"]}


@pytest.fixture(scope="module")
def node(testbed, crio_source):
    """Return one node for all tests of this module. Its own network is moved away."""
    made = testbed.add("cni")[0]
    made.check(f"mv {THEIRS} /root/testbed.conflist; ip link delete cni0 2>/dev/null || true")
    made.check("systemctl restart crio")
    # Docker turns IPv6 off in a container without an IPv6 network.
    made.check("mount -o remount,bind,rw /proc/sys")
    for name in ("all", "default"):
        made.check(f"echo 0 > {IPV6}/{name}/disable_ipv6")
    yield made
    testbed.remove("cni")


@pytest.fixture
def directory(node):
    """Return a directory of CNI plugins that CRI-O of the node looks in."""
    return node.check(
        "for each in /opt/cni/bin /usr/lib/cni; do test -x $each/bridge && echo $each; done"
    ).split()[0]


def network_ready(node):
    conditions = node.crictl("info", "-o", "json")["status"]["conditions"]
    return next(each["status"] for each in conditions if each["type"] == "NetworkReady")


def variables(directory, **network):
    return {"cni_network": network, "cni_directory": directory}


def test_ipv6_is_refused_on_a_node_that_does_not_use_it(node, run_playbook, directory):
    node.check(f"echo 1 > {IPV6}/default/disable_ipv6")
    for options in (("--check",), ()):
        run = run_playbook(PLAY, node, *options, variables=variables(directory, **BOTH))
        assert "this node does not use IPv6 (net.ipv6.conf.default.disable_ipv6 is 1)" in run.failure["msg"]
    assert not node.exists(OURS)
    node.check(f"echo 0 > {IPV6}/default/disable_ipv6")


def test_a_node_becomes_ready_without_a_restart_as_predicted(node, run_playbook, directory):
    before = observe(node)
    assert not network_ready(node)
    predicted = run_playbook(
        PLAY, node, "--check", "--diff", variables=variables(directory, **BOTH)
    ).expect_success()
    assert observe(node) == before
    assert not node.exists(OURS)
    done = run_playbook(PLAY, node, "--diff", variables=variables(directory, **BOTH)).expect_success()
    assert predicted.of(APPLY)["plan"] == done.of(APPLY)["plan"]
    assert predicted.of(APPLY)["diff"] == done.of(APPLY)["diff"]
    assert done.of(APPLY)["plan"]["disruption"] == "none"
    assert node.wait_for("the network", lambda: (network_ready(node), None)) is None
    after = observe(node)
    assert after.invocation_id == before.invocation_id
    assert json.loads(node.read_file(OURS))["name"] == "cri-node"
    assert run_playbook(PLAY, node, variables=variables(directory, **BOTH)).expect_success().changed == 0
    assert litter(node) == ""


@pytest.mark.real_crio("the stand-in assigns no addresses that crictl reports")
def test_a_pod_has_an_address_of_each_family(node, run_playbook, directory):
    run_playbook(PLAY, node, variables=variables(directory, **BOTH)).expect_success()
    node.wait_for("the network", lambda: (network_ready(node), None))
    pod = node.run_pod(name="both")
    network = node.crictl("inspectp", pod.pod_id)["status"]["network"]
    assert network["ip"].startswith("10.85.0.")
    assert [each["ip"].startswith("fd00:85::") for each in network["additionalIps"]] == [True]
    process = node.crictl("inspect", pod.container_id)["info"]["pid"]
    addresses = node.check(f"nsenter -t {process} -n ip -o addr show eth0")
    assert network["ip"] in addresses
    assert network["additionalIps"][0]["ip"] in addresses
    node.remove_pods()


@pytest.mark.parametrize(
    ("name", "software"),
    [("10-calico.conflist", "calico"), ("zz-flannel.conf", "flannel"), ("00-mine.json", "")],
)
def test_another_network_is_refused_by_name_and_nothing_is_changed(
    node, run_playbook, directory, name, software
):
    run_playbook(PLAY, node, variables=variables(directory)).expect_success()
    assert not node.exists(OURS)
    document = {"cniVersion": "1.0.0", "name": "theirs", "plugins": [{"type": software or "bridge"}]}
    node.copy_in(f"{FOLDER}/{name}", json.dumps(document))
    before = observe(node)
    for options in (("--check",), ()):
        run = run_playbook(PLAY, node, *options, variables=variables(directory, **BOTH))
        assert f'this node has another network: {FOLDER}/{name} (the network "theirs"' in run.failure["msg"]
        assert software in run.failure["msg"]
        assert not node.exists(OURS)
        assert observe(node) == before
    node.check(f"rm {FOLDER}/{name}")


def test_what_flannel_left_is_refused(node, run_playbook, directory):
    node.check("mkdir -p /run/flannel && touch /run/flannel/subnet.env")
    run = run_playbook(PLAY, node, variables=variables(directory, **BOTH))
    assert "/run/flannel/subnet.env of flannel" in run.failure["msg"]
    node.check("rm -r /run/flannel")


def test_wrong_subnets_are_refused_before_the_node_is_contacted(node, run_playbook, directory):
    run = run_playbook(PLAY, node, variables=variables(directory, subnets=["10.85.0.1/24", "10.85.0.0/16"]))
    assert 'subnets[0] = "10.85.0.1/24": has bits of a host' in run.out
    assert "SSH: EXEC" not in run.out


def test_missing_plugins_are_refused(node, run_playbook):
    run = run_playbook(PLAY, node, variables=variables("/usr/local/lib/cni", **BOTH))
    assert "bridge, host-local, portmap not found in /usr/local/lib/cni" in run.failure["msg"]
    assert not node.exists(OURS)


def test_an_archive_is_installed_as_predicted_and_the_network_is_removed_again(
    node, run_playbook, directory, tmp_path
):
    path = tmp_path / "plugins.tgz"
    with tarfile.open(path, "w:gz") as out:
        for name in ("bridge", "host-local", "portmap"):
            plugin = tmp_path / name
            plugin.write_text(f"#!/bin/sh\nexec {directory}/{name}\n")
            plugin.chmod(0o755)
            out.add(plugin, f"./{name}")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    settings = {
        **variables("/usr/local/lib/cni", **BOTH),
        "cni_install": "archive",
        "cni_archive": {"source": str(path), "sha256": {"amd64": digest, "arm64": digest}},
    }
    predicted = run_playbook(PLAY, node, "--check", variables=settings).expect_success()
    assert not node.exists("/usr/local/lib/cni")
    done = run_playbook(PLAY, node, variables=settings).expect_success()
    assert predicted.of(PLUGINS)["files"] == done.of(PLUGINS)["files"]
    assert node.exists("/usr/local/lib/cni/bridge")
    (warning,) = done.of(PLUGINS)["warnings"]
    assert warning.startswith("CRI-O does not look for plugins in /usr/local/lib/cni")
    assert run_playbook(PLAY, node, variables=settings).expect_success().changed == 0
    run_playbook(PLAY, node, variables=variables(directory)).expect_success()
    assert not node.exists(OURS)
    node.check("systemctl restart crio")  # CRI-O keeps a network whose file is gone until it starts again
    assert not network_ready(node)
