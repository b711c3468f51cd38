# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of a change that is applied on a node."""

import pytest
from tests.unit.plugins.module_utils.transaction.changing_node import CRICTL, Node

from faults.fake_node import CONFIG


@pytest.fixture
def node(tmp_path, monkeypatch):
    return Node(tmp_path, monkeypatch)


@pytest.mark.parametrize("enabled", [True, False])
def test_systemd_forgets_the_unit_of_the_next_boot_if_it_was_made_to_read_it(node, enabled):
    node.change({CONFIG: "one"})
    node.daemon.enabled = enabled
    node.commands.clear()
    node.change({CONFIG: "one", CRICTL: "timeout: 1"}, activate="none")
    verbs = [words[1] for words in node.commands if words[0] == "systemctl" and words[1] != "show"]
    assert verbs == ([] if enabled else ["enable", "daemon-reload"])
    assert node.litter() == []
