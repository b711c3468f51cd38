# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenShift's objects as the lowest layer of the files that they result in.

The entries of several files name the same variable of objects. Each kind of file takes the part that is for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ansible_collections.cri.node.plugins.plugin_utils.files.kinds import KINDS
from ansible_collections.cri.node.plugins.plugin_utils.layers import Layers
from ansible_collections.cri.node.plugins.plugin_utils.problem import Problem

if TYPE_CHECKING:
    from ansible_collections.cri.node.plugins.plugin_utils.registries.openshift.to_files import Files

OPTION = "openshift_layers"
_EMPTY: tuple[object, ...] = (None, "", [], {})


class OpenShiftLayers:
    """The objects of the entries of a file set, each converted once."""

    def __init__(self, entries: list[Any]) -> None:
        """entries: those of the option `files`, as plain data."""
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        self._converted: list[tuple[Layers, Files]] = []
        parts: list[set[str]] = []  # for each of these, the parts that a file takes
        for entry in entries:
            layers = _layers(entry)
            if not layers:
                continue
            if layers not in [each for each, _files in self._converted]:
                self._converted.append((layers, _files_of(layers)))
                parts.append(set())
            index = [each for each, _files in self._converted].index(layers)
            parts[index].add(_part(entry))
        for (layers, files), taken in zip(self._converted, parts):
            self.problems += files.problems
            self.warnings += files.warnings
            self._report_missing(layers[0][0], files, taken)

    def of(self, entry: Mapping[str, Any]) -> Layers:
        """Return the layer of one file: none or one."""
        layers = _layers(entry)
        for each, files in self._converted:
            if each == layers and _part(entry) in files.data:
                return [(layers[0][0], files.data[_part(entry)])]
        return []

    def _report_missing(self, variable: str, files: Files, taken: set[str]) -> None:
        """Report what the objects require of a file that is not in the set."""
        from ansible_collections.cri.node.plugins.plugin_utils.registries.openshift import to_files

        for part, data in files.data.items():
            if part in taken:
                continue
            problem = Problem(variable, to_files.FIELDS[part], None, to_files.MISSING[part])
            if part == to_files.POLICY and data["default"][0]["type"] == to_files.ACCEPT:
                # registries.conf blocks the registries too, but not their mirrors.
                field = "Image/cluster.spec.registrySources.blockedRegistries"
                self.warnings.append(problem._replace(key=field))
            else:
                self.problems.append(problem)


def _layers(entry: Mapping[str, Any]) -> Layers:
    return [(name, value) for name, value in entry.get(OPTION) or [] if value not in _EMPTY]


def _part(entry: Mapping[str, Any]) -> str:
    return KINDS[entry.get("kind") or "text"].openshift


def _files_of(layers: Layers) -> Files:
    # Not at the top: objects are rarely used, and every fork of Ansible loads this module.
    from ansible_collections.cri.node.plugins.plugin_utils.registries.openshift import to_files

    return to_files.files_of(layers)
