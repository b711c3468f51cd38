# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks name the variables of their options; the values are looked up when the task runs."""

from pathlib import Path

import pytest
import yaml

from ansible_collections.cri.node.plugins.action.runtime_config import ARGUMENT_SPEC, ActionModule
from ansible_collections.cri.node.plugins.plugin_utils.task import checked_action
from ansible_collections.cri.node.plugins.plugin_utils.task.failure import TaskFailure
from ansible_collections.cri.node.plugins.plugin_utils.task.option_variables import resolved

COLLECTION = Path(__file__).parents[5]
VARIABLES = {
    "seconds": 60,
    "limit": "{{ 'reload' }}",
    "crio_files": [{"path": "/a", "content": "{% if x %}"}, {"path": "/b"}],
    "crictl_files": [{"path": "/c"}],
    "text": "[/d]",
}


class Evaluate:
    """Evaluates templates, and remembers them."""

    def __init__(self):
        self.seen = []

    def __call__(self, template):
        self.seen.append(template)
        return f"value of {template}"


def of(arguments):
    return resolved(arguments, VARIABLES, Evaluate(), ARGUMENT_SPEC)


def test_options_get_the_values_of_their_variables():
    found = of({"owners": ["crio"], "variables": {"ready_timeout": "seconds", "max_disruption": "limit"}})
    assert found == {"owners": ["crio"], "ready_timeout": 60, "max_disruption": "value of {{ 'reload' }}"}


def test_only_what_may_contain_a_template_is_evaluated():
    evaluate = Evaluate()
    found = resolved({"variables": {"files": "crio_files"}}, VARIABLES, evaluate)
    assert evaluate.seen == ["{% if x %}"]
    assert found == {"files": [{"path": "/a", "content": "value of {% if x %}"}, {"path": "/b"}]}


def test_several_lists_are_joined_in_their_order():
    found = of({"variables": {"files": ["crictl_files", "crio_files"]}})
    assert [each["path"] for each in found["files"]] == ["/c", "/a", "/b"]


def test_a_list_that_is_no_list_is_left_to_the_check_of_options():
    assert of({"variables": {"files": ["crictl_files", "text"]}}) == {"files": [{"path": "/c"}, "[/d]"]}


@pytest.mark.parametrize(
    "arguments", [{}, {"variables": None}, {"variables": "text"}, {"variables": ["seconds"]}]
)
def test_arguments_of_other_types_are_left_to_the_check_of_options(arguments):
    assert of(arguments) == arguments


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"variables": {"ready_timeout": "second"}},
            "variables: ready_timeout = second: is not a variable of this host;"
            " accepted: the name of a variable, or a list of names of lists",
        ),
        (
            {"variables": {"files": ["crio_files", 7]}},
            "variables: files = 7: is not a variable of this host;"
            " accepted: the name of a variable, or a list of names of lists",
        ),
        (
            {"ready_timeout": 5, "variables": {"ready_timeout": "seconds"}},
            "variables: ready_timeout: is also an option of the task; accepted: one of both",
        ),
    ],
)
def test_a_name_that_is_not_accepted_is_refused(arguments, message):
    with pytest.raises(TaskFailure) as failure:
        of(arguments)
    assert str(failure.value) == message


@pytest.mark.parametrize("option", ["colour", "variables"])
def test_an_option_that_the_module_does_not_have_is_refused_with_those_that_it_has(option):
    with pytest.raises(TaskFailure) as failure:
        of({"variables": {option: "seconds"}})
    assert str(failure.value).startswith(
        f"variables: {option}: is not an option of this module; accepted: files, owners"
    )


def named_in(tasks):
    """Return the variables of the options of runtime_config in tasks and their blocks."""
    found = []
    for task in tasks:
        found += named_in([*task.get("block", []), *task.get("always", [])])
        options = task.get("cri.node.runtime_config", {}).get("variables", {})
        found += [pair for pair in options.items() if isinstance(pair[1], str)]
    return found


def test_the_roles_of_crio_name_the_variables_that_messages_name_by_default():
    paths = [path for path in COLLECTION.glob("roles/*/tasks/*.yml") if path.parts[-3] != "containerd"]
    files = [path.read_text() for path in paths]
    named = [pair for text in files for pair in named_in(yaml.safe_load(text))]
    assert set(ActionModule.VARIABLES.items()) <= set(named)
    labels = ActionModule.VARIABLES
    assert [(option, name) for option, name in named if labels.get(option, name) != name] == []


def test_messages_name_the_variable_that_a_task_names_for_an_option():
    (block,) = [
        task
        for task in yaml.safe_load((COLLECTION / "roles/containerd/tasks/main.yml").read_text())
        if "block" in task
    ]
    (task,) = block["block"]
    named = checked_action.variables_named(
        task["cri.node.runtime_config"]["variables"], ActionModule.VARIABLES
    )
    assert named["ready_timeout"] == "containerd_ready_timeout"
    assert named["overruled_guards"] == "containerd_overruled_guards"
    assert named["install"] == ActionModule.VARIABLES["install"]
    assert checked_action.variables_named(None, ActionModule.VARIABLES) == ActionModule.VARIABLES
