# SPDX-License-Identifier: GPL-3.0-or-later
"""The base class of the collection's actions: validates options first, and returns failures as one message."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from ansible.errors import AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.action import ActionBase

from ansible_collections.cri.node.plugins.module_utils.text import shown
from ansible_collections.cri.node.plugins.plugin_utils.plain import plain
from ansible_collections.cri.node.plugins.plugin_utils.problem import Problem
from ansible_collections.cri.node.plugins.plugin_utils.task import (
    option_rules,
    option_variables,
    variable_layers,
)
from ansible_collections.cri.node.plugins.plugin_utils.task.failure import TaskFailure, redacted, refuse
from ansible_collections.cri.node.plugins.plugin_utils.text.structured_text import list_of, mapping_of


class Examined(NamedTuple):
    """The result of validating an action's options on the controller."""

    problems: list[Problem]
    warnings: list[Problem] = []
    keys: int = 0  # validated settings
    files: int = 0  # desired files


class CheckedAction(ActionBase):
    """An action that does its work in `perform(options, task_vars)`, which returns the task's result or raises TaskFailure.

    The options are validated by option_rules before. `secrets` are texts that are masked in the messages of failures.
    """

    ARGUMENT_SPEC: dict[str, Any] = {}
    VARIABLES: dict[str, str] = {}  # the role variable of each option, for messages
    MODULE = ""  # the internal module that this action calls on the node
    TRANSFERS_FILES = False  # the temporary directory on the node is only created to transfer a file
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Validate the options, perform the task, and return a failure as its result."""
        super().run(tmp, task_vars)
        self.secrets: Collection[str] = []
        self.VARIABLES = variables_named(self._task.args.get(option_variables.OPTION), self.VARIABLES)
        try:
            self._task.args = self.prepared(_parsed(self._resolved(task_vars or {}), self.ARGUMENT_SPEC))
            refuse(option_rules.problems_of_arguments(self._task.args, self.VARIABLES))
            _validation, options = self.validate_argument_spec(argument_spec=self.ARGUMENT_SPEC)
            refuse(option_rules.normalise(options, self.ARGUMENT_SPEC, self.VARIABLES))
            return self.perform(options, task_vars)
        except TaskFailure as failure:
            return dict(failure.result, msg=redacted(failure.result["msg"], self.secrets))

    def _resolved(self, variables: dict[str, Any]) -> dict[str, Any]:
        """Return the task's arguments with the values and settings of the variables that they name."""
        evaluate = self._templar.template
        arguments = option_variables.resolved(self._task.args, variables, evaluate, self.ARGUMENT_SPEC)
        return variable_layers.resolved(arguments, variables, evaluate)

    @classmethod
    def prepared(cls, arguments: dict[str, Any]) -> dict[str, Any]:
        """Return the task's arguments as they are validated."""
        return arguments

    @classmethod
    def examine(cls, options: dict[str, Any]) -> Examined:
        """Validate options that have passed option_rules, without contacting a node."""
        return Examined([])

    def place_on_node(self, name: str) -> str:
        """Return a path in the task's temporary directory on the node, which lives until the task ends."""
        if not self._connection._shell.tmpdir:
            self._make_tmp_path()
        return str(self._connection._shell.join_path(self._connection._shell.tmpdir, name))

    def found_on_controller(self, source: str, subject: str) -> str:
        """Return the path of a file where Ansible looks for the files of roles and playbooks. subject: begins the message.

        Raises TaskFailure.
        """
        try:
            return str(self._find_needle("files", os.path.expanduser(source)))
        except AnsibleError:
            raise TaskFailure(
                f"{subject}: the file {shown(source)} does not exist on the controller"
            ) from None

    def ask_node(
        self,
        request: dict[str, Any],
        task_vars: dict[str, Any],
        secrets: dict[str, Any] | None = None,
        in_background: bool = False,
        module: str = "",
    ) -> dict[str, Any]:
        """Call an internal module on the node, by default MODULE, and return its result, failed or not.

        `secrets` are the entries of the request that Ansible must not write to the node's log or repeat in the result.
        in_background: for a task with `async`; the result is that of a started job, and Ansible gets the module's own one later.
        """
        arguments = {"request": request, "secrets": secrets or {}}
        return self._execute_module(
            module_name=module or self.MODULE,
            module_args=arguments,
            task_vars=task_vars,
            wrap_async=in_background,
        )


def variables_named(named: object, usual: dict[str, str]) -> dict[str, str]:
    """Return the role variable of each option: the one that the task names for it, else the usual one."""
    known = named if isinstance(named, Mapping) else {}
    return {
        option: known[option] if isinstance(known.get(option), str) else variable
        for option, variable in usual.items()
    }


def examine(action: type[CheckedAction], arguments: dict[str, Any]) -> Examined:
    """Validate the arguments of an action on the controller as a run does, and return all problems at once."""
    arguments = action.prepared(_parsed(arguments, action.ARGUMENT_SPEC))
    problems: list[Any] = option_rules.problems_of_arguments(arguments, action.VARIABLES)
    if not problems:
        validated = ArgumentSpecValidator(action.ARGUMENT_SPEC).validate(arguments)
        problems = [_with_variables(message, action.VARIABLES) for message in validated.error_messages]
    if not problems:
        options = validated.validated_parameters
        problems = option_rules.normalise(options, action.ARGUMENT_SPEC, action.VARIABLES)
    if not problems:
        return action.examine(options)
    return Examined([each if isinstance(each, Problem) else Problem("", "", None, each) for each in problems])


def _parsed(arguments: dict[str, Any], spec: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments with the lists of strings and mappings that some of them contain as text, see structured_text.

    Not by a filter in the roles: for a single one, Ansible imports all filters of the collection for each node.
    """
    found = dict(arguments)
    for name, option in spec.items():
        value = found.get(name)
        if option.get("elements") == "str" and (
            isinstance(value, str) or (value is None and "default" in option)
        ):
            found[name] = list_of(plain(value))
        elif option["type"] == "dict" and isinstance(value, str):
            found[name] = mapping_of(plain(value))
    return found


def _with_variables(message: str, variables: dict[str, str]) -> str:
    """Add role variables to a message of Ansible about options."""
    for option in variables:
        message = message.replace(f"'{option}'", option_rules.labelled(option, variables))
    return message
