# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows the seven points of the article and changes of running nodes on two nodes, checks each result, removes the nodes."""

import os
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from demo.controller import ControllerError, install_tools, make_environment
from demo.points import PARTS
from demo.screen import Screen
from demo.session import Session
from testbed import NodeError, TestBed, bed
from testbed.engine import EngineError
from testbed.source import SourceError, pick_source
from testbed.wait import NotReached

NODES = 2
NOT_STARTED = (ControllerError, EngineError, NodeError, NotReached, SourceError, OSError)


def main() -> int:
    """Run the demo; returns the exit code."""
    screen = Screen()
    _on_signals(_interrupt)
    test_bed = TestBed(f"demo-{os.getpid()}", owner=bed.owner_mark())
    why = ""
    try:
        source = pick_source()
        screen.line(f"demo: {NODES} nodes with {source}")
        _show(screen, test_bed)
    except KeyboardInterrupt:
        why = "interrupted"
    except NOT_STARTED as error:
        why = str(error)
    finally:
        left = _remove(test_bed)
    why = "; ".join(dict.fromkeys(reason for reason in (why, left) if reason))
    total = screen.passed + screen.failed
    if why:
        screen.line(f"demo: stopped in {screen.seconds} s, {screen.failed} of {total} checks failed: {why}")
    elif screen.failed:
        screen.line(
            f"demo: {screen.failed} of {total} checks failed on {NODES} nodes in {screen.seconds} s ({source})"
        )
    else:
        screen.line(f"demo: {total} checks passed on {NODES} nodes in {screen.seconds} s ({source})")
    return 1 if why or screen.failed or not total else 0


def _show(screen: Screen, test_bed: TestBed) -> None:
    install_tools()
    with ThreadPoolExecutor(1) as pool:
        environment = pool.submit(make_environment)
        bed.sweep()
        test_bed.up(NODES)
        programs = environment.result()
    # Short, for the sockets of ssh in it.
    with tempfile.TemporaryDirectory(prefix="demo-") as folder:
        session = Session(screen, test_bed, Path(folder), programs)
        for part in PARTS:
            try:
                part(session)
            except (NodeError, NotReached, LookupError, ValueError, OSError) as error:
                screen.failure(f"{part.__name__} runs to its end", f"{type(error).__name__}: {error}")


def _on_signals(handler) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, handler)


def _interrupt(_signal, _frame) -> None:
    """Handle only the first signal, so that a second one does not interrupt the removal of the nodes."""
    _on_signals(signal.SIG_IGN)
    raise KeyboardInterrupt


def _remove(test_bed: TestBed) -> str:
    """Remove all nodes and return the error, if any. A second Ctrl-C does not reach the removal."""
    _on_signals(signal.SIG_IGN)
    done = subprocess.run(
        [sys.executable, "-m", "testbed", "down", "--prefix", test_bed.prefix],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        start_new_session=True,
        check=False,
    )
    return done.stderr.strip().removeprefix("testbed: ") if done.returncode else ""


if __name__ == "__main__":
    sys.exit(main())
