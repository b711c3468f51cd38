# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook rollback, as far as the controller goes: a node is a program that prints what its internal module would."""

import json

from tests.unit.plugins.action.test_messages import report
from tests.unit.roles.test_report_on_the_controller import tables
from tests.unit.roles.test_verify_on_the_controller import run

CONFIG = "/etc/crio/crio.conf.d/60-cri-node.conf"
CHANGED = {"file_type": "file", "mode": "0644", "as_wanted": False, "loaded": False, "disruption": "restart"}
EARLIER = {"mode": "0644", "secret": False, "disruption": "restart", "content": ""}
MISSING = "generation 3 does not exist; this node has: 1, 2"
# The first call reads, the second one applies. The module's arguments are in its file.
PYTHON = """#!/bin/sh
case "$1" in *node_runtime_rollback*) ;; *) echo "unexpected: $*" >&2; exit 1 ;; esac
cd "${0%/*}" && if [ -e read ]; then cat outcome.json; else touch read && cat report.json; fi
"""


def node(folder, generation, **answer):
    folder.mkdir(parents=True)
    files = {CONFIG: CHANGED}
    answers = {
        "report": answer
        or {
            "report": report(files=files, generation=5, fingerprint="f"),
            "earlier": {"generation": generation, "files": {CONFIG: EARLIER}},
        },
        "outcome": {"outcome": {"generation": 6, "invocation_id": "b", "outranked": {}, "warnings": []}},
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


def roll_back(tmp_path, hosts, *options):
    return run(tmp_path, [], hosts, *options, playbook="cri.node.rollback")


def test_the_playbook_ends_with_the_plan_of_all_nodes(tmp_path):
    hosts = {f"worker-{number}": node(tmp_path / str(number), 4) for number in (1, 2, 3)}
    hosts["old"] = node(tmp_path / "old", 4, failed=True, msg=MISSING)
    done = roll_back(tmp_path, hosts)
    assert done.returncode == 2
    [lines] = tables(done)
    assert lines[:3] == [
        "node          disruption  generation  files and reasons",
        f"worker-[1:3]  restart     6           change {CONFIG}",
        f"{' ' * 38}rollback to generation 4",
    ]
    assert lines[3] == f"old           FAILED                  {MISSING}"
    assert lines[-1] == "4 nodes: 3 changed (3 restarts), 1 failed"
    assert "the variables of the inventory were not changed" in " ".join((done.stdout + done.stderr).split())
    assert "Traceback" not in done.stdout + done.stderr


def test_check_mode_changes_nothing_and_has_the_same_plan(tmp_path):
    done = roll_back(tmp_path, {"node-1": node(tmp_path / "1", 4)}, "--check")
    assert done.returncode == 0, done.stdout + done.stderr
    assert tables(done)[0][-1] == "1 node: 1 would change (1 restart) (check mode: nothing was changed)"


def test_a_generation_that_cannot_be_meant_is_refused_before_a_node_is_called(tmp_path):
    hosts = {"node-1": node(tmp_path / "1", 4)}
    done = roll_back(tmp_path, hosts, "-e", "rollback_generation=third")
    assert done.returncode == 2
    assert "is not the number of a generation; accepted: for example 3" in done.stdout
    assert not (tmp_path / "1" / "read").exists()
