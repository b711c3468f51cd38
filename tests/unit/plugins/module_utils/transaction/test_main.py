# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests the program on a node: whatever ends it, an open change is continued."""

import errno
import io
import json
import os

import pytest

from ansible_collections.cri.node.plugins.module_utils import node_files
from ansible_collections.cri.node.plugins.module_utils.layout import Layout
from ansible_collections.cri.node.plugins.module_utils.transaction import intent, lock, main, recovery


class Node:
    """The program's environment: a layout in a temporary directory, standard input, and the commands that it runs."""

    def __init__(self, root, monkeypatch):
        self.layout = Layout(str(root))
        self.commands = []
        monkeypatch.setattr(main, "NODE", self.layout)
        monkeypatch.setattr(main, "run", self.commands.append)
        monkeypatch.setattr(recovery, "run", lambda *_all, **_more: (0, "", ""))
        monkeypatch.setattr(main, "_PAUSE", 0)
        self._monkeypatch = monkeypatch

    def stdin(self, text):
        self._monkeypatch.setattr("sys.stdin", io.StringIO(text))

    @property
    def retries(self):
        return [each for each in self.commands if "--unit=cri-node-retry.service" in each]


@pytest.fixture
def node(tmp_path, monkeypatch):
    return Node(tmp_path, monkeypatch)


@pytest.mark.parametrize("rest", ["", '"files": []}'], ids=["read whole", "read in part"])
def test_a_start_after_a_kill_completes_the_first_one(node, monkeypatch, rest):
    recovered = []
    monkeypatch.setattr(recovery, "recover", lambda *_all: recovered.append(True))
    node.stdin(rest)
    assert main.main(["apply", "id", "/program"]) == 0
    assert recovered


def test_an_unexpected_error_leaves_the_change_open_for_a_retry(node, monkeypatch, capsys):
    def broken(_layout):
        raise KeyError("stages")

    monkeypatch.setattr(intent, "load", broken)
    monkeypatch.setattr(recovery.intent, "load", broken)
    outcome = recovery.recover(node.layout)
    assert outcome["open"]
    assert not outcome["as_before"]
    assert outcome["problem"] == "internal error: KeyError: 'stages'"
    assert main.main(["recover", "/program"]) == 1
    assert node.retries
    assert json.loads(capsys.readouterr().out)["open"]


def test_a_retry_that_meets_another_change_continues_when_that_has_ended(node, monkeypatch):
    tries = []

    class Held:
        def __enter__(self):
            tries.append(True)
            if len(tries) == 1:
                raise lock.Busy("another change")

        def __exit__(self, *_error):
            return False

    monkeypatch.setattr(lock, "held", lambda *_all, **_more: Held())
    monkeypatch.setattr(recovery, "retry_daemon", lambda _unit: "")
    assert main.main(["retry", "crio.service"]) == 0
    assert len(tries) == 2


def test_leftovers_of_a_recovery_are_removed_by_a_retry(node, monkeypatch):
    for folder in (node.layout.transaction, node.layout.at("/etc/systemd/system")):
        os.makedirs(folder)
    node_files.write_json(node.layout.preparation, {"format": 1, "stages": []})
    refusals = [OSError(errno.EIO, "Input/output error")] * 3
    real = node_files.remove

    def remove(path):
        if path == node.layout.preparation and refusals:
            raise node_files.NodeError(f"cannot remove {path}: {refusals.pop()}")
        real(path)

    monkeypatch.setattr(node_files, "remove", remove)
    monkeypatch.setattr(recovery, "retry_daemon", lambda _unit: "")
    assert main.main(["recover", "/program"]) == 0
    assert node.retries
    assert os.path.exists(node.layout.preparation)
    assert main.main(["retry", "crio.service"]) == 0
    assert not refusals
    assert not os.path.exists(node.layout.preparation)
    assert main.main(["recover", "/program"]) == 0
    assert len(node.retries) == 1
