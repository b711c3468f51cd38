# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of a task that are only named by their variables, as the roles do.

Ansible compiles each template of a task again for each node, and evaluates each entry of a list of files. A variable that is
looked up here costs nothing but the templates in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.cri.node.plugins.module_utils.text import shown
from ansible_collections.cri.node.plugins.plugin_utils.problem import Problem
from ansible_collections.cri.node.plugins.plugin_utils.task.failure import refuse

#: the option that maps other options to their variables
OPTION = "variables"
SPEC: dict[str, Any] = {OPTION: {"type": "dict"}}
_ACCEPTED = "the name of a variable, or a list of names of lists"
_TEMPLATE_MARKS = ("{{", "{%", "{#")


def resolved(
    arguments: Mapping[str, Any],
    variables: Mapping[str, Any],
    evaluate: Callable[[Any], Any],
    spec: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the arguments of a task with the values of the options that it names by variables.

    variables: those of the host, not evaluated. evaluate: returns the value of a template. spec: the argument spec, to check the
    names of options. Raises TaskFailure for names that are not accepted; an option `variables` of another type is left to the
    validation of options.
    """
    found = dict(arguments)
    named = found.pop(OPTION, None)
    if not isinstance(named, Mapping) or (spec is not None and OPTION not in spec):
        return dict(arguments)
    refuse([fault for option in named for fault in _faults(option, named[option], found, variables, spec)])
    values = {
        option: _joined(names, variables, evaluate)
        if isinstance(names, (list, tuple))
        else value_of(variables[names], evaluate)
        for option, names in named.items()
    }
    return {**found, **values}


def _faults(
    option: str,
    names: object,
    arguments: Mapping[str, Any],
    variables: Mapping[str, Any],
    spec: Mapping[str, Any] | None,
) -> list[Problem]:
    """Return what is wrong with the variables of one option."""
    if spec is not None and (option not in spec or option == OPTION):
        accepted = ", ".join(name for name in spec if name != OPTION)
        return [Problem(OPTION, shown(option, 80), None, "is not an option of this module", accepted)]
    if option in arguments:
        return [Problem(OPTION, option, None, "is also an option of the task", "one of both")]
    return [
        Problem(OPTION, option, shown(name, 80), "is not a variable of this host", _ACCEPTED)
        for name in _unknown(names, variables)
    ]


def _unknown(names: object, variables: Mapping[str, Any]) -> list[object]:
    """Return what is not the name of a variable."""
    every = names if isinstance(names, (list, tuple)) else [names]
    return [name for name in every if not isinstance(name, str) or name not in variables]


def _joined(names: Any, variables: Mapping[str, Any], evaluate: Callable[[Any], Any]) -> list[Any]:
    """Return the entries of several lists; a variable that is not a list counts as one entry, for the validation of options."""
    values = [value_of(variables[name], evaluate) for name in names]
    return [entry for value in values for entry in (value if isinstance(value, list) else [value])]


def value_of(raw: Any, evaluate: Callable[[Any], Any]) -> Any:
    """Return the value of a variable. Only what may contain a template is evaluated, which Ansible does for each entry."""
    if raw is None or isinstance(raw, (bool, int, float)):
        return raw
    if isinstance(raw, str):
        return evaluate(raw) if any(mark in raw for mark in _TEMPLATE_MARKS) else raw
    if isinstance(raw, Mapping):
        return {name: value_of(item, evaluate) for name, item in raw.items()}
    if isinstance(raw, (list, tuple)):
        return [value_of(item, evaluate) for item in raw]
    return evaluate(raw)  # such as a vaulted string
