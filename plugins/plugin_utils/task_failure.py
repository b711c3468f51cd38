# SPDX-License-Identifier: GPL-3.0-or-later
"""A task that ends with one clear message: told as its result, so that no controller prints an exception beside it."""

from __future__ import annotations


class TaskFailure(Exception):
    """Ends an action. `result` is what the task returns beside `failed` and `msg`."""

    def __init__(self, message, result=None):
        super().__init__(message)
        self.result = dict(result or {}, failed=True, msg=message)
