# SPDX-License-Identifier: GPL-3.0-or-later
"""The module returns what module_utils reads, in the form that it documents."""

import pytest
import yaml
from tests.unit.plugins.action.test_internal_modules import printed
from tests.unit.plugins.module_utils.transaction.changing_node import CONFIG, ENVIRONMENT, Node
from tests.unit.plugins.modules.test_crictl_facts import undocumented

from ansible_collections.cri.node.plugins.module_utils import node_host
from ansible_collections.cri.node.plugins.module_utils.transaction import history
from ansible_collections.cri.node.plugins.modules import runtime_generations_facts

PLAN = {"disruption": "restart", "reasons": ["it changes"], "files": {CONFIG: "change"}}


@pytest.fixture
def node(tmp_path, monkeypatch):
    made = Node(tmp_path, monkeypatch)
    monkeypatch.setattr(runtime_generations_facts, "NODE", made.layout)
    monkeypatch.setattr(node_host, "refuse_unfit", lambda: None)
    return made


@pytest.mark.parametrize("arguments", [{}, {"_ansible_check_mode": True}])
def test_the_facts_are_those_of_the_node_and_documented(node, arguments):
    node.change({CONFIG: "one", ENVIRONMENT: "P=x"}, secret=[ENVIRONMENT], plan=PLAN)
    node.change({CONFIG: "two"}, entries={"auths": {"a.example": {}}}, plan=PLAN)
    result = printed(runtime_generations_facts, arguments)
    assert result["changed"] is False
    assert result["ansible_facts"]["runtime_generations"] == history.facts(node.layout)
    documented = yaml.safe_load(runtime_generations_facts.RETURN)
    facts = {"type": "dict", "contains": documented}
    assert list(undocumented({"ansible_facts": result["ansible_facts"]}, facts, "")) == []


def test_a_host_that_cannot_be_read_is_one_message(node, monkeypatch):
    def refuse():
        raise node_host.UnfitHostError("set become: true")

    monkeypatch.setattr(node_host, "refuse_unfit", refuse)
    assert printed(runtime_generations_facts, {})["msg"] == "set become: true"
