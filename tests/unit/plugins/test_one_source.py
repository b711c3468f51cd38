# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that each fact is defined once; if a format or the start of a module requires copies, the copies agree."""

import importlib
import re
from pathlib import Path

import pytest
import yaml

from ansible_collections.cri.node.plugins.doc_fragments.crictl import ModuleDocFragment
from ansible_collections.cri.node.plugins.module_utils import contract, layout
from ansible_collections.cri.node.plugins.module_utils.crictl import start
from ansible_collections.cri.node.plugins.modules import (
    node_runtime_config,
    node_runtime_drift,
    node_runtime_removal,
    node_runtime_rollback,
    node_runtime_verify,
)
from ansible_collections.cri.node.plugins.plugin_utils.crio.catalogue import CATALOGUE
from ansible_collections.cri.node.plugins.plugin_utils.files.kinds import KINDS
from ansible_collections.cri.node.plugins.plugin_utils.plan.desired import Entry
from ansible_collections.cri.node.plugins.plugin_utils.registries import rules
from ansible_collections.cri.node.plugins.plugin_utils.task import variable_layers

COLLECTION = Path(__file__).parents[3]
PLUGINS = COLLECTION / "plugins"
ENDPOINT = f"unix://{layout.CRIO_SOCKET}"


def role_variables(role):
    return yaml.safe_load((COLLECTION / "roles" / role / "vars" / "main.yml").read_text())


def files_of(role):
    return {each.get("kind", "text"): each for each in role_variables(role)[f"{role}_files"]}


def test_the_socket_of_crio_is_the_same_everywhere():
    assert start.ENDPOINT == ENDPOINT
    assert CATALOGUE.lookup("crio.api.listen").default == layout.CRIO_SOCKET
    options = yaml.safe_load(ModuleDocFragment.DOCUMENTATION)["options"]
    assert options["endpoint"]["default"] == ENDPOINT
    assert files_of("crictl")["crictl_yaml"]["defaults"]["runtime-endpoint"] == ENDPOINT


def test_roles_write_where_the_daemon_reads():
    crio = files_of("crio")
    assert crio["crio_conf"]["path"].rpartition("/")[0] == layout.CRIO_CONFIG_DIRECTORY
    assert crio["unit_drop_in"]["path"].rpartition("/")[0] == f"{layout.UNIT_DIRECTORY}/crio.service.d"
    assert files_of("registries")["registries_conf"]["path"] == rules.FILE
    assert rules.FILE.rpartition("/")[0] == layout.REGISTRIES_DIRECTORY


# What CRI-O, systemd and containers/image read, as code would name it.
PATHS = re.compile(
    r'["\'](?:unix://)?(/var/run/crio/crio\.sock|/etc/crio/crio\.conf(?:\.d)?|/etc/systemd/system'
    r"|/etc/containers/registries\.conf(?:\.d)?)/?[\"']"
)
COPIES = {
    "module_utils/crictl/start.py": "compiled before everything else",
    "plugin_utils/crio/keys.py": "the defaults in CRI-O's own code",
}


def test_no_other_code_defines_paths():
    found = {
        str(path.relative_to(PLUGINS)): PATHS.findall(path.read_text())
        for folder in ("action", "filter", "module_utils", "plugin_utils")
        for path in (PLUGINS / folder).rglob("*.py")
    }
    assert {name for name, paths in found.items() if paths} == {"module_utils/layout.py", *COPIES}


def test_only_one_module_names_the_labels_of_a_pod():
    label = re.compile(r"io\.kubernetes\.pod\.(?:name|namespace|uid)\b")
    named = [
        str(path.relative_to(PLUGINS))
        for folder in ("module_utils", "plugin_utils", "action")
        for path in (PLUGINS / folder).rglob("*.py")
        if label.search(path.read_text())
    ]
    assert named == ["module_utils/crictl/fields.py"]


@pytest.mark.parametrize(
    "name",
    [
        "crictl_image_prune",
        "crictl_images_facts",
        "crictl_info_facts",
        "crictl_logs_facts",
        "crictl_pod",
        "crictl_ps_facts",
    ],
)
def test_the_kinds_of_crictl_failures_are_documented_in_one_way(name):
    module = importlib.import_module(f"ansible_collections.cri.node.plugins.modules.{name}")
    returned = yaml.safe_load(module.RETURN)["kind"]
    described = importlib.import_module(
        "ansible_collections.cri.node.plugins.modules.crictl_info_facts"
    ).RETURN
    assert returned["description"] == yaml.safe_load(described)["kind"]["description"]


def test_a_request_has_the_keys_of_its_contract():
    secrets = {"secret_hashes", "secret_key_hashes", "secret_contents", "secret_entries"}
    request = set(contract.Request.__annotations__)
    assert set(node_runtime_config.REQUEST) - secrets == request
    assert set(node_runtime_drift.REQUEST) - secrets <= {*request, "for_plan"}
    assert set(node_runtime_rollback.REQUEST) == set(contract.RollbackRequest.__annotations__)
    assert set(node_runtime_removal.REQUEST) == set(contract.RemovalRequest.__annotations__)
    more = set(contract.ObservationRequest.__annotations__) - request
    assert set(node_runtime_verify.REQUEST) >= more
    assert set(node_runtime_verify.REQUEST) - secrets <= request | more


def test_an_entry_of_the_option_files_has_the_keys_that_the_action_declares():
    action = importlib.import_module("ansible_collections.cri.node.plugins.action.runtime_config")
    options = action.ARGUMENT_SPEC["files"]["options"]
    assert set(options) == {*Entry.__annotations__, *variable_layers.NAMES, "layered", "element", "variables"}
    assert options["kind"]["choices"] == sorted(KINDS)
