# SPDX-License-Identifier: GPL-3.0-or-later
"""Follows the README as a new user: build, install, five lines of variables, one command, without the checkout."""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from testbed.observed import metrics_answer
from testbed.paths import CHECKOUT

VARIABLES = """\
crio_config: {crio: {metrics: {enable_metrics: true, metrics_port: 9537}}}
crio_service: {Service: {KillMode: process}}
registries_config: {registry: [{location: "unlisted:5000", insecure: true}]}
crictl_config: {timeout: 30}
verify_image: registry:5000/hello-world:1
"""


class Newcomer:
    """A user with a home directory, a directory for their nodes, and ansible-core; no ansible.cfg, no settings."""

    def __init__(self, home: Path):
        self.home = home
        self.folder = home / "nodes"
        self.folder.mkdir()

    def types(self, *command: str) -> str:
        """Run a command in the directory; return its output. Raises AssertionError if it fails."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env={"HOME": str(self.home), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, f"{command}: exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def newcomer():
    """Return a new user with the collection, installed from its archive."""
    # Short, for the sockets of ssh in it.
    with tempfile.TemporaryDirectory(prefix="own-") as home:
        person = Newcomer(Path(home))
        person.types("ansible-galaxy", "collection", "build", str(CHECKOUT), "--output-path", home)
        (archive,) = person.home.glob("cri-node-*.tar.gz")
        person.types("ansible-galaxy", "collection", "install", str(archive), "--offline")
        yield person


@pytest.fixture(scope="module")
def nodes(testbed, crio_source):
    """Return two nodes. The second one does not permit root logins: its user becomes root with a password."""
    names = ("own-1", "own-2")
    first, second = testbed.add(*names)
    second.check(
        "useradd --create-home ops && mv /root/.ssh /home/ops/ && chown -R ops /home/ops/.ssh && echo root:secret | chpasswd"
    )
    yield first, second
    testbed.remove(*names)


@pytest.fixture(scope="module")
def inventory(newcomer, nodes, testbed):
    """Write the new user's files: hosts.ini and group_vars/nodes.yml."""
    ssh = " ".join(nodes[0].ssh_options[2:])
    first, second = (f"{node.name} ansible_host={node.address}" for node in nodes)
    (newcomer.folder / "hosts.ini").write_text(
        f"""[nodes]
{first} ansible_user=root
{second} ansible_user=ops ansible_become_method=su ansible_become_password=secret

[nodes:vars]
ansible_ssh_private_key_file={testbed.key}
ansible_ssh_common_args={ssh}
"""
    )
    (newcomer.folder / "group_vars").mkdir()
    (newcomer.folder / "group_vars" / "nodes.yml").write_text(VARIABLES)
    return "hosts.ini"


def recap(output: str) -> dict[str, dict[str, int]]:
    """Return the numbers of PLAY RECAP by node."""
    lines = output.partition("PLAY RECAP")[2].splitlines()[1:]
    counts = (re.findall(r"(\w+)=(\d+)", line) for line in lines)
    names = (line.partition(":")[0].strip() for line in lines)
    return {
        name: {key: int(value) for key, value in found}
        for name, found in zip(names, counts, strict=True)
        if found
    }


def test_the_archive_contains_what_users_need_and_no_development_files(newcomer):
    installed = newcomer.home / ".ansible" / "collections" / "ansible_collections" / "cri" / "node"
    assert {path.name for path in installed.iterdir()} == {
        *("CHANGELOG.md", "FILES.json", "LICENSE", "MANIFEST.json", "README.md"),
        *("docs", "meta", "playbooks", "plugins", "roles"),
    }
    assert json.loads((installed / "MANIFEST.json").read_text())["collection_info"]["dependencies"] == {}


def test_one_command_provisions_and_verifies_and_a_second_changes_nothing(newcomer, nodes, inventory):
    output = newcomer.types("ansible-playbook", "-i", inventory, "cri.node.provision")
    for node in nodes:
        assert re.search(
            rf"^{node.name} +passed +9 passed +\(CRI-O {re.escape(node.crio)}\)$", output, re.MULTILINE
        )
        assert recap(output)[node.name]["changed"] == 1
        assert metrics_answer(node, 9537)
        assert node.run("crictl pull unlisted:5000/hello-world:1").rc == 0
    assert "2 nodes: 2 passed\n" in output
    report = json.loads((newcomer.folder / "cri-node-verify.json").read_text())
    assert report["summary"]["passed"] == 2

    again = newcomer.types("ansible-playbook", "-i", inventory, "cri.node.provision")
    assert "2 nodes: 2 passed\n" in again
    assert {name: counts["changed"] for name, counts in recap(again).items()} == {
        node.name: 0 for node in nodes
    }


def test_the_installed_collection_documents_itself(newcomer):
    for name, kind in (("crictl_pod", "module"), ("runtime", "role")):
        assert name in newcomer.types("ansible-doc", "--type", kind, f"cri.node.{name}")
