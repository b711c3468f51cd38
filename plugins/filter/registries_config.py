# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter cri.node.registries_config."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

DOCUMENTATION = r"""
name: registries_config
short_description: Merge and validate registries.conf settings
version_added: 0.1.0
author:
  - The cri.node contributors (@cri-node)
description:
  - Merges layers of the registries configuration (version 2 of the format), converts values that can be converted without loss,
    and validates keys and values. Refuses everything that containers/image, which reads the file for CRI-O, does not accept.
  - A list or a scalar of a later layer replaces the earlier value, and null removes it. Tables of C(registry) that have the same
    prefix, or the same location if they have no prefix, are merged; a null C(location) removes the settings of earlier layers
    for this prefix. To replace a table as a whole, follow one with a null C(location) by the new table in the same list.
  - Keys are accepted in any case, as containers/image does.
  - Problems of the configuration are returned and are never an error of the filter, so that all of them can be reported at
    once. Keys with a problem are missing from RV(_value.data).
positional: _input
options:
  _input:
    description:
      - The configuration, with the keys of registries.conf and C(registry) as a list of mappings,
      - or a list of pairs, each with the name of a variable and its configuration. Later pairs override earlier ones.
    type: raw
    required: true
  variable:
    description: The name of the variable if the input is a mapping.
    type: str
    default: registries_config
seealso:
  - plugin: cri.node.to_toml
    plugin_type: filter
  - plugin: cri.node.registry_resolve
    plugin_type: filter
  - module: cri.node.runtime_config
  - name: containers-registries.conf(5)
    description: All keys of registries.conf.
    link: https://github.com/containers/image/blob/main/docs/containers-registries.conf.5.md
"""

EXAMPLES = r"""
- name: Validate registries.conf settings and show the variable of each
  ansible.builtin.debug:
    msg: "{{ layers | cri.node.registries_config }}"
  vars:
    layers:
      - [registries_config, {registry: [{prefix: "", location: abcd.example.com, insecure: true}]}]
      - [registries_config__lab, {registry: [{location: abcd.example.com, mirror: [{location: "mirror.lab:5000"}]}]}]
"""

RETURN = r"""
_value:
  description: The merged configuration, its problems and warnings.
  type: dict
  contains:
    data:
      description: The merged configuration with converted values, ready for P(cri.node.to_toml#filter).
      type: dict
      sample: {registry: [{location: abcd.example.com, insecure: true}]}
    layers:
      description:
        - The variable that set each key of C(data). Keys are dotted keys as in TOML.
        - Keys of a registry start with C(registry) and its prefix.
      type: dict
      sample: {registry."abcd.example.com".insecure: registries_config}
    problems:
      description: One sentence for each problem; empty if there are none.
      type: list
      elements: str
    warnings:
      description: One sentence for each setting that is accepted, but not recommended or without effect.
      type: list
      elements: str
"""


def registries_config(layers: object, variable: str = "registries_config") -> dict[str, Any]:
    """Merge and validate the layers, and return the configuration with its problems and warnings."""
    # Not at the top: for one filter, Ansible imports all filters of a collection, in each fork.
    from ansible_collections.cri.node.plugins.plugin_utils.files import registries_conf as checker
    from ansible_collections.cri.node.plugins.plugin_utils.layers import named_layers

    try:
        checked = checker.check(named_layers(layers, variable))
    except TypeError as error:
        raise AnsibleFilterError(str(error)) from error
    return checked.as_result(checker.walk(checked.data))


class FilterModule:
    """Provide the filter to Ansible."""

    def filters(self) -> dict[str, Callable[..., object]]:
        return {"registries_config": registries_config}
