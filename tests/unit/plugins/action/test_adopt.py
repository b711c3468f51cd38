# SPDX-License-Identifier: GPL-3.0-or-later
"""The actions of adopt: one call that reads, a node that cannot be read stays in the report, and one folder for all nodes."""

import json
import os

import pytest
from ansible.errors import AnsibleConnectionFailure
from tests.unit.plugins.action.test_crio_config_facts import FakeNode
from tests.unit.plugins.action.test_runtime_report import HostVars

SECRET = "CANARY-51c2"


def gone(_request):
    raise AnsibleConnectionFailure("no route")


@pytest.fixture
def node(tmp_path, monkeypatch):
    folder = tmp_path / "node"
    folder.mkdir()
    return FakeNode(folder, monkeypatch)


def test_a_node_is_read_by_one_call_and_no_secret_is_returned(run, node):
    node.write("10-a.conf", f'[crio.runtime]\nlog_level = "debug"\ndefault_env = ["T={SECRET}"]\n')
    node.options = "--metrics-port=9600"
    task = run("crio_adopt", {}, node)
    assert len(task.calls) == 1
    result = json.loads(json.dumps(task.result))
    assert (result["changed"], result["error"], result["version"]) == (False, "", "1.37.0")
    assert result["crio_config"] == {
        "crio": {"metrics": {"metrics_port": 9600}, "runtime": {"log_level": "debug"}}
    }
    assert [each["key"] for each in result["left"]] == ["crio.runtime.default_env"]
    assert SECRET not in json.dumps(result)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (gone, "the node cannot be reached: no route"),
        (lambda _request: {"unreachable": True, "msg": "no route"}, "no route"),
        (lambda _request: {"failed": True, "msg": "another change of this node is under way"}, "another change"),
    ],
)  # fmt: skip
def test_a_node_that_cannot_be_read_has_an_error_and_does_not_fail(run, answer, words):
    result = run("crio_adopt", {}, answer).result
    assert not result.get("failed")
    assert result["crio_config"] == {}
    assert words in result["error"]


def test_a_node_whose_files_crio_refuses_has_an_error(run, node):
    path = node.write("10-a.conf", "[crio\n")
    assert path in run("crio_adopt", {}, node).result["error"]


def reported(run, results, directory, **more):
    batches = {
        name: list(results) for name in ("ansible_play_hosts_all", "ansible_play_hosts", "ansible_play_batch")
    }
    task_vars = {"hostvars": HostVars(results), **batches, **more.pop("task_vars", {})}
    arguments = {"variable": "runtime_result", "directory": str(directory)}
    return run("adopt_report", arguments, gone, task_vars=task_vars, **more)


def test_the_folder_has_the_variables_of_all_nodes_that_were_read(run, node, tmp_path):
    node.write("10-a.conf", '[crio.runtime]\nlog_level = "debug"\n')
    results = {"a": run("crio_adopt", {}, node).result, "b": run("crio_adopt", {}, gone).result, "c": None}
    target = tmp_path / "adopted"
    assert "path" not in reported(run, results, target, check_mode=True).result
    assert not target.exists()
    result = reported(run, results, target).result
    assert result["path"] == str(target)
    assert result["files"] == ["hosts.yml", "group_vars/cri_node_adopted.yml"]
    assert "log_level: debug" in (target / "group_vars" / "cri_node_adopted.yml").read_text()
    assert sorted(result["failures"]) == ["b", "c"]
    statistics = result["ansible_stats"]["data"]["cri_node_adopt"]
    assert statistics == {name: result[name] for name in ("summary", "common", "layers", "adoptions")}
    assert result["changed"] is False
    again = reported(run, results, target)
    assert "directory (adopt_directory of the role): " in again.message
    assert "nothing is overwritten" in again.message


def test_nothing_is_written_without_a_folder_or_before_the_last_batch(run, node, tmp_path):
    results = {"a": run("crio_adopt", {}, node).result, "b": None}
    assert "path" not in reported(run, results, "").result
    first = {"ansible_play_batch": ["a"]}
    result = reported(run, results, tmp_path / "x", task_vars=first).result
    assert "path" not in result
    assert (result["summary"]["pending"], result["failures"]) == (1, {})
    assert "x" not in os.listdir(tmp_path)
