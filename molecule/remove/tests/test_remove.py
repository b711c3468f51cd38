# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks a preinstalled node that was provisioned and removed: its configuration is what it was, and CRI-O runs."""

testinfra_hosts = ["ansible://nodes"]
FOLDERS = "/etc/crio /etc/containers /etc/crictl.yaml /etc/sysctl.d /etc/modules-load.d /etc/sub?id /etc/systemd/system"


def test_the_configuration_is_what_it_was(host):
    found = host.check_output(rf"find {FOLDERS} \( -type f -exec sha256sum {{}} + \) -o -print | sort")
    assert found == host.file("/root/before").content_string.rstrip("\n")


def test_nothing_of_the_collection_is_left(host):
    assert not host.file("/var/lib/cri-node").exists
    assert not host.file("/etc/crio/crio.conf.d/60-cri-node.conf").exists


def test_crio_runs_with_its_own_configuration(host):
    assert host.service("crio").is_running
    assert host.service("crio").is_enabled
    assert "timeout: 10" in host.file("/etc/crictl.yaml").content_string
    assert not host.socket("tcp://127.0.0.1:9537").is_listening
