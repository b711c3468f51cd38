# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that the examples of README, guides and role READMEs use existing modules, options, variables, playbooks and tags."""

import importlib

import pytest
import yaml

from docsite import examples
from docsite.blocks import GUIDES, TEXTS, blocks
from docsite.record import ORDER
from testbed.paths import CHECKOUT

YAML = [block for path in TEXTS for block in blocks(path) if block.language == "yaml"]


def problems(variable, layers):
    """Return the problems that the filter of a layered variable reports."""
    plugin = importlib.import_module(f"ansible_collections.cri.node.plugins.filter.{variable}")
    return getattr(plugin, variable)(layers)["problems"]


@pytest.mark.parametrize("block", YAML, ids=str)
def test_an_example_only_uses_what_exists(block):
    assert [fault for document in examples.load(block.text) for fault in examples.unknown(document)] == []


@pytest.mark.parametrize("block", YAML, ids=str)
def test_the_settings_of_an_example_are_accepted(block):
    for document in examples.load(block.text):
        for variable, layers in examples.settings(document):
            assert problems(variable, layers) == []


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(CHECKOUT)))
def test_a_command_only_uses_what_exists(path):
    commands = examples.commands(path.read_text(encoding="utf-8"))
    assert [fault for words in commands for fault in examples.unknown_in_command(words)] == []


def test_the_texts_have_examples_and_commands_to_check():
    counted = {path.name: len(examples.commands(path.read_text(encoding="utf-8"))) for path in TEXTS}
    assert len(YAML) > 30
    assert counted["first_node.rst"] >= 5
    assert counted["README.md"] >= 3


def test_every_guide_is_listed_and_recorded():
    guides = {path.stem for path in GUIDES.glob("*.rst")}
    sections = yaml.safe_load((GUIDES.parent / "extra-docs.yml").read_text())["sections"]
    front_page = (GUIDES.parent / "sphinx" / "index.rst").read_text()
    assert {name for section in sections for name in section["toctree"]} == guides
    assert set(ORDER) == guides
    assert [guide for guide in guides if f"docsite/{guide}\n" not in front_page] == []


@pytest.mark.parametrize("name", ORDER)
def test_each_output_in_a_guide_was_recorded(name):
    text = (GUIDES / f"{name}.rst").read_text(encoding="utf-8")
    assert "(not recorded yet)" not in text
    assert [block for block in blocks(GUIDES / f"{name}.rst") if block.text.strip() in ("", "{}")] == []


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("crio_confg: {}", ["no role or playbook has a variable crio_confg"]),
        ("crio_config_lab: {}", ["no role or playbook has a variable crio_config_lab"]),
        ("image: x", ["image is no variable of the collection"]),
        ("- hosts: nodes\n  roles: [cri.node.crictrl]", ["there is no role cri.node.crictrl"]),
        ("- hosts: nodes\n  vars: {verify_nework: x}", ["no role or playbook has a variable verify_nework"]),
        ("- cri.node.crictl_ps_facts: {state: x}", ["cri.node.crictl_ps_facts has no option state"]),
        ("- block: [cri.node.crictl_ps: ]", ["there is no module cri.node.crictl_ps"]),
        ("- ansible.builtin.import_playbook: cri.node.rollout", ["there is no playbook cri.node.rollout"]),
        (
            "- import_role: {name: cri.node.verify, tasks_from: nodess}",
            ["there is no role entry point cri.node.verify/tasks/nodess"],
        ),
        ("crio_config__lab: {}\ncri_node_serial: 5", []),
        ("- cri.node.crictl_ps_facts: {states: [], endpoint: x}", []),
    ],
)
def test_unknown_names_in_an_example_are_found(text, faults):
    assert [fault for document in examples.load(text) for fault in examples.unknown(document)] == faults


@pytest.mark.parametrize(
    ("command", "faults"),
    [
        ("ansible-playbook -i hosts.ini cri.node.provsion", ["there is no playbook cri.node.provsion"]),
        ("ansible-playbook -i hosts.ini site.yml --tags chek", ["there is no tag chek"]),
        ("ansible-playbook -i x y -e verify_imag=z", ["no role or playbook has a variable verify_imag"]),
        (
            """ansible-playbook -i x y -e '{"crio_confg": {}}'""",
            ["no role or playbook has a variable crio_confg"],
        ),
        (
            "ansible -i x y -m cri.node.crictl_logs_facts -a 'tial=2'",
            ["cri.node.crictl_logs_facts has no option tial"],
        ),
        ("ansible-playbook -i hosts.ini cri.node.verify --limit 'rack7'   # all of them", []),
    ],
)
def test_unknown_names_in_a_command_are_found(command, faults):
    (words,) = examples.commands(f"    $ {command}\n")
    assert examples.unknown_in_command(words) == faults
