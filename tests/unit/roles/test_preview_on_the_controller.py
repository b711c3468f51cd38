# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook preview, which contacts no node."""

import json

import pytest
from tests.unit.roles.test_verify_on_the_controller import run

OLD = {"crio": {"image": {"registries": ["example.com"]}}}
HOSTS = {
    "node-1": {"crio_version": "1.30", "crio_config": OLD},
    "node-2": {"crio_version": "1.30", "crio_config": OLD},
    "node-3": {"crio_config": {"crio": {"runtime": {"log_level": "info"}}}},
}


def preview(tmp_path, hosts, version, *options):
    # A host that cannot be reached: any connection to it fails.
    unreachable = {
        name: {**each, "ansible_host": "192.0.2.1", "ansible_ssh_timeout": 1} for name, each in hosts.items()
    }
    return run(
        tmp_path,
        [],
        unreachable,
        "-e",
        json.dumps({"preview_version": version}),
        *options,
        playbook="cri.node.preview",
    )


def test_the_playbook_fails_with_what_the_version_ignores_and_writes_the_report(tmp_path):
    done = preview(tmp_path, HOSTS, "1.37")
    output = done.stdout + done.stderr
    assert done.returncode != 0
    assert "CRI-O 1.37: 1 setting refused or ignored on 2 of 3 nodes" in output
    assert "was removed in CRI-O 1.31" in output
    assert "node-1, node-2" in output
    assert "the current version of 1 node is not known" in output
    assert "Traceback" not in output
    report = json.loads((tmp_path / "cri-node-preview.json").read_text())
    assert report["nodes"] == {"node-1": "1.30", "node-2": "1.30", "node-3": ""}
    first = report["changes"][0]
    assert (first["change"], first["breaking"], first["key"]) == ("removed", True, "crio.image.registries")
    assert (first["variable"], first["nodes"]) == ("crio_config", ["node-1", "node-2"])


def test_other_changes_do_not_fail_the_playbook(tmp_path):
    hosts = {"node-1": {"crio_version": "1.30", "crio_config": {"crio": {"runtime": {"selinux": True}}}}}
    done = preview(tmp_path, hosts, "1.31", "-e", "preview_report_file=")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "its default in CRI-O 1.31 is" in done.stdout
    assert not (tmp_path / "cri-node-preview.json").exists()


@pytest.mark.parametrize("version", ["1.38", 1.4, "", "newest"])
def test_an_invalid_version_is_an_error_that_names_the_variable(tmp_path, version):
    done = preview(tmp_path, HOSTS, version)
    assert done.returncode != 0
    assert "preview_version" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
