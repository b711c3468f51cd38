# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks the node after the role ran, including a run that had to fail: the files of all three roles are in effect."""

import json

testinfra_hosts = ["ansible://nodes"]

SOCKET = "/var/run/crio/other.sock"


def test_the_running_daemon_uses_the_settings(host):
    live = host.check_output("curl --silent --unix-socket %s http://crio/config", SOCKET).splitlines()
    assert "metrics_port = 9537" in [line.strip() for line in live]
    assert "container_runtime_crio_" in host.check_output("curl --silent http://127.0.0.1:9537/metrics")


def test_crictl_uses_the_configured_socket_of_crio(host):
    assert f"runtime-endpoint: unix://{SOCKET}\ntimeout: 20\n" in host.file("/etc/crictl.yaml").content_string
    assert json.loads(host.check_output("crictl info"))["status"]["conditions"]


def test_crio_pulls_from_the_configured_registry(host):
    host.run("crictl rmi unlisted:5000/hello-world:1")
    done = host.run("crictl pull unlisted:5000/hello-world:1")
    assert done.rc == 0, done.stderr


def test_all_files_were_changed_in_one_transaction(host):
    state = json.loads(host.file("/var/lib/cri-node/state.json").content_string)
    assert state["generation"] == 1
    assert sorted(state["owners"]) == ["crictl", "crio", "registries"]


def test_crio_is_enabled_and_running(host):
    assert host.service("crio").is_enabled
    assert host.service("crio").is_running


def test_a_run_leaves_no_temporary_files(host):
    assert not host.file("/etc/crio/.cri-node").exists
    assert not host.file("/var/lib/cri-node/transaction/intent.json").exists
    assert host.check_output("systemctl list-units --all --no-legend 'cri-node-*'") == ""
