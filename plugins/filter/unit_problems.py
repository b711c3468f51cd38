# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter cri.node.unit_problems."""

from __future__ import annotations

from collections.abc import Callable

from ansible_collections.cri.node.plugins.plugin_utils.files import unit_drop_in

DOCUMENTATION = r"""
name: unit_problems
short_description: Tell what is wrong with the data of a systemd drop-in
version_added: 0.1.0
author:
  - The cri.node contributors (@cri-node)
description:
  - Checks sections, names of directives and values, and tells everything at once. It never prints a value.
positional: _input
options:
  _input:
    description: A mapping of sections (C(Unit), C(Service), C(Install)) to directives.
    type: raw
    required: true
  variable:
    description: The variable that holds the data, with which each sentence begins.
    type: str
    default: crio_service
seealso:
  - plugin: cri.node.to_unit
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Refuse a drop-in that systemd would not understand
  ansible.builtin.assert:
    that: (crio_service | cri.node.unit_problems) == []
"""

RETURN = r"""
_value:
  description: One sentence for each problem; empty when all is well.
  type: list
  elements: str
"""


def unit_problems(data: object, variable: str = "crio_service") -> list[str]:
    """What is wrong, as sentences."""
    return [str(problem) for problem in unit_drop_in.unit_problems(data, variable)]


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., object]]:
        return {"unit_problems": unit_problems}
