# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter cri.node.crio_config."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

DOCUMENTATION = r"""
name: crio_config
short_description: Merge and validate crio.conf settings
version_added: 0.1.0
author:
  - The cri.node contributors (@cri-node)
description:
  - Merges layers of CRI-O's configuration, converts values that can be converted without loss, and validates keys and values for
    the supported versions of CRI-O.
  - Tables are merged recursively. A list or a scalar of a later layer replaces the earlier value, and null removes it.
  - Problems of the configuration are returned and are never an error of the filter, so that all of them can be reported at
    once. Keys with a problem are missing from RV(_value.data).
positional: _input
options:
  _input:
    description:
      - The configuration as nested mappings with the tables and keys of crio.conf, starting with C(crio),
      - or a list of pairs, each with the name of a variable and its configuration. Later pairs override earlier ones.
    type: raw
    required: true
  version:
    description:
      - The version of CRI-O that will read the file, such as V(1.36) or V(1.36.3), from 1.28 to 1.37. With a newer one, unknown
        keys are warnings. A number is refused, because YAML reads 1.40 without quotes as 1.4.
      - If empty or not set, only keys and values that are wrong in all supported versions, 1.34 to 1.37, are a problem.
    type: str
  accept_keys:
    description:
      - A list of dotted keys to accept although the version is not known to have them, such as V(crio.runtime.some_new_key).
        Everything below such a key is accepted too, and V(*) matches each handler or workload. Their values keep their own type.
    type: raw
  variable:
    description: The name of the variable if the input is a mapping.
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
- name: Validate crio.conf settings and show the variable of each
  ansible.builtin.debug:
    msg: "{{ layers | cri.node.crio_config(version='1.36') }}"
  vars:
    layers:
      - [crio_config, {crio: {metrics: {metrics_port: "9537"}}}]
      - [crio_config__debug, {crio: {runtime: {log_level: debug}}}]
"""

RETURN = r"""
_value:
  description: The merged configuration, its problems and warnings.
  type: dict
  contains:
    data:
      description: The merged configuration with converted values, ready for P(cri.node.to_toml#filter).
      type: dict
      sample: {crio: {metrics: {metrics_port: 9537}}}
    layers:
      description: The variable that set each key of C(data). Keys are dotted keys as in TOML.
      type: dict
      sample: {crio.metrics.metrics_port: crio_config}
    expect:
      description:
        - The value of each key as CRI-O prints it for C(GET /config) after it has loaded the configuration.
        - Contains all keys of a handler or a workload, because a file that is read later replaces the whole entry. The value of a
          key that CRI-O does not print is V(null).
        - Does not contain secrets, empty lists, and keys that CRI-O merges, completes or adapts to the host.
      type: dict
      sample: {crio.metrics.metrics_port: "9537"}
    problems:
      description: One sentence for each problem; empty if there are none.
      type: list
      elements: str
    warnings:
      description: One sentence for each setting that is accepted, but not recommended or without effect.
      type: list
      elements: str
    secret_keys:
      description: The keys of C(data) whose values may be secret.
      type: list
      elements: str
      sample: [crio.runtime.default_env]
"""


def crio_config(
    layers: object,
    version: str | None = None,
    variable: str = "crio_config",
    accept_keys: object = None,
) -> dict[str, Any]:
    """Merge and validate the layers, and return the configuration with its problems and warnings."""
    # Not at the top: for one filter, Ansible imports all filters of a collection, in each fork.
    from ansible_collections.cri.node.plugins.plugin_utils.crio.catalogue import CATALOGUE
    from ansible_collections.cri.node.plugins.plugin_utils.crio.live import config_lines
    from ansible_collections.cri.node.plugins.plugin_utils.files import crio_conf
    from ansible_collections.cri.node.plugins.plugin_utils.layers import named_layers
    from ansible_collections.cri.node.plugins.plugin_utils.plain import plain

    try:
        checked = crio_conf.check(named_layers(layers, variable), plain(version), accept_keys)
    except TypeError as error:
        raise AnsibleFilterError(str(error)) from error
    values = [(path, value) for path, _key, value in CATALOGUE.walk(checked.data)]
    return {
        **checked.as_result(values + CATALOGUE.unknown(checked.data)),
        "expect": config_lines(checked.data),
        "secret_keys": crio_conf.secret_keys(checked.data),
    }


class FilterModule:
    """Provide the filter to Ansible."""

    def filters(self) -> dict[str, Callable[..., object]]:
        return {"crio_config": crio_config}
