# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter cri.node.to_environment_file."""

from __future__ import annotations

from collections.abc import Callable

from ansible.errors import AnsibleFilterError

DOCUMENTATION = r"""
name: to_environment_file
short_description: Convert a mapping to a systemd environment file
version_added: 0.1.0
author:
  - The cri.node contributors (@cri-node)
description:
  - Returns sorted C(NAME=value) lines, quoted for systemd and POSIX shells.
  - Fails if P(cri.node.environment_problems#filter) returns any problem. The error contains all problems and no value.
positional: _input
options:
  _input:
    description: A mapping of names to values.
    type: dict
    required: true
  lenient:
    description:
      - Omit invalid entries instead of failing.
      - Use it only if P(cri.node.environment_problems#filter) is also called and its problems are handled.
    type: bool
    default: false
seealso:
  - plugin: cri.node.environment_problems
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Show the result
  ansible.builtin.debug:
    msg: "{{ {'NO_PROXY': 'localhost, 10.0.0.0/8'} | cri.node.to_environment_file }}"
  # NO_PROXY="localhost, 10.0.0.0/8"
"""

RETURN = r"""
_value:
  description: The content of the file; an empty string for an empty mapping.
  type: str
"""


def to_environment_file(data: object, lenient: bool = False) -> str:
    """Return the content of an environment file."""
    # Not at the top: for one filter, Ansible imports all filters of a collection, in each fork.
    from ansible_collections.cri.node.plugins.plugin_utils.files import environment_file

    problems = [] if lenient else environment_file.environment_problems(data, "")
    if problems:
        raise AnsibleFilterError(". ".join(str(problem) for problem in problems))
    return environment_file.render_environment(data)


class FilterModule:
    """Provide the filter to Ansible."""

    def filters(self) -> dict[str, Callable[..., object]]:
        return {"to_environment_file": to_environment_file}
