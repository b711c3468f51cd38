# SPDX-License-Identifier: GPL-3.0-or-later
"""Handlers as the lowest layer of crio.conf: their entries `[crio.runtime.runtimes.NAME]`, which crio_config overrides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.cri.node.plugins.plugin_utils.layers import Layers
from ansible_collections.cri.node.plugins.plugin_utils.problem import Problem

OPTION = "handlers_layers"
_EMPTY: tuple[object, ...] = (None, "", {})


def coming(entries: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the paths of files on a node that crio_handlers installs for the handlers of a file set."""
    layers = [
        (name, value) for entry in entries for name, value in entry.get(OPTION) or [] if value not in _EMPTY
    ]
    if not layers:
        return []
    from ansible_collections.cri.node.plugins.plugin_utils.handlers import desired

    handlers = desired.read(layers).handlers.values()
    programs = {each.path for each in handlers if each.install != "preinstalled"}
    configurations = {
        each.settings.get("runtime_config_path") for each in handlers if each.install == "package"
    }
    paths = programs | configurations | {file.path for each in handlers for file in each.files}
    return sorted(path for path in paths if isinstance(path, str))


def of(entry: Mapping[str, Any]) -> tuple[Layers, list[Problem]]:
    """Return (no or one layer, what is wrong with the handlers) of an entry of a file set."""
    layers = [(name, value) for name, value in entry.get(OPTION) or [] if value not in _EMPTY]
    if not layers:
        return [], []
    # Not at the top: each fork of Ansible loads this module, and handlers are rarely set.
    from ansible_collections.cri.node.plugins.plugin_utils.handlers import desired, settings

    found = desired.read(layers)
    version = entry.get("version")
    problems = [*found.problems, *settings.problems(found.handlers.values(), version)]
    data = settings.as_layer(found.handlers.values(), version)
    return ([(layers[0][0], data)] if data else []), problems
