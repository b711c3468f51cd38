# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter cri.node.registries_openshift."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

DOCUMENTATION = r"""
name: registries_openshift
short_description: Convert OpenShift's objects to registries settings
version_added: 0.1.0
author:
  - The cri.node contributors (@cri-node)
description:
  - Reads the objects with which OpenShift configures registries, and returns the settings that its machine-config-operator writes
    to registries.conf, policy.json and the directories of certificates.
  - The objects are C(Image) (named C(cluster)), C(ImageDigestMirrorSet) and C(ImageTagMirrorSet) of C(config.openshift.io/v1),
    C(ImageContentSourcePolicy) of C(operator.openshift.io/v1alpha1), and the C(ConfigMap) that the C(Image) names in
    C(spec.additionalTrustedCA).
  - As in OpenShift, C(insecureRegistries) and C(blockedRegistries) also apply to registries inside of their entries, and
    C(insecureRegistries) to mirrors. Lists of mirrors for one source are merged, and their order is kept if possible.
  - Problems of the objects are returned and are never an error of the filter, so that all of them can be reported at once.
    Objects with a problem result in no data. The reasons are those of OpenShift.
positional: _input
options:
  _input:
    description:
      - An object, a list of objects and of strings, or a string of YAML or JSON with one or more objects. A C(List) stands for
        its C(items).
      - Or a list of pairs, each with the name of a variable and its objects. Objects of later pairs replace those of earlier ones
        with the same kind and name.
      - Fields that a cluster writes, such as C(status), are ignored.
    type: raw
    required: true
  part:
    description:
      - The part of the settings to return as RV(_value.data). By default, RV(_value.data) contains all parts that have settings.
    type: str
    choices: [registries_config, registries_policy, registries_certificates]
  variable:
    description: The name of the variable if the input is not a list of pairs.
    type: str
    default: registries_openshift
seealso:
  - plugin: cri.node.to_openshift
    plugin_type: filter
  - plugin: cri.node.registries_config
    plugin_type: filter
  - name: Image configuration resources
    description: How OpenShift uses these objects.
    link: https://docs.redhat.com/en/documentation/openshift_container_platform/latest/html/images/image-configuration
"""

EXAMPLES = r"""
- name: Show the settings that the objects in a file result in
  ansible.builtin.debug:
    msg: "{{ lookup('ansible.builtin.file', 'registries.yml') | cri.node.registries_openshift }}"

- name: Show the registries.conf of the objects in a directory
  ansible.builtin.debug:
    msg: "{{ (texts | cri.node.registries_openshift(part='registries_config')).data | cri.node.to_toml }}"
  vars:
    texts: "{{ query('ansible.builtin.file', *query('ansible.builtin.fileglob', 'openshift/*.yml')) }}"

- name: Show the settings of an Image
  ansible.builtin.debug:
    msg: "{{ image | cri.node.registries_openshift }}"
  vars:
    image:
      apiVersion: config.openshift.io/v1
      kind: Image
      metadata: {name: cluster}
      spec: {registrySources: {insecureRegistries: [abcd.example.com]}}
"""

RETURN = r"""
_value:
  description: The settings, problems and warnings.
  type: dict
  contains:
    data:
      description:
        - The settings by the name of the part, without parts that have no settings.
        - C(registries_config) has the form of the variable of this name, ready for P(cri.node.to_toml#filter).
          C(registries_policy) is the data of a policy.json. C(registries_certificates) maps hosts to the files in their
          directories.
      type: dict
      sample: {registries_config: {registry: [{location: abcd.example.com, insecure: true}]}}
    problems:
      description: One sentence for each problem; empty if there are none.
      type: list
      elements: str
    warnings:
      description: One sentence for each field that is accepted, but has no effect on nodes.
      type: list
      elements: str
"""


def registries_openshift(
    objects: object, part: str | None = None, variable: str = "registries_openshift"
) -> dict[str, Any]:
    """Return the settings that the objects result in, with problems and warnings."""
    # Not at the top: for one filter, Ansible imports all filters of a collection, in each fork.
    from ansible_collections.cri.node.plugins.plugin_utils.plain import TooDeep
    from ansible_collections.cri.node.plugins.plugin_utils.registries.openshift.reader import layers_of
    from ansible_collections.cri.node.plugins.plugin_utils.registries.openshift.to_files import (
        PARTS,
        files_of,
    )
    from ansible_collections.cri.node.plugins.plugin_utils.text.did_you_mean import did_you_mean

    if part is not None and part not in PARTS:
        raise AnsibleFilterError(f"part: {part}{did_you_mean(part, PARTS)}; accepted: {', '.join(PARTS)}")
    try:
        files = files_of(layers_of(objects, variable))
    except TooDeep as error:
        raise AnsibleFilterError(str(error)) from error
    return {
        "data": files.data.get(part, {}) if part else files.data,
        "problems": [str(problem) for problem in files.problems],
        "warnings": [str(warning) for warning in files.warnings],
    }


class FilterModule:
    """Provide the filter to Ansible."""

    def filters(self) -> dict[str, Callable[..., object]]:
        return {"registries_openshift": registries_openshift}
