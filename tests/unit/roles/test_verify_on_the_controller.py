# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests the role verify on the controller: its report, and unreachable nodes. Runs on every supported controller."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

PASSED = {"changed": False, "failed_checks": [], "version": "1.37.0"} | {
    "checks": [{"name": "service", "status": "passed", "detail": "crio.service is running"}]
}
FAILED = {"changed": False, "failed_checks": ["service", "pod"]} | {
    "checks": [
        {"name": "service", "status": "failed", "detail": "crio.service is not running"},
        {"name": "pod", "status": "failed", "detail": "its log is empty"},
    ]
}
REPORT = {
    "name": "Report",
    "ansible.builtin.import_role": {"name": "cri.node.verify", "tasks_from": "report"},
}


def run(tmp_path, tasks, hosts, *options, playbook="play.json", **play):
    """Run ansible-playbook of the environment of the tests on hosts {name: variables}, in tmp_path.

    Runs the tasks, or a playbook of the collection.
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


def verified(results):
    """Return hosts that were verified, with their results."""
    return {name: {"verify_result": result} if result else {} for name, result in results.items()}


def test_all_nodes_are_reported_before_those_with_failed_checks_fail(tmp_path):
    done = run(tmp_path, [REPORT], verified({"node-1": PASSED, "node-2": FAILED, "node-3": None}))
    assert done.returncode == 2, done.stdout + done.stderr
    assert "node-1  passed        1 passed  (CRI-O 1.37.0)" in done.stdout
    assert "    failed   service: crio.service is not running" in done.stdout
    assert "node-3  NOT VERIFIED" in done.stdout
    assert "3 nodes: 1 passed, 1 failed, 1 not verified" in done.stdout
    assert "service: crio.service is not running; pod: its log is empty" in done.stdout
    assert done.stdout.count("FAILED! =>") == 1
    document = written(tmp_path)
    assert sorted(document) == ["check_mode", "created_at", "nodes", "summary"]
    assert document["nodes"]["node-2"]["checks"] == FAILED["checks"]
    assert document["nodes"]["node-2"]["status"] == "failed"
    assert '"cri_node_verification"' in done.stdout.split("CUSTOM STATS")[1]


def test_each_batch_reports_the_batches_before_it_and_counts_pending_nodes(tmp_path):
    hosts = verified({f"node-{number}": None for number in range(1, 4)})
    verification = {"name": "Verify", "ansible.builtin.set_fact": {"verify_result": PASSED}}
    done = run(tmp_path, [verification, REPORT], hosts, serial=1)
    assert done.returncode == 0, done.stdout + done.stderr
    summaries = [line for line in done.stdout.splitlines() if line.startswith("3 nodes:")]
    assert summaries == [
        "3 nodes: 1 passed, 2 pending",
        "3 nodes: 2 passed, 1 pending",
        "3 nodes: 3 passed",
    ]
    assert written(tmp_path)["summary"]["passed"] == 3


def test_there_is_a_report_even_if_all_nodes_failed_before(tmp_path):
    fail = {"name": "Break", "ansible.builtin.fail": {"msg": "broken"}}
    tasks = [{"name": "All", "block": [fail], "always": [REPORT]}]
    done = run(tmp_path, tasks, verified({"node-1": None, "node-2": PASSED}))
    assert done.returncode == 2
    assert "2 nodes: 0 passed, 2 not verified" in done.stdout


def test_no_file_is_written_in_check_mode_or_without_a_path(tmp_path):
    hosts = verified({"node-1": PASSED})
    for options in (["--check"], ["-e", '{"verify_report_file": ""}']):
        done = run(tmp_path, [REPORT], hosts, *options)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "changed=0" in done.stdout
        assert not (tmp_path / "cri-node-verify.json").exists()


def test_a_report_that_cannot_be_written_is_a_warning_and_the_statistics_are_complete(tmp_path):
    path = tmp_path / "missing" / "report.json"
    done = run(tmp_path, [REPORT], verified({"node-1": PASSED}), "-e", f"verify_report_file={path}")
    output = " ".join((done.stdout + done.stderr).split())
    assert done.returncode == 0, output
    warning = f"path (verify_report_file of the role): the report cannot be written to {path}: No such file or directory"
    # Older controllers break lines at hyphens, too.
    assert "".join(warning.split()) in "".join(output.split())
    assert '"cri_node_verification"' in done.stdout.split("CUSTOM STATS")[1]
    assert "Traceback" not in output


def test_a_path_that_cannot_be_written_is_reported_before_any_node_is_contacted(tmp_path):
    nobody = {"ansible_host": "127.0.0.1", "ansible_port": 1, "ansible_control_path": "none"}
    for playbook in ("cri.node.verify", "cri.node.provision"):
        done = run(
            tmp_path, [], {"node-1": nobody}, "-e", "verify_report_file=missing/x.json", playbook=playbook
        )
        output = done.stdout + done.stderr
        assert output.index("the report cannot be written") < output.index("Connection refused")


def test_a_node_whose_change_failed_is_reported_with_that_error_message(tmp_path):
    gone = {"ansible_host": "127.0.0.1", "ansible_port": 1, "ansible_control_path": "none"}
    broken = {
        "ansible_connection": "local",
        "ansible_python_interpreter": "/nowhere/python",
        "ansible_become": False,
    }
    done = run(tmp_path, [], {"gone": gone, "broken": broken}, playbook="cri.node.provision")
    nodes = written(tmp_path)["nodes"]
    assert {node["status"] for node in nodes.values()} == {"not_verified"}
    assert "Connection refused" in nodes["gone"]["reason"]
    assert "/nowhere/python" in nodes["broken"]["reason"]
    assert "Connection refused" in done.stdout.split("CUSTOM STATS")[1]


def test_invalid_settings_of_one_node_stop_the_play_before_any_node_is_contacted(tmp_path):
    gone = {"ansible_host": "127.0.0.1", "ansible_port": 1, "ansible_control_path": "none"}
    refused = {"crio_config": {"crio": {"metrics": {"metrics_prt": 1}}}}
    done = run(tmp_path, [], {"gone": gone, "refused": refused}, playbook="cri.node.provision")
    assert done.returncode == 2
    assert "1 problem on 1 of 2 nodes, and nothing was changed" in done.stdout
    assert "on refused" in done.stdout
    assert "did you mean crio.metrics.metrics_port?" in done.stdout
    assert "Connection refused" not in done.stdout
    assert "result        checks" not in done.stdout
    assert "files and reasons" not in done.stdout
    assert not (tmp_path / "cri-node-verify.json").exists()


def test_a_change_that_was_undone_is_reported_with_its_own_message(tmp_path):
    undone = "CRI-O did not restart with the new configuration. The change was undone: the node is as it was."
    change = {"name": "Change", "ansible.builtin.fail": {"msg": undone}, "register": "runtime_result"}
    tasks = [{"name": "All", "block": [change], "always": [REPORT]}]
    done = run(tmp_path, tasks, {"node-1": {}})
    assert done.returncode == 2
    assert written(tmp_path)["nodes"]["node-1"]["reason"] == undone
    assert undone in done.stdout.split("CUSTOM STATS")[1]
    assert f"node-1 NOT VERIFIED {undone}" in " ".join(done.stdout.split("result        checks")[1].split())


def test_a_node_that_cannot_be_reached_has_one_failed_check_and_no_traceback(tmp_path):
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
def test_the_tag_check_contacts_no_node(tmp_path, playbook):
    done = run(tmp_path, [], {"node.example.com": {}}, "--tags", "check", playbook=playbook)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ok=" in done.stdout
    assert "unreachable=0    failed=0" in done.stdout
    assert not (tmp_path / "cri-node-verify.json").exists()


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        pytest.param({"verify_network": "maybe"}, "verify_network", id="not a choice"),
        pytest.param(
            {"verify_image": "UPPER CASE"}, "image (verify_image of the role) = \\\"UPPER CASE\\\": is not an image name",
            id="not an image",
        ),
        pytest.param({"verify_pull": ["--help"]}, "pull (verify_pull of the role) = ", id="an option"),
        pytest.param({"verify_timeout": 0}, "timeout (verify_timeout of the role) is 0; it must be", id="zero"),
        pytest.param(
            {"crio_config": {"crio": {"metrics": {"metrics_prt": 1}}}}, "did you mean crio.metrics.metrics_port?",
            id="a typo in the desired configuration",
        ),
    ],
)  # fmt: skip
def test_an_invalid_variable_is_refused_before_any_node_is_contacted(tmp_path, variables, message):
    role = {"name": "Verify", "ansible.builtin.import_role": {"name": "cri.node.verify"}}
    done = run(tmp_path, [role], {"node.example.com": {}}, "--tags", "verify", "-e", json.dumps(variables))
    assert done.returncode == 2
    assert message in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
