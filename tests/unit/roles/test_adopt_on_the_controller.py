# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook adopt: every node is read by one call, all are reported, and the folder is an inventory. Every controller.

A node is a program in place of its Python, which prints what the node side of crio_adopt would return.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

from tests.unit.plugins.plugin_utils.adopt.styles import KUBESPRAY, report
from tests.unit.roles.test_plan_on_the_controller import GONE
from tests.unit.roles.test_verify_on_the_controller import run

PYTHON = """#!/bin/sh
case "$1" in *node_crio_config_facts*) ;; *) echo "unexpected: $*" >&2; exit 1 ;; esac
cd "${0%/*}" && cp "$1" "call-$$" && cat report.json
"""


def node(folder, files):
    """Return the variables of a node that has these files below /etc/crio."""
    folder.mkdir(parents=True)
    (folder / "report.json").write_text(json.dumps({"changed": False, "report": report(files)}))
    (folder / "python").write_text(PYTHON)
    (folder / "python").chmod(0o755)
    return {
        "ansible_connection": "local",
        "ansible_become": False,
        "ansible_python_interpreter": str(folder / "python"),
        "ansible_remote_tmp": str(folder / "tmp"),
    }


def fleet(tmp_path):
    """Return three nodes in kubespray's style, of which one has a file more, and one that is gone."""
    names = ("worker-1", "worker-2", "worker-3")
    more = {"worker-3": {"crio.conf.d/99-local.conf": "[crio.runtime]\nno_pivot = true\n"}}
    return {
        **{name: node(tmp_path / name, {**KUBESPRAY, **more.get(name, {})}) for name in names},
        "gone": GONE,
    }


def adopt(tmp_path, hosts, *options):
    return run(tmp_path, [], hosts, *options, playbook="cri.node.adopt")


def failed(done):
    return dict(re.findall(r"^(\S+) +: ok=.* failed=(\d+)", done.stdout, re.MULTILINE))


def test_all_nodes_are_reported_and_one_folder_has_their_variables(tmp_path):
    done = adopt(tmp_path, fleet(tmp_path))
    assert done.returncode == 2, done.stdout + done.stderr
    table = done.stdout.partition("Write the variables and report all nodes")[2]
    assert "\nworker-1, worker-2  adopted   19        without_effect: crio.image.insecure_registries" in table
    assert "\nworker-3            adopted   20        " in table
    assert "\ngone                NOT READ            the node cannot be reached: " in table
    assert "4 nodes: 1 not read, 3 adopted; 1 node with settings of its own" in table
    assert f"Variables: {tmp_path}/cri-node-adopted (hosts.yml, group_vars/cri_node_adopted.yml," in table
    assert failed(done) == {"worker-1": "0", "worker-2": "0", "worker-3": "0", "gone": "1"}
    assert "changed=1" not in done.stdout
    assert done.stdout.count("TASK [") == 4
    assert '"cri_node_adopt"' in done.stdout.split("CUSTOM STATS")[1]
    for name in ("worker-1", "worker-2", "worker-3"):
        assert len(list((tmp_path / name).glob("call-*"))) == 1
    again = adopt(tmp_path, fleet(tmp_path / "again"))
    assert again.returncode == 2
    output = " ".join((again.stdout + again.stderr).split())
    for words in ("adopt_directory", "cri-node-adopted", "exists", "overwritten"):
        assert words in output
    assert not list((tmp_path / "again").glob("*/call-*"))


def test_the_folder_is_an_inventory_whose_layers_give_each_node_its_settings(tmp_path):
    adopt(tmp_path, fleet(tmp_path))
    listed = subprocess.run(
        [Path(sys.executable).parent / "ansible-inventory", "-i", "hosts.json", "-i", "cri-node-adopted", "--list"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = json.loads(listed.stdout)
    assert found["cri_node_adopted"]["hosts"] == ["worker-1", "worker-2", "worker-3"]
    variables = found["_meta"]["hostvars"]
    assert variables["worker-1"]["crio_config"]["crio"]["metrics"]["metrics_port"] == 9537
    assert variables["worker-3"]["crio_config__node"] == {"crio": {"runtime": {"no_pivot": True}}}
    assert "crio_config" not in variables["gone"]
    checked = run(
        tmp_path,
        [],
        fleet(tmp_path / "again"),
        "-i",
        "cri-node-adopted",
        "--tags",
        "check",
        playbook="cri.node.provision",
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert re.search(r"4 nodes checked: \d+ keys in", checked.stdout)
    assert "deprecated" in checked.stdout


def test_batches_write_the_folder_once_at_the_end(tmp_path):
    done = adopt(tmp_path, fleet(tmp_path), "-e", "cri_node_serial=1", "-e", "adopt_directory=x")
    summaries = [line for line in done.stdout.splitlines() if re.match(r"\d nodes?: ", line)]
    assert len([line for line in summaries if "pending" in line]) == 3
    assert done.stdout.count(f"Variables: {tmp_path}/x") == 1
    assert (tmp_path / "x" / "host_vars" / "worker-3.yml").exists()


def test_check_mode_writes_nothing(tmp_path):
    hosts = {"worker-1": node(tmp_path / "worker-1", KUBESPRAY)}
    done = adopt(tmp_path, hosts, "--check")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 node: 1 adopted" in done.stdout
    assert not (tmp_path / "cri-node-adopted").exists()
