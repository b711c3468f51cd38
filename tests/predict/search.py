# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds those of many changes with which CRI-O fails, with few attempts."""

from collections.abc import Callable, Sequence
from typing import TypeVar

Item = TypeVar("Item")


def failing(items: Sequence[Item], attempt: Callable[[Sequence[Item]], str]) -> dict[Item, str]:
    """Return {item: why} of the items with which `attempt` fails alone, or with others that do not fail alone.

    attempt: makes some changes, and returns why it failed; empty if it did not. It is called for all items first, and then for
    halves of what fails. Items that only fail together are all returned.
    """
    why = attempt(items)
    if not why:
        return {}
    if len(items) == 1:
        return {items[0]: why}
    middle = len(items) // 2
    found = {**failing(items[:middle], attempt), **failing(items[middle:], attempt)}
    return found or dict.fromkeys(items, why)
