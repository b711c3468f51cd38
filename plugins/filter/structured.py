# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter cri.node.structured."""

from __future__ import annotations

from collections.abc import Callable

from ansible_collections.cri.node.plugins.plugin_utils.plain import TooDeep, plain
from ansible_collections.cri.node.plugins.plugin_utils.text.structured_text import list_of, mapping_of

DOCUMENTATION = r"""
name: structured
short_description: Read data that arrived as text
version_added: 0.1.0
author:
  - The cri.node contributors (@cri-node)
description:
  - Extra variables given as C(key=value), answers to a survey of AWX and variables of an INI inventory are texts. This
    filter returns the mapping or list that such a text holds in JSON or YAML.
  - Null and a blank text are an empty mapping or list. Data that is no text is returned as it is.
  - A text that holds no mapping is returned as it is, for the check that follows to refuse. A text that holds no list is
    split at its commas.
positional: _input
options:
  _input:
    description: The data, or a text that holds it.
    type: raw
    required: true
  type:
    description: What the data should be.
    type: str
    choices: [mapping, list]
    default: mapping
seealso:
  - plugin: cri.node.crio_config
    plugin_type: filter
  - plugin: cri.node.registries_config
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Show a mapping that came from a survey
  ansible.builtin.debug:
    msg: "{{ '{\"Service\": {\"KillMode\": \"process\"}}' | cri.node.structured }}"
"""

RETURN = r"""
_value:
  description: The data.
  type: raw
"""


def structured(data: object, type: str = "mapping") -> object:
    """Return the data that a value is or holds as text."""
    try:
        return (list_of if type == "list" else mapping_of)(plain(data))
    except TooDeep:  # the check that follows refuses it
        return data


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., object]]:
        return {"structured": structured}
