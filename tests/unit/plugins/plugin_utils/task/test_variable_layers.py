# SPDX-License-Identifier: GPL-3.0-or-later
"""Files name their variables; the settings are looked up when the task runs."""

import pytest

from ansible_collections.cri.node.plugins.plugin_utils.plan.desired import DesiredFiles
from ansible_collections.cri.node.plugins.plugin_utils.task.variable_layers import resolved

VARIABLES = {
    "crio_config__b": {"b": 1},
    "crio_config": "{{ base }}",
    "crio_config__a": {"a": 1},
    "crio_config__": {"not": "a layer"},
    "crio_config_c": {"not": "a layer"},
    "crio_configuration__d": {"not": "a layer"},
    "shells": "zsh, bash",
    "empty": None,
}


def evaluate(value):
    return {"base": "evaluated"} if value == "{{ base }}" else value


def entry_of(variables=None, **entry):
    """Return one entry of `files` after its variables were looked up."""
    [found] = resolved({"files": [entry]}, variables or VARIABLES, evaluate)["files"]
    return found


def test_a_named_variable_brings_its_layers_in_alphabetical_order():
    assert entry_of(path="/x", variable="crio_config") == {
        "path": "/x",
        "layers": [
            ["crio_config", {"base": "evaluated"}],
            ["crio_config__a", {"a": 1}],
            ["crio_config__b", {"b": 1}],
        ],
    }


def test_the_settings_of_crio_conf_are_looked_up_beside_those_of_a_file():
    found = entry_of({"own": {}, "crio_config__a": {"a": 1}}, variable="own", crio_variable="crio_config")
    assert found == {"layers": [["own", {}]], "crio_layers": [["crio_config__a", {"a": 1}]]}


def test_the_objects_of_openshift_are_looked_up_beside_the_settings_of_a_file():
    found = entry_of(
        {"own": {}, "objects": "kind: Image", "objects__lab": []},
        variable="own",
        openshift_variable="objects",
    )
    assert found == {
        "layers": [["own", {}]],
        "openshift_layers": [["objects", "kind: Image"], ["objects__lab", []]],
    }


@pytest.mark.parametrize(("element", "content"), [("bash", "text"), ("zsh", "text"), ("fish", "")])
def test_a_file_for_an_element_is_only_desired_if_the_list_contains_it(element, content):
    found = entry_of(path="/x", variable="shells", element=element, content="text")
    assert found == {"path": "/x", "content": content}


@pytest.mark.parametrize("variable", ["empty", "not_defined"])
def test_no_file_is_desired_for_an_element_of_an_empty_list(variable):
    assert entry_of(variable=variable, element="bash", content="text") == {"content": ""}


def test_an_element_without_a_file_is_one_problem_beside_those_of_the_task():
    files = [{"variable": "shells", "element": each, "content": "text"} for each in ("bash", "fish")]
    found = resolved({"files": files, "problems": ["earlier"]}, VARIABLES, evaluate)
    assert found["problems"] == ["earlier", "shells = zsh: is not accepted; accepted: bash, fish"]


@pytest.mark.parametrize(
    "arguments", [{}, {"files": None}, {"files": "text"}, {"files": ["text", 1, {"variable": 1}]}]
)
def test_arguments_of_other_types_are_left_to_the_check_of_options(arguments):
    assert resolved(arguments, VARIABLES, evaluate) == arguments


ENVIRONMENT = "/etc/crio/cri-node.environment"
UNIT = "/etc/systemd/system/crio.service.d/60-cri-node.conf"


@pytest.mark.parametrize(
    ("service", "environment", "expected"),
    [
        ({}, {}, ""),
        ({"KillMode": "process"}, {}, "[Service]\nKillMode=process\n"),
        ({}, {"A": "b"}, f"[Service]\nEnvironmentFile=-{ENVIRONMENT}\n"),
    ],
)
def test_a_drop_in_refers_to_its_environment_file_if_that_has_content(service, environment, expected):
    entries = [
        {
            "path": UNIT,
            "owner": "crio",
            "kind": "unit_drop_in",
            "layers": [["crio_service", {"Service": service} if service else {}]],
            "environment_file": ENVIRONMENT,
        },
        {
            "path": ENVIRONMENT,
            "owner": "crio",
            "kind": "environment_file",
            "layers": [["crio_environment", environment]],
        },
    ]
    files = DesiredFiles(entries)
    content = files.by_path[UNIT].content
    assert content.partition("\n")[2].lstrip() == expected
    assert not files.problems
    assert bool(content) == bool(expected)
