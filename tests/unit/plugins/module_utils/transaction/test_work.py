# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests what a change starts on a node, and when it announces that it waits."""

import json
import sys
from collections import Counter
from types import SimpleNamespace
from typing import ClassVar

import pytest

from ansible_collections.cri.node.plugins.module_utils import node_state, observation, program
from ansible_collections.cri.node.plugins.module_utils.crio import daemon
from ansible_collections.cri.node.plugins.module_utils.transaction import apply, unit
from ansible_collections.cri.node.plugins.module_utils.transaction import calls as calls_module
from faults.fake_node import CONFIG, REGISTRIES, FakeNode

PROGRAM = "/nowhere/program.pyz"


@pytest.fixture
def node(tmp_path, monkeypatch):
    return FakeNode(tmp_path, monkeypatch)


def test_a_change_asks_each_program_once_for_each_of_its_states(node):
    """The unit is read before the change, after the start, and at the end of the wait."""
    node.daemon.containers = []  # those are compared with more of the node
    request = node.request()
    node.commands.clear()
    assert apply.apply(node.layout, request, PROGRAM)["committed"]
    words = Counter(" ".join([command[0].rpartition("/")[2], *command[1:2]]) for command in node.commands)
    counted = {
        name: words[name]
        for name in ("systemctl show", "systemctl restart", "crio --version", "journalctl -q")
    }
    assert counted == {"systemctl show": 3, "systemctl restart": 1, "crio --version": 1, "journalctl -q": 1}


def test_the_wait_after_a_start_is_announced_with_the_socket(node, monkeypatch):
    monkeypatch.setattr(daemon, "_SETTLED", 10**12)
    announced = []
    slept = []
    monkeypatch.setattr(daemon.time, "sleep", slept.append)

    def settling(socket):
        assert not slept
        announced.append(socket)

    assert apply.apply(node.layout, node.request(), PROGRAM, settling)["committed"]
    assert announced == ["/var/run/crio/crio.sock"]
    assert len(slept) == 1


def test_a_change_that_does_not_wait_announces_nothing(node):
    announced = []
    assert apply.apply(node.layout, node.request(), PROGRAM, announced.append)["committed"]
    assert not announced


def test_a_brief_report_has_the_same_fingerprint(node, monkeypatch):
    request = node.request(expect={"crio.metrics.metrics_port": "9537"}, paths=["/nowhere"], fingerprint="")
    whole = node_state.read(request, node.layout)
    assert whole["missing_paths"] == ["/nowhere"]
    monkeypatch.setattr(node_state, "ask_live", lambda _service: pytest.fail("the daemon was asked"))
    brief = node_state.read(request, node.layout, brief=True)
    assert (brief["fingerprint"], brief["missing_paths"]) == (whole["fingerprint"], [])


@pytest.mark.parametrize(
    ("restart", "asked"), [(True, False), (False, True)], ids=["with a restart", "only a reload"]
)
def test_the_journal_is_only_tried_out_if_a_reload_may_be_enough(node, monkeypatch, restart, asked):
    found = []
    monkeypatch.setattr(node_state.journald, "witness", lambda *_all: found.append("asked") or "")
    monkeypatch.setattr(node_state, "Crictl", lambda _endpoint: None)
    request = node.request(fingerprint="")
    paths = (CONFIG, REGISTRIES) if restart else (REGISTRIES,)
    request["files"] = [each for each in request["files"] if each["path"] in map(node.path, paths)]
    for each in request["files"]:
        if each["path"] == node.path(REGISTRIES):
            each["disruption"] = "reload"
    node_state.read(request, node.layout)
    assert bool(found) == asked


def test_the_output_of_a_program_is_heard_while_it_runs():
    heard = []
    code = "import sys; print('a', flush=True); sys.stdin.read(); print('b'); sys.exit(3)"
    with unit._in_memory("x") as file:
        done = program.run_aloud([sys.executable, "-c", code], heard.append, 30, file)
    assert (done, heard) == ((3, "a\nb\n", ""), ["a\n", "b\n"])


def test_a_program_that_does_not_end_in_time_is_ended():
    with unit._in_memory("") as file:
        status, _output, said = program.run_aloud(["sleep", "60"], print, 0.2, file)
    assert (status, said) == (124, "sleep 60 did not finish within 0.2 s")


def test_a_program_that_cannot_be_started_is_named():
    with unit._in_memory("") as file:
        assert program.run_aloud(["/nowhere/x"], print, 1, file) == (
            127,
            "",
            "/nowhere/x: No such file or directory",
        )


@pytest.mark.parametrize("line", ["", "{", "[]", '{"format": 1}', '{"settling": 3}', "null"])
def test_only_the_announcement_of_the_wait_is_passed_on(line):
    found = []
    heard = unit._listener(found.append)
    heard(line)
    assert not found
    heard(json.dumps({"settling": "/run/crio.sock"}) + "\n")
    assert found == ["/run/crio.sock"]


class FakeExercise:
    """Records what becomes of an exercise."""

    calls: ClassVar[list[str]] = []

    def __init__(self, request):
        assert (request["unit"], request["pull"]) == ("crio.service", ["a"])

    def start(self, socket):
        self.calls.append(f"start {socket}")

    def observed(self):
        self.calls.append("observed")
        return {"owners": []}

    def undo(self):
        self.calls.append("undo")


@pytest.mark.parametrize(
    ("waits", "outcome", "calls"),
    [
        pytest.param(True, {"committed": True}, ["start /s", "observed"], id="committed after a wait"),
        pytest.param(False, {"committed": True}, ["observed"], id="committed without a wait"),
        pytest.param(True, {"failed": True}, ["start /s", "undo"], id="undone after its begin"),
        pytest.param(False, {"failed": True}, [], id="refused"),
        pytest.param(True, unit.UnitError("ended"), ["start /s", "undo"], id="no result"),
    ],
)
def test_an_exercise_ends_with_its_change(monkeypatch, waits, outcome, calls):
    def run_transaction(_request, _layout, settling):
        if waits:
            settling("/s")
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    FakeExercise.calls.clear()
    monkeypatch.setattr(observation, "Exercise", FakeExercise)
    monkeypatch.setattr(calls_module.unit, "run_transaction", run_transaction)
    request = {"unit": "crio.service", "observe": {"pull": ["a"]}}
    module = SimpleNamespace(check_mode=False)
    if isinstance(outcome, Exception):
        with pytest.raises(unit.UnitError):
            calls_module.change(None, request, module)
    else:
        result = calls_module.change(None, request, module)
        assert result["outcome"] == outcome
        assert ("seen" in result) == bool(outcome.get("committed"))
    assert FakeExercise.calls == calls
