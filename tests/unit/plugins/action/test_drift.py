# SPDX-License-Identifier: GPL-3.0-or-later
"""The actions of drift: one call that reads, a node that cannot be read stays in the report, and secrets in no result."""

import json

import pytest
from ansible.errors import AnsibleConnectionFailure
from tests.unit.plugins.action.test_messages import report
from tests.unit.plugins.action.test_runtime_report import HostVars

PATH = "/etc/crio/cri-node.environment"
FILES = [{"path": PATH, "owner": "crio", "content": "P=tr0ub4dor\n", "secret": True, "mode": "0600"}]
EDITED = {
    "file_type": "file", "as_wanted": False, "as_committed": False, "loaded": False, "secret": True, "mode": "0600",
    "disruption": "restart",
}  # fmt: skip


def gone(_request):
    raise AnsibleConnectionFailure("no route")


def test_a_node_is_read_by_one_call_that_changes_nothing(run):
    task = run("runtime_drift", {"files": FILES}, lambda _request: {"report": report(files={PATH: EDITED})})
    [call] = task.calls
    assert not call["request"].get("for_plan", False)
    assert task.result["changed"] is False
    [difference] = task.result["differences"]
    assert (difference["kind"], difference["path"], difference["key"]) == ("changed", PATH, "")
    assert "tr0ub4dor" not in json.dumps([task.result, call["request"]])


@pytest.mark.parametrize(
    ("node", "words"),
    [
        (gone, "the node cannot be reached: no route"),
        (lambda _request: {"unreachable": True, "msg": "no route"}, "no route"),
        (lambda _request: {"failed": True, "msg": "another change of this node is under way"}, "another change"),
        (lambda _request: {"module_stdout": "", "module_stderr": "sudo: a password is required"}, "password"),
    ],
)  # fmt: skip
def test_a_node_that_cannot_be_read_has_an_error_and_does_not_fail(run, node, words):
    result = run("runtime_drift", {"files": FILES}, node).result
    assert not result.get("failed")
    assert not result.get("unreachable")
    assert result["differences"] == []
    assert words in result["error"]


def test_settings_that_the_nodes_crio_does_not_know_are_the_error_of_this_node(run):
    data = {"crio": {"network": {"cni_status_grace_period": "5s"}}}
    files = [{"path": "/etc/x", "owner": "crio", "kind": "crio_conf", "layers": [["crio_config", data]]}]
    result = run("runtime_drift", {"files": files}, lambda _request: {"report": report("1.35.2")}).result
    assert "cni_status_grace_period" in result["error"]


def test_the_report_has_the_nodes_that_must_fail_and_refuses_an_unknown_kind(run):
    results = {
        "a": run("runtime_drift", {"files": FILES}, lambda _request: {"report": report(files={PATH: EDITED})}).result,
        "b": {"changed": False, "differences": [], "error": ""},
        "c": None,
    }  # fmt: skip
    hosts = {
        name: list(results) for name in ("ansible_play_hosts_all", "ansible_play_hosts", "ansible_play_batch")
    }
    task_vars = {"hostvars": HostVars(results), **hosts}

    def reported(**options):
        return run("drift_report", {"variable": "runtime_result", **options}, gone, task_vars=task_vars)

    result = reported().result
    assert result["summary"] == {
        "nodes": 3,
        "drifted": 1,
        "ignored": 0,
        "in_sync": 1,
        "pending": 0,
        "not_read": 1,
    }
    assert sorted(result["failures"]) == ["a", "c"]
    assert sorted(reported(ignore=["changed"]).result["failures"]) == ["c"]
    statistics = result["ansible_stats"]["data"]["cri_node_drift"]
    assert statistics == {name: result[name] for name in ("ignored", "summary", "kinds", "drifts")}
    assert 'ignore (drift_ignore of the role) = "edited"' in reported(ignore=["edited"]).message
