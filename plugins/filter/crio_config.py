# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter cri.node.crio_config."""

from __future__ import annotations

from ansible.errors import AnsibleFilterError

from ansible_collections.cri.node.plugins.plugin_utils.crio.live import config_lines
from ansible_collections.cri.node.plugins.plugin_utils.crio.versions import ACCEPTED, fault_of_declared
from ansible_collections.cri.node.plugins.plugin_utils.files import crio_conf as checker
from ansible_collections.cri.node.plugins.plugin_utils.findings import shown_value
from ansible_collections.cri.node.plugins.plugin_utils.layers import merge, named_layers, source_of
from ansible_collections.cri.node.plugins.plugin_utils.plain import plain
from ansible_collections.cri.node.plugins.plugin_utils.problem import Problem
from ansible_collections.cri.node.plugins.plugin_utils.text import toml
from ansible_collections.cri.node.plugins.plugin_utils.text.structured_text import fault_of_mapping

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


def crio_config(layers: object, version: str | None = None, variable: str = "crio_config") -> dict:
    """Merge, check, and tell."""
    try:
        pairs = named_layers(layers, variable)
    except TypeError as error:
        raise AnsibleFilterError(str(error)) from error
    mappings = [(name, layer) for name, layer in pairs if isinstance(layer, dict)]
    data, sources = merge(mappings)
    versions, unknown = _versions(version)
    checked = checker.check(data, sources, versions)
    strays = [_stray(name, layer) for name, layer in pairs if not isinstance(layer, dict)]
    return {
        "data": checked.data,
        "layers": {
            toml.dotted(path): source_of(sources, path) for path, _key, _value in checker.walk(checked.data)
        },
        "expect": config_lines(checked.data),
        "problems": [str(problem) for problem in (*unknown, *strays, *checked.problems)],
        "warnings": [str(warning) for warning in checked.warnings],
        "secret_keys": checker.secret_keys(checked.data),
    }


def _versions(version: object) -> tuple[tuple[str, ...], list[Problem]]:
    if version is None or version == "":
        return (), []
    version = plain(version)
    fault = fault_of_declared(version)
    if fault:
        return (), [Problem("crio_version", "", shown_value(version), fault, f"{ACCEPTED}, or empty")]
    return (str(version),), []


def _stray(name: str, layer: object) -> Problem:
    accepted = "crio.conf's tables, from the top-level crio on"
    return Problem(name, "", None, fault_of_mapping(layer), accepted)


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict:
        return {"crio_config": crio_config}
