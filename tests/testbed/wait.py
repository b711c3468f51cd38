# SPDX-License-Identifier: GPL-3.0-or-later
"""Waits for a state, with a time limit."""

import time
from collections.abc import Callable
from typing import Any


class NotReached(Exception):
    """A state was not reached in time; the message contains the last value."""


def wait_for(what: str, look: Callable[[], tuple[bool, Any]], limit: float, interval: float = 0.1) -> Any:
    """Call `look` until it returns True, and return what it saw.

    `look` returns (reached, seen). `limit` and `interval` are seconds.
    Raises NotReached with the last thing seen when the limit has passed.
    """
    end = time.monotonic() + limit
    while True:
        reached, seen = look()
        if reached:
            return seen
        if time.monotonic() >= end:
            raise NotReached(f"{what}: not within {limit:g} s; last seen: {seen}")
        time.sleep(interval)
