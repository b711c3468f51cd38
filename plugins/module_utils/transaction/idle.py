# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a change of the node is running, or has left something to complete.

Apart from `unit`, which runs changes: Ansible sends to a node all that a module imports, and a call that only reads it needs a
third of that.
"""

from __future__ import annotations

import os
import time

from ..layout import Layout
from ..program import run
from . import intent, lock
from . import state as committed

UNIT = "cri-node-apply.service"
_POLL = 0.2  # seconds between two looks


def wait_until_idle(layout: Layout, seconds: float) -> None:
    """Wait until no change of this node is running. Raises lock.Busy after so many seconds."""
    deadline = time.monotonic() + seconds
    while is_busy(layout):
        if time.monotonic() >= deadline:
            raise lock.Busy(
                f"another change of this node has been in progress for more than {seconds} s ({UNIT});"
                " run again when it has finished"
            )
        time.sleep(_POLL)


def is_busy(layout: Layout) -> bool:
    """Whether the program is running, as a unit or by itself. systemd reports a unit that does not exist as inactive."""
    if lock.holder(layout) not in ("", "retry"):
        return True
    if not os.path.isdir(layout.transaction):
        return False  # this node was never changed
    state = run(["systemctl", "show", UNIT, "-p", "ActiveState", "--value"])[1].strip()
    return state not in ("", "inactive", "failed")


def needs_settling(layout: Layout) -> bool:
    """Whether an idle node has an interrupted change to end, or a damaged state to set aside, see calls.settle."""
    return bool(intent.needs_recovery(layout) or committed.load(layout)[1])
