# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks the node after the role ran, and after a refused run that changed nothing."""

import json

testinfra_hosts = ["ansible://nodes"]


def test_the_network_is_that_of_the_variables(host):
    network = json.loads(host.file("/etc/cni/net.d/99-cri-node.conflist").content_string)
    bridge = network["plugins"][0]
    assert bridge["ipam"]["ranges"] == [[{"subnet": "10.85.0.0/24"}], [{"subnet": "fd00:85::/64"}]]
    assert bridge["mtu"] == 1400


def test_the_running_daemon_is_ready(host):
    conditions = json.loads(host.check_output("crictl info"))["status"]["conditions"]
    assert {each["type"]: each["status"] for each in conditions}["NetworkReady"]


def test_a_refused_run_leaves_no_temporary_files(host):
    assert host.file("/etc/cni/net.d").listdir() == ["99-cri-node.conflist"]
    assert not host.file("/var/lib/cri-node/transaction/intent.json").exists
