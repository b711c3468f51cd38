# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of files whose variables are only named, as the roles do.

Ansible compiles each template again for each node, and a template that collects layers consists of several. A variable that is
looked up here only costs its own templates.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.cri.node.plugins.module_utils.text import shown
from ansible_collections.cri.node.plugins.plugin_utils.plain import TooDeep, plain
from ansible_collections.cri.node.plugins.plugin_utils.task import option_variables
from ansible_collections.cri.node.plugins.plugin_utils.text.structured_text import list_of

#: the options of a file that name a variable
NAMES = ("variable", "crio_variable", "openshift_variable", "handlers_variable")
#: options of tasks that name a variable, and the options for which its layers are: of crio_handlers and cni_plugins.
OF_TASKS = {"handlers_variable": "handlers", "network_variable": "network"}


def resolved(
    arguments: Mapping[str, Any], variables: Mapping[str, Any], evaluate: Callable[[Any], Any]
) -> dict[str, Any]:
    """Return the arguments of a task with layers and contents instead of the names of variables.

    variables: those of the host, not evaluated. evaluate: returns the value of a template. Arguments of other types are returned
    unchanged, for option_rules to refuse.
    """
    found = dict(arguments)
    for name, option in OF_TASKS.items():
        if isinstance(found.get(name), str):
            found[option] = _Settings(variables, evaluate).of({"variable": found.pop(name)})["layers"]
    files = arguments.get("files")
    if isinstance(files, (list, tuple)):
        settings = _Settings(variables, evaluate)
        entries = [settings.of(entry) if isinstance(entry, Mapping) else entry for entry in files]
        # Ansible's validation copies all values, and those with tags slowly.
        with contextlib.suppress(TooDeep):
            entries = [plain(entry) for entry in entries]
        found["files"] = entries
        problems = settings.problems()
        if problems:
            found["problems"] = [*(arguments.get("problems") or []), *problems]
    return found


class _Settings:
    """Looks up variables for the files of one task."""

    def __init__(self, variables: Mapping[str, Any], evaluate: Callable[[Any], Any]) -> None:
        self._variables, self._evaluate = variables, evaluate
        self._lists: dict[str, list[Any]] = {}
        self._found: dict[str, list[list[Any]]] = {}  # layers by variable
        self._accepted: dict[str, list[str]] = {}  # by variable

    def of(self, entry: Mapping[str, Any]) -> dict[str, Any]:
        """Return one entry of `files` with its settings."""
        found = dict(entry)
        named = found.pop(option_variables.OPTION, None)
        if isinstance(named, Mapping):
            found = option_variables.resolved(
                {**found, option_variables.OPTION: named}, self._variables, self._evaluate
            )
        names = {name: found.pop(name) for name in NAMES if isinstance(found.get(name), str)}
        layered = found.pop("layered", True)
        element = found.pop("element", None) if "variable" in names else None
        if element is not None:
            name = names["variable"]
            self._accepted.setdefault(name, []).append(str(element))
            if element not in self._list(name):
                found["content"] = ""
        elif "variable" in names:
            found["layers"] = self._layers(names["variable"], layered)
        if "crio_variable" in names:
            found["crio_layers"] = self._layers(names["crio_variable"])
        if "openshift_variable" in names:
            found["openshift_layers"] = self._layers(names["openshift_variable"])
        if "handlers_variable" in names:
            found["handlers_layers"] = self._layers(names["handlers_variable"])
        return found

    def problems(self) -> list[str]:
        """Return a sentence for each element of a list that no file is for."""
        return [
            f"{name} = {shown(element, 80)}: is not accepted; accepted: {', '.join(accepted)}"
            for name, accepted in self._accepted.items()
            for element in self._list(name)
            if element not in accepted
        ]

    def _layers(self, name: str, layered: object = True) -> list[list[Any]]:
        """Return the layers of a variable, which several files may name."""
        if name not in self._found:
            self._found[name] = self._looked_up(name) if layered else self._evaluated([name])
        return self._found[name]

    def _looked_up(self, name: str) -> list[list[Any]]:
        further = sorted(
            each for each in self._variables if each.startswith(f"{name}__") and each[len(name) + 2 :]
        )
        return self._evaluated([name, *further])

    def _evaluated(self, names: list[str]) -> list[list[Any]]:
        """Return the variables among these that are defined, with their values."""
        return [
            [each, option_variables.value_of(self._variables[each], self._evaluate)]
            for each in names
            if each in self._variables
        ]

    def _list(self, name: str) -> list[Any]:
        if name not in self._lists:
            value = list_of(option_variables.value_of(self._variables.get(name), self._evaluate))
            self._lists[name] = list(value) if isinstance(value, (list, tuple)) else [value]
        return self._lists[name]
