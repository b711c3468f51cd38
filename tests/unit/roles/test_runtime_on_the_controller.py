# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests the part of the role runtime that runs on the controller. Runs on every supported controller."""

import pathlib

import pytest
import yaml

CRIO = "/etc/crio/crio.conf.d/60-cri-node.conf"
REGISTRIES = "/etc/containers/registries.conf.d/zz-cri-node.conf"
CRICTL = "/etc/crictl.yaml"
VARIABLES = {
    "crio_config": {"crio": {"api": {"listen": "/run/other.sock"}}},
    "registries_config": {"registry": [{"location": "abcd.example.com", "insecure": True}]},
    "crictl_config": {"timeout": 30},
}


@pytest.mark.parametrize("given", ["on the command line", "in the play"])
def test_the_file_set_is_the_combination_of_the_three_roles(controller, given):
    if given == "in the play":
        shown = controller.files("runtime", {}, role_variables=VARIABLES)
    else:
        shown = controller.files("runtime", VARIABLES)
    assert 'listen = "/run/other.sock"' in shown[CRIO].content
    assert 'location = "abcd.example.com"' in shown[REGISTRIES].content
    assert "runtime-endpoint: unix:///run/other.sock\ntimeout: 30\n" in shown[CRICTL].content
    assert {entry.owner for entry in shown.values()} == {"crio", "registries", "crictl"}


def test_variables_outside_the_role_reach_all_three_roles(controller):
    play = {
        "hosts": "node.example.com",
        "gather_facts": False,
        "roles": [{"role": "cri.node.runtime", "vars": VARIABLES}],
        "post_tasks": [
            {"name": "Show", "ansible.builtin.debug": {"msg": "{{ runtime_owners | join('+') }}"}}
        ],
    }
    done = controller.play([play], {}, "--tags", "check")
    assert done.returncode == 0, done.stdout + done.stderr
    play["roles"][0]["vars"] = {**VARIABLES, "crictl_config": {"timeout": 0}}
    refused = controller.play([play], {}, "--tags", "check")
    assert "crictl_config: timeout = 0" in refused.stdout + refused.stderr


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        pytest.param({"crio_config": {"crio": {"metrics": {"metrics_prt": 1}}}}, ["metrics_prt"], id="crio"),
        pytest.param({"registries_config": {"registry": [{}]}}, ["prefix are unset"], id="registries"),
        pytest.param({"crictl_config": {"timeout": "2s"}}, ["crictl_config: timeout"], id="crictl"),
        pytest.param({"crio_install": "package"}, ["crio_install", "preinstalled"], id="an option of crio"),
        pytest.param(
            {"runtime_overruled_guards": "handler_in_us"},
            ["runtime_overruled_guards", "handler_in_us", "did you mean handler_in_use?", "kill_mode"],
            id="a guard",
        ),
        pytest.param(
            {"runtime_disruptions": '{"crio.runtime.pids_limit": "none"}'},
            ["runtime_disruptions: crio.runtime.pids_limit", "restart, drain"],
            id="a disruption",
        ),
        pytest.param(
            {"runtime_above_max_disruption": "wait"},
            ["runtime_above_max_disruption", "fail", "defer"],
            id="an option above the limit",
        ),
        pytest.param({"crictl_completion": ["csh"]}, ["crictl_completion", "csh"], id="an option of crictl"),
    ],
)
def test_an_invalid_value_in_any_part_is_one_message_without_a_traceback(controller, variables, expected):
    controller.expect_one_message("runtime", variables, expected)


def test_variables_may_be_strings(controller):
    texts = {
        "crio_config": '{"crio": {"api": {"listen": "/run/other.sock"}}}',
        "crio_config__lab": "crio:\n  metrics:\n    metrics_port: 9537\n",
        "crio_service": '{"Service": {"Environment": "TOKEN=x"}}',
        "crio_environment": "{'NO_PROXY': 'localhost'}",
        "registries_config": '{"registry": [{"location": "abcd.example.com", "insecure": true}]}',
        "crictl_config": "timeout: 30",
    }
    shown = controller.files("runtime", texts)
    assert (
        '[crio.api]\nlisten = "/run/other.sock"\n\n[crio.metrics]\nmetrics_port = 9537' in shown[CRIO].content
    )
    assert "insecure = true" in shown[REGISTRIES].content
    assert "runtime-endpoint: unix:///run/other.sock\ntimeout: 30\n" in shown[CRICTL].content
    unit = shown["/etc/systemd/system/crio.service.d/60-cri-node.conf"]
    assert "Environment=TOKEN=x\n" in unit.content
    assert "EnvironmentFile=-/etc/crio/cri-node.environment" in unit.content
    assert (unit.mode, unit.secret) == ("0600", True)
    assert "NO_PROXY=localhost" in shown["/etc/crio/cri-node.environment"].content


# Role variables that are mappings, with a layer.
MAPPINGS = (
    "crio_config",
    "crio_config__x",
    "crio_service",
    "crio_environment",
    "registries_config",
    "crictl_config",
)


@pytest.mark.parametrize("empty", [None, "", "{}"])
def test_null_and_an_empty_string_mean_no_settings(controller, empty):
    assert controller.desired("runtime", {**dict.fromkeys(MAPPINGS, empty), "crictl_completion": ""}) == [
        CRICTL
    ]


@pytest.mark.parametrize("variable", MAPPINGS)
def test_a_string_that_does_not_contain_a_mapping_is_one_short_message(controller, variable):
    output = controller.expect_one_message(
        "runtime", {variable: "metrics_port=9537"}, [f"{variable}: is a string that"]
    )
    [message] = [line for line in output.splitlines() if "FAILED! =>" in line or '"msg":' in line][-1:]
    assert len(message) < 600


def specification(role):
    path = pathlib.Path(__file__).parents[3] / "roles" / role / "meta" / "argument_specs.yml"
    return yaml.safe_load(path.read_text())["argument_specs"]["main"]["options"]


def test_the_options_of_the_role_are_those_of_the_three_roles():
    options = [specification(role) for role in ("crio", "registries", "crictl")]
    own = {
        "runtime_max_disruption",
        "runtime_above_max_disruption",
        "runtime_disruptions",
        "runtime_overruled_guards",
        "runtime_probes",
    }
    found = specification("runtime")
    assert own <= found.keys()
    assert {name: found[name] for name in found.keys() - own} == {
        name: each[name] for each in options for name in each
    }


def test_variables_may_be_parameters_of_the_role(controller):
    play = {
        "hosts": "node.example.com",
        "gather_facts": False,
        "roles": [{"role": "cri.node.runtime", **VARIABLES, "crio_install": "preinstalled"}],
    }
    done = controller.play([play], {}, "--tags", "check")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 node checked: 5 keys in 4 files" in done.stdout
    play["roles"][0]["crio_config"] = {"crio": {"metrics": {"metrics_prt": 1}}}
    assert "did you mean crio.metrics.metrics_port?" in controller.play([play], {}, "--tags", "check").stdout
