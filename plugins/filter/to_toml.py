# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter cri.node.to_toml."""

from __future__ import annotations

from collections.abc import Callable

from ansible.errors import AnsibleFilterError

DOCUMENTATION = r"""
name: to_toml
short_description: Convert data to TOML
version_added: 0.1.0
author:
  - The cri.node contributors (@cri-node)
description:
  - Converts a mapping to a TOML 1.0 document. Keys are sorted, so that equal data results in equal bytes.
  - Scalars and lists come before sub-tables. A list of mappings becomes an array of tables.
  - Fails on null, a date or an integer of more than 64 bits, because they cannot be written as TOML. The error contains the key.
positional: _input
options:
  _input:
    description: The document's top-level table.
    type: dict
    required: true
seealso:
  - plugin: cri.node.crio_config
    plugin_type: filter
  - plugin: cri.node.registries_config
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Show the result
  ansible.builtin.debug:
    msg: "{{ {'crio': {'metrics': {'enable_metrics': true, 'metrics_port': 9537}}} | cri.node.to_toml }}"
  # [crio.metrics]
  # enable_metrics = true
  # metrics_port = 9537
"""

RETURN = r"""
_value:
  description: The TOML document, ending in a newline; an empty string for an empty mapping.
  type: str
"""


def to_toml(data: object) -> str:
    """Return the data as a TOML document."""
    # Not at the top: for one filter, Ansible imports all filters of a collection, in each fork.
    from ansible_collections.cri.node.plugins.plugin_utils.plain import TooDeep, plain
    from ansible_collections.cri.node.plugins.plugin_utils.text import toml

    try:
        return toml.dumps(plain(data))
    except (toml.TomlError, TooDeep) as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """Provide the filter to Ansible."""

    def filters(self) -> dict[str, Callable[..., object]]:
        return {"to_toml": to_toml}
