# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of variables: readable, in their order, safe from templates, with what is missing as comments."""

import pytest
from ansible.parsing.dataloader import DataLoader

from ansible_collections.cri.node.plugins.plugin_utils.adopt import variable_files
from ansible_collections.cri.node.plugins.plugin_utils.adopt.fleet import Fleet

GROUP = "group_vars/cri_node_adopted.yml"


def texts(common, layers=None, left=None, nodes=("a", "b")):
    return variable_files.texts(nodes, Fleet(common, layers or {}), left or {})


def test_the_files_are_an_inventory_of_their_own():
    files = texts(
        {"crio": {"runtime": {"log_level": "debug", "default_sysctls": ["a=1"]}}},
        {"b": {"crio": {"log_dir": None}}},
    )
    assert list(files) == ["hosts.yml", GROUP, "host_vars/b.yml"]
    assert files[GROUP] == (
        "# Written by cri.node.adopt: the settings of crio.conf that 2 nodes already have, without defaults of CRI-O.\n"
        "# Nodes that differ have the layer crio_config__node in host_vars: b.\n"
        "---\n"
        "crio_config:\n"
        "  crio:\n"
        "    runtime:\n"
        "      log_level: debug\n"
        "      default_sysctls:\n"
        "        - a=1\n"
    )
    assert files["host_vars/b.yml"].endswith("---\ncrio_config__node:\n  crio:\n    log_dir: null\n")


def test_keys_that_are_missing_are_comments_with_their_nodes():
    one = {
        "key": "crio.runtime.default_env",
        "source": "/etc/crio/crio.conf",
        "kind": "secret",
        "reason": "may be secret",
    }
    assert "# Not adopted:\n# - crio.runtime.default_env, which /etc/crio/crio.conf sets, may be secret\n---" in texts(
        {}, left={"a": [one], "b": [one]}
    )[GROUP]  # fmt: skip
    assert "sets (b), may be secret" in texts({}, left={"a": [], "b": [one]})[GROUP]


@pytest.mark.parametrize(
    "value",
    [
        "{{ lookup('pipe', 'id') }}",
        "{% x %}",
        "a{#",
        "yes",
        "0644",
        "1e3",
        "",
        "10s",
        "a: b # c",
        "'",
        "\u00e4\t\x07",
    ],
)
def test_ansible_reads_each_value_as_it_is(tmp_path, value):
    (tmp_path / "x.yml").write_text(texts({"crio": {"log_dir": value}})[GROUP])
    loaded = DataLoader().load_from_file(str(tmp_path / "x.yml"))["crio_config"]["crio"]["log_dir"]
    assert loaded == value
    assert isinstance(loaded, str)


@pytest.mark.parametrize("name", ["a/b", "..", "a\0"])
def test_a_host_whose_name_cannot_be_a_file_is_refused(name):
    with pytest.raises(ValueError, match="cannot be the name of a file"):
        texts({}, nodes=[name])
