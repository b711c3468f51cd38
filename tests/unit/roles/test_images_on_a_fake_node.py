# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the role images with ansible-playbook, on this machine with programs that stand for those of a node."""

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from images import docker_archive
from images.fake_node import FakeNode

APP, OTHER, SIDECAR = "example.com/app:1", "example.com/other:1", "example.com/sidecar:1"


@pytest.fixture
def node(tmp_path):
    path = str(tmp_path / "cri.sock")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen(100)
        made = FakeNode(tmp_path / "node", path)
        # containerd, because CRI-O's store would have to be read from its socket.
        made.change(runtime="containerd")
        made.install("ctr")
        yield made


@pytest.fixture
def play(node, tmp_path):
    """Return a function that runs a play on the node and returns the finished process."""

    def run(variables, *options, **keys):
        every = {
            "hosts": "localhost",
            "gather_facts": False,
            "module_defaults": {"group/cri.node.cri": {"endpoint": node.socket_path}},
        }
        (tmp_path / "play.json").write_text(json.dumps([{**every, **keys}]))
        (tmp_path / "variables.json").write_text(json.dumps(variables))
        path = os.pathsep.join([str(node.folder / "bin"), os.environ["PATH"]])
        return subprocess.run(
            [Path(sys.executable).parent / "ansible-playbook", "-i", "localhost,", "-c", "local",
             tmp_path / "play.json", "-e", f"@{tmp_path / 'variables.json'}",
             "-e", f"ansible_python_interpreter={sys.executable}", *options],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
            env={**os.environ, "PATH": path, "FAKE_IMAGES": str(node.folder), "ANSIBLE_NOCOLOR": "1",
                 "ANSIBLE_HOME": str(tmp_path), "ANSIBLE_INJECT_FACT_VARS": "false",
                 "ANSIBLE_CALLBACK_RESULT_FORMAT": "json"},
        )  # fmt: skip

    return run


def counts(done):
    """Return the number of tasks by how they ended."""
    assert done.returncode == 0, done.stdout + done.stderr
    recap = done.stdout.rsplit("PLAY RECAP", 1)[1]
    return {name: int(number) for name, number in re.findall(r"(\w+)=(\d+)", recap)}


def test_a_node_gets_its_images_loses_others_and_is_left_alone_then(node, play, tmp_path):
    docker_archive(tmp_path / "sidecar.tar", ("a", [SIDECAR]))
    node.add("c1", "example.com/bad:1")
    node.add("c2", "example.com/unused:1")
    node.use(node.add("c3", "example.com/used:1"))
    node.change(registry={APP: {"id": "aa" * 32, "digest": f"sha256:{'aa' * 32}"}})
    variables = {
        "images_present": json.dumps([APP]),
        "images_archives": [{"archive": str(tmp_path / "sidecar.tar")}],
        "images_absent": "example.com/bad:1",
        "images_prune": {"name": ["example.com/*"]},
    }
    role = {"roles": ["cri.node.images"]}
    predicted = play(variables, "--check", "--diff", **role)
    assert counts(predicted)["changed"] == 4
    for name in (APP, SIDECAR):
        assert f"+image {name}: (known after the" in predicted.stdout
    for name in ("bad", "unused"):
        assert f"-image example.com/{name}:1: sha256:c" in predicted.stdout
    assert len(node.tags()) == 3
    assert counts(play(variables, **role))["changed"] == 4
    assert node.tags() == [APP, SIDECAR, "example.com/used:1"]
    again = play(variables, **role)
    assert counts(again)["changed"] == 0
    assert [call[0] for call in node.calls()].count("pull") == 1
    assert len([call for call in node.calls("ctr") if "import" in call]) == 1


def test_a_misspelled_key_of_a_rule_is_refused_before_anything_is_removed(node, play):
    node.add("c2", "example.com/unused:1")
    variables = {
        "images_prune": {"older_then": "30d"},
        "images_archives": [{"archive": "a.tar", "sha265": "a" * 64}],
    }
    done = play(variables, roles=["cri.node.images"])
    assert done.returncode == 2
    for name in ("images_archives.sha265", "images_prune.older_then"):
        assert name in done.stdout
    assert node.calls() == []


def test_a_pull_in_the_background_has_the_same_result_and_hides_the_password(node, play):
    node.change(
        registry={APP: {"id": "aa" * 32, "digest": f"sha256:{'aa' * 32}", "credentials": "ops:swordfish"}}
    )
    task = {
        "name": "pull",
        "cri.node.crictl_image": {"name": APP, "username": "ops", "password": "swordfish"},
        "async": 60,
        "poll": 1,
        "register": "pulled",
    }
    shown = {"ansible.builtin.debug": {"var": "pulled.images"}}
    done = play({}, "-vvv", tasks=[task, shown])
    assert counts(done)["changed"] == 1
    assert '"action": "pull"' in done.stdout
    assert '"seconds":' in done.stdout
    assert "swordfish" not in done.stdout + done.stderr
    assert node.tags() == [APP]


def test_an_archive_is_imported_in_the_background(node, play, tmp_path):
    docker_archive(tmp_path / "sidecar.tar", ("a", [SIDECAR]))
    task = {
        "name": "import",
        "cri.node.crictl_image": {"archive": str(tmp_path / "sidecar.tar")},
        "async": 60,
        "poll": 1,
    }
    first, second = play({}, tasks=[task]), play({}, tasks=[task])
    assert (counts(first)["changed"], counts(second)["changed"]) == (1, 0)
    assert node.tags() == [SIDECAR]
