# SPDX-License-Identifier: GPL-3.0-or-later
"""The node side of a comparison: it reads the node, and tells one with an interrupted change apart instead of ending it."""

import pytest
from tests.unit.plugins.action.test_internal_modules import returned
from tests.unit.plugins.module_utils.transaction.changing_node import CONFIG, Node

from ansible_collections.cri.node.plugins.module_utils import node_host
from ansible_collections.cri.node.plugins.module_utils.transaction import idle, lock
from ansible_collections.cri.node.plugins.modules import node_runtime_drift


@pytest.fixture
def node(tmp_path, monkeypatch):
    made = Node(tmp_path, monkeypatch)
    monkeypatch.setattr(node_runtime_drift, "NODE", made.layout)
    monkeypatch.setattr(node_host, "refuse_unfit", lambda: None)
    monkeypatch.setattr(idle, "run", lambda _arguments: (0, "inactive\n", ""))
    made.change({CONFIG: "one"})
    return made


def read(for_plan=False, check_mode=False):
    asked = {
        "unit": "crio.service",
        "owners": ["crio"],
        "files": [],
        "ready_timeout": 1,
        "for_plan": for_plan,
    }
    return returned("runtime_drift", {"request": asked, "_ansible_check_mode": check_mode})


@pytest.mark.parametrize("for_plan", [True, False])
def test_a_settled_node_is_read(node, for_plan):
    report = read(for_plan)["report"]
    assert (report["generation"], report["interrupted"]) == (1, False)


@pytest.mark.parametrize("left", ["intent", "preparation"])
def test_an_interrupted_change_is_not_ended_but_named_if_asked_for(node, left):
    path = getattr(node.layout, left)
    with open(path, "w") as file:
        file.write("{}")
    found = read(for_plan=True)
    assert (found["needs_settling"], "report" in found) == (True, False)
    assert "report" in read()
    assert "report" in read(for_plan=True, check_mode=True)
    with open(path) as file:
        assert file.read() == "{}"


def test_a_damaged_state_needs_to_be_set_aside(node):
    with open(node.layout.state_file, "w") as file:
        file.write("[]")
    assert read(for_plan=True)["needs_settling"] is True
    assert read()["report"]["notes"] != []


def test_a_change_that_is_running_is_waited_for(node):
    with lock.held(node.layout, word="x"):
        found = read()
    assert found["failed"]
    assert "has been in progress for more than 1 s" in found["msg"]
