# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests the plan table of roles and playbooks, in check mode and after a change. Runs on every supported controller.

A node is a program that replaces its Python: it prints what the node side of runtime_config would return.
"""

import json
import re

from tests.unit.plugins.action.test_messages import report
from tests.unit.roles.test_check_on_the_controller import CALLBACK
from tests.unit.roles.test_verify_on_the_controller import run

CRIO = "/etc/crio/crio.conf.d/60-cri-node.conf"
REGISTRIES = "/etc/containers/registries.conf.d/zz-cri-node.conf"
CRICTL = "/etc/crictl.yaml"
PATHS = {"crio": CRIO, "registries": REGISTRIES, "crictl": CRICTL}
UNDONE = "CRI-O did not restart with the new configuration"
VARIABLES = {
    "crio_config": {"crio": {"metrics": {"metrics_port": 9537}}},
    "registries_config": {"registry": [{"location": "registry.example.com", "insecure": True}]},
}
SETTLED = {"file_type": "file", "as_wanted": True, "loaded": True, "mode": "0644", "disruption": "restart"}
MISSING = {"file_type": "absent", "as_wanted": False, "loaded": False}
CHANGES = {
    CRIO: {**MISSING, "disruption": "restart"},
    CRICTL: {**MISSING, "disruption": "none"},
}
PYTHON = """#!/bin/sh
cd "${0%/*}" || exit
case "$1" in
    *node_runtime_drift*) cat report.json ;;
    *node_runtime_config*) cat outcome.json ;;
    *) echo "unexpected: $*" >&2; exit 1 ;;
esac
"""


def node(folder, files, generation=1, **outcome):
    """Return the variables of a node that reports these files, and ends a change with this outcome."""
    folder.mkdir(parents=True)
    answers = {
        "report": report(files=files, generation=generation, fingerprint="f"),
        "outcome": {"generation": generation + 1, "invocation_id": "b", "outranked": {}, **outcome},
    }
    for name, answer in answers.items():
        (folder / f"{name}.json").write_text(json.dumps({"changed": False, name: answer}))
    (folder / "python").write_text(PYTHON)
    (folder / "python").chmod(0o755)
    return {
        **VARIABLES,
        "ansible_connection": "local",
        "ansible_become": False,
        "ansible_python_interpreter": str(folder / "python"),
        "ansible_remote_tmp": str(folder / "tmp"),
    }


def fleet(tmp_path, name="fleet"):
    """Return three nodes that change, one that does not, and one whose change is undone."""
    folder = tmp_path / name
    undone = {"failed": True, "phase": "activate", "message": UNDONE, "detail": "", "rolled_back": True}
    return {
        **{f"worker-{number}": node(folder / str(number), CHANGES) for number in range(1, 4)},
        "quiet": node(folder / "quiet", {CRIO: SETTLED}),
        "broken": node(folder / "broken", CHANGES, **undone),
    }


def provision(tmp_path, hosts, *options):
    return run(tmp_path, [], hosts, "--skip-tags", "verify", *options, playbook="cri.node.provision")


def tables(done):
    """Return the plan tables of a run, each as its lines without separators."""
    parts = re.findall(
        r"Report the changes of all nodes\] \*+\n(.*?)\n(?:ok|changed|fatal): ", done.stdout, re.DOTALL
    )
    return [[line for line in part.splitlines() if not line.startswith("---")] for part in parts]


def test_check_mode_shows_the_plan_of_all_nodes_by_default(tmp_path):
    done = provision(
        tmp_path, {name: each for name, each in fleet(tmp_path).items() if name != "broken"}, "--check"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert tables(done) == [
        [
            "node          disruption  files and reasons",
            f"worker-[1:3]  restart     create {CRIO}",
            f"{' ' * 26}create {CRICTL} (needs no reload)",
            "4 nodes: 3 would change (3 restarts), 1 unchanged (check mode: nothing was changed)",
        ]
    ]
    assert done.stdout.count("TASK [") == 3
    ran = dict(re.findall(r"^(\S+) +: ok=(\d+)", done.stdout, re.MULTILINE))
    assert ran == {"worker-1": "3", "worker-2": "1", "worker-3": "1", "quiet": "1"}


def test_a_run_shows_generations_and_why_a_change_failed(tmp_path):
    done = provision(tmp_path, fleet(tmp_path))
    assert done.returncode == 2
    [lines] = tables(done)
    assert lines[:2] == [
        "node          disruption  generation  files and reasons",
        f"worker-[1:3]  restart     2           create {CRIO}",
    ]
    assert lines[3].startswith(f"broken        FAILED                  {UNDONE}")
    assert "The change was undone: the node is as it was" in " ".join(" ".join(lines[3:]).split())
    assert lines[-1] == "5 nodes: 3 changed (3 restarts), 1 failed, 1 unchanged"
    statistics = json.loads(
        re.sub(r"^\s*RUN: ", "", done.stdout.split("CUSTOM STATS")[1].split("\n", 1)[1].strip())
    )
    workers, broken = statistics["cri_node_plan"]["plans"]
    assert workers["generations"] == {"worker-1": 2, "worker-2": 2, "worker-3": 2}
    assert (broken["nodes"], broken["status"]) == (["broken"], "failed")
    assert broken["files"] == {CRIO: "create", CRICTL: "create"}
    assert UNDONE in broken["message"]


def test_the_plan_is_reported_even_if_every_change_failed_and_the_nodes_are_not_verified(tmp_path):
    hosts = {name: each for name, each in fleet(tmp_path).items() if name == "broken"}
    done = run(tmp_path, [], hosts, playbook="cri.node.provision")
    assert done.returncode == 2
    assert tables(done)[0][-1] == "1 node: 1 failed"
    assert "broken  NOT VERIFIED" in done.stdout.partition("Report the results of all nodes")[2]


def test_each_batch_reports_the_batches_before_it(tmp_path):
    hosts = {name: each for name, each in fleet(tmp_path).items() if name != "broken"}
    done = provision(tmp_path, hosts, "-e", "cri_node_serial=2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert [lines[-1] for lines in tables(done)] == [
        "4 nodes: 2 changed (2 restarts), 2 pending",
        "4 nodes: 3 changed (3 restarts), 1 unchanged",
    ]


def test_a_batch_that_fails_as_a_whole_leaves_the_later_ones_pending(tmp_path):
    hosts = fleet(tmp_path)
    hosts = {name: hosts[name] for name in ("broken", "worker-1", "worker-2")}
    done = provision(tmp_path, hosts, "-e", "cri_node_serial=1")
    assert done.returncode == 2
    assert [lines[-1] for lines in tables(done)] == ["3 nodes: 1 failed, 2 pending"]


def test_every_role_alone_shows_its_plan(tmp_path):
    hosts = {"node-1": {}}
    tasks = []
    for role, path in PATHS.items():
        folder = tmp_path / role
        hosts["node-1"] |= node(folder, {path: {**MISSING, "disruption": "none"}})
        python = {"ansible_python_interpreter": str(folder / "python")}
        tasks.append({"ansible.builtin.import_role": {"name": f"cri.node.{role}"}, "vars": python})
    done = run(tmp_path, tasks, hosts, "--check")
    assert done.returncode == 0, done.stdout + done.stderr
    assert [lines[1] for lines in tables(done)] == [
        f"node-1  none        create {path}" for path in PATHS.values()
    ]


def test_machine_readable_output_has_the_lines_only_in_the_result(tmp_path, monkeypatch):
    (tmp_path / "callback_plugins").mkdir()
    (tmp_path / "callback_plugins" / "json.py").write_text(CALLBACK)
    monkeypatch.setenv("ANSIBLE_STDOUT_CALLBACK", "json")
    monkeypatch.setenv("ANSIBLE_CALLBACK_PLUGINS", str(tmp_path / "callback_plugins"))
    done = provision(tmp_path, {"node-1": node(tmp_path / "node", CHANGES)}, "--check")
    results = [json.loads(line) for line in done.stdout.splitlines() if line.strip()]
    assert results[-1]["lines"][-1].startswith("1 node: 1 would change (1 restart)")
