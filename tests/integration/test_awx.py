# SPDX-License-Identifier: GPL-3.0-or-later
"""A job as AWX and Automation Controller run it: a project of two small files, run by ansible-runner."""

import json
import os
import subprocess
import sys
from pathlib import Path

import ansible_runner
import pytest

from testbed import Node, article
from testbed.paths import CHECKOUT

# The whole project, beside requirements.yml.
PROJECT = """\
---
- name: Provision the nodes
  ansible.builtin.import_playbook: cri.node.provision

- name: And verify them all, as a job of its own would
  ansible.builtin.import_playbook: cri.node.verify
"""
# What AWX sets for each job, as far as it concerns a collection.
JOB = {
    "ANSIBLE_FORCE_COLOR": "True",
    "ANSIBLE_HOST_KEY_CHECKING": "False",
    "ANSIBLE_RETRY_FILES_ENABLED": "False",
}


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """Return a project with installed requirements, as after a project update; the collection comes from its archive."""
    folder = tmp_path_factory.mktemp("awx")
    _galaxy("build", CHECKOUT, "--output-path", folder)
    (archive,) = folder.glob("cri-node-*.tar.gz")
    (folder / "collections").mkdir()
    (folder / "site.yml").write_text(PROJECT)
    requirements = folder / "collections" / "requirements.yml"
    requirements.write_text(f"collections:\n  - name: {archive}\n    type: file\n")
    installed = folder / "requirements_collections"
    _galaxy("install", "--offline", "--requirements-file", requirements, "--collections-path", installed)
    return folder


def _galaxy(*arguments: str | Path) -> None:
    """Call ansible-galaxy in an environment without the checkout. Raises AssertionError if it fails."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    command = [Path(sys.executable).parent / "ansible-galaxy", "collection", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def nodes(testbed, crio_source):
    """Return two nodes for this module."""
    names = ("awx-1", "awx-2")
    yield testbed.add(*names)
    testbed.remove(*names)


@pytest.fixture
def job(project, nodes, testbed, tmp_path, monkeypatch):
    """job(**extra variables) -> (ansible_runner.Runner, its artifacts, the report it wrote)."""
    for name in [name for name in os.environ if name.startswith("ANSIBLE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")

    def run(**variables):
        report = tmp_path / "report.json"
        done = ansible_runner.run(
            private_data_dir=str(tmp_path),
            project_dir=str(project),
            playbook="site.yml",
            inventory=_inventory_script(tmp_path, nodes),
            ssh_key=testbed.key.read_text(),
            envvars={**JOB, "ANSIBLE_COLLECTIONS_PATH": str(project / "requirements_collections")},
            extravars={
                **article.settings(),
                "verify_image": nodes[0].image("hello-world"),
                "verify_report_file": str(report),
                **variables,
            },
            quiet=True,
        )
        ended = [event["event_data"] for event in done.events if event["event"] == "playbook_on_stats"]
        assert ended, done.stdout.read()
        assert report.exists(), done.stdout.read()
        return done, ended[-1]["artifact_data"], json.loads(report.read_text())

    return run


def _inventory_script(folder: Path, nodes: list[Node]) -> str:
    """Return the inventory as AWX passes it: a program that prints it, without the key, which an agent has."""
    variables = {"ansible_user": "root", "ansible_ssh_common_args": "-o UserKnownHostsFile=/dev/null"}
    hosts = {node.name: {"ansible_host": node.address, **variables} for node in nodes}
    listed = {"nodes": {"hosts": list(hosts)}, "_meta": {"hostvars": hosts}}
    path = folder / "hosts"
    path.write_text(f"#!/bin/sh\ncat <<'END'\n{json.dumps(listed)}\nEND\n")
    path.chmod(0o755)
    return str(path)


def test_a_job_succeeds_and_stores_its_summary_as_artifacts(job, nodes):
    done, artifacts, report = job()
    assert (done.status, done.rc) == ("successful", 0), done.stdout.read()
    summary = artifacts["cri_node_verification"]["summary"]
    assert (summary["nodes"], summary["passed"], summary["failed"]) == (2, 2, 0)
    assert artifacts["cri_node_verification"]["not_passed"] == {}
    planned = artifacts["cri_node_plan"]["summary"]
    assert (planned["nodes"], planned["changed"] + planned["unchanged"]) == (2, 2)
    assert report["summary"] == summary
    assert {name: node["version"] for name, node in report["nodes"].items()} == {
        node.name: node.crio for node in nodes
    }
    assert "2 nodes: 2 passed" in done.stdout.read()


def test_a_job_fails_if_one_node_fails_and_its_report_has_every_node(job, nodes):
    image = "registry:5000/no-such-image:1"
    first, second = (node.name for node in nodes)
    pulls = f"{{{{ ['{image}'] if inventory_hostname == '{second}' else [] }}}}"
    done, artifacts, report = job(verify_pull=pulls)
    assert (done.status, done.rc) == ("failed", 2)
    verification = artifacts["cri_node_verification"]
    assert (verification["summary"]["passed"], verification["summary"]["failed"]) == (1, 1)
    assert list(verification["not_passed"]) == [second]
    assert {name: node["status"] for name, node in report["nodes"].items()} == {
        first: "passed",
        second: "failed",
    }
    (failure,) = (check for check in report["nodes"][second]["checks"] if check["status"] == "failed")
    assert image in failure["name"] + failure["detail"]
