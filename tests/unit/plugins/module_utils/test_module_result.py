# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that results are returned like AnsibleModule.exit_json returns them."""

import json
from unittest import mock

import pytest
from ansible.module_utils import basic
from ansible.module_utils.common import warnings

from ansible_collections.cri.node.plugins.module_utils.module_result import exit_with

FACTS = {"crictl_ps": {"containers": [{"id": "c", "attempt": 0, "labels": {"é\ufffd": "x\n"}, "up": None}]}}


@pytest.fixture
def module(monkeypatch):
    """Return a function that creates a module with these options and their values."""

    def make(spec, **values):
        arguments = json.dumps({"ANSIBLE_MODULE_ARGS": values}).encode()
        with mock.patch.multiple(basic, _ANSIBLE_ARGS=arguments, _ANSIBLE_PROFILE="legacy", create=True):
            return basic.AnsibleModule(argument_spec=spec, supports_check_mode=True)

    monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)
    if hasattr(warnings, "_internal"):  # newer controllers display a warning in a process of theirs
        monkeypatch.setattr(warnings._internal, "is_controller", False)
    for name in ("_global_warnings", "_global_deprecations"):  # of other tests in this process
        monkeypatch.setattr(warnings, name, type(getattr(warnings, name))())
    return make


def printed(capsys, leave):
    with pytest.raises(SystemExit) as caught:
        leave()
    assert caught.value.code in (0, None)
    return json.loads(capsys.readouterr().out)


def test_the_result_matches_exit_json(module, capsys):
    spec = {"timeout": {"type": "int"}, "name": {"type": "list", "elements": "str"}}
    ours = module(spec, timeout="5", name="a,b")
    result = printed(capsys, lambda: exit_with(ours, ansible_facts=FACTS))
    assert result == printed(capsys, lambda: ours.exit_json(changed=False, ansible_facts=FACTS))
    assert result["ansible_facts"] == FACTS
    assert result["invocation"]["module_args"]["timeout"] == 5


def test_warnings_are_returned(module, capsys):
    ours = module({})
    ours.warn("a log is missing")
    result = printed(capsys, lambda: exit_with(ours, ansible_facts=FACTS))
    assert "a log is missing" in json.dumps(result["warnings"])


def test_the_value_of_a_no_log_option_is_masked(module, capsys):
    ours = module({"password": {"type": "str", "no_log": True}}, password="hunter2")
    result = printed(capsys, lambda: exit_with(ours, ansible_facts={"a": "is hunter2"}))
    assert "hunter2" not in json.dumps(result)
