# SPDX-License-Identifier: GPL-3.0-or-later
"""What the collection's actions have in common: options that are checked first, and failures returned as one clear message."""

from __future__ import annotations

from ansible.plugins.action import ActionBase

from ansible_collections.cri.node.plugins.plugin_utils.task import option_rules
from ansible_collections.cri.node.plugins.plugin_utils.task.failure import TaskFailure, redacted, refuse


class CheckedAction(ActionBase):
    """An action that does its work in `perform(options, task_vars)`, which returns the task's result or raises TaskFailure.

    The options have passed option_rules by then. `secrets` are texts that no message of a failure may hold.
    """

    ARGUMENT_SPEC: dict = {}
    VARIABLES: dict = {}  # the role variable that an option comes from, by option, for messages
    MODULE = ""  # the internal module that this action calls on the node
    TRANSFERS_FILES = False  # a folder on the node is made only once there is something to send
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp=None, task_vars=None):
        super().run(tmp, task_vars)
        self.secrets = []
        try:
            refuse(option_rules.problems_of_arguments(self._task.args, self.VARIABLES))
            _validation, options = self.validate_argument_spec(argument_spec=self.ARGUMENT_SPEC)
            refuse(option_rules.normalise(options, self.ARGUMENT_SPEC, self.VARIABLES))
            return self.perform(options, task_vars)
        except TaskFailure as failure:
            return dict(failure.result, msg=redacted(failure.result["msg"], self.secrets))

    def ask_node(self, request, task_vars, secrets=None):
        """Call MODULE on the node and return its result, failed or not.

        `secrets` are the entries of the request that Ansible must not write to the node's log or repeat in the result.
        """
        arguments = {"request": request, "secrets": secrets or {}}
        return self._execute_module(module_name=self.MODULE, module_args=arguments, task_vars=task_vars)
