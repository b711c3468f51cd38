# SPDX-License-Identifier: GPL-3.0-or-later
"""The role verify reports a node whose CRI-O was stopped, and leaves nothing behind on it."""

import json
import os
from pathlib import Path

testinfra_hosts = ["ansible://nodes"]


def test_the_report_names_the_fault(host):
    report = json.loads((Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "report.json").read_text())
    assert (report["summary"]["failed"], report["summary"]["nodes"]) == (1, 1)
    node = report["nodes"][host.backend.host]
    assert [check["name"] for check in node["checks"] if check["status"] == "failed"] == ["service"]


def test_a_verification_changes_nothing_on_the_node(host):
    assert not host.service("crio").is_running
    assert not host.file("/var/lib/cri-node").exists
    assert host.check_output("find /var/log/pods -mindepth 1 2>/dev/null || true") == ""
