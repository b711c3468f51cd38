# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that the distribution's program updates the store of certificate authorities, if a change touches its folder."""

import pytest

from ansible_collections.cri.node.plugins.module_utils import trust_store
from ansible_collections.cri.node.plugins.module_utils.errors import TransactionError

DEBIAN = "/usr/local/share/ca-certificates/cri-node-root.crt"
FEDORA = "/etc/pki/ca-trust/source/anchors/cri-node-root.crt"
OTHER = "/etc/crio/crio.conf.d/60-cri-node.conf"


@pytest.fixture
def commands(monkeypatch):
    """The commands that were run; update-ca-certificates is installed, and update-ca-trust is not."""
    ran = []
    installed = {"update-ca-certificates": "/usr/sbin/update-ca-certificates"}
    monkeypatch.setattr(trust_store.shutil, "which", lambda name, path: installed.get(name))
    monkeypatch.setattr(trust_store, "run", lambda command, timeout: ran.append(command) or (0, "", ""))
    return ran


def test_only_the_program_of_a_changed_folder_runs_and_once_for_all_its_files(commands):
    assert trust_store.update([OTHER]) == ""
    assert commands == []
    assert trust_store.update([DEBIAN, DEBIAN.replace("root", "lab"), OTHER]) == ""
    assert commands == [["/usr/sbin/update-ca-certificates"]]


def test_a_file_that_no_program_of_the_node_reads_is_refused(commands):
    trust_store.refuse_unread([DEBIAN, OTHER])
    with pytest.raises(TransactionError, match="update-ca-trust is not installed on this node") as caught:
        trust_store.refuse_unread([FEDORA])
    assert "/usr/local/share/ca-certificates (registries_ca_folder" in str(caught.value)
    assert trust_store.update([FEDORA]) == ""  # as when its file is removed after the package
    assert commands == []


def test_a_program_that_fails_is_a_problem_with_its_last_line(commands, monkeypatch):
    failed = (1, "", "Updating certificates\nopenssl: not found\n")
    monkeypatch.setattr(trust_store, "run", lambda _command, timeout: failed)
    assert trust_store.update([DEBIAN]) == "update-ca-certificates failed: openssl: not found"
