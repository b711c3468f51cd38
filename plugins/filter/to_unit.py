# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter cri.node.to_unit."""

from __future__ import annotations

from collections.abc import Callable

from ansible.errors import AnsibleFilterError

from ansible_collections.cri.node.plugins.plugin_utils.files import unit_drop_in

DOCUMENTATION = r"""
name: to_unit
short_description: Write data as a drop-in for a systemd unit
version_added: 0.1.0
author:
  - The cri.node contributors (@cri-node)
description:
  - Writes sections and their directives as a systemd drop-in. A list gives one line for each entry, a boolean
    gives C(yes) or C(no), specifiers such as C(%n) stay as they are.
  - Fails on what P(cri.node.unit_problems#filter) finds wrong. It names everything at once, and no value.
positional: _input
options:
  _input:
    description: A mapping of sections (C(Unit), C(Service), C(Install)) to directives.
    type: dict
    required: true
  lenient:
    description:
      - Leave out what is wrong, and do not fail.
      - Only for a caller that also asks P(cri.node.unit_problems#filter) and stops on an answer.
    type: bool
    default: false
seealso:
  - plugin: cri.node.unit_problems
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Show what would be written
  ansible.builtin.debug:
    msg: "{{ {'Service': {'KillMode': 'process', 'Environment': ['A=1', 'B=2']}} | cri.node.to_unit }}"
  # [Service]
  # Environment=A=1
  # Environment=B=2
  # KillMode=process
"""

RETURN = r"""
_value:
  description: The drop-in's text.
  type: str
"""


def to_unit(data: object, lenient: bool = False) -> str:
    """The data as the text of a drop-in."""
    problems = [] if lenient else unit_drop_in.unit_problems(data, "")
    if problems:
        raise AnsibleFilterError(". ".join(str(problem) for problem in problems))
    return unit_drop_in.render_unit(data)


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., object]]:
        return {"to_unit": to_unit}
