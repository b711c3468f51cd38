# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that the options of the actions that check and apply files are documented as they are declared."""

import importlib
from pathlib import Path

import pytest
import yaml

from ansible_collections.cri.node.plugins.filter import crio_config
from ansible_collections.cri.node.plugins.plugin_utils.task import option_rules
from docsite import fragments

ACTIONS = Path(__file__).parents[4] / "plugins" / "action"


def imported(kind, name):
    return importlib.import_module(f"ansible_collections.cri.node.plugins.{kind}.{name}")


def without_descriptions(options):
    """Return documented options in the form of an argument specification."""
    found = {}
    for name, option in options.items():
        found[name] = {
            key: value for key, value in option.items() if key not in ("description", "suboptions")
        }
        if "suboptions" in option:
            found[name]["options"] = without_descriptions(option["suboptions"])
    return found


def as_documented(specification):
    """Return an argument specification without values that documentation omits."""
    found = {}
    for name, option in specification.items():
        found[name] = {key: value for key, value in option.items() if (key, value) != ("required", False)}
        if "options" in option:
            found[name]["options"] = as_documented(option["options"])
    return found


def documented_options(name):
    """Return a module's options with those of its documentation fragments, which have lower precedence."""
    documentation = yaml.safe_load(imported("modules", name).DOCUMENTATION)
    options = documentation.get("options", {})
    for shared in fragments.of(documentation):
        for option, described in shared["options"].items():
            options[option] = {**described, **options.get(option, {})}
    return options


@pytest.mark.parametrize("name", sorted(path.stem for path in ACTIONS.glob("[a-z]*.py")))
def test_options_are_documented_as_declared(name):
    documented = documented_options(name)
    assert without_descriptions(documented) == as_documented(imported("action", name).ARGUMENT_SPEC)


@pytest.mark.parametrize("name", ["runtime_config", "runtime_verify"])
@pytest.mark.parametrize(("secret", "mode"), [(False, "0644"), (True, "0600")])
def test_the_documented_default_of_mode_is_the_one_that_applies(name, secret, mode):
    options = documented_options(name)
    assert f'V("{mode}")' in str(options["files"]["suboptions"]["mode"]["description"])
    specification = imported("action", name).ARGUMENT_SPEC
    entry = {"path": "/etc/a", "owner": "crio", "content": "x", "mode": None, "secret": secret}
    given = {"files": [{**entry, "disruption": "none"}]}
    assert option_rules.normalise(given, specification) == []
    assert given["files"][0]["mode"] == mode


def test_expected_values_are_documented_with_those_of_handlers():
    data = {"crio": {"runtime": {"runtimes": {"kata": {"runtime_path": "/opt/kata"}}}}}
    expect = crio_config.crio_config([["crio_config", data]])["expect"]
    assert None in expect.values()
    text = str(yaml.safe_load(crio_config.RETURN)["_value"]["contains"]["expect"]["description"])
    assert "Contains all keys of a handler or a workload" in text
    assert "V(null)" in text
