# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter cri.node.to_unit."""

from __future__ import annotations

from collections.abc import Callable

from ansible.errors import AnsibleFilterError

DOCUMENTATION = r"""
name: to_unit
short_description: Convert data to a drop-in of a systemd unit
version_added: 0.1.0
author:
  - The cri.node contributors (@cri-node)
description:
  - Converts sections and their directives to a systemd drop-in. A list becomes one line for each entry, and a boolean becomes
    C(yes) or C(no). Specifiers such as C(%n) are kept.
  - Fails if P(cri.node.unit_problems#filter) returns any problem. The error contains all problems and no value.
positional: _input
options:
  _input:
    description: A mapping of sections (C(Unit), C(Service), C(Install)) to directives.
    type: dict
    required: true
  lenient:
    description:
      - Omit invalid entries instead of failing.
      - Use it only if P(cri.node.unit_problems#filter) is also called and its problems are handled.
    type: bool
    default: false
seealso:
  - plugin: cri.node.unit_problems
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Show the result
  ansible.builtin.debug:
    msg: "{{ {'Service': {'KillMode': 'process', 'Environment': ['A=1', 'B=2']}} | cri.node.to_unit }}"
  # [Service]
  # Environment=A=1
  # Environment=B=2
  # KillMode=process
"""

RETURN = r"""
_value:
  description: The content of the drop-in.
  type: str
"""


def to_unit(data: object, lenient: bool = False) -> str:
    """Return the content of a drop-in."""
    # Not at the top: for one filter, Ansible imports all filters of a collection, in each fork.
    from ansible_collections.cri.node.plugins.plugin_utils.files import unit_drop_in

    problems = [] if lenient else unit_drop_in.unit_problems(data, "")
    if problems:
        raise AnsibleFilterError(". ".join(str(problem) for problem in problems))
    return unit_drop_in.render_unit(data)


class FilterModule:
    """Provide the filter to Ansible."""

    def filters(self) -> dict[str, Callable[..., object]]:
        return {"to_unit": to_unit}
