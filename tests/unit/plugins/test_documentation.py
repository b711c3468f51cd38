# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that every module, filter and role entry point has complete documentation, and lists what is missing."""

import importlib
from pathlib import Path

import pytest
import yaml

from docsite import fragments

COLLECTION = Path(__file__).parents[3]
PACKAGE = "ansible_collections.cri.node.plugins"
ATTRIBUTES = ("check_mode", "diff_mode", "platform")
INTERNAL = "node_"  # begins the name of a module that only the action of the rest of its name calls


def names(folder):
    return sorted(path.stem for path in (COLLECTION / folder).glob("*.py") if path.stem != "__init__")


def specifications():
    """Return (role, entry point, its specification) of all roles."""
    for path in sorted((COLLECTION / "roles").glob("*/meta/argument_specs.yml")):
        entries = yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"]
        yield from ((path.parents[1].name, name, entry) for name, entry in entries.items())


def with_fragments(documentation):
    """Return the documentation of a module with the attributes and requirements of its fragments."""
    attributes, requirements = {}, list(documentation.get("requirements", []))
    for shared in fragments.of(documentation):
        requirements += shared.get("requirements", [])
        for name, attribute in shared.get("attributes", {}).items():
            attributes[name] = {**attributes.get(name, {}), **attribute}
    for name, attribute in documentation.get("attributes", {}).items():
        attributes[name] = {**attributes.get(name, {}), **attribute}
    return {**documentation, "attributes": attributes, "requirements": requirements}


def missing(documentation, sections):
    """Return the names of sections that are absent or empty, and of attributes without support or description."""
    found = [section for section in sections if not documentation.get(section)]
    if not all("(@" in author for author in documentation.get("author", [])):
        found.append("author with a GitHub name")
    if "attributes" in sections:
        given = documentation.get("attributes") or {}
        found += [
            f"attributes.{name}.{part}"
            for name in dict.fromkeys((*ATTRIBUTES, *given))
            for part in ("support", "description")
            if part not in given.get(name, {})
        ]
    return found


def lacks_in_examples(text, name):
    """Return the problems of examples: invalid YAML, no names, or no use of the plugin or role by its full name."""
    tasks = yaml.safe_load(text or "[]")
    if not tasks:
        return ["examples"]
    unnamed = [] if all(task.get("name") for task in tasks) else ["examples with a name"]
    return unnamed if f"cri.node.{name}" in text else [*unnamed, "examples with the full name"]


def module_lacks(plugin, name):
    documentation = with_fragments(yaml.safe_load(plugin.DOCUMENTATION))
    sections = ("version_added", "author", "short_description", "requirements", "seealso", "attributes")
    return [*missing(documentation, sections), *lacks_in_examples(plugin.EXAMPLES, name)]


def filter_lacks(plugin, name):
    documentation = yaml.safe_load(plugin.DOCUMENTATION)
    sections = ("version_added", "author", "short_description", "seealso")
    return [*missing(documentation, sections), *lacks_in_examples(plugin.EXAMPLES, name)]


def entry_point_lacks(entry, role):
    sections = ("version_added", "author", "short_description", "description", "seealso", "attributes")
    return [*missing(entry, sections), *lacks_in_examples(entry.get("examples"), role)]


def imported(kind, name):
    return importlib.import_module(f"{PACKAGE}.{kind}.{name}")


@pytest.mark.parametrize("name", names("plugins/modules"))
def test_a_module_is_documented(name):
    # A changelog announces a module with version_added as new.
    expected = ["version_added"] if name.startswith(INTERNAL) else []
    assert module_lacks(imported("modules", name), name.removeprefix(INTERNAL)) == expected


@pytest.mark.parametrize("name", [name for name in names("plugins/modules") if name.startswith(INTERNAL)])
def test_an_internal_module_is_documented_as_internal_and_not_listed_in_the_readme(name):
    documentation = yaml.safe_load(imported("modules", name).DOCUMENTATION)
    public = name.removeprefix(INTERNAL)
    assert documentation["short_description"] == f"Internal: node side of cri.node.{public}"
    assert documentation["extends_documentation_fragment"] == ["cri.node.internal"]
    assert name not in (COLLECTION / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", names("plugins/action"))
def test_the_module_of_an_action_only_contains_documentation(name):
    module = imported("modules", name)
    assert {each for each in vars(module) if not each.startswith("_")} == {
        "DOCUMENTATION",
        "EXAMPLES",
        "RETURN",
        "annotations",
    }


@pytest.mark.parametrize("name", names("plugins/filter"))
def test_a_filter_is_documented(name):
    assert filter_lacks(imported("filter", name), name) == []


def test_all_roles_have_a_specification():
    roles = {path.name for path in (COLLECTION / "roles").iterdir() if path.is_dir()}
    assert {role for role, _name, _entry in specifications()} == roles


@pytest.mark.parametrize(
    ("role", "entry"),
    [pytest.param(role, entry, id=f"{role}-{name}") for role, name, entry in specifications()],
)
def test_an_entry_point_of_a_role_is_documented(role, entry):
    assert entry_point_lacks(entry, role) == []


def test_missing_documentation_is_listed():
    entry = {
        "author": ["Somebody"],
        "short_description": "x",
        "description": ["x"],
        "attributes": {"check_mode": {"support": "full"}},
        "examples": "- hosts: all\n",
    }
    assert entry_point_lacks(entry, "crio") == [
        "version_added",
        "seealso",
        "author with a GitHub name",
        "attributes.check_mode.description",
        "attributes.diff_mode.support",
        "attributes.diff_mode.description",
        "attributes.platform.support",
        "attributes.platform.description",
        "examples with a name",
        "examples with the full name",
    ]
    assert lacks_in_examples(None, "crio") == ["examples"]
