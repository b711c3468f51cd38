# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests the requirements on a host before it is changed."""

import sys

import pytest

from ansible_collections.cri.node.plugins.module_utils import node_host


def test_python_before_3_9_is_refused_with_its_version(monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 8, 18, "final", 0))
    with pytest.raises(
        node_host.UnfitHostError, match=r"needs Python 3\.9 or later on a node.* is Python 3\.8\.18"
    ):
        node_host.refuse_unfit()


def test_a_user_other_than_root_is_refused(monkeypatch):
    monkeypatch.setattr(node_host.os, "geteuid", lambda: 1000)
    with pytest.raises(node_host.UnfitHostError, match="become: true"):
        node_host.refuse_unfit()
