# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests the file of registries.d."""

import pytest
import yaml

from ansible_collections.cri.node.plugins.plugin_utils.files.registries_d import RegistriesD, check

KIND = RegistriesD()
DATA = {
    "default-docker": {"use-sigstore-attachments": "true"},
    "docker": {
        "registry.example.com/team": {"lookaside": "https://sigs.example.com/team"},
        "*.lab.example.com": {
            "lookaside": "file:///var/lib/containers/sigstore",
            "use-sigstore-attachments": False,
        },
    },
}


def test_the_file_has_the_typed_settings_of_all_layers():
    checked = check(
        [
            ("v", DATA),
            ("v__lab", {"docker": {"registry.example.com/team": {"lookaside": "https://lab.example.com"}}}),
        ]
    )
    assert checked.problems == []
    assert yaml.safe_load(KIND.render(checked.data)) == {
        "default-docker": {"use-sigstore-attachments": True},
        "docker": {
            "*.lab.example.com": {
                "lookaside": "file:///var/lib/containers/sigstore",
                "use-sigstore-attachments": False,
            },
            "registry.example.com/team": {"lookaside": "https://lab.example.com"},
        },
    }
    assert (
        dict(KIND.walk(checked.data))["docker", "registry.example.com/team", "lookaside"]
        == "https://lab.example.com"
    )
    assert checked.sources["docker", "registry.example.com/team", "lookaside"] == "v__lab"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"docker": {"a.io": {"lookasid": "https://x"}}}, "did you mean lookaside?"),
        ({"defaultdocker": {}}, "did you mean default-docker?"),
        ({"docker": []}, "docker: is a list, not a mapping"),
        ({"docker": {"a.io": "https://x"}}, "is a string, not a mapping"),
        ({"docker": {"": {"lookaside": "https://x"}}}, "the settings of all images are default-docker"),
        ({"docker": {"busybox": {"lookaside": "https://x"}}}, "is a scope that matches no image"),
        ({"docker": {"a.io": {"sigstore": "https://x"}}}, "is the former name of a key; accepted: lookaside"),
        (
            {"docker": {"a.io": {"lookaside": "sigs.example.com"}}},
            "is not a URL that containers/image can read",
        ),
        ({"docker": {"a.io": {"lookaside": "https:///x"}}}, "has no host"),
        ({"docker": {"a.io": {"lookaside": "file://x/y"}}}, "does not have an absolute path"),
        ({"docker": {"a.io": {"lookaside": "https://u:canary@x.io"}}}, "contains a user name or a password"),
        ({"default-docker": {"use-sigstore-attachments": "yes"}}, "is a string, not a boolean"),
    ],
)
def test_what_containers_image_would_ignore_is_one_problem(data, words):
    [problem] = check([("registries_signatures", data)]).problems
    assert words in str(problem)
    assert "canary" not in str(problem)


def test_empty_settings_are_no_file():
    assert check([("v", {"docker": {"a.io": {}}, "default-docker": {}})]).data == {}
