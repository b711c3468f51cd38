# SPDX-License-Identifier: GPL-3.0-or-later
"""Ends the scripts of packages that outlive a package manager which was killed.

dpkg and rpm run the scripts of packages as processes of their own. If the package manager is killed, by the kernel for example, a
script continues, and it may then start or restart CRI-O, when nothing refuses that any more. The scripts have inherited the
environment of the package manager: a mark in it finds them, whatever session or parent they have by then.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
import uuid

NAME = "CRI_NODE_INSTALLATION"
_PATIENCE = 30.0  # seconds for a script to end by itself
_POLL = 0.2  # seconds between two looks


def mark() -> str:
    """Return a value of the environment variable NAME that no other installation has."""
    return uuid.uuid4().hex


def end(value: str, patience: float = _PATIENCE) -> None:
    """Wait until no process has this mark. Those that still run after `patience` seconds are killed."""
    deadline = time.monotonic() + patience
    while True:
        found = _marked(f"{NAME}={value}".encode())
        if not found:
            return
        if time.monotonic() >= deadline:
            break
        time.sleep(_POLL)
    for pid in found:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)


def _marked(variable: bytes) -> list[int]:
    """Return the processes that were started with a variable. One that has ended has no environment any more."""
    found = []
    for name in os.listdir("/proc"):
        with contextlib.suppress(OSError):
            if name.isdigit():
                with open(f"/proc/{name}/environ", "rb") as file:
                    if variable in file.read().split(b"\0"):
                        found.append(int(name))
    return found
