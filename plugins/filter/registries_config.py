# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter cri.node.registries_config."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.cri.node.plugins.plugin_utils.files import registries_conf as checker
from ansible_collections.cri.node.plugins.plugin_utils.layers import named_layers

DOCUMENTATION = r"""
name: registries_config
short_description: Merge and check what registries.conf is to say
version_added: 0.1.0
author:
  - The cri.node contributors (@cri-node)
description:
  - Merges layers of the registries' configuration (version 2 of the format), converts what can be converted
    without loss, and checks keys, values and all that containers/image, which reads the file for CRI-O, refuses.
  - Scalars and lists of a later layer replace, null removes. The tables of C(registry) merge by prefix (by
    location where there is none), key by key; C(location) with null takes back what earlier layers said of the prefix.
  - What is wrong with the configuration is part of the answer and never an error of the filter, so that a
    caller can tell everything at once. Keys with a problem are missing from RV(_value.data).
positional: _input
options:
  _input:
    description:
      - The configuration with registries.conf's own keys, C(registry) as a list of mappings,
      - or a list of pairs, each the name of a variable and its configuration, in the order they apply.
    type: raw
    required: true
  variable:
    description: The name of the variable when the input is one mapping.
    type: str
    default: registries_config
seealso:
  - plugin: cri.node.to_toml
    plugin_type: filter
  - module: cri.node.runtime_config
  - name: containers-registries.conf(5)
    description: All keys of registries.conf.
    link: https://github.com/containers/image/blob/main/docs/containers-registries.conf.5.md
"""

EXAMPLES = r"""
- name: Show what CRI-O would be told about registries, and by which variable
  ansible.builtin.debug:
    msg: "{{ layers | cri.node.registries_config }}"
  vars:
    layers:
      - [registries_config, {registry: [{prefix: "", location: abcd.example.com, insecure: true}]}]
      - [registries_config__lab, {registry: [{location: abcd.example.com, mirror: [{location: "mirror.lab:5000"}]}]}]
"""

RETURN = r"""
_value:
  description: The merged configuration and what there is to say about it.
  type: dict
  contains:
    data:
      description: The typed and merged configuration, ready for P(cri.node.to_toml#filter).
      type: dict
      sample: {registry: [{location: abcd.example.com, insecure: true}]}
    layers:
      description:
        - For each key of C(data), dotted as TOML writes it, the variable that gave it.
        - A registry's keys stand below C(registry) and its prefix.
      type: dict
      sample: {registry."abcd.example.com".insecure: registries_config}
    problems:
      description: One sentence for each problem; empty when all is well.
      type: list
      elements: str
    warnings:
      description: One sentence for each thing that works but is unwise or without effect.
      type: list
      elements: str
"""


def registries_config(layers: object, variable: str = "registries_config") -> dict[str, Any]:
    """Merge, check, and tell."""
    try:
        checked = checker.check(named_layers(layers, variable))
    except TypeError as error:
        raise AnsibleFilterError(str(error)) from error
    return checked.as_result(checker.walk(checked.data))


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., object]]:
        return {"registries_config": registries_config}
