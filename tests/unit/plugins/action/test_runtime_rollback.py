# SPDX-License-Identifier: GPL-3.0-or-later
"""A rollback is planned on the controller and applied by the node, which has the contents."""

import pytest
from tests.unit.plugins.action.test_messages import report

CONFIG = "/etc/crio/crio.conf.d/60-cri-node.conf"
CRICTL = "/etc/crictl.yaml"
OLD = "/etc/crio/crio.conf.d/61-old.conf"
AUTH = "/etc/containers/auth.json"
OUTCOME = {"committed": True, "generation": 8, "invocation_id": "b", "outranked": {}, "warnings": []}
PRESENT = {"file_type": "file", "mode": "0644", "as_wanted": True, "loaded": True, "disruption": "restart"}
CHANGED = {**PRESENT, "as_wanted": False, "loaded": False, "content": "newer\n"}


def earlier(**files):
    described = {"mode": "0644", "secret": False, "disruption": "restart", "content": ""}
    return {"generation": 3, "files": {path: {**described, **file} for path, file in files.items()}}


class Node:
    """Answers like the internal module."""

    def __init__(self, files=None, orphans=None, outcome=None, contents=None, **more):
        files = {CONFIG: CHANGED} if files is None else files
        self.report = report(files=files, orphans=orphans or {}, generation=7, fingerprint="f", **more)
        self.earlier = earlier(**{path: {"content": (contents or {}).get(path, "")} for path in files})
        self.outcome = OUTCOME if outcome is None else outcome
        self.calls = []

    def __call__(self, request):
        self.calls.append(request)
        if request["call"] == "read":
            return {"changed": False, "report": self.report, "earlier": self.earlier}
        return {"changed": True, "outcome": self.outcome}


def test_the_node_gets_the_plan_and_no_contents(run):
    node = Node(
        {
            CONFIG: CHANGED,
            CRICTL: {"file_type": "absent", "as_wanted": False, "loaded": False, "disruption": "none"},
        },
        {OLD: {**PRESENT, "as_wanted": False}, AUTH: {**CHANGED, "shared": True, "disruption": "none"}},
    )
    result = run("runtime_rollback", {}, node).result
    read, apply = node.calls
    assert (read["generation"], read["show_contents"], apply["generation"]) == (0, False, 3)
    assert sorted(apply["writes"]) == [CRICTL, CONFIG]
    assert apply["remove"] == [OLD]
    assert (apply["activate"], apply["fingerprint"]) == ("restart", "f")
    assert "contents" not in apply
    assert apply["plan"] == result["plan"]
    assert result["plan"] == {
        "disruption": "restart",
        "reasons": [f"{CONFIG} changes", f"{OLD} is removed", "rollback to generation 3"],
        "files": {AUTH: "remove", CRICTL: "create", CONFIG: "change", OLD: "remove"},
        "keys": [],
        "overruled_guards": {},
    }
    assert (result["changed"], result["generation"], result["restored_generation"]) == (True, 8, 3)
    assert result["runtime"]["invocation_id"] == "b"
    assert any("the variables of the inventory were not changed" in each for each in result["warnings"])


def test_a_node_that_matches_the_generation_is_read_only(run):
    node = Node({CONFIG: PRESENT})
    result = run("runtime_rollback", {"generation": 3}, node).result
    assert len(node.calls) == 1
    assert result["changed"] is False
    assert (result["plan"]["disruption"], result["plan"]["files"]) == ("none", {})
    assert (result["generation"], result["warnings"]) == (7, [])


def test_check_mode_predicts_and_validates_the_change(run):
    node = Node(outcome={})
    checked = run("runtime_rollback", {}, node, check_mode=True).result
    done = run("runtime_rollback", {}, Node()).result
    assert len(node.calls) == 2
    assert {**checked, "generation": 8, "runtime": done["runtime"]} == done
    assert checked["generation"] == 7


def test_a_diff_shows_what_the_node_returned_for_it(run):
    node = Node(contents={CONFIG: "older\n"})
    result = run("runtime_rollback", {}, node, diff=True).result
    assert node.calls[0]["show_contents"] is True
    assert [(each["before"], each["after"]) for each in result["diff"]] == [("newer\n", "older\n")]
    assert "show_contents" not in node.calls[1]


def test_a_change_that_was_undone_is_one_message_with_the_plan(run):
    outcome = {"failed": True, "phase": "probe", "message": "the runtime is not ready", "rolled_back": True}
    task = run("runtime_rollback", {}, Node(outcome=outcome))
    assert task.message == "the runtime is not ready. The change was undone: the node is as it was."
    assert (task.result["phase"], task.result["rolled_back"], task.result["as_before"]) == (
        "probe",
        True,
        True,
    )
    assert task.result["plan"]["files"] == {CONFIG: "change"}


def test_what_the_node_refuses_is_the_message(run):
    said = "generation 9 does not exist; this node has: 3, 4"
    task = run("runtime_rollback", {"generation": 9}, lambda _request: {"failed": True, "msg": said})
    assert task.message == said


def test_without_crio_nothing_is_applied(run):
    missing = {
        "installed": False,
        "version": None,
        "socket": "/run/crio.sock",
        "binary": None,
        "wrapped_by": "",
    }
    node = Node(crio=missing)
    assert "CRI-O is not installed on this node" in run("runtime_rollback", {}, node).message
    assert len(node.calls) == 1


def test_notes_of_the_node_and_misspelled_variables_are_warnings(run):
    node = Node({CONFIG: PRESENT}, notes=["state.json was damaged"], interrupted=True)
    warnings = run("runtime_rollback", {}, node, task_vars={"rollback_generaton": 3}).result["warnings"]
    assert len(warnings) == 3
    assert "did you mean rollback_generation?" in warnings[0]
    assert "an earlier change of this node was interrupted" in warnings[1]
    assert warnings[2] == "state.json was damaged"


@pytest.mark.parametrize("given", [0, -1, True, 2.5, "three", "3.0", "", [3]])
def test_what_is_not_the_number_of_a_generation_is_refused_before_the_node_is_called(refused, given):
    message = refused("runtime_rollback", {"generation": given})
    assert message.startswith("generation (rollback_generation of the playbook) = ")
    assert "is not the number of a generation; accepted: for example 3" in message


@pytest.mark.parametrize("given", ["3", 3])
def test_a_number_may_be_a_text(run, given):
    node = Node({CONFIG: PRESENT})
    run("runtime_rollback", {"generation": given}, node)
    assert node.calls[0]["generation"] == 3
