# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter cri.node.environment_problems."""

from __future__ import annotations

from collections.abc import Callable

from ansible_collections.cri.node.plugins.plugin_utils.files import environment_file

DOCUMENTATION = r"""
name: environment_problems
short_description: Tell what is wrong with the variables of an environment file
version_added: 0.1.0
author:
  - The cri.node contributors (@cri-node)
description:
  - Checks names and values, and tells everything at once. It never prints a value.
positional: _input
options:
  _input:
    description: A mapping of names to values.
    type: raw
    required: true
  variable:
    description: The variable that holds the mapping, with which each sentence begins.
    type: str
    default: crio_environment
seealso:
  - plugin: cri.node.to_environment_file
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Refuse variables that systemd would not understand
  ansible.builtin.assert:
    that: (crio_environment | cri.node.environment_problems) == []
"""

RETURN = r"""
_value:
  description: One sentence for each problem; empty when all is well.
  type: list
  elements: str
"""


def environment_problems(data: object, variable: str = "crio_environment") -> list[str]:
    """What is wrong, as sentences."""
    return [str(problem) for problem in environment_file.environment_problems(data, variable)]


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., object]]:
        return {"environment_problems": environment_problems}
