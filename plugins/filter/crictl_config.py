# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter cri.node.crictl_config."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

DOCUMENTATION = r"""
name: crictl_config
short_description: Merge and validate crictl.yaml settings
version_added: 0.1.0
author:
  - The cri.node contributors (@cri-node)
description:
  - Merges layers of crictl's configuration, converts values that can be converted without loss, and validates keys and values.
    A value of a later layer replaces the earlier value, and null removes it.
  - Problems of the configuration are returned and are never an error of the filter, so that all of them can be reported at
    once. Keys with a problem are missing from RV(_value.data).
positional: _input
options:
  _input:
    description:
      - The configuration, with the keys of crictl.yaml,
      - or a list of pairs, each with the name of a variable and its configuration. Later pairs override earlier ones.
    type: raw
    required: true
  version:
    description:
      - The version of crictl that will read the file, such as V(1.36) or V(1.36.0), from 1.28 to 1.37. A number is refused,
        because YAML reads 1.40 without quotes as 1.4.
      - If empty or not set, only keys and values that are wrong for all supported versions are a problem.
    type: str
  variable:
    description: The name of the variable if the input is a mapping.
    type: str
    default: crictl_config
seealso:
  - module: cri.node.runtime_config
  - name: crictl
    description: All keys of crictl.yaml.
    link: https://github.com/kubernetes-sigs/cri-tools/blob/master/docs/crictl.md
"""

EXAMPLES = r"""
- name: Validate crictl.yaml settings
  ansible.builtin.debug:
    msg: "{{ {'runtime-endpoint': 'unix:///run/crio/crio.sock', 'timeout': '10'} | cri.node.crictl_config }}"
"""

RETURN = r"""
_value:
  description: The merged configuration, its problems and warnings.
  type: dict
  contains:
    data:
      description: The merged configuration with converted values.
      type: dict
      sample: {timeout: 10}
    layers:
      description: The variable that set each key of C(data).
      type: dict
      sample: {timeout: crictl_config}
    problems:
      description: One sentence for each problem; empty if there are none.
      type: list
      elements: str
    warnings:
      description: One sentence for each setting that is accepted, but not recommended or without effect.
      type: list
      elements: str
"""


def crictl_config(
    layers: object, version: str | None = None, variable: str = "crictl_config"
) -> dict[str, Any]:
    """Merge and validate the layers, and return the configuration with its problems and warnings."""
    # Not at the top: for one filter, Ansible imports all filters of a collection, in each fork.
    from ansible_collections.cri.node.plugins.module_utils.text import shown
    from ansible_collections.cri.node.plugins.plugin_utils.crio.versions import ACCEPTED, fault_of_declared
    from ansible_collections.cri.node.plugins.plugin_utils.files import crictl_yaml as checker
    from ansible_collections.cri.node.plugins.plugin_utils.layers import named_layers
    from ansible_collections.cri.node.plugins.plugin_utils.plain import plain

    fault = "" if version in (None, "") else fault_of_declared(plain(version))
    if fault:
        raise AnsibleFilterError(f"version = {shown(version, 80)}: {fault}; accepted: {ACCEPTED}, or empty")
    try:
        checked = checker.check(named_layers(layers, variable), str(version or ""))
    except TypeError as error:
        raise AnsibleFilterError(str(error)) from error
    return checked.as_result(checker.walk(checked.data))


class FilterModule:
    """Provide the filter to Ansible."""

    def filters(self) -> dict[str, Callable[..., object]]:
        return {"crictl_config": crictl_config}
