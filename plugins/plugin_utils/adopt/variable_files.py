# SPDX-License-Identifier: GPL-3.0-or-later
"""Renders the variables of adopted nodes as an inventory: a group of the nodes, its variables, and those of single nodes.

Such a folder is a second source beside the user's own inventory (ansible-playbook -i OWN -i FOLDER), so that nothing has to be
merged before the variables can be tried.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.cri.node.plugins.module_utils.text import shown
from ansible_collections.cri.node.plugins.plugin_utils.adopt.adoption import Left
from ansible_collections.cri.node.plugins.plugin_utils.adopt.fleet import Fleet
from ansible_collections.cri.node.plugins.plugin_utils.text.name_ranges import shortened
from ansible_collections.cri.node.plugins.plugin_utils.text.table import count, wrapped

#: the group of all adopted nodes
GROUP = "cri_node_adopted"
VARIABLE = "crio_config"
#: the layer of a single node
LAYER = "crio_config__node"
_TEMPLATE = ("{{", "{%", "{#")
_WIDTH = 120


def texts(nodes: Iterable[str], fleet: Fleet, left: Mapping[str, Iterable[Left]]) -> dict[str, str]:
    """Return the files, by path below the folder. left: the keys that were not adopted, by node; they become comments.

    Raises ValueError for a node whose name cannot be the name of a file.
    """
    names = list(nodes)
    for name in names:
        if "/" in name or "\0" in name or name in (".", ".."):
            raise ValueError(f'the name of the host "{shown(name, 80)}" cannot be the name of a file')
    found = {
        "hosts.yml": _text(
            ["The nodes that cri.node.adopt has read."], {GROUP: {"hosts": dict.fromkeys(names)}}
        ),
        f"group_vars/{GROUP}.yml": _text(_introduction(names, fleet, left), {VARIABLE: fleet.common}),
    }
    for name, layer in fleet.layers.items():
        comment = (
            f"What differs on {shown(name, 80)} from {VARIABLE} of the group {GROUP}. null removes a setting."
        )
        found[f"host_vars/{name}.yml"] = _text([comment], {LAYER: layer})
    return found


def _introduction(names: list[str], fleet: Fleet, left: Mapping[str, Iterable[Left]]) -> list[str]:
    lines = [
        f"Written by cri.node.adopt: the settings of crio.conf that {count(len(names), 'node')} already"
        f" {'has' if len(names) == 1 else 'have'}, without defaults of CRI-O."
    ]
    if fleet.layers:
        lines.append(f"Nodes that differ have the layer {LAYER} in host_vars: {shortened(fleet.layers)}.")
    missing: dict[tuple[str, str, str], list[str]] = {}
    for name, each in left.items():
        for key in each:
            missing.setdefault((key["key"], key["source"], key["reason"]), []).append(name)
    if missing:
        lines += ["", "Not adopted:"]
    for (name_of_key, source, reason), on in missing.items():
        where = "" if len(on) == len(names) else f" ({shortened(on)})"
        lines.append(f"- {name_of_key}, which {source} sets{where}, {reason}")
    return lines


def _text(comment: Iterable[str], data: Mapping[str, Any]) -> str:
    lines = [f"# {line}".rstrip() for text in comment for line in wrapped(text, _WIDTH - 2, "  ")]
    return "\n".join([*lines, "---", _yaml(data)])


def _yaml(data: Mapping[str, Any]) -> str:
    """Return data as YAML, in its own order."""
    import yaml  # only files that are written need it

    return yaml.dump(
        dict(data),
        Dumper=_dumper(),
        sort_keys=False,
        allow_unicode=True,
        default_flow_style=False,
        width=_WIDTH,
    )


def _dumper() -> Any:
    """Return a class that writes no references, indents lists, and marks text that looks like a template of Ansible as none."""
    import yaml

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, _data: object) -> bool:
            return True

        def increase_indent(self, flow: bool = False, indentless: bool = False) -> Any:
            return super().increase_indent(flow, indentless and False)

    def represent(dumper: Any, value: str) -> Any:
        if any(mark in value for mark in _TEMPLATE):
            return dumper.represent_scalar("!unsafe", value, style='"')
        return dumper.represent_scalar("tag:yaml.org,2002:str", value)

    Dumper.add_representer(str, represent)
    return Dumper
