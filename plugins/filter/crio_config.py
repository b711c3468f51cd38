# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter cri.node.crio_config."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.cri.node.plugins.plugin_utils.crio.catalogue import CATALOGUE
from ansible_collections.cri.node.plugins.plugin_utils.crio.live import config_lines
from ansible_collections.cri.node.plugins.plugin_utils.files import crio_conf
from ansible_collections.cri.node.plugins.plugin_utils.layers import named_layers
from ansible_collections.cri.node.plugins.plugin_utils.plain import plain

DOCUMENTATION = r"""
name: crio_config
short_description: Merge and check what crio.conf is to say
version_added: 0.1.0
author:
  - The cri.node contributors (@cri-node)
description:
  - Merges layers of CRI-O's configuration, converts what can be converted without loss, and checks keys and
    values against the versions of CRI-O that this collection knows.
  - Tables merge deeply, lists and scalars of a later layer replace, null removes.
  - What is wrong with the configuration is part of the answer and never an error of the filter, so that a
    caller can tell everything at once. Keys with a problem are missing from RV(_value.data).
positional: _input
options:
  _input:
    description:
      - The configuration as nested mappings that mirror crio.conf, with the one top-level table C(crio),
      - or a list of pairs, each the name of a variable and its configuration, in the order they apply.
    type: raw
    required: true
  version:
    description:
      - The version of CRI-O that will read the file, such as V(1.36) or V(1.36.3), from 1.34 to 1.37. A number is refused,
        because YAML reads 1.40 without quotes as 1.4.
      - Without it (or with an empty text) only what is wrong in every supported version is a problem.
    type: str
  variable:
    description: The name of the variable when the input is one mapping.
    type: str
    default: crio_config
seealso:
  - plugin: cri.node.to_toml
    plugin_type: filter
  - module: cri.node.runtime_config
  - name: crio.conf(5)
    description: All keys of crio.conf.
    link: https://github.com/cri-o/cri-o/blob/main/docs/crio.conf.5.md
"""

EXAMPLES = r"""
- name: Show what CRI-O would be told, and by which variable
  ansible.builtin.debug:
    msg: "{{ layers | cri.node.crio_config(version='1.36') }}"
  vars:
    layers:
      - [crio_config, {crio: {metrics: {metrics_port: "9537"}}}]
      - [crio_config__debug, {crio: {runtime: {log_level: debug}}}]
"""

RETURN = r"""
_value:
  description: The merged configuration and what there is to say about it.
  type: dict
  contains:
    data:
      description: The typed and merged configuration, ready for P(cri.node.to_toml#filter).
      type: dict
      sample: {crio: {metrics: {metrics_port: 9537}}}
    layers:
      description: For each key of C(data), dotted as TOML writes it, the variable that gave it.
      type: dict
      sample: {crio.metrics.metrics_port: crio_config}
    expect:
      description:
        - For each key whose printed form is known, the value that CRI-O's C(GET /config) prints once it has loaded the key.
        - A handler or a workload has all its keys here, because the whole entry is replaced by a file that is read later. A key
          that CRI-O does not print is V(null).
        - Secrets, empty lists, and keys that CRI-O merges, completes or adapts to the host are left out.
      type: dict
      sample: {crio.metrics.metrics_port: "9537"}
    problems:
      description: One sentence for each problem; empty when all is well.
      type: list
      elements: str
    warnings:
      description: One sentence for each thing that works but is unwise.
      type: list
      elements: str
    secret_keys:
      description: The keys of C(data) whose values may hold secrets.
      type: list
      elements: str
      sample: [crio.runtime.default_env]
"""


def crio_config(layers: object, version: str | None = None, variable: str = "crio_config") -> dict[str, Any]:
    """Merge, check, and tell."""
    try:
        checked = crio_conf.check(named_layers(layers, variable), plain(version))
    except TypeError as error:
        raise AnsibleFilterError(str(error)) from error
    walked = CATALOGUE.walk(checked.data)
    return {
        **checked.as_result([(path, value) for path, _key, value in walked]),
        "expect": config_lines(checked.data),
        "secret_keys": crio_conf.secret_keys(checked.data),
    }


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., object]]:
        return {"crio_config": crio_config}
