# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook plan: what a run would change, in a table, a file and statistics, and never a change. Every supported controller.

A node is a program in place of its Python, as for the plan table of the roles.
"""

import json

import pytest
from tests.unit.roles.test_report_on_the_controller import CHANGES, CRICTL, CRIO, SETTLED, fleet, node, tables
from tests.unit.roles.test_verify_on_the_controller import run

from ansible_collections.cri.node.plugins.plugin_utils.install import openpgp

DRAIN = "a restart of crio.service would stop 2 running containers. Drain the node first"
REFUSED = {
    "failed": True,
    "phase": "refused",
    "message": DRAIN,
    "detail": "",
    "disruption": "drain",
    "running": 2,
}
CHANGED = {
    CRIO: {
        **SETTLED,
        "as_wanted": False,
        "loaded": False,
        "content": "[crio.metrics]\nmetrics_port = 9536\nenable_metrics = true\n",
    }
}
GONE = {"ansible_host": "127.0.0.1", "ansible_port": 1, "ansible_control_path": "none"}
RECORD = 'cp "$1" "${0%/*}/call-$$" && cd '  # a copy of the module that Ansible sends, with its arguments
BUNDLE = {"source": "https://example.com/{arch}.tar.gz", "sha256": {"amd64": "a" * 64}}
KEY = openpgp.read(bytes([0x99, 0, 20]) + b"\x04" + bytes(19)).armored()
PACKAGES_HERE = {
    "changed": False,
    "interrupted": False,
    "identity": {
        "ID": "debian",
        "ID_LIKE": "",
        "VERSION_ID": "13",
        "VARIANT_ID": "",
        "PRETTY_NAME": "Debian 13",
    },
    "method": "apt",
    "read_only": False,
    "ostree": False,
    "manager": True,
    "packages": {},
    "crio": {"binary": None, "owner": "", "version": None},
    "as_desired": False,
    "unavailable": [],
    "held": [],
    "others": [],
}
# Answers both calls of the installation, and reads.
PYTHON_WITH_BUNDLE = """#!/bin/sh
cd "${0%/*}" && cp "$1" "call-$$"
case "$1" in *node_crio_bundle*) ;; *) exec cat report.json ;; esac
if tr -d '\\\\' <"$1" | grep -q '"call": "install"'; then cat install.json; else cat bundle.json; fi
"""


def plan(tmp_path, hosts, *options):
    return run(tmp_path, [], hosts, *options, playbook="cri.node.plan")


def written(tmp_path):
    return json.loads((tmp_path / "cri-node-plan.json").read_text())


def lines_of(done):
    """The lines of the table, without rules."""
    done.stdout = done.stdout.replace("Report the plans of all nodes", "Report the changes of all nodes")
    return [line for line in tables(done)[0] if not line.startswith("Full report")]


def modes(folder):
    """Whether each call of a node was made in check mode."""
    calls = [path.read_text().replace("\\", "") for path in folder.glob("call-*")]
    return ['"_ansible_check_mode": true' in call for call in calls]


def test_the_table_and_the_file_have_each_plan_once_with_its_keys_and_containers(tmp_path):
    hosts = {f"worker-{number}": node(tmp_path / str(number), CHANGED, running=4) for number in range(1, 4)}
    hosts["new"] = node(tmp_path / "new", CHANGES)
    hosts["quiet"] = node(tmp_path / "quiet", {CRIO: SETTLED})
    hosts["busy"] = node(tmp_path / "busy", CHANGED, **REFUSED)
    hosts["gone"] = GONE
    done = plan(tmp_path, hosts)
    assert done.returncode != 0
    lines = lines_of(done)
    assert lines[:9] == [
        "node          disruption  files and reasons",
        f"new           restart     create {CRIO}",
        f"{' ' * 28}crio_config: crio.metrics.metrics_port",
        f"{' ' * 26}create {CRICTL} (needs no reload)",
        f"{' ' * 28}the role's default: runtime-endpoint, timeout",
        "worker-[1:3]  restart     12 containers running, 4 on each node: they keep running",
        f"{' ' * 26}change {CRIO}",
        f"{' ' * 28}crio.metrics.enable_metrics (removed)",
        f"{' ' * 28}crio_config: crio.metrics.metrics_port",
    ]
    assert lines[-1] == (
        "7 nodes: 4 would change (4 restarts), 2 failed (1 drain required), 1 unchanged (check mode: nothing was changed)"
    )
    assert done.stdout.count("TASK [") == 3
    document = written(tmp_path)
    assert sorted(document) == ["check_mode", "created_at", "disruptions", "nodes", "plans", "summary"]
    assert (document["check_mode"], len(document["plans"])) == (True, 4)
    assert document["nodes"]["quiet"] == {"status": "unchanged", "plan": None}
    found = {
        name: document["plans"][each["plan"]] for name, each in document["nodes"].items() if name != "quiet"
    }
    assert found["worker-1"] == found["worker-3"]
    assert found["worker-1"]["keys"] == [
        {"path": CRIO, "key": "crio.metrics.metrics_port", "change": "change", "variable": "crio_config"},
        {"path": CRIO, "key": "crio.metrics.enable_metrics", "change": "remove", "variable": ""},
    ]
    assert found["worker-1"]["containers"] == {f"worker-{number}": 4 for number in range(1, 4)}
    assert (found["busy"]["status"], found["busy"]["disruption"], found["busy"]["containers"]) == (
        "failed", "drain", {"busy": 2},
    )  # fmt: skip
    assert (found["gone"]["status"], found["gone"]["disruption"]) == ("failed", None)
    assert "Connection refused" in found["gone"]["message"]
    assert '"cri_node_plan"' in done.stdout.split("CUSTOM STATS")[1]


@pytest.mark.parametrize("option", ["--diff", "--check"])
def test_every_call_of_a_node_is_made_in_check_mode(tmp_path, option):
    hosts = {"node-1": node(tmp_path / "node", CHANGED)}
    python = tmp_path / "node" / "python"
    python.write_text(python.read_text().replace("cd ", RECORD, 1))
    done = plan(tmp_path, hosts, option)
    assert done.returncode == 0, done.stdout + done.stderr
    assert modes(tmp_path / "node") == [True, True]
    assert (tmp_path / "cri-node-plan.json").exists() is (option == "--diff")
    assert ("-metrics_port = 9536" in done.stdout) is (option == "--diff")


def test_a_bundle_is_planned_and_not_installed(tmp_path):
    variables = node(tmp_path / "node", {CRIO: SETTLED})
    answers = {
        "bundle": {"architecture": "amd64", "installed": None, "sha256": None, "interrupted": False},
        "install": {"changed": True, "version": "1.37.0"},
    }
    for name, answer in answers.items():
        (tmp_path / "node" / f"{name}.json").write_text(json.dumps(answer))
    (tmp_path / "node" / "python").write_text(PYTHON_WITH_BUNDLE)
    done = plan(tmp_path, {"node-1": {**variables, "crio_install": "bundle", "crio_bundle": BUNDLE}})
    assert done.returncode == 0, done.stdout + done.stderr
    assert lines_of(done)[1] == "node-1  none        install CRI-O 1.37.0"
    assert modes(tmp_path / "node") == [True, True, True]


def test_packages_are_planned_and_not_installed(tmp_path):
    variables = node(tmp_path / "node", {CRIO: SETTLED})
    versions = {"cri-o": "1.37.0-1.1"}
    for name, answer in {
        "bundle": PACKAGES_HERE,
        "install": {
            "changed": True,
            "versions": versions,
            "installed": ["cri-o"],
            "unavailable": [],
            "files": {},
            "completed": "",
        },
    }.items():
        (tmp_path / "node" / f"{name}.json").write_text(json.dumps(answer))
    python = PYTHON_WITH_BUNDLE.replace("node_crio_bundle", "node_crio_packages")
    (tmp_path / "node" / "python").write_text(python)
    (tmp_path / "key.asc").write_text(KEY)
    more = {
        "crio_install": "packages",
        "crio_version": "1.37",
        "crio_packages": {"repository": {"key": str(tmp_path / "key.asc")}},
    }
    done = plan(tmp_path, {"node-1": {**variables, **more}})
    assert done.returncode == 0, done.stdout + done.stderr
    assert lines_of(done)[1] == "node-1  none        install CRI-O 1.37.0"
    assert modes(tmp_path / "node") == [True, True, True]


def test_each_batch_reports_the_batches_before_it_and_the_file_has_all(tmp_path):
    hosts = {name: each for name, each in fleet(tmp_path).items() if name != "broken"}
    done = plan(tmp_path, hosts, "-e", "cri_node_serial=2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 nodes: 2 would change (2 restarts), 2 pending (check mode: nothing was changed)" in done.stdout
    assert written(tmp_path)["summary"] == {
        "nodes": 4, "changed": 3, "unchanged": 1, "deferred": 0, "pending": 0, "not_planned": 0, "failed": 0,
    }  # fmt: skip


@pytest.mark.parametrize(("playbook", "warnings"), [("plan", 1), ("verify", 0)])
def test_the_path_of_the_file_is_checked_before_any_node_is_read_and_only_by_the_plan(
    tmp_path, playbook, warnings
):
    options = ("--tags", "check", "-e", "plan_report_file=missing/x.json")
    done = run(tmp_path, [], {"node-1": {}}, *options, playbook=f"cri.node.{playbook}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("plan_report_file") == warnings
