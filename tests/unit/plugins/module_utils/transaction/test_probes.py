# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that the probes of a change leave nothing on the node, and that a change whose probe fails is undone."""

import json
import os
from pathlib import Path

import pytest

from ansible_collections.cri.node.plugins.module_utils.crictl.call import CrictlError
from ansible_collections.cri.node.plugins.module_utils.crio.service import CrioService
from ansible_collections.cri.node.plugins.module_utils.transaction import apply, intent, probes, recovery
from faults.fake_node import FakeNode

PROGRAM = "/nowhere/program.pyz"
IMAGE, APP = "hello:1", "app:1"


class Killed(BaseException):
    """The process was killed."""


@pytest.fixture
def node(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "chown", lambda *_all, **_more: None)
    node = FakeNode(tmp_path, monkeypatch)
    node.before = node.configuration()
    node.runtime.images = {"pause:1"}
    return node


def change(node, *handlers, pull=(), **more):
    return apply.apply(node.layout, node.request(probes=node.probes(*handlers, pull=pull), **more), PROGRAM)


def left(node):
    """Return what a probe must not leave."""
    logs = Path(node.path("/var/log/pods"))
    folders = [path.name for path in logs.iterdir()] if logs.exists() else []
    return node.litter() + folders + list(node.runtime.containers) + sorted(node.runtime.images)


def handlers_of(node):
    return [call[call.index("--runtime") + 1] for call in node.runtime.calls if call[0] == "runp"]


def test_a_pod_is_run_with_each_handler_and_nothing_is_left(node):
    outcome = change(node, "crun", "runc", pull=(APP,))
    assert outcome["committed"]
    assert outcome["warnings"] == []
    assert handlers_of(node) == ["crun", "runc"]
    assert [call[-1] for call in node.runtime.calls if call[0] == "pull"] == [APP, IMAGE]
    assert left(node) == ["pause:1"]


def test_an_image_that_the_node_had_is_kept_and_only_pulled_if_that_is_a_probe(node):
    node.runtime.images |= {IMAGE, APP}
    assert change(node, "crun", pull=(APP,))["committed"]
    assert [call for call in node.runtime.calls if call[0] == "pull"] == [("pull", APP)]
    assert left(node) == [APP, IMAGE, "pause:1"]


def test_an_image_that_the_node_had_under_another_name_is_kept(node, monkeypatch):
    identity = node.runtime.image_id
    monkeypatch.setattr(node.runtime, "image_id", lambda name: identity(name.replace(APP, "other:1")))
    node.runtime.images |= {"other:1"}
    assert change(node, pull=(APP,))["committed"]
    assert "other:1" in node.runtime.images


def test_an_image_that_a_container_uses_by_now_is_kept(node):
    def used(command, *_more):
        if command == "rmi":
            node.runtime.containers["of-a-kubelet"] = {"image": {"image": APP}, "podSandboxId": "p"}

    node.runtime.on_call = used
    outcome = change(node, pull=(APP,))
    assert outcome["committed"]
    assert outcome["warnings"] == []
    assert APP in node.runtime.images


def test_an_image_that_cannot_be_removed_is_a_warning(node):
    node.runtime.fails["rmi"] = "database is locked"
    outcome = change(node, pull=(APP,))
    assert outcome["committed"]
    [warning] = outcome["warnings"]
    assert "app:1" in warning
    assert "database is locked" in warning
    assert node.litter() == []


@pytest.mark.parametrize(
    ("fault", "probed", "detail"),
    [
        ({"broken": {"runc"}}, {"handler": "runc"}, "container create failed: no luck"),
        ({"refused": {APP}}, {"image": APP}, "connection refused"),
        ({"refused": {IMAGE}}, {"image": IMAGE}, "connection refused"),
        ({"ends": {"c": [1]}}, {"handler": "crun"}, "container c exited with code 1"),
        ({"fails": {"start": "cannot exec"}}, {"handler": "crun"}, "cannot exec"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_failed_probe_undoes_the_change_and_names_its_subject_and_the_reason(node, fault, probed, detail):
    vars(node.runtime).update(fault)
    outcome = change(node, "crun", "runc", pull=(APP,))
    assert (outcome["failed"], outcome["phase"], outcome["rolled_back"]) == (True, "probe", True)
    assert outcome["as_before"]
    assert outcome["probed"] == probed
    assert next(iter(probed.values())) in outcome["message"]
    assert detail in outcome["detail"]
    assert "cri-node-probe" not in outcome["message"] + outcome["detail"]
    assert node.configuration() == node.before == node.daemon.loaded
    assert left(node) == ["pause:1"]


@pytest.mark.parametrize("asked", [{}, {"pods": [], "handlers": ["crun"], "pull": []}])
def test_without_probes_the_runtime_is_not_asked(node, asked):
    assert apply.apply(node.layout, node.request(probes=asked), PROGRAM)["committed"]
    assert node.runtime.calls == []


@pytest.mark.parametrize(("activate", "runs"), [("none", False), ("reload", True), ("restart", True)])
def test_probes_only_run_if_the_daemon_had_to_load_the_change(node, activate, runs):
    request = node.request(probes=node.probes("crun", pull=(APP,)), activate=activate)
    Path(node.layout.transaction).mkdir(parents=True)
    probes.run(node.layout, request, CrioService(request["unit"]))
    assert bool(node.runtime.calls) == runs


def test_all_handlers_are_those_of_the_daemon_and_those_that_the_change_names(node, monkeypatch):
    live = {f"crio.runtime.runtimes.{name}.runtime_path": '""' for name in ("crun", "kata")}
    monkeypatch.setattr(probes, "live_configuration", lambda _socket: live)
    asked = {**node.probes("runc"), "every_handler": True}
    assert apply.apply(node.layout, node.request(probes=asked), PROGRAM)["committed"]
    assert handlers_of(node) == ["crun", "kata", "runc"]


def test_other_pods_are_not_touched(node):
    theirs = {"metadata": {"name": "theirs", "namespace": "default"}, "labels": {}, "annotations": {}}
    node.runtime.do_runp(theirs)
    before = dict(node.runtime.pods)
    node.runtime.broken = {"crun"}
    assert change(node, "crun")["failed"]
    assert node.runtime.pods == before


def commands(tmp_path, monkeypatch):
    """Return the number of commands of crictl in a change with probes."""
    (tmp_path / "count").mkdir()
    node = FakeNode(tmp_path / "count", monkeypatch)
    assert change(node, "crun", "runc", pull=(APP,))["committed"]
    return len(node.runtime.calls)


@pytest.mark.parametrize("when", ["on_call", "on_done"])
def test_a_kill_at_any_command_of_a_probe_leaves_nothing_after_the_recovery(tmp_path, monkeypatch, when):
    monkeypatch.setattr(os, "chown", lambda *_all, **_more: None)
    total = commands(tmp_path, monkeypatch)
    assert total > 20
    for number in range(1, total + 1):
        folder = tmp_path / f"{number}"
        folder.mkdir()
        node = FakeNode(folder, monkeypatch)
        before = node.configuration()
        runtime = node.runtime

        def kill(*_call, runtime=runtime, number=number):
            if len(runtime.calls) == number:
                raise Killed

        setattr(runtime, when, kill)
        with pytest.raises(Killed):
            change(node, "crun", "runc", pull=(APP,))
        setattr(runtime, when, lambda *_call: None)
        assert intent.is_open(node.layout)
        outcome = recovery.recover(node.layout)
        assert (outcome["rolled_back"], outcome["as_before"]) == (True, True), number
        assert node.configuration() == before
        assert left(node) == [], number


def test_an_error_at_any_command_of_a_probe_ends_before_or_after_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "chown", lambda *_all, **_more: None)
    total = commands(tmp_path, monkeypatch)
    for number in range(1, total + 1):
        folder = tmp_path / f"{number}"
        folder.mkdir()
        node = FakeNode(folder, monkeypatch)
        runtime = node.runtime

        def fail(*call, runtime=runtime, number=number):
            if len(runtime.calls) == number:
                raise CrictlError(f"crictl {call[0]} did not answer within 10 s", "timeout")

        runtime.on_call = fail
        outcome = change(node, "crun", "runc", pull=(APP,))
        assert outcome.get("committed") or outcome["phase"] == "probe", outcome
        assert "internal error" not in str(outcome)
        recovery.recover(node.layout)
        assert left(node) == [], number
        assert not intent.needs_recovery(node.layout)


def test_what_a_probe_left_is_removed_when_the_daemon_runs_again(node):
    node.runtime.on_call = lambda command, *_more: killed() if command == "start" else None
    with pytest.raises(Killed):
        change(node, "crun", pull=(APP,))
    node.runtime.on_call = lambda *_call: None
    node.daemon.refuses_to_start = lambda _files: True
    node.daemon.active = False
    outcome = recovery.recover(node.layout)
    assert not outcome["open"]
    assert any("could not be removed yet" in each for each in outcome["warnings"])
    assert intent.needs_recovery(node.layout)
    assert node.runtime.pods
    node.daemon.active = True
    assert recovery.recover(node.layout) is None
    assert left(node) == ["pause:1"]
    assert not intent.needs_recovery(node.layout)


def test_a_recovery_at_boot_leaves_the_pod_to_the_retry(node):
    node.runtime.on_call = lambda command, *_more: killed() if command == "start" else None
    with pytest.raises(Killed):
        change(node, "crun")
    node.runtime.on_call = lambda *_call: killed()
    assert recovery.recover(node.layout, at_boot=True)["rolled_back"]
    assert intent.needs_recovery(node.layout)
    node.runtime.on_call = lambda *_call: None
    recovery.recover(node.layout)
    assert left(node) == ["pause:1"]


def test_the_next_probe_removes_what_an_earlier_one_left(node):
    node.runtime.on_call = lambda command, *_more: killed() if command == "start" else None
    with pytest.raises(Killed):
        change(node, "crun")
    node.runtime.on_call = lambda *_call: None
    asked = node.request(id="change-2", probes=node.probes(pull=(APP,)))
    probes.run(node.layout, asked, CrioService(asked["unit"]))
    assert not node.runtime.pods


def test_a_damaged_record_is_set_aside_and_reported_once(node):
    assert change(node)["committed"]
    Path(node.layout.probes).write_text(json.dumps({"format": 1, "pods": [{"name": "x"}]}))
    outcome = recovery.recover(node.layout)
    assert "does not identify a pod" in outcome["warnings"][0]
    assert recovery.recover(node.layout) is None


def killed():
    raise Killed
