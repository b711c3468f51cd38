# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter cri.node.environment_problems."""

from __future__ import annotations

from collections.abc import Callable

DOCUMENTATION = r"""
name: environment_problems
short_description: Validate variables of an environment file
version_added: 0.1.0
author:
  - The cri.node contributors (@cri-node)
description:
  - Validates names and values, and returns all problems at once. Values are never part of a problem.
positional: _input
options:
  _input:
    description: A mapping of names to values.
    type: raw
    required: true
  variable:
    description: The name of the variable, which each sentence starts with.
    type: str
    default: crio_environment
seealso:
  - plugin: cri.node.to_environment_file
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Fail if systemd does not accept the variables
  ansible.builtin.assert:
    that: (crio_environment | cri.node.environment_problems) == []
"""

RETURN = r"""
_value:
  description: One sentence for each problem; empty if there are none.
  type: list
  elements: str
"""


def environment_problems(data: object, variable: str = "crio_environment") -> list[str]:
    """Return one sentence for each problem."""
    # Not at the top: for one filter, Ansible imports all filters of a collection, in each fork.
    from ansible_collections.cri.node.plugins.plugin_utils.files import environment_file

    return [str(problem) for problem in environment_file.environment_problems(data, variable)]


class FilterModule:
    """Provide the filter to Ansible."""

    def filters(self) -> dict[str, Callable[..., object]]:
        return {"environment_problems": environment_problems}
