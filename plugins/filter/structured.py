# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter cri.node.structured."""

from __future__ import annotations

from collections.abc import Callable

DOCUMENTATION = r"""
name: structured
short_description: Parse a string that contains JSON or YAML
version_added: 0.1.0
author:
  - The cri.node contributors (@cri-node)
description:
  - Extra variables set with C(key=value), answers to AWX surveys and variables of INI inventories are strings. This filter
    returns the mapping or list that such a string contains as JSON or YAML.
  - Null and a blank string mean an empty mapping or list. Data that is not a string is returned unchanged.
  - A string that does not contain a mapping is returned unchanged. A string that does not contain a list is split at its commas.
positional: _input
options:
  _input:
    description: The data, or a string that contains it.
    type: raw
    required: true
  type:
    description: The expected type of the data.
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
- name: Parse a mapping from a survey
  ansible.builtin.debug:
    msg: "{{ '{\"Service\": {\"KillMode\": \"process\"}}' | cri.node.structured }}"
"""

RETURN = r"""
_value:
  description: The data.
  type: raw
"""


def structured(data: object, type: str = "mapping") -> object:
    """Return the data, parsed if it is a string."""
    # Not at the top: for one filter, Ansible imports all filters of a collection, in each fork.
    from ansible_collections.cri.node.plugins.plugin_utils.plain import TooDeep, plain
    from ansible_collections.cri.node.plugins.plugin_utils.text.structured_text import list_of, mapping_of

    try:
        return (list_of if type == "list" else mapping_of)(plain(data))
    except TooDeep:  # refused by a later check
        return data


class FilterModule:
    """Provide the filter to Ansible."""

    def filters(self) -> dict[str, Callable[..., object]]:
        return {"structured": structured}
