# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook remove, as far as the controller goes: a node is a program that prints what its internal module would."""

import json
import re

import pytest
from tests.unit.plugins.action.test_messages import report
from tests.unit.roles.test_verify_on_the_controller import run

CONFIG = "/etc/crio/crio.conf.d/60-cri-node.conf"
ORPHAN = {
    "file_type": "file", "mode": "0644", "as_wanted": False, "loaded": False, "disruption": "restart", "secret": False,
    "content": "x\n",
}  # fmt: skip
NOTHING = {"removed": [], "kept": [], "warnings": []}
STOPPED = {**NOTHING, "removed": [{"subject": "service", "name": "crio.service (stopped)"}]}
STATE = {
    "removed": [{"subject": "state", "name": "/var/lib/cri-node"}],
    "kept": [{"subject": "bundle", "name": "/etc/crictl.yaml", "reason": "it was changed since"}],
    "warnings": ["/etc/crictl.yaml of the bundle is kept: it was changed since"],
}
REFUSED = "1 pod runs (shop/precious) on this node, and the removal of CRI-O ends them"
# Prints the answer to the call that the module's arguments name, and notes the call.
PYTHON = """#!/bin/sh
case "$1" in *node_runtime_removal*) ;; *) echo "unexpected: $*" >&2; exit 1 ;; esac
cd "${0%/*}"
for call in read begin apply finish; do
    if grep -q "\\"call\\": \\"$call\\"" "$1"; then echo $call >> calls; cat $call.json; fi
done
"""


def node(folder, begun, finished=None, orphans=None, removes_crio=True, **failure):
    folder.mkdir(parents=True)
    read = {
        "report": report(orphans=orphans or {}, fingerprint="f"),
        "earlier": {"generation": 0, "files": {}},
        "lost": [],
        "removes_crio": removes_crio,
        "begun": begun,
    }
    answers = {
        "read": failure or {**read, "finished": NOTHING if finished is None else finished},
        "begin": read,
        "apply": {"outcome": {"generation": 6, "invocation_id": "b", "outranked": {}, "warnings": []}},
        "finish": {"finished": NOTHING if finished is None else finished},
    }
    for name, each in answers.items():
        (folder / f"{name}.json").write_text(json.dumps({"changed": False, **each}))
    (folder / "python").write_text(PYTHON)
    (folder / "python").chmod(0o755)
    return {
        "ansible_connection": "local",
        "ansible_become": False,
        "ansible_python_interpreter": str(folder / "python"),
        "ansible_remote_tmp": str(folder / "tmp"),
    }


def remove(tmp_path, hosts, *options):
    return run(tmp_path, [], hosts, *options, playbook="cri.node.remove")


def table(done):
    [part] = re.findall(
        r"Report the removal on all nodes\] \*+\n(.*?)\n(?:ok|fatal): ", done.stdout, re.DOTALL
    )
    return [line for line in part.splitlines() if not line.startswith("---")]


def calls(tmp_path, name="1"):
    return (tmp_path / name / "calls").read_text().split()


def test_the_parts_are_made_in_their_order_and_reported_for_all_nodes(tmp_path):
    hosts = {
        f"worker-{number}": node(tmp_path / str(number), STOPPED, STATE, {CONFIG: ORPHAN})
        for number in (1, 2, 3)
    }
    hosts["busy"] = node(tmp_path / "busy", NOTHING, failed=True, msg=REFUSED)
    hosts["clean"] = node(tmp_path / "clean", NOTHING)
    done = remove(tmp_path, hosts)
    assert done.returncode == 2
    assert calls(tmp_path) == ["read", "begin", "apply", "finish"]
    assert calls(tmp_path, "clean") == calls(tmp_path, "busy") == ["read"]
    assert table(done) == [
        "node          result   removed and kept",
        "worker-[1:3]  removed  service: crio.service (stopped)",
        f"{' ' * 23}files: {CONFIG}",
        f"{' ' * 23}state: /var/lib/cri-node",
        f"{' ' * 23}kept: bundle /etc/crictl.yaml: it was changed since",
        f"busy          FAILED   {REFUSED}",
        "5 nodes: 1 failed, 3 changed, 1 with nothing of ours",
    ]
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("begun", "orphans", "expected"),
    [
        (STOPPED, {CONFIG: ORPHAN}, ["read", "apply"]),
        (STOPPED, {}, ["read"]),
        (NOTHING, {}, ["read"]),
    ],
)
def test_check_mode_only_lets_the_node_validate_the_change_of_the_files(tmp_path, begun, orphans, expected):
    hosts = {"node-1": node(tmp_path / "1", begun, STATE, orphans)}
    done = remove(tmp_path, hosts, "--check")
    assert done.returncode == 0, done.stdout + done.stderr
    assert calls(tmp_path) == expected
    assert table(done)[-1] == "1 node: 1 would be changed (check mode: nothing was changed)"


def test_a_guard_that_does_not_exist_is_refused_before_a_node_is_called(tmp_path):
    hosts = {"node-1": node(tmp_path / "1", NOTHING)}
    done = remove(tmp_path, hosts, "-e", json.dumps({"remove_overruled_guards": ["runing_pods"]}))
    assert done.returncode == 2
    assert '"runing_pods": is not a guard; did you mean running_pods?' in " ".join(done.stdout.split())
    assert not (tmp_path / "1" / "calls").exists()


def test_a_misnamed_variable_is_a_warning(tmp_path):
    done = remove(tmp_path, {"node-1": node(tmp_path / "1", NOTHING)}, "-e", '{"remove_storag": true}')
    assert "remove_storag" in done.stdout + done.stderr
