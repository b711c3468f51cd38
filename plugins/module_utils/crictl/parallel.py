# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs several calls at the same time."""

from __future__ import annotations

import collections
import threading
from collections.abc import Callable
from typing import Any

_TOGETHER = 16  # calls that run at the same time


def together(*calls: Callable[[], Any]) -> list[Any]:
    """Return the results of several calls that run at the same time, 16 at most. Raises the first call's error."""
    results: list[Any] = [None] * len(calls)
    waiting = collections.deque(enumerate(calls))

    def work() -> None:
        while True:
            try:
                index, call = waiting.popleft()
            except IndexError:
                return
            try:
                results[index] = (call(), None)
            except Exception as error:  # raised again below, in the caller's thread
                results[index] = (None, error)

    threads = [threading.Thread(target=work, daemon=True) for _each in calls[:_TOGETHER]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for _value, error in results:
        if error:
            raise error
    return [value for value, _error in results]
