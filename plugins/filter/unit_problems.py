# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter cri.node.unit_problems."""

from __future__ import annotations

from collections.abc import Callable

DOCUMENTATION = r"""
name: unit_problems
short_description: Validate data of a systemd drop-in
version_added: 0.1.0
author:
  - The cri.node contributors (@cri-node)
description:
  - Validates sections, names of directives and values, and returns all problems at once. Values are never part of a problem.
positional: _input
options:
  _input:
    description: A mapping of sections (C(Unit), C(Service), C(Install)) to directives.
    type: raw
    required: true
  variable:
    description: The name of the variable, which each sentence starts with.
    type: str
    default: crio_service
seealso:
  - plugin: cri.node.to_unit
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Fail if systemd does not accept the drop-in
  ansible.builtin.assert:
    that: (crio_service | cri.node.unit_problems) == []
"""

RETURN = r"""
_value:
  description: One sentence for each problem; empty if there are none.
  type: list
  elements: str
"""


def unit_problems(data: object, variable: str = "crio_service") -> list[str]:
    """Return one sentence for each problem."""
    # Not at the top: for one filter, Ansible imports all filters of a collection, in each fork.
    from ansible_collections.cri.node.plugins.plugin_utils.files import unit_drop_in

    return [str(problem) for problem in unit_drop_in.unit_problems(data, variable)]


class FilterModule:
    """Provide the filter to Ansible."""

    def filters(self) -> dict[str, Callable[..., object]]:
        return {"unit_problems": unit_problems}
