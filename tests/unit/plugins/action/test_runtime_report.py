# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests the action runtime_report: the results of all hosts of a play, by the name of the variable that they registered."""

import json

import pytest

CRIO = "/etc/crio/crio.conf.d/60-cri-node.conf"
CHANGED = {
    "changed": True,
    "generation": 3,
    "plan": {"disruption": "restart", "files": {CRIO: "change"}, "reasons": [f"{CRIO} changes"]},
}
UNCHANGED = {"changed": False, "generation": 3, "plan": {"disruption": "none", "files": {}, "reasons": []}}


class HostVars:
    """hostvars, as far as a report needs them."""

    def __init__(self, results):
        self._results = results

    def raw_get(self, host):
        result = self._results[host]
        return {} if result is None else {"runtime_result": result}


def nobody(_arguments):
    raise AssertionError("a node was called")


@pytest.fixture
def reported(run):
    """Return reported(results by host, hosts left in the play, hosts of the batch) -> the result of the task."""

    def report(results, left=None, batch=None, check_mode=False, **options):
        hosts = list(results)
        task_vars = {
            "hostvars": HostVars(results),
            "ansible_play_hosts_all": hosts,
            "ansible_play_hosts": hosts if left is None else left,
            "ansible_play_batch": hosts if batch is None else batch,
        }
        arguments = {"variable": "runtime_result", **options}
        return run("runtime_report", arguments, nobody, check_mode=check_mode, task_vars=task_vars).result

    return report


def statuses(result):
    listed = {node: plan["status"] for plan in result["plans"] for node in plan["nodes"]}
    return listed, {name: number for name, number in result["summary"].items() if number}


def test_the_result_and_the_statistics_have_the_same_data(reported):
    result = reported({"node-1": CHANGED, "node-2": UNCHANGED})
    assert result["changed"] is False
    [plan] = result["plans"]
    assert (plan["nodes"], plan["generations"]) == (["node-1"], {"node-1": 3})
    assert result["lines"][-1] == "2 nodes: 1 changed (1 restart), 1 unchanged"
    assert result["ansible_stats"] == {
        "data": {
            "cri_node_plan": {
                name: result[name] for name in ("check_mode", "summary", "disruptions", "plans")
            }
        },
        "per_host": False,
        "aggregate": False,
    }


def test_check_mode_predicts_the_same_plans_without_generations(reported):
    predicted = reported({"node-1": CHANGED}, check_mode=True)
    done = reported({"node-1": CHANGED})
    assert predicted["check_mode"] is True
    assert [{**plan, "generations": {}} for plan in done["plans"]] == predicted["plans"]


def test_hosts_of_later_batches_are_pending_and_their_earlier_results_do_not_count(reported):
    results = {"a": CHANGED, "b": CHANGED, "c": CHANGED, "d": None}
    found = statuses(reported(results, batch=["b"]))
    assert found == ({"a": "changed", "b": "changed"}, {"nodes": 4, "changed": 2, "pending": 2})
    # A host that was lost in an earlier play is not pending; a batch of which nothing is left has begun.
    failed = {"failed": True, "msg": "x"}
    found = statuses(reported({**results, "b": failed}, left=["a", "c"], batch=["a"]))
    assert found == (
        {"a": "changed", "b": "failed", "d": "not_planned"},
        {"nodes": 4, "changed": 1, "failed": 1, "not_planned": 1, "pending": 1},
    )
    found = statuses(reported({**results, "a": failed, "b": failed}, left=["c", "d"], batch=[]))
    assert found[1] == {"nodes": 4, "failed": 2, "pending": 2}


def test_a_variable_without_a_result_counts_as_not_planned(reported):
    listed, _numbers = statuses(reported({"a": "text", "b": ["list"], "c": None, "d": {}}))
    assert set(listed.values()) == {"not_planned"}


KEYS = [{"path": CRIO, "key": "crio.api.listen", "change": "change", "variable": "crio_config"}]


def test_plans_of_a_task_in_check_mode_are_written_by_a_run_that_is_not(reported, tmp_path):
    path = tmp_path / "plan.json"
    planned = {**CHANGED, "plan": {**CHANGED["plan"], "keys": KEYS}, "containers": 3}
    results = {"node-1": planned, "node-2": UNCHANGED}
    result = reported(results, planned=True, details=True, path=str(path))
    assert (result["check_mode"], result["path"]) == (True, str(path))
    assert [line.strip() for line in result["lines"][2:5]] == [
        "node-1  restart     3 containers running: they keep running",
        f"change {CRIO}",
        "crio_config: crio.api.listen",
    ]
    document = json.loads(path.read_text())
    assert document["plans"] == result["plans"]
    assert document["plans"][0]["keys"] == KEYS
    assert document["nodes"] == {
        "node-1": {"status": "changed", "plan": 0},
        "node-2": {"status": "unchanged", "plan": None},
    }
    assert "nodes" not in result["ansible_stats"]["data"]["cri_node_plan"]


def test_no_file_is_written_in_check_mode_and_a_path_that_cannot_be_written_is_a_warning(reported, tmp_path):
    reported({"node-1": CHANGED}, check_mode=True, path=str(tmp_path / "plan.json"))
    assert list(tmp_path.iterdir()) == []
    for check_mode in (False, True):
        result = reported({"node-1": CHANGED}, check_mode=check_mode, path=str(tmp_path / "missing" / "x"))
        [warning] = result["warnings"]
        assert warning.startswith("path (plan_report_file of the role): the report cannot be written to ")
        assert result["summary"]["nodes"] == 1


def test_a_table_without_details_has_no_keys(reported):
    result = reported({"node-1": {**CHANGED, "plan": {**CHANGED["plan"], "keys": KEYS}, "containers": 3}})
    assert "listen" not in "".join(result["lines"])
    assert "containers" not in "".join(result["lines"])
    assert result["plans"][0]["containers"] == {"node-1": 3}
