# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests the action runtime_report: the results of all hosts of a play, by the name of the variable that they registered."""

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

    def report(results, left=None, batch=None, check_mode=False):
        hosts = list(results)
        task_vars = {
            "hostvars": HostVars(results),
            "ansible_play_hosts_all": hosts,
            "ansible_play_hosts": hosts if left is None else left,
            "ansible_play_batch": hosts if batch is None else batch,
        }
        arguments = {"variable": "runtime_result"}
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
