# SPDX-License-Identifier: GPL-3.0-or-later
"""What the collection's actions have in common: options that are checked first, and failures told as one clear message."""

from __future__ import annotations

from ansible.plugins.action import ActionBase

from ansible_collections.cri.node.plugins.plugin_utils.task_failure import TaskFailure


class CheckedAction(ActionBase):
    """An action that does its work in `perform(options, task_vars)`, which returns the task's result or raises TaskFailure."""

    ARGUMENT_SPEC: dict = {}
    TRANSFERS_FILES = False  # a folder on the node is made only once there is something to send
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp=None, task_vars=None):
        super().run(tmp, task_vars)
        _validation, options = self.validate_argument_spec(argument_spec=self.ARGUMENT_SPEC)
        try:
            return self.perform(options, task_vars)
        except TaskFailure as failure:
            return failure.result
