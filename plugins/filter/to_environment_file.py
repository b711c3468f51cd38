# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter cri.node.to_environment_file."""

from __future__ import annotations

from collections.abc import Callable

from ansible.errors import AnsibleFilterError

from ansible_collections.cri.node.plugins.plugin_utils.files import environment_file

DOCUMENTATION = r"""
name: to_environment_file
short_description: Write a mapping as a file for systemd's EnvironmentFile
version_added: 0.1.0
author:
  - The cri.node contributors (@cri-node)
description:
  - Writes one C(NAME=value) a line, sorted, quoted as systemd and a shell read it.
  - Fails on what P(cri.node.environment_problems#filter) finds wrong. It names all of it, and no value.
positional: _input
options:
  _input:
    description: A mapping of names to values.
    type: dict
    required: true
  lenient:
    description:
      - Leave out what is wrong, and do not fail.
      - Only for a caller that also asks P(cri.node.environment_problems#filter) and stops on an answer.
    type: bool
    default: false
seealso:
  - plugin: cri.node.environment_problems
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Show what would be written
  ansible.builtin.debug:
    msg: "{{ {'NO_PROXY': 'localhost, 10.0.0.0/8'} | cri.node.to_environment_file }}"
  # NO_PROXY="localhost, 10.0.0.0/8"
"""

RETURN = r"""
_value:
  description: The file's text. An empty mapping gives an empty text.
  type: str
"""


def to_environment_file(data: object, lenient: bool = False) -> str:
    """The mapping as the text of an environment file."""
    problems = [] if lenient else environment_file.environment_problems(data, "")
    if problems:
        raise AnsibleFilterError(". ".join(str(problem) for problem in problems))
    return environment_file.render_environment(data)


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., object]]:
        return {"to_environment_file": to_environment_file}
