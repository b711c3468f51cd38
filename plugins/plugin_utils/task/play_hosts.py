# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables and results of all hosts of a play, for a task that runs once for all of them.

For variables, hostvars is not enough, because it has neither the defaults of roles nor the variables of the play. They are read
from Ansible's variable manager, as Ansible's strategies do (ansible-core 2.16 to 2.19).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from ansible.errors import AnsibleError

from ansible_collections.cri.node.plugins.plugin_utils.plain import plain
from ansible_collections.cri.node.plugins.plugin_utils.task import option_variables
from ansible_collections.cri.node.plugins.plugin_utils.task.failure import TaskFailure
from ansible_collections.cri.node.plugins.plugin_utils.task.variable_layers import (
    NAMES,
    OF_TASKS,
    resolved,
)

_NAME = re.compile(r"(?<![\w.])[A-Za-z_]\w*")  # not the name of an attribute or a part of a plugin's name
# A variable that a file or a task names, in JSON.
_NAMED = re.compile(rf'"(?:{"|".join((*NAMES, *OF_TASKS))})": "(\w+)"')
# The options of a task or a file that are named by variables, in JSON.
_OPTIONS = re.compile(rf'"{option_variables.OPTION}": \{{([^{{}}]*)\}}')
_WORD = re.compile(r'"(\w+)"')
_WHITE_SPACE = re.compile(r"\\[bfnrt]")  # as JSON writes it; otherwise its letter would be part of a name
# Makes a template depend on more than the variables that it mentions.
_ELSEWHERE = re.compile(
    r"\b(?:hostvars|vars|lookup|q)\b(?!')|\bquery\((?!'ansible\.builtin\.(?:varnames|vars)')|\b(?:now|random|shuffle)\b"
)


if TYPE_CHECKING:
    _Key = tuple[tuple[str, str], ...]  # names and values of variables


class HostValues(NamedTuple):
    """One host of the play."""

    host: str
    variables: dict[str, Any]  # as for a task of this host, not evaluated
    values: dict[str, Any]  # the requested variables, evaluated, without undefined ones
    fault: str  # why they cannot be evaluated, else empty


def hosts_of(task_vars: dict[str, Any]) -> list[str]:
    """Return the hosts for a task that runs once in each batch: all hosts of the play in the first batch, else none."""
    every = _all(task_vars)
    batch = task_vars.get("ansible_play_batch") or every
    return every if every[0] in batch else []


def registered(task_vars: dict[str, Any], name: str, keys: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return these keys of the result that a task registered as `name`, by host in the order of the play; {} if a host has none.

    A result may contain much else, such as the diffs of all files.
    """
    hostvars, keys = task_vars["hostvars"], tuple(keys)
    found = ((host, hostvars.raw_get(host).get(name)) for host in _all(task_vars))
    return {
        host: cast(dict[str, Any], plain({key: result[key] for key in keys if key in result}))
        if isinstance(result, Mapping)
        else {}
        for host, result in found
    }


def waiting(task_vars: dict[str, Any]) -> list[str]:
    """Return the hosts whose batch has not started. Batches follow the order of all hosts."""
    every = _all(task_vars)
    lost = set(every).difference(task_vars.get("ansible_play_hosts") or ())
    # Ansible removes lost hosts from the batch, which may leave it empty.
    begun = set(task_vars.get("ansible_play_batch") or lost)
    last = max((index for index, host in enumerate(every) if host in begun), default=-1)
    return [host for host in every[last + 1 :] if host not in lost]


def _all(task_vars: dict[str, Any]) -> list[str]:
    return list(task_vars.get("ansible_play_hosts_all") or [task_vars["inventory_hostname"]])


def values(task: Any, templar: Any, task_vars: dict[str, Any], names: list[str]) -> Iterator[HostValues]:
    """Yield the values of some variables for each host.

    Evaluating templates is most of the work. If all variables that the templates mention are equal for several hosts, the
    values are evaluated once, and these hosts share the same objects.
    """
    hostvars = task_vars["hostvars"]
    manager, inventory = hostvars._variable_manager, hostvars._inventory
    known: dict[_Key, tuple[dict[str, Any], str]] = {}
    used = _Used()
    for host in hosts_of(task_vars):
        variables = manager.get_vars(play=task.play, host=inventory.get_host(host), task=task)
        key = used.by(variables, names)
        if key is None or key not in known:
            found = _evaluated(templar, variables, names)
            if key is not None:
                known[key] = found
        else:
            found = known[key]
        yield HostValues(host, variables, *found)


def _evaluated(templar: Any, variables: dict[str, Any], names: list[str]) -> tuple[dict[str, Any], str]:
    templar.available_variables = variables
    try:
        found = {each: templar.template(variables[each]) for each in names if each in variables}
        return {name: _with_settings(tasks, variables, templar) for name, tasks in found.items()}, ""
    except (AnsibleError, TaskFailure) as error:
        return {}, str(error)


def _with_settings(tasks: Any, variables: dict[str, Any], templar: Any) -> Any:
    """Return the options of modules with the settings of the variables that they name."""
    if not isinstance(tasks, Mapping):
        return tasks
    return {
        module: _resolved(options, variables, templar.template) if isinstance(options, Mapping) else options
        for module, options in tasks.items()
    }


def _resolved(options: Any, variables: dict[str, Any], evaluate: Any) -> dict[str, Any]:
    return resolved(option_variables.resolved(options, variables, evaluate), variables, evaluate)


class _Used:
    """Finds the variables that a variable depends on."""

    def __init__(self) -> None:
        self._mentioned: dict[str, frozenset[str] | None] = {}
        self._frozen: dict[int, tuple[object, str]] = {}

    def by(self, variables: dict[str, Any], names: list[str]) -> _Key | None:
        """Return a key of all variables that these depend on, with their values; None if they cannot be determined."""
        layers = self._layers(variables)
        seen: set[str] = set()
        found: dict[str, str] = {}
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            if name in seen:
                continue
            seen.add(name)
            waiting += layers.get(name, ())
            if name not in variables:
                continue
            found[name] = text = self._freeze(variables[name])
            waiting += _NAMED.findall(text)
            waiting += [name for options in _OPTIONS.findall(text) for name in _WORD.findall(options)]
            if "{{" in text or "{%" in text:
                mentioned = self._mentions(text)
                if mentioned is None:
                    return None
                waiting += mentioned
        return tuple(sorted(found.items()))

    def _layers(self, variables: dict[str, Any]) -> dict[str, list[str]]:
        """Return {name: variables whose names start with it and two underscores}."""
        found: dict[str, list[str]] = {}
        for name in variables:
            base, layer, _rest = name.partition("__")
            if base and layer:
                found.setdefault(base, []).append(name)
        return found

    def _freeze(self, value: object) -> str:
        """Return a value as JSON, without evaluating its templates."""
        if id(value) not in self._frozen:
            text = json.dumps(value, sort_keys=True, default=repr)
            # With the value, so that its id is not used again.
            self._frozen[id(value)] = (value, text)
        return self._frozen[id(value)][1]

    def _mentions(self, text: str) -> frozenset[str] | None:
        if text not in self._mentioned:
            code = _WHITE_SPACE.sub(" ", text)
            self._mentioned[text] = None if _ELSEWHERE.search(code) else frozenset(_NAME.findall(code))
        return self._mentioned[text]
