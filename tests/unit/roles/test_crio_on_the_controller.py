# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests the part of the role crio that runs on the controller, without a node. Runs on every supported controller."""

import pytest


def test_the_file_set_is_rendered_from_all_layers(controller):
    shown = controller.files(
        "crio",
        {
            "crio_config": {"crio": {"metrics": {"metrics_port": "9537"}, "runtime": {"log_level": "info"}}},
            "crio_config__10_site": {"crio": {"runtime": {"log_level": None}, "api": {"stream_port": 10010}}},
            "crio_service": {"Service": {"KillMode": "process"}},
            "crio_environment": {"NO_PROXY": "localhost, 10.0.0.0/8"},
        },
    )
    drop_in = shown["/etc/crio/crio.conf.d/60-cri-node.conf"]
    assert drop_in.content == (
        "# Written by the role cri.node.crio, which undoes what is changed here: set crio_config instead.\n"
        '[crio.api]\nstream_port = "10010"\n\n[crio.metrics]\nmetrics_port = 9537\n'
    )
    assert (drop_in.mode, drop_in.secret) == ("0644", False)
    assert shown["/etc/systemd/system/crio.service.d/60-cri-node.conf"].content.splitlines()[1:] == [
        "[Service]", "KillMode=process", "", "[Service]", "EnvironmentFile=-/etc/crio/cri-node.environment",
    ]  # fmt: skip
    environment = shown["/etc/crio/cri-node.environment"]
    assert environment.content.splitlines()[1:] == ['NO_PROXY="localhost, 10.0.0.0/8"']
    assert (environment.mode, environment.secret) == ("0600", True)


def test_a_misspelled_variable_is_a_warning_in_every_run(controller):
    done = controller.run(
        "crio", {"crio_config_lab": {"crio": {"api": {}}}, "crio_my_ticket_number": "OPS-1"}
    )
    output = " ".join((done.stdout + done.stderr).split())
    assert done.returncode == 0, output
    assert "crio_config_lab is not read by any role of cri.node; did you mean crio_config__lab?" in output
    assert "ticket_number" not in output


def test_without_variables_no_file_is_desired(controller):
    assert controller.desired("crio", {}) == []


def test_a_configuration_that_may_contain_a_password_is_only_readable_by_root(controller):
    shown = controller.files("crio", {"crio_config": {"crio": {"runtime": {"default_env": ["TOKEN=x"]}}}})
    drop_in = shown["/etc/crio/crio.conf.d/60-cri-node.conf"]
    assert (drop_in.mode, drop_in.secret) == ("0600", True)


def test_a_drop_in_that_may_contain_a_password_is_only_readable_by_root(controller):
    path = "/etc/systemd/system/crio.service.d/60-cri-node.conf"
    drop_in = controller.files("crio", {"crio_service": {"Service": {"Environment": "TOKEN=x"}}})[path]
    assert (drop_in.mode, drop_in.secret) == ("0600", True)
    drop_in = controller.files("crio", {"crio_service": {"Service": {"KillMode": "process"}}})[path]
    assert (drop_in.mode, drop_in.secret) == ("0644", False)


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        pytest.param(
            {"crio_config__x": {"crio": {"metrics": {"metrics_prt": 1}}}},
            ["crio_config__x: crio.metrics.metrics_prt", "did you mean crio.metrics.metrics_port?"],
            id="unknown key",
        ),
        pytest.param(
            {"crio_config": {"crio": {"network": {"cni_status_grace_period": "5s"}}}, "crio_version": "1.35"},
            ["crio.network.cni_status_grace_period", "1.35"],
            id="key of a later version than the declared one",
        ),
        pytest.param(
            {"crio_config": {"crio": {"image": {"short_name_mode": "disabled"}}}, "crio_version": "1.30"},
            ["crio.image.short_name_mode", "does not exist in CRI-O 1.30", "available since 1.34"],
            id="key of a later version than a declared one that nodes do not have",
        ),
        pytest.param(
            {"crio_version": 1.4},
            ["crio_version = 1.4: is not a string", "1.28 to 1.37 in quotes"],
            id="1.40 without quotes",
        ),
        pytest.param(
            {"crio_ready_timeout": 0},
            ["ready_timeout (crio_ready_timeout of the role) is 0; it must be at least 1 second"],
            id="zero",
        ),
        pytest.param(
            {"crio_service": {"Service": 5}},
            ["crio_service", "not a mapping"],
            id="a section that is a number",
        ),
        pytest.param(
            {"crio_environment": {"CONTAINER_CONFIG_DIR": "/srv"}},
            ["crio_environment: CONTAINER_CONFIG_DIR", "this role writes to /etc/crio/crio.conf.d"],
            id="a configuration elsewhere",
        ),
        pytest.param({"crio_service": {"Srvice": {}}}, ["crio_service", "Srvice"], id="no section"),
        pytest.param(
            {"crio_environment": {"A B": "s3cret"}}, ["crio_environment", "A B"], id="no variable's name"
        ),
        pytest.param(
            {"crio_install": "bundle", "crio_bundle": {"source": "/x"}},
            ["sha256 is missing in crio_bundle"],
            id="half a bundle",
        ),
        pytest.param({"crio_install": "package"}, ["crio_install", "preinstalled"], id="no way to install"),
    ],
)
def test_an_invalid_value_is_one_message_without_a_traceback(controller, variables, expected):
    assert "s3cret" not in controller.expect_one_message("crio", variables, expected)
