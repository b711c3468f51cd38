# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for a state, with a limit."""

import time
from collections.abc import Callable
from typing import Any


class NotReached(Exception):
    """A state was not reached within its limit; says what was last seen."""


def wait_for(what: str, look: Callable[[], tuple[bool, Any]], limit: float, interval: float = 0.1) -> Any:
    """Call `look` until it says so, and return what it saw.

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
