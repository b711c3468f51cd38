# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the demo like a user: its last line is true, and it leaves nothing behind, even when it is interrupted."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from testbed import TestBed, bed, pick_source
from testbed.paths import CHECKOUT
from testbed.wait import wait_for

LIMIT = 600  # seconds


@pytest.fixture
def demo() -> Iterator[subprocess.Popen]:
    """Start the demo in its own process group, like a shell."""
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT / "tests"), "PYTHONIOENCODING": "utf-8"}
    started = subprocess.Popen(
        [sys.executable, "-m", "demo"],
        cwd=CHECKOUT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    yield started
    if started.poll() is None:
        os.killpg(started.pid, signal.SIGKILL)
        started.wait()
    TestBed(f"demo-{started.pid}").down()


def left_behind(demo: subprocess.Popen) -> list[str]:
    """Return the containers, volumes and networks of a demo."""
    label = f"{bed.LABEL}=demo-{demo.pid}"
    containers = bed.listed("ps", "{{.Names}}", label)
    return [
        *containers,
        *(name for kind in ("volume", "network") for name in bed.listed(kind, "{{.Name}}", label)),
    ]


def test_every_check_of_the_demo_passes_and_nothing_is_left(demo):
    output, _none = demo.communicate(timeout=LIMIT)
    first, *_lines, last = output.splitlines()
    source = str(pick_source())
    assert demo.returncode == 0, output
    assert first == f"demo: 2 nodes with {source}"
    ended = re.fullmatch(rf"demo: (\d+) checks passed on 2 nodes in \d+ s \({re.escape(source)}\)", last)
    assert ended, output
    assert int(ended[1]) == output.count("\n  ✓ ") >= 45
    assert left_behind(demo) == []


def test_an_interrupted_demo_reports_it_and_removes_its_nodes(demo):
    wait_for("the demo's first node", lambda: (f"demo-{demo.pid}-node-1" in left_behind(demo), ""), limit=120)
    for _impatience in range(2):
        os.killpg(demo.pid, signal.SIGINT)
        time.sleep(0.3)
    output, _none = demo.communicate(timeout=LIMIT)
    assert demo.returncode == 1, output
    assert re.fullmatch(
        r"demo: stopped in \d+ s, 0 of 0 checks failed: interrupted", output.splitlines()[-1]
    ), output
    assert left_behind(demo) == []
