# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests the copy of storage.conf that CRI-O validates before a change."""

import pytest

from ansible_collections.cri.node.plugins.module_utils.crio.service import CrioService
from ansible_collections.cri.node.plugins.module_utils.errors import TransactionError
from ansible_collections.cri.node.plugins.module_utils.transaction.configuration_copy import ConfigurationCopy
from faults.fake_node import FakeNode

STORAGE = "/etc/containers/storage.conf"
VENDOR = "/usr/share/containers/storage.conf"


@pytest.fixture
def node(tmp_path, monkeypatch):
    return FakeNode(tmp_path, monkeypatch)


def copied(node, contents=(), remove=()):
    """Return (the variables for CRI-O, the content of the file that they name) of a change."""
    folder = node.root / "run/candidate"
    folder.mkdir(parents=True)
    service = CrioService("crio.service")
    request = {
        "contents": {node.path(path): text for path, text in contents},
        "remove": [node.path(each) for each in remove],
    }
    made = ConfigurationCopy(request, service, str(folder), node.layout)
    named = made.environment.get("CONTAINERS_STORAGE_CONF")
    return made.environment, open(named).read() if named else ""


def test_crio_reads_the_new_file_and_a_change_of_another_one_concerns_no_storage(node):
    assert copied(node, [(STORAGE, "new\n")])[1] == "new\n"


def test_without_a_change_of_the_file_nothing_is_named(node):
    assert copied(node, [("/etc/crio/crio.conf.d/60-cri-node.conf", "")]) == ({}, "")


@pytest.mark.parametrize("vendor", ["", "of the package\n"])
def test_after_a_removal_crio_reads_what_the_package_has(node, vendor):
    node.write(STORAGE, "old\n")
    if vendor:
        node.write(VENDOR, vendor)
    environment, content = copied(node, remove=[STORAGE])
    assert set(environment) == {"CONTAINERS_STORAGE_CONF"}
    assert content == vendor


@pytest.mark.parametrize("named", ["/etc/mine.conf", STORAGE, ""])
def test_a_file_that_the_daemon_does_not_read_is_refused(node, monkeypatch, named):
    path = node.path(STORAGE) if named == STORAGE else named
    monkeypatch.setattr(CrioService, "environment", {"CONTAINERS_STORAGE_CONF": path})
    if named in (STORAGE, ""):
        assert copied(node, [(STORAGE, "new\n")])[1] == "new\n"
        return
    with pytest.raises(
        TransactionError, match=r"has CONTAINERS_STORAGE_CONF=/etc/mine\.conf, so this daemon does not read"
    ):
        copied(node, [(STORAGE, "new\n")])
