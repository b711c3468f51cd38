# SPDX-License-Identifier: GPL-3.0-or-later
"""The lock of a node: held by the program that changes it while it runs, and released with its process."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator

from .. import node_files
from ..errors import NodeError
from ..layout import Layout

_POLL = 0.2  # seconds between two tries


class Busy(NodeError):
    """Another change of this node is under way."""

    kind = "busy"


@contextlib.contextmanager
def held(layout: Layout, seconds: float = 0, word: str = "") -> Iterator[None]:
    """Hold the node's lock; wait for it for up to `seconds`. `word` tells others who holds it.

    Raises Busy, NodeFileError.
    """
    node_files.make_private_directory(layout.run_directory)
    with node_files.doing("taking the node's lock", layout.lock):
        handle = os.open(layout.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        _take(handle, seconds)
        with contextlib.suppress(OSError):  # a full tmpfs: the word is a convenience, the lock is not
            os.ftruncate(handle, 0)
            os.pwrite(handle, word.encode(), 0)
        yield
    finally:
        os.close(handle)


def _take(handle: int, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if time.monotonic() >= deadline:
                raise Busy(
                    "another change of this node is in progress; run again when it has finished"
                ) from None
            time.sleep(_POLL)
        else:
            return


def holder(layout: Layout) -> str:
    """Return the word of the lock's current holder, "" if nobody holds it."""
    try:
        handle = os.open(layout.lock, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return os.pread(handle, 200, 0).decode("utf-8", "replace") or "somebody"
    else:
        return ""
    finally:
        os.close(handle)
