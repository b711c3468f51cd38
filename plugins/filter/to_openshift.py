# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter cri.node.to_openshift."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

DOCUMENTATION = r"""
name: to_openshift
short_description: Convert registries settings to OpenShift's objects
version_added: 0.1.0
author:
  - The cri.node contributors (@cri-node)
description:
  - Returns the C(Image), C(ImageDigestMirrorSet), C(ImageTagMirrorSet) and C(ConfigMap) with which OpenShift's
    machine-config-operator writes files that mean the same as the settings. P(cri.node.registries_openshift#filter) is the
    opposite.
  - Files mean the same if each image is pulled from the same places in the same order, if these are insecure or blocked for the
    same images, and if the policy accepts the same images. A mirror without C(pull-from-mirror) becomes one for digests and one
    for tags.
  - Everything that the objects cannot express is returned as a problem, also what OpenShift would add by copying settings to
    registries inside of a registry.
positional: _input
options:
  _input:
    description:
      - The settings of registries.conf, as for P(cri.node.registries_config#filter).
    type: raw
    required: true
  policy:
    description: The data of policy.json. If empty or not set, all images are accepted.
    type: raw
  certificates:
    description:
      - >-
        The certificates of registries, as a mapping of C(host[:port]) to its certificates, for example
        C({"registry.example.com:5000": {ca: ...}}).
    type: raw
  name:
    description: The name of the objects, except for the C(Image), which is always named C(cluster).
    type: str
    default: cri-node
  variable:
    description: The name of the variable if the input is a mapping.
    type: str
    default: registries_config
seealso:
  - plugin: cri.node.registries_openshift
    plugin_type: filter
  - plugin: cri.node.registries_config
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Write the objects for the settings of registries
  ansible.builtin.copy:
    content: "{{ (registries_config | cri.node.to_openshift).objects | map('to_nice_yaml') | join('---\n') }}"
    dest: openshift.yml
    mode: "0644"
  delegate_to: localhost
  run_once: true

- name: Show what the objects cannot express
  ansible.builtin.debug:
    msg: "{{ (registries_config | cri.node.to_openshift).problems }}"
"""

RETURN = r"""
_value:
  description: The objects, and the settings that they do not express.
  type: dict
  contains:
    objects:
      description: The objects. They express everything that is not in RV(_value.problems).
      type: list
      elements: dict
      sample:
        - apiVersion: config.openshift.io/v1
          kind: Image
          metadata: {name: cluster}
          spec: {registrySources: {insecureRegistries: [abcd.example.com]}}
    problems:
      description: One sentence for each setting that is wrong or that the objects do not express; empty if there are none.
      type: list
      elements: str
    warnings:
      description: One sentence for each setting that has a wider effect in OpenShift, or that is not recommended.
      type: list
      elements: str
"""


def to_openshift(
    layers: object,
    policy: object = None,
    certificates: object = None,
    name: str = "cri-node",
    variable: str = "registries_config",
) -> dict[str, Any]:
    """Return the objects for the settings, with problems and warnings."""
    # Not at the top: for one filter, Ansible imports all filters of a collection, in each fork.
    from ansible_collections.cri.node.plugins.plugin_utils.files import registries_conf
    from ansible_collections.cri.node.plugins.plugin_utils.layers import named_layers
    from ansible_collections.cri.node.plugins.plugin_utils.plain import TooDeep, plain
    from ansible_collections.cri.node.plugins.plugin_utils.registries.openshift import from_files
    from ansible_collections.cri.node.plugins.plugin_utils.text.structured_text import mapping_of

    try:
        checked = registries_conf.check(named_layers(layers, variable))
        rules, trusted = (mapping_of(plain(each)) for each in (policy, certificates))
    except (TypeError, TooDeep) as error:
        raise AnsibleFilterError(str(error)) from error
    made = from_files.objects_of(checked.data, checked.sources, rules, trusted, name)
    return {
        "objects": made.objects,
        "problems": [str(problem) for problem in (*checked.problems, *made.problems)],
        "warnings": [str(warning) for warning in (*checked.warnings, *made.warnings)],
    }


class FilterModule:
    """Provide the filter to Ansible."""

    def filters(self) -> dict[str, Callable[..., object]]:
        return {"to_openshift": to_openshift}
