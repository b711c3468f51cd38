# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests with real processes that what a killed package manager leaves running is waited for, or killed."""

import os
import subprocess
import time

import pytest

from ansible_collections.cri.node.plugins.module_utils.packages import left_scripts


@pytest.fixture
def script():
    """Return script(mark, seconds) -> a process that was left by its parent, in a session of its own."""
    started = []

    def start(mark, seconds):
        environment = {**os.environ, left_scripts.NAME: mark}
        process = subprocess.Popen(["sleep", str(seconds)], env=environment, start_new_session=True)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_a_script_that_ends_by_itself_is_waited_for(script):
    process = script(mark := left_scripts.mark(), 0.5)
    started = time.monotonic()
    left_scripts.end(mark)
    assert process.wait() == 0
    assert time.monotonic() - started < 10


def test_a_script_that_does_not_end_is_killed_and_that_of_another_installation_is_not(script):
    process, other = script(mark := left_scripts.mark(), 60), script(left_scripts.mark(), 60)
    left_scripts.end(mark, patience=0.5)
    assert process.wait(5) == -9
    assert other.poll() is None


def test_without_a_script_nothing_is_waited_for():
    started = time.monotonic()
    left_scripts.end(left_scripts.mark())
    assert time.monotonic() - started < 5
