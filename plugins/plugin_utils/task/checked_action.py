# SPDX-License-Identifier: GPL-3.0-or-later
"""What the collection's actions have in common: options that are checked first, and failures returned as one clear message."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.cri.node.plugins.plugin_utils.task import option_rules
from ansible_collections.cri.node.plugins.plugin_utils.task.failure import TaskFailure, redacted, refuse


class CheckedAction(ActionBase):
    """An action that does its work in `perform(options, task_vars)`, which returns the task's result or raises TaskFailure.

    The options have passed option_rules by then. `secrets` are texts that no message of a failure may hold.
    """

    ARGUMENT_SPEC: dict[str, Any] = {}
    VARIABLES: dict[str, Any] = {}  # the role variable that an option comes from, by option, for messages
    TRANSFERS_FILES = False  # a folder on the node is made only once there is something to send
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Check the options, perform the task, and return a failure as its result."""
        super().run(tmp, task_vars)
        self.secrets: Collection[str] = []
        try:
            refuse(option_rules.problems_of_arguments(self._task.args, self.VARIABLES))
            _validation, options = self.validate_argument_spec(argument_spec=self.ARGUMENT_SPEC)
            refuse(option_rules.normalise(options, self.ARGUMENT_SPEC, self.VARIABLES))
            return self.perform(options, task_vars)
        except TaskFailure as failure:
            return dict(failure.result, msg=redacted(failure.result["msg"], self.secrets))
