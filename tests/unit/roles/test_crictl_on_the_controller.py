# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests the part of the role crictl that runs on the controller. Runs on every supported controller."""

import pytest
import yaml

FILE = "/etc/crictl.yaml"
COMPLETION = {
    "bash": "/etc/bash_completion.d/crictl",
    "zsh": "/usr/local/share/zsh/site-functions/_crictl",
    "fish": "/etc/fish/completions/crictl.fish",
}


def test_crictl_uses_the_socket_of_crio_by_default(controller):
    shown = controller.files("crictl", {})
    assert shown[FILE].content == (
        "# Written by the role cri.node.crictl, which undoes what is changed here: set crictl_config instead.\n"
        "runtime-endpoint: unix:///var/run/crio/crio.sock\n"
        "timeout: 10\n"
    )
    assert {entry.disruption for entry in shown.values()} == {"none"}
    assert {entry.owner for entry in shown.values()} == {"crictl"}


def test_crictl_uses_the_socket_that_crio_is_configured_to_listen_on(controller):
    variables = {
        "crio_config": {"crio": {"api": {"listen": "/run/first.sock"}}},
        "crio_config__site": {"crio": {"api": {"listen": "/run/second.sock"}}},
    }
    shown = controller.files("crictl", variables)[FILE]
    assert yaml.safe_load(shown.content)["runtime-endpoint"] == "unix:///run/second.sock"
    assert shown.checked.sources["runtime-endpoint",] == "crio_config"


def test_the_user_s_value_wins_and_null_removes(controller):
    variables = {
        "crictl_config": {"timeout": "30", "debug": "False", "runtime-endpoint": "unix:///run/a.sock"},
        "crictl_config__x": {"runtime-endpoint": None, "pull-image-on-create": True},
        "crio_config": {"crio": {"api": {"listen": "/run/first.sock"}}},
    }
    content = yaml.safe_load(controller.files("crictl", variables)[FILE].content)
    assert content == {"timeout": 30, "debug": False, "pull-image-on-create": True}


def test_only_the_listed_shells_get_completion(controller):
    for shells in ([], ["bash"], ["zsh", "fish"]):
        variables = {"crictl_completion": shells}
        assert controller.desired("crictl", variables) == [FILE, *[COMPLETION[shell] for shell in shells]]
        shown = controller.files("crictl", variables)
        for shell in shells:
            assert f"crictl completion {shell}" in shown[COMPLETION[shell]].content


def test_the_list_of_shells_may_be_a_string(controller):
    for text in ('["zsh", "fish"]', "- zsh\n- fish", "zsh, fish"):
        expected = [FILE, COMPLETION["zsh"], COMPLETION["fish"]]
        assert controller.desired("crictl", {"crictl_completion": text}) == expected


def test_the_zsh_completion_starts_with_compdef(controller):
    shown = controller.files("crictl", {"crictl_completion": ["zsh"]})
    assert shown[COMPLETION["zsh"]].content.splitlines()[0] == "#compdef crictl"


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        pytest.param(
            {"crictl_config": {"timeout": "2s"}}, ["crictl_config: timeout", "an integer"], id="a duration"
        ),
        pytest.param(
            {"crictl_config__x": {"timout": 2}},
            ["crictl_config__x: timout", "did you mean timeout?"],
            id="a typo",
        ),
        pytest.param(
            {"crictl_completion": ["csh"]},
            ["crictl_completion = csh: is not accepted", "accepted: bash, zsh, fish"],
            id="a shell without completion",
        ),
    ],
)
def test_an_invalid_value_is_one_message_without_a_traceback(controller, variables, expected):
    controller.expect_one_message("crictl", variables, expected)
