# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that what is known of hosts is complete, and that the role documents it."""

import pathlib

import yaml

from ansible_collections.cri.node.plugins.plugin_utils.host.requirements import (
    COMMANDS,
    FAMILIES,
    MODULES,
    SEVERITIES,
    SUBORDINATE_IDS,
    SYSCTLS,
)

ROOT = pathlib.Path(__file__).parents[5]
ROLE = ROOT / "roles" / "prepare"


def test_each_command_has_a_package_for_each_family():
    assert len({each.name for each in COMMANDS}) == len(COMMANDS)
    for each in COMMANDS:
        assert each.severity in SEVERITIES
        assert all(getattr(each, family) for family in FAMILIES.values())


def test_the_readme_of_the_role_names_all_commands_and_parameters():
    text = (ROLE / "README.md").read_text()
    names = [name for each in COMMANDS for name in (each.name, *each.alternatives)]
    assert [name for name in [*names, *SYSCTLS, *MODULES] if name not in text] == []


def test_the_documented_defaults_of_the_role_are_those_of_the_module():
    defaults = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text())
    assert defaults["prepare_modules"] == list(MODULES)
    options = yaml.safe_load((ROLE / "meta" / "argument_specs.yml").read_text())["argument_specs"]["main"][
        "options"
    ]
    ids = options["prepare_subordinate_ids"]["options"]
    assert {name: option["default"] for name, option in ids.items()} == SUBORDINATE_IDS
