# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests the part of the role registries that runs on the controller. Runs on every supported controller."""

import pytest

DROP_IN = "/etc/containers/registries.conf.d/zz-cri-node.conf"
HEADER = "# Written by the role cri.node.registries, which undoes what is changed here: set registries_config instead.\n"


def test_the_file_is_rendered_from_all_layers(controller):
    shown = controller.files(
        "registries",
        {
            "registries_config": {
                "unqualified-search-registries": ["registry.example.com"],
                "registry": [
                    {"prefix": "", "location": "abcd.example.com", "insecure": True},
                    {"location": "docker.io", "blocked": "true"},
                ],
            },
            "registries_config__lab": {
                "registry": [
                    {"prefix": "docker.io", "mirror": [{"location": "mirror:5000", "insecure": True}]},
                    {"location": "abcd.example.com", "insecure": None},
                ]
            },
        },
    )
    assert shown[DROP_IN].content == HEADER + (
        'unqualified-search-registries = ["registry.example.com"]\n'
        "\n"
        "[[registry]]\n"
        'location = "abcd.example.com"\n'
        'prefix = ""\n'
        "\n"
        "[[registry]]\n"
        "blocked = true\n"
        'location = "docker.io"\n'
        'prefix = "docker.io"\n'
        "\n"
        "[[registry.mirror]]\n"
        "insecure = true\n"
        'location = "mirror:5000"\n'
    )
    assert (shown[DROP_IN].owner, shown[DROP_IN].disruption) == ("registries", "reload")
    assert shown[DROP_IN].checked.sources["registry", "docker.io", "mirror"] == "registries_config__lab"


def test_without_variables_no_file_is_desired(controller):
    assert controller.desired("registries", {}) == []


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        pytest.param(
            {"registries_config__x": {"registry": [{"location": "https://a.io"}]}},
            ["registries_config__x: registry.", "https://a.io", DROP_IN, "URI schemes are not supported"],
            id="a URL",
        ),
        pytest.param(
            {"registries_config": {"unqualified_search_registries": []}},
            ["did you mean unqualified-search-registries?"],
            id="an unknown key",
        ),
        pytest.param({"registries_config": ["a.io"]}, ["registries_config"], id="a list"),
        pytest.param({"registries_config__x": "a.io"}, ["registries_config__x"], id="a layer that is a text"),
    ],
)
def test_an_invalid_value_is_one_message_without_a_traceback(controller, variables, expected):
    controller.expect_one_message("registries", variables, expected)
