# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that the fate of containers is read from processes and from the exit files of their monitors."""

import os
import subprocess

import pytest

from ansible_collections.cri.node.plugins.module_utils.crio import containers

GROUP = "/system.slice/crio.service"
GONE = {"pid": 2**22 + 1, "started": "1"}


@pytest.fixture
def exits(tmp_path):
    return tmp_path


def container(exits, **more):
    return {
        "id": "c1",
        "name": "app",
        "monitor": GONE,
        "groups": [GROUP],
        "exit_dir": str(exits),
        "container": GONE,
        **more,
    }


def noted(exits, code):
    (exits / "c1").write_text(code)


def test_a_container_that_the_runtime_lists_needs_no_judgement(exits):
    assert containers.judge([container(exits)], {"c1"}, GROUP) == ([], [], [])


@pytest.mark.parametrize("code", ["0", "1", "139", "255"])
def test_a_container_that_ended_by_itself_does_not_count(exits, code):
    noted(exits, code)
    lost, pending, ended = containers.judge([container(exits)], set(), GROUP)
    assert (lost, pending) == ([], [])
    assert f"exited on its own (exit code {code})" in ended[0]
    assert "app" in ended[0]


@pytest.mark.parametrize("code", ["137", "143"])
def test_a_container_that_was_stopped_with_the_daemon_is_lost(exits, code):
    noted(exits, code)
    lost, _pending, _ended = containers.judge([container(exits)], set(), GROUP)
    assert "stopped with the daemon" in lost[0]


def test_a_container_killed_outside_of_the_daemons_group_ended_by_itself(exits):
    noted(exits, "137")
    outside = container(exits, groups=["/system.slice/crio-conmon-c1.scope"])
    lost, _pending, ended = containers.judge([outside], set(), GROUP)
    assert lost == []
    assert ended


def test_a_process_that_is_alive_but_no_longer_listed_by_the_runtime_is_lost(exits):
    me = containers.process(str(os.getpid()))
    lost, _pending, _ended = containers.judge([container(exits, container=me)], set(), GROUP)
    assert f"process {os.getpid()}" in lost[0]


def test_a_container_without_an_exit_file_is_waited_for_while_its_monitor_is_alive(exits):
    me = containers.process(str(os.getpid()))
    _lost, pending, _ended = containers.judge([container(exits, monitor=me)], set(), GROUP, {"c1": -1})
    assert pending


@pytest.mark.parametrize("code", [255, -1])
def test_a_container_whose_monitor_vanished_without_an_exit_file_is_lost(exits, code):
    lost, _pending, _ended = containers.judge([container(exits)], set(), GROUP, {"c1": code})
    assert "its exit was not recorded" in lost[0]


@pytest.mark.parametrize("code", [0, 1, 139])
def test_a_container_whose_exit_file_the_runtime_has_removed_ended_by_itself(exits, code):
    lost, pending, ended = containers.judge([container(exits)], set(), GROUP, {"c1": code})
    assert (lost, pending) == ([], [])
    assert f"exited on its own (exit code {code})" in ended[0]


@pytest.mark.parametrize("code", [137, 143])
def test_a_container_stopped_with_the_daemon_is_lost_with_or_without_its_exit_file(exits, code):
    assert "with the daemon" in containers.judge([container(exits)], set(), GROUP, {"c1": code})[0][0]
    assert (
        containers.judge([container(exits)], set(), "", {"c1": code})[0] == []
    )  # the daemon alone was stopped


def test_a_container_without_a_monitor_ended_as_the_runtime_reports():
    unwatched = {"id": "c1", "name": "app"}
    assert "code 1)" in containers.judge([unwatched], set(), "", {"c1": 1})[2][0]
    assert "code 137)" in containers.judge([unwatched], set(), "", {"c1": 137})[0][0]


def test_a_container_that_the_runtime_no_longer_knows_was_removed(exits):
    assert "was removed" in containers.judge([container(exits)], set(), GROUP, {})[2][0]


def test_a_process_is_distinguished_from_a_later_one_with_the_same_pid():
    process = subprocess.Popen(["sleep", "60"])
    try:
        seen = containers.process(str(process.pid))
        assert containers.lives(seen)
        assert not containers.lives(dict(seen, started="0"))
    finally:
        process.kill()
        process.wait()
    assert not containers.lives(seen)
    assert not containers.lives(None)


def fake_process(proc, pid, words, comm="conmon", parent=1, groups="0::/system.slice/crio.service\n"):
    folder = proc / str(pid)
    folder.mkdir()
    (folder / "comm").write_text(f"{comm}\n")
    (folder / "cmdline").write_text("\0".join(words) + "\0")
    (folder / "stat").write_text(
        f"{pid} (con mon) S {parent} " + " ".join("0" for _each in range(17)) + " 777 0\n"
    )
    (folder / "cgroup").write_text(groups)


def test_a_monitor_reveals_its_container_and_how_it_was_started(tmp_path):
    proc = tmp_path / "proc"
    proc.mkdir()
    (tmp_path / "pidfile").write_text("200\n")
    words = ["/usr/bin/conmon", "-c", "c1", "-p", str(tmp_path / "pidfile"), "-r", "/usr/bin/crun"]
    words += ["--runtime-arg", "--root=/run/crun", "--exit-dir", "/var/run/crio/exits"]
    fake_process(proc, 100, words, groups="9:name=systemd:/docker/x\n0::/system.slice/crio.service\n")
    fake_process(proc, 101, words, parent=100)  # a short-lived copy of itself
    fake_process(proc, 200, ["app"], comm="app", parent=100)
    [monitor] = containers.monitors(str(proc))
    assert monitor["id"] == "c1"
    assert monitor["runtime"] == "/usr/bin/crun"
    assert monitor["runtime_root"] == "/run/crun"
    assert monitor["container"] == {"pid": 200, "started": "777"}
    assert containers.inside(monitor["groups"], GROUP)
    assert containers.snapshot(known=[monitor])[0]["id"] == "c1"


@pytest.mark.parametrize("state", ["stopped with the daemon", "still runs", "is stopping", "not recorded"])
def test_a_container_whose_loss_is_accepted_has_ended_and_others_are_still_lost(exits, state):
    me = containers.process(str(os.getpid()))
    more = {"still runs": {"container": me}, "is stopping": {"monitor": me}}.get(state, {})
    ended = {"not recorded": {"c1": 255, "c2": 255}}.get(state)
    if state == "stopped with the daemon":
        noted(exits, "137")
        (exits / "c2").write_text("137")
    both = [container(exits, **more), container(exits, id="c2", **more)]
    lost, pending, gone = containers.judge(both, set(), GROUP, ended, {"c1"})
    assert [state in each for each in gone] == [True]
    assert [state in each for each in lost + pending] == [True]
    assert containers.judge(both, set(), GROUP, ended, {"c1", "c2"})[:2] == ([], [])
