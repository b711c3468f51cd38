# SPDX-License-Identifier: GPL-3.0-or-later
"""The role verify as far as the controller goes: its report, and nodes that cannot be asked. On every supported controller."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

PASSED = {"changed": False, "failed_checks": [], "version": "1.37.0"} | {
    "checks": [{"name": "service", "status": "passed", "detail": "crio.service runs"}]
}
FAILED = {"changed": False, "failed_checks": ["service", "pod"]} | {
    "checks": [
        {"name": "service", "status": "failed", "detail": "crio.service does not run"},
        {"name": "pod", "status": "failed", "detail": "its log is empty"},
    ]
}
REPORT = {
    "name": "Report",
    "ansible.builtin.import_role": {"name": "cri.node.verify", "tasks_from": "report"},
}


def run(tmp_path, tasks, hosts, *options, playbook="play.json", **play):
    """ansible-playbook of the environment that runs the tests, on hosts {name: variables}, in tmp_path.

    It runs the tasks, or a playbook of the collection.
    """
    play = {"hosts": "all", "gather_facts": False, "tasks": tasks, **play}
    (tmp_path / "play.json").write_text(json.dumps([play]))
    (tmp_path / "hosts.json").write_text(json.dumps({"all": {"hosts": hosts}}))
    return subprocess.run(
        [pathlib.Path(sys.executable).parent / "ansible-playbook", "-i", "hosts.json", playbook, *options],
        cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_HOME": str(tmp_path / "home"),
             "ANSIBLE_INJECT_FACT_VARS": "false", "ANSIBLE_SHOW_CUSTOM_STATS": "true"},
    )  # fmt: skip


def written(tmp_path):
    return json.loads((tmp_path / "cri-node-verify.json").read_text())


def looked_at(results):
    """Hosts that have been looked at, with what was found."""
    return {name: {"verify_result": result} if result else {} for name, result in results.items()}


def test_the_report_tells_of_all_nodes_and_then_fails_those_with_failed_checks(tmp_path):
    done = run(tmp_path, [REPORT], looked_at({"node-1": PASSED, "node-2": FAILED, "node-3": None}))
    assert done.returncode == 2, done.stdout + done.stderr
    assert "node-1  passed        1 passed  (CRI-O 1.37.0)" in done.stdout
    assert "    failed   service: crio.service does not run" in done.stdout
    assert "node-3  NOT VERIFIED" in done.stdout
    assert "3 nodes: 1 passed, 1 failed, 1 not verified" in done.stdout
    assert "service: crio.service does not run; pod: its log is empty" in done.stdout
    assert done.stdout.count("FAILED! =>") == 1
    document = written(tmp_path)
    assert sorted(document) == ["check_mode", "created_at", "nodes", "summary"]
    assert document["nodes"]["node-2"]["checks"] == FAILED["checks"]
    assert document["nodes"]["node-2"]["status"] == "failed"
    assert '"cri_node_verification"' in done.stdout.split("CUSTOM STATS")[1]


def test_each_batch_reports_those_before_it_and_counts_those_to_come(tmp_path):
    hosts = looked_at({f"node-{number}": None for number in range(1, 4)})
    look = {"name": "Look", "ansible.builtin.set_fact": {"verify_result": PASSED}}
    done = run(tmp_path, [look, REPORT], hosts, serial=1)
    assert done.returncode == 0, done.stdout + done.stderr
    summaries = [line for line in done.stdout.splitlines() if line.startswith("3 nodes:")]
    assert summaries == [
        "3 nodes: 1 passed, 2 pending",
        "3 nodes: 2 passed, 1 pending",
        "3 nodes: 3 passed",
    ]
    assert written(tmp_path)["summary"]["passed"] == 3


def test_there_is_a_report_even_where_every_node_failed_before(tmp_path):
    fail = {"name": "Break", "ansible.builtin.fail": {"msg": "broken"}}
    tasks = [{"name": "All", "block": [fail], "always": [REPORT]}]
    done = run(tmp_path, tasks, looked_at({"node-1": None, "node-2": PASSED}))
    assert done.returncode == 2
    assert "2 nodes: 0 passed, 2 not verified" in done.stdout


def test_check_mode_writes_no_file_and_a_file_is_not_written_where_none_is_wanted(tmp_path):
    hosts = looked_at({"node-1": PASSED})
    for options in (["--check"], ["-e", '{"verify_report_file": ""}']):
        done = run(tmp_path, [REPORT], hosts, *options)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "changed=0" in done.stdout
        assert not (tmp_path / "cri-node-verify.json").exists()


def test_a_report_that_cannot_be_written_is_a_warning_and_costs_nothing_else(tmp_path):
    path = tmp_path / "missing" / "report.json"
    done = run(tmp_path, [REPORT], looked_at({"node-1": PASSED}), "-e", f"verify_report_file={path}")
    output = " ".join((done.stdout + done.stderr).split())
    assert done.returncode == 0, output
    told = f"path (verify_report_file of the role): the report cannot be written to {path}: No such file or directory"
    assert "".join(told.split()) in "".join(output.split())  # older controllers break lines at a hyphen, too
    assert '"cri_node_verification"' in done.stdout.split("CUSTOM STATS")[1]
    assert "Traceback" not in output


def test_a_path_that_cannot_be_written_is_known_before_the_first_node_is_asked(tmp_path):
    nobody = {"ansible_host": "127.0.0.1", "ansible_port": 1, "ansible_control_path": "none"}
    for playbook in ("cri.node.verify", "cri.node.provision"):
        done = run(
            tmp_path, [], {"node-1": nobody}, "-e", "verify_report_file=missing/x.json", playbook=playbook
        )
        output = done.stdout + done.stderr
        first = output.index("Check that the report can be written")
        assert first < output.index("Check on the controller")
        assert "verify_report_file of the role" in output


def test_a_node_whose_change_failed_is_reported_with_the_message_of_it(tmp_path):
    gone = {"ansible_host": "127.0.0.1", "ansible_port": 1, "ansible_control_path": "none"}
    refused = {"crio_config": {"crio": {"metrics": {"metrics_prt": 1}}}}
    done = run(tmp_path, [], {"gone": gone, "refused": refused}, playbook="cri.node.provision")
    nodes = written(tmp_path)["nodes"]
    assert {node["status"] for node in nodes.values()} == {"not_verified"}
    assert "Connection refused" in nodes["gone"]["reason"]
    assert "did you mean crio.metrics.metrics_port?" in nodes["refused"]["reason"]
    assert done.stdout.split("CUSTOM STATS")[1].count("did you mean crio.metrics.metrics_port?") == 1
    table = " ".join(done.stdout.split("result        checks")[1].split())
    assert "refused NOT VERIFIED crio_config: crio.metrics.metrics_prt" in table


def test_a_change_that_was_undone_is_reported_in_its_own_words(tmp_path):
    undone = "CRI-O did not restart with the new configuration. The change was undone: the node is as it was."
    change = {"name": "Change", "ansible.builtin.fail": {"msg": undone}, "register": "runtime_result"}
    tasks = [{"name": "All", "block": [change], "always": [REPORT]}]
    done = run(tmp_path, tasks, {"node-1": {}})
    assert done.returncode == 2
    assert written(tmp_path)["nodes"]["node-1"]["reason"] == undone
    assert undone in done.stdout.split("CUSTOM STATS")[1]
    assert f"node-1 NOT VERIFIED {undone}" in " ".join(done.stdout.split("result        checks")[1].split())


def test_a_node_that_cannot_be_reached_is_one_failed_check_and_no_traceback(tmp_path):
    nobody = {"ansible_host": "127.0.0.1", "ansible_port": 1, "ansible_control_path": "none"}
    role = {"name": "Verify", "ansible.builtin.import_role": {"name": "cri.node.verify"}}
    done = run(tmp_path, [role], {"node-1": nobody})
    assert done.returncode == 2
    assert "unreachable=0    failed=1" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    [check] = written(tmp_path)["nodes"]["node-1"]["checks"]
    assert (check["name"], check["status"]) == ("node", "failed")
    assert "the node cannot be reached" in check["detail"]
    assert "Connection refused" in check["detail"]


@pytest.mark.parametrize("playbook", ["cri.node.provision", "cri.node.verify"])
def test_the_tag_check_asks_no_node(tmp_path, playbook):
    done = run(tmp_path, [], {"node.example.com": {}}, "--tags", "check", playbook=playbook)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ok=" in done.stdout
    assert "unreachable=0    failed=0" in done.stdout
    assert not (tmp_path / "cri-node-verify.json").exists()


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        pytest.param({"verify_network": "maybe"}, "verify_network", id="no such demand"),
        pytest.param(
            {"verify_image": "UPPER CASE"}, "image (verify_image of the role) = \\\"UPPER CASE\\\": is not an image's name",
            id="no image",
        ),
        pytest.param({"verify_pull": ["--help"]}, "pull (verify_pull of the role) = ", id="an option"),
        pytest.param({"verify_timeout": 0}, "timeout (verify_timeout of the role) is 0; it must be", id="no time"),
        pytest.param(
            {"crio_config": {"crio": {"metrics": {"metrics_prt": 1}}}}, "did you mean crio.metrics.metrics_port?",
            id="a typo in what is asked for",
        ),
    ],
)  # fmt: skip
def test_a_bad_variable_is_refused_before_any_node_is_asked(tmp_path, variables, told):
    role = {"name": "Verify", "ansible.builtin.import_role": {"name": "cri.node.verify"}}
    done = run(tmp_path, [role], {"node.example.com": {}}, "--tags", "verify", "-e", json.dumps(variables))
    assert done.returncode == 2
    assert told in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
