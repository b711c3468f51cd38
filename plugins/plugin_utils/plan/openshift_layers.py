# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenShift's objects as the lowest layer of the files that they result in.

The entries of several files name the same variable of objects. Each kind of file takes the part that is for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.cri.node.plugins.plugin_utils.files.kinds import KINDS
from ansible_collections.cri.node.plugins.plugin_utils.layers import Layers
from ansible_collections.cri.node.plugins.plugin_utils.problem import Problem

if TYPE_CHECKING:
    from ansible_collections.cri.node.plugins.plugin_utils.registries.openshift.to_files import Files

OPTION = "openshift_layers"
_EMPTY: tuple[object, ...] = (None, "", [], {})


class _Converted(NamedTuple):
    """The objects of one variable, as files."""

    layers: Layers
    files: Files
    taken: set[str]  # the parts that a file of the set takes


class OpenShiftLayers:
    """The objects of the entries of a file set, each converted once."""

    def __init__(self, entries: list[Any]) -> None:
        """entries: those of the option `files`, as plain data."""
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        self._converted: list[_Converted] = []
        for entry in entries:
            layers = _layers(entry)
            if not layers:
                continue
            found = self._of(layers)
            if found is None:
                found = _Converted(layers, _files_of(layers), set())
                self._converted.append(found)
            found.taken.add(_part(entry))
        for each in self._converted:
            self.problems += each.files.problems
            self.warnings += each.files.warnings
            self._report_missing(each)

    def of(self, entry: Mapping[str, Any]) -> Layers:
        """Return the layer of one file: none or one."""
        found, part = self._of(_layers(entry)), _part(entry)
        return [(found.layers[0][0], found.files.data[part])] if found and part in found.files.data else []

    def _of(self, layers: Layers) -> _Converted | None:
        return next((each for each in self._converted if each.layers == layers), None)

    def _report_missing(self, converted: _Converted) -> None:
        """Report what the objects require of a file that is not in the set."""
        from ansible_collections.cri.node.plugins.plugin_utils.registries.openshift import to_files

        for part, data in converted.files.data.items():
            if part in converted.taken:
                continue
            problem = Problem(converted.layers[0][0], to_files.FIELDS[part], None, to_files.MISSING[part])
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
