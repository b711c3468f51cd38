# SPDX-License-Identifier: GPL-3.0-or-later
"""Divides the settings of many nodes into those that most of them have and a layer for each node that differs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

from ansible_collections.cri.node.plugins.plugin_utils.adopt.adoption import nested, unit_of
from ansible_collections.cri.node.plugins.plugin_utils.crio.catalogue import CATALOGUE
from ansible_collections.cri.node.plugins.plugin_utils.layers import Data, Path


class Fleet(NamedTuple):
    """The settings of more than half of the nodes, and by node the layer above them, in which null removes a setting."""

    common: Data
    layers: dict[str, Data]  # without nodes that have the common settings


def divided(nodes: Mapping[str, Data]) -> Fleet:
    """Divide the settings of the nodes, by name, so that the layer of each node merged over the common ones gives its own.

    A key, or a whole handler or workload, is common if more than half of the nodes have it with the same value.
    """
    settings = {node: _by_unit(data) for node, data in nodes.items()}
    common: dict[Path, Any] = {}
    for path in sorted({path for found in settings.values() for path in found}):
        values = [found[path] for found in settings.values() if path in found]
        value, count = Counter(json.dumps(value, sort_keys=True) for value in values).most_common(1)[0]
        if count * 2 > len(settings):
            common[path] = json.loads(value)
    layers = {node: nested(_difference(common, found)) for node, found in settings.items()}
    return Fleet(nested(common), {node: layer for node, layer in layers.items() if layer})


def _by_unit(data: Data) -> dict[Path, Any]:
    """Return the values of what is adopted as a whole, by path."""
    found: dict[Path, Any] = {}
    _collect(found, data, ())
    return found


def _collect(found: dict[Path, Any], data: Data, path: Path) -> None:
    for name, value in data.items():
        here = (*path, name)
        if isinstance(value, dict) and CATALOGUE.is_table(here) and not CATALOGUE.is_named(here):
            _collect(found, value, here)
        else:
            found[unit_of(here)] = value


def _difference(common: Mapping[Any, Any], own: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return what must be merged over the common values: other values, and None for what must not exist."""
    found: dict[Any, Any] = {}
    for name in sorted({*common, *own}):
        if name not in own:
            found[name] = None
        elif name not in common or common[name] != own[name]:
            both = isinstance(own[name], dict) and isinstance(common.get(name), dict)
            found[name] = _difference(common[name], own[name]) if both else own[name]
    return found
