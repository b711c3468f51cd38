# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter cri.node.crictl_config."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.cri.node.plugins.module_utils.text import shown
from ansible_collections.cri.node.plugins.plugin_utils.crio.versions import ACCEPTED, fault_of_declared
from ansible_collections.cri.node.plugins.plugin_utils.files import crictl_yaml as checker
from ansible_collections.cri.node.plugins.plugin_utils.layers import named_layers
from ansible_collections.cri.node.plugins.plugin_utils.plain import plain

DOCUMENTATION = r"""
name: crictl_config
short_description: Merge and check what crictl.yaml is to say
version_added: 0.1.0
author:
  - The cri.node contributors (@cri-node)
description:
  - Merges layers of crictl's configuration, converts what can be converted without loss, and checks keys and
    values. Values of a later layer replace, null removes.
  - What is wrong with the configuration is part of the answer and never an error of the filter, so that a
    caller can tell everything at once. Keys with a problem are missing from RV(_value.data).
positional: _input
options:
  _input:
    description:
      - The configuration with crictl.yaml's own keys,
      - or a list of pairs, each the name of a variable and its configuration, in the order they apply.
    type: raw
    required: true
  version:
    description:
      - The version of crictl that will read the file, such as V(1.36) or V(1.36.0), from 1.34 to 1.37. A number is refused,
        because YAML reads 1.40 without quotes as 1.4.
      - Without it (or with an empty text) only what is wrong for every supported version is a problem.
    type: str
  variable:
    description: The name of the variable when the input is one mapping.
    type: str
    default: crictl_config
seealso:
  - module: cri.node.runtime_config
  - name: crictl
    description: All keys of crictl.yaml.
    link: https://github.com/kubernetes-sigs/cri-tools/blob/master/docs/crictl.md
"""

EXAMPLES = r"""
- name: Show what crictl would be told
  ansible.builtin.debug:
    msg: "{{ {'runtime-endpoint': 'unix:///run/crio/crio.sock', 'timeout': '10'} | cri.node.crictl_config }}"
"""

RETURN = r"""
_value:
  description: The merged configuration and what there is to say about it.
  type: dict
  contains:
    data:
      description: The typed and merged configuration.
      type: dict
      sample: {timeout: 10}
    layers:
      description: For each key of C(data), the variable that gave it.
      type: dict
      sample: {timeout: crictl_config}
    problems:
      description: One sentence for each problem; empty when all is well.
      type: list
      elements: str
    warnings:
      description: One sentence for each thing that works but is unwise.
      type: list
      elements: str
"""


def crictl_config(
    layers: object, version: str | None = None, variable: str = "crictl_config"
) -> dict[str, Any]:
    """Merge, check, and tell."""
    fault = "" if version in (None, "") else fault_of_declared(plain(version))
    if fault:
        raise AnsibleFilterError(f"version = {shown(version, 80)}: {fault}; accepted: {ACCEPTED}, or empty")
    try:
        checked = checker.check(named_layers(layers, variable), str(version or ""))
    except TypeError as error:
        raise AnsibleFilterError(str(error)) from error
    return checked.as_result(checker.walk(checked.data))


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., object]]:
        return {"crictl_config": crictl_config}
