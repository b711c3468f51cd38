# SPDX-License-Identifier: GPL-3.0-or-later
"""A task that ends with one clear message: told as its result, so that no controller prints an exception beside it."""

from __future__ import annotations


class TaskFailure(Exception):
    """Ends an action. `result` is what the task returns beside `failed` and `msg`."""

    def __init__(self, message, result=None):
        super().__init__(message)
        self.result = dict(result or {}, failed=True, msg=message)


def succeeded(returned):
    """What a module returned, where it did its work; else TaskFailure with the module's own message."""
    if returned.get("unreachable"):
        raise TaskFailure(returned.get("msg", "the node cannot be reached"), {"unreachable": True})
    if returned.get("failed"):
        raise TaskFailure(returned.get("msg") or "the module returned nothing")
    return returned


def refuse(problems):
    """Raise TaskFailure where anything is wrong with what is wanted; all of it is told at once."""
    if len(problems) == 1:
        raise TaskFailure(str(problems[0]))
    if problems:
        listed = "".join(f"\n- {problem}" for problem in problems)
        raise TaskFailure(f"{len(problems)} problems, and nothing was changed:{listed}")
