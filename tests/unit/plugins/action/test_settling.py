# SPDX-License-Identifier: GPL-3.0-or-later
"""A node is read by a small module; only one with an interrupted change takes a further call, which ends that change."""

import pytest
from tests.unit.plugins.action.test_messages import report

PATH = "/etc/crio/x.conf"
FILES = [{"path": PATH, "owner": "crio", "content": "x"}]
LOADED = report(
    files={PATH: {"file_type": "file", "as_wanted": True, "loaded": True, "disruption": "restart"}}
)


class Interrupted:
    """A node with an interrupted change, until it is told to settle."""

    def __init__(self, check_mode=False):
        self.check_mode = check_mode
        self.requests = []

    def __call__(self, request):
        self.requests.append(request)
        if request.get("for_plan") and not self.check_mode and len(self.requests) == 1:
            return {"changed": False, "needs_settling": True}
        return {"changed": False, "report": LOADED}


def test_a_node_as_desired_is_read_by_one_call_of_the_small_module(run):
    task = run("runtime_config", {"files": FILES}, lambda _request: {"report": LOADED})
    assert task.modules == ["cri.node.node_runtime_drift"]
    assert task.result["changed"] is False


def test_an_interrupted_change_is_ended_by_a_call_of_the_module_that_can(run):
    node = Interrupted()
    task = run("runtime_config", {"files": FILES}, node)
    assert task.modules == ["cri.node.node_runtime_drift", "cri.node.node_runtime_config"]
    read, settle = node.requests
    assert settle == {**{key: value for key, value in read.items() if key != "for_plan"}, "call": "settle"}
    assert task.result["changed"] is False


@pytest.mark.parametrize("name", ["runtime_config", "runtime_drift"])
def test_what_changes_nothing_reads_an_interrupted_node_as_it_is(run, name):
    node = Interrupted(check_mode=True)
    task = run(name, {"files": FILES}, node, check_mode=True)
    assert task.modules == ["cri.node.node_runtime_drift"]
    assert node.requests[0].get("for_plan", False) is (name == "runtime_config")
