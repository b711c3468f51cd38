# SPDX-License-Identifier: GPL-3.0-or-later
"""How programs of the node are run, with real ones."""

import os
import subprocess
import time

import pytest

from ansible_collections.cri.node.plugins.module_utils import program
from testbed.wait import wait_for

NOWHERE = "/nonexistent/program"


def is_running(word):
    return subprocess.run(["pgrep", "-f", word], capture_output=True, check=False).returncode == 0


def test_status_and_both_streams_are_returned():
    assert program.run(["sh", "-c", "echo out; echo error >&2; exit 3"]) == (3, "out\n", "error\n")


def test_bytes_that_are_no_text_do_not_raise():
    assert program.run(["printf", r"\377a"])[1] == "\ufffda"


def test_a_program_that_does_not_exist_has_the_status_of_a_shell():
    assert program.run([NOWHERE]) == (127, "", f"{NOWHERE}: No such file or directory")


def heard(arguments, timeout):
    return program.run_aloud(arguments, lambda _line: None, timeout, subprocess.DEVNULL)


@pytest.mark.parametrize("run", [program.run, heard])
def test_a_program_that_does_not_end_is_killed_with_what_it_has_started(run):
    word = f"31.{os.getpid()}{time.monotonic_ns()}"  # a duration that no other process has
    status, output, error = run(["sh", "-c", f"sleep {word}; echo never"], 0.5)
    assert (status, output) == (124, "")
    assert error == f"sh -c sleep {word}; echo never did not finish within 0.5 s, and waits for sleep {word}"
    wait_for("it has ended", lambda: (not is_running(f"^sleep {word}"), ""), limit=10)


def test_a_program_that_waits_for_nothing_else_is_named_alone_and_a_long_command_is_cut():
    word = "1" * 300
    _status, _output, error = program.run(["sleep", word], 0.2)
    assert error == f"sleep {word[:94]}... did not finish within 0.2 s"
