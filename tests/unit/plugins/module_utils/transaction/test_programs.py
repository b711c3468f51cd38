# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests programs as files of a change: what judges them, what is refused, and that none is read into memory."""

import os

import pytest

from ansible_collections.cri.node.plugins.module_utils import node_files
from ansible_collections.cri.node.plugins.module_utils.crio.service import CrioService
from ansible_collections.cri.node.plugins.module_utils.transaction import apply, losses, programs
from faults.fake_node import CONMON, NEW_PROGRAMS, OLD_PROGRAMS, PROGRAM, UNIT, FakeNode


@pytest.fixture
def node(tmp_path, monkeypatch):
    """Return a node with CRI-O, in a temporary directory."""
    monkeypatch.setattr(os, "chown", lambda *_all, **_more: None)
    return FakeNode(tmp_path, monkeypatch)


def test_a_program_of_any_size_is_replaced_and_restored(node, monkeypatch):
    limit = 20_000  # bytes of a document
    monkeypatch.setattr(node_files.read_bytes, "__defaults__", (limit,))
    node.write(PROGRAM, "crio 1" * limit)
    os.chmod(node.path(PROGRAM), 0o755)
    before = os.stat(node.path(PROGRAM))
    bundle = node.bundle()
    with open(bundle["programs"][0]["source"], "a") as file:
        file.write("x" * limit)
    request = node.request(contents={}, remove=[], owners=[], bundle=bundle)
    node.daemon.refuses_to_start = lambda _files: node.programs()[PROGRAM].startswith(NEW_PROGRAMS[PROGRAM])
    outcome = apply.apply(node.layout, request, "/nowhere/program.pyz")
    assert outcome["rolled_back"], outcome
    assert outcome["as_before"], outcome
    after = os.stat(node.path(PROGRAM))
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert not os.path.exists(os.path.dirname(node.path(CONMON)))
    assert node.litter() == []


def test_the_new_crio_judges_the_configuration_and_the_old_one_is_not_asked(node):
    request = node.request(bundle=node.bundle())
    assert apply.apply(node.layout, request, "/nowhere/program.pyz")["committed"]
    judges = [
        words[0] for words in node.commands if words[-1] == "config" or "--signature-policy-dir" in words
    ]
    starts = [words[2] for words in node.commands if words[:2] == ["unshare", "--mount"]]
    assert [each for each in judges if each != "unshare"] == [f"{node.root}/unpacked/crio"]
    assert starts == [f"{node.root}/unpacked/crio"]


def test_a_kill_mode_comes_from_the_unit_that_the_bundle_contains(node, tmp_path):
    own, unpacked = tmp_path / "crio.service", tmp_path / "unpacked.service"
    own.write_text("[Service]\nKillMode=process\n")
    unpacked.write_text("[Service]\nKillMode=mixed\n")
    service = CrioService(UNIT)
    service.properties["FragmentPath"] = str(own)
    bundle = {"programs": [{"path": str(own), "source": str(unpacked), "mode": "0644"}]}
    request = {"contents": {}, "remove": []}
    assert losses.kill_mode_after(request, service)[0] == "process"
    assert losses.kill_mode_after({**request, "bundle": bundle}, service)[0] == "mixed"
    assert programs.have_units({"bundle": bundle})


@pytest.mark.parametrize("kind", ["link", "directory"])
def test_a_program_that_is_no_regular_file_is_refused_by_name(node, kind):
    path = node.path(CONMON)
    os.makedirs(os.path.dirname(path))
    if kind == "link":
        os.symlink("/usr/bin/conmon", path)
    else:
        os.mkdir(path)
    outcome = apply.apply(node.layout, node.request(bundle=node.bundle()), "/nowhere/program.pyz")
    assert outcome["phase"] == "refused"
    assert path in outcome["message"]
    assert node.daemon.starts == 1
    with open(node.path(PROGRAM)) as file:
        assert file.read() == OLD_PROGRAMS[PROGRAM]


def test_an_unpacked_program_that_has_disappeared_changes_nothing(node):
    request = node.request(bundle=node.bundle())
    os.unlink(request["bundle"]["programs"][0]["source"])
    outcome = apply.apply(node.layout, request, "/nowhere/program.pyz")
    assert outcome["failed"]
    assert request["bundle"]["programs"][0]["source"] in outcome["message"]
    assert node.programs() == OLD_PROGRAMS
    assert node.daemon.starts == 1


def test_somebody_elses_program_in_place_of_the_new_one_is_noticed(node, monkeypatch):
    real = apply.daemon.probe

    def probe(*arguments):
        with open(node.path(CONMON), "w") as file:
            file.write("somebody else's")
        return real(*arguments)

    monkeypatch.setattr(apply.daemon, "probe", probe)
    outcome = apply.apply(node.layout, node.request(bundle=node.bundle()), "/nowhere/program.pyz")
    assert "another process changed" in outcome["message"]
    assert node.path(CONMON) in outcome["message"]
    assert node.programs()[PROGRAM] == OLD_PROGRAMS[PROGRAM]
