# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks the nodes after they were provisioned, and the report of the playbook."""

import json
import os
from pathlib import Path

testinfra_hosts = ["ansible://nodes"]

SOCKET = "/var/run/crio/crio.sock"


def report():
    return json.loads((Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "report.json").read_text())


def test_all_files_of_the_roles_exist(host):
    for path in (
        "/etc/crio/crio.conf.d/60-cri-node.conf",
        "/etc/systemd/system/crio.service.d/60-cri-node.conf",
        "/etc/containers/registries.conf.d/zz-cri-node.conf",
    ):
        assert host.file(path).is_file
        assert host.file(path).user == "root"


def test_the_daemon_runs_and_serves_metrics_where_they_are_enabled(host):
    assert host.service("crio").is_running
    assert host.service("crio").is_enabled
    assert "container_runtime_crio_" in host.check_output("curl --silent http://127.0.0.1:9537/metrics")
    live = host.check_output("curl --silent --unix-socket %s http://crio/config", SOCKET)
    assert 'plugin_dirs = ["/usr/lib/cni"]' in live


def test_the_image_of_a_registry_that_does_not_exist_came_from_its_mirror(host):
    images = json.loads(host.check_output("crictl images --output json"))["images"]
    assert any("registry.example.com/log-writer:1" in image["repoTags"] for image in images)


def test_a_verification_leaves_nothing_behind(host):
    assert host.check_output("crictl pods --quiet") == ""
    assert host.check_output("find /var/log/pods -mindepth 1 2>/dev/null || true") == ""


def test_the_report_has_this_node_with_all_checks_passed(host):
    node = report()["nodes"][host.backend.host]
    assert node["status"] == "passed"
    assert node["version"] in host.check_output("crio --version")
    assert {check["status"] for check in node["checks"]} == {"passed"}
    assert {"pod", "metrics", "pull registry.example.com/log-writer:1"} <= {
        check["name"] for check in node["checks"]
    }


def test_the_report_has_both_nodes_and_no_others(host):
    assert sorted(report()["nodes"]) == ["node-1", "node-2"]
    assert report()["summary"]["passed"] == 2
