# SPDX-License-Identifier: GPL-3.0-or-later
"""The node side of a rollback: it reads and restores generations, and answers a repeated call with the first outcome."""

import os

import pytest
from tests.unit.plugins.action.test_internal_modules import returned
from tests.unit.plugins.module_utils.transaction.changing_node import CONFIG, Node

from ansible_collections.cri.node.plugins.module_utils import node_files, node_host
from ansible_collections.cri.node.plugins.module_utils.transaction import apply, idle, unit
from ansible_collections.cri.node.plugins.modules import node_runtime_rollback


@pytest.fixture
def node(tmp_path, monkeypatch):
    made = Node(tmp_path, monkeypatch)
    monkeypatch.setattr(node_runtime_rollback, "NODE", made.layout)
    monkeypatch.setattr(node_host, "refuse_unfit", lambda: None)
    monkeypatch.setattr(idle, "is_busy", lambda _layout: False)

    def transact(request, layout):
        outcome = apply.apply(layout, request, "/nowhere/program.pyz")
        node_files.write_json(layout.result(request["id"]), outcome)
        return outcome

    monkeypatch.setattr(unit, "run_transaction", transact)
    return made


def call(name, check_mode=False, **request):
    asked = {"call": name, "unit": "crio.service", "ready_timeout": 1, **request}
    return returned("runtime_rollback", {"request": asked, "_ansible_check_mode": check_mode})


def restore(node, number, identity="x", **more):
    read = call("read", generation=number)
    change = {
        "writes": [node.path(CONFIG)],
        "activate": "restart",
        "id": identity,
        "fingerprint": read["report"]["fingerprint"],
        "plan": {"disruption": "restart", "reasons": ["rollback"], "files": {}},
    }
    return call("apply", generation=number, **change, **more)


def test_a_generation_is_read_and_restored(node):
    node.change({CONFIG: "one"})
    node.change({CONFIG: "two"})
    read = call("read")
    assert read["changed"] is False
    assert read["earlier"]["generation"] == 1
    assert read["report"]["files"][node.path(CONFIG)]["as_wanted"] is False
    result = restore(node, 1)
    assert (result["changed"], result["outcome"]["generation"]) == (True, 3)
    assert node.files()[CONFIG][0] == "one"


def test_check_mode_restores_nothing(node):
    node.change({CONFIG: "one"})
    node.change({CONFIG: "two"})
    before = node.files()
    result = restore(node, 1, check_mode=True)
    assert (result["changed"], result["outcome"]) == (True, {"running": 2, "overruled": []})
    assert node.files() == before
    assert sorted(os.listdir(node.layout.generations)) == ["1", "2"]


def test_a_repeated_call_gets_the_first_outcome_although_the_generation_is_gone(node):
    for content in "abcde":
        node.change({CONFIG: content})
    first = restore(node, 1)
    assert first["outcome"]["committed"]
    assert "1" not in os.listdir(node.layout.generations)
    again = call("apply", generation=1, id="x")
    assert again["outcome"] == first["outcome"]
    assert node.files()[CONFIG][0] == "a"


def test_a_generation_that_does_not_exist_fails_with_one_message(node):
    node.change({CONFIG: "one"})
    result = call("read", generation=9)
    assert result["failed"]
    assert result["msg"] == "generation 9 does not exist; this node has: 1"


def test_a_path_that_the_generation_does_not_have_is_never_written(node):
    node.change({CONFIG: "one"})
    result = call("apply", generation=1, writes=[node.path("/etc/passwd")], id="y")
    assert result["failed"]
    assert "changed while the rollback was planned" in result["msg"]
