# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that paths are read within a time limit, whatever their file systems do."""

import os
import subprocess
import sys
import threading
import time

import pytest

from ansible_collections.cri.node.plugins.module_utils import node_state
from testbed.paths import link_collection

DEAD = "/mnt/dead/"
ENDS = """
import os, sys, time
from ansible_collections.cri.node.plugins.module_utils import node_state
real = os.lstat
os.lstat = lambda path: time.sleep(60) if path.startswith("/mnt/dead") else real(path)
print(node_state.paths_changed_at(["/mnt/dead/a", "/nowhere"], 0.2))
"""


@pytest.fixture
def dead_mount(monkeypatch):
    """Simulate a directory whose file system does not respond before the test ends."""
    answer, real = threading.Event(), os.lstat
    monkeypatch.setattr(
        node_state.os, "lstat", lambda path: real("/" if path.startswith(DEAD) and answer.wait(30) else path)
    )
    yield
    answer.set()


def test_existing_and_missing_paths_are_distinguished(tmp_path):
    there, loop = str(tmp_path), tmp_path / "loop"
    loop.symlink_to(loop)
    paths = [there, there + "/", str(loop), "/nowhere", "/a\0b", "x" * 5000]
    found = node_state.paths_changed_at(paths)
    assert found[there] == found[there + "/"] == os.stat(there).st_ctime
    assert [found[each] for each in paths[2:]] == [None] * 4
    assert node_state.paths_changed_at([]) == {}


def test_the_time_of_a_link_counts_if_it_is_newer_than_its_target(tmp_path):
    (tmp_path / "target").touch()
    before = os.stat(tmp_path / "target").st_ctime
    while time.time() < before + 0.05:
        time.sleep(0.01)
    (tmp_path / "link").symlink_to("target")
    assert node_state.paths_changed_at([str(tmp_path / "link")])[str(tmp_path / "link")] > before


def test_an_unresponsive_file_system_takes_no_longer_than_the_limit(dead_mount):
    paths = [f"{DEAD}{number}" for number in range(40)]
    started = time.monotonic()
    assert node_state.paths_changed_at(["/", *paths[:3], "/nowhere"], 0.2) == {
        "/": os.stat("/").st_ctime,
        "/nowhere": None,
    }
    assert node_state.paths_changed_at([*paths, "/"], 0.2) == {}  # all threads are waiting
    assert time.monotonic() - started < 5


def test_the_report_names_unresponsive_paths(dead_mount, monkeypatch):
    monkeypatch.setattr(node_state.paths_changed_at, "__defaults__", (0.2,))
    assert node_state._about_paths(["/", f"{DEAD}a", "/nowhere"], None) == {
        "missing_paths": ["/nowhere"],
        "newer_paths": [],
        "unanswered_paths": [f"{DEAD}a"],
    }


def test_the_report_names_paths_installed_after_the_start_of_the_daemon(tmp_path):
    path = str(tmp_path / "kata")
    before = time.time() - 60
    assert node_state._about_paths([path], before)["newer_paths"] == []
    (tmp_path / "kata").touch()
    os.utime(path, (1, 1))  # as tar does: the inode's own time counts
    assert node_state._about_paths([path, "/"], before)["newer_paths"] == [path]
    assert node_state._about_paths([path], time.time() + 60)["newer_paths"] == []
    assert node_state._about_paths([path], None)["newer_paths"] == []


def test_a_path_with_a_future_time_is_not_newer_than_the_daemon(monkeypatch, tmp_path):
    monkeypatch.setattr(
        node_state, "paths_changed_at", lambda paths: dict.fromkeys(paths, time.time() + 3600)
    )
    assert node_state._about_paths(["/opt/kata"], 1000)["newer_paths"] == []


def test_the_process_can_end_while_a_path_is_unresponsive():
    environment = dict(os.environ, PYTHONPATH=str(link_collection()))
    done = subprocess.run(
        [sys.executable, "-c", ENDS], env=environment, capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout.strip() == "{'/nowhere': None}"
