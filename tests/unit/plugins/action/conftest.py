# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs an action as Ansible does, with a node that is a function."""

import importlib
import os
from unittest import mock

import pytest
from ansible.parsing.dataloader import DataLoader


class Run:
    """One task of an action: its result, and the calls that it made to the node, with the names of their modules.

    `node` gets the request of a call and returns what the internal module would; `calls` has all arguments of each call, which
    `node` gets if it is `complete`.
    `task_vars` are variables of the task in addition to the name of its node.
    """

    def __init__(self, name, arguments, node, check_mode=False, diff=False, task_vars=None):
        action = importlib.import_module(f"ansible_collections.cri.node.plugins.action.{name}")
        task = mock.Mock(async_val=0, check_mode=check_mode, diff=diff, args=arguments, delegate_to=None)
        task.get_search_path.return_value = [os.getcwd()]
        module = action.ActionModule(task, mock.Mock(), mock.Mock(), DataLoader(), mock.Mock(), mock.Mock())
        module._load_name = name
        self.calls: list[dict] = []
        self.modules: list[str] = []

        def execute(module_name=None, module_args=None, task_vars=None, **_more):
            self.calls.append(module_args)
            self.modules.append(module_name)
            return node(module_args if getattr(node, "complete", False) else module_args["request"])

        module._execute_module = execute
        try:
            self.result = module.run(task_vars={"inventory_hostname": "node1", **(task_vars or {})})
        except Exception as error:
            if not type(error).__name__.startswith("Ansible"):
                raise
            self.result = {"failed": True, "msg": str(error)}

    @property
    def message(self):
        assert self.result.get("failed"), self.result
        return self.result["msg"]


@pytest.fixture
def run():
    return Run


@pytest.fixture
def refused():
    """Return the message of a task that is refused before the node is called."""

    def message(name, arguments):
        def node(_arguments):
            raise AssertionError("the node was called")

        return Run(name, arguments, node).message

    return message
