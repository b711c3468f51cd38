# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter cri.node.registry_resolve."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ansible.errors import AnsibleFilterError

DOCUMENTATION = r"""
name: registry_resolve
short_description: Show where an image name is pulled from
version_added: 0.1.0
author:
  - The cri.node contributors (@cri-node)
description:
  - Returns the places that CRI-O contacts for an image name, in order, if the registries configuration is the only one of the
    node. Use M(cri.node.registry_resolve) for the files of a node.
  - Short names, aliases, mirrors, wildcards and blocked registries are resolved as containers/image does it, which reads the file
    for CRI-O.
  - Fails if the configuration has problems, see P(cri.node.registries_config#filter).
positional: _input, name
options:
  _input:
    description:
      - The configuration, with the keys of registries.conf and C(registry) as a list of mappings,
      - or a list of pairs, each with the name of a variable and its configuration. Later pairs override earlier ones.
    type: raw
    required: true
  name:
    description: The name of an image as a pod has it, with or without registry, tag and digest.
    type: str
    required: true
  variable:
    description: The name of the variable if the input is a mapping, for messages.
    type: str
    default: registries_config
  short_name_mode:
    description: The mode of short names, C(crio.image.short_name_mode).
    type: str
    choices: [enforcing, disabled]
    default: enforcing
  auth_keys:
    description: The keys of C(auths) in the auth file of the node, for example V(registry.example.com/team).
    type: list
    elements: str
seealso:
  - module: cri.node.registry_resolve
  - plugin: cri.node.registries_config
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Show where an image is pulled from
  ansible.builtin.debug:
    msg: "{{ (registries_config | cri.node.registry_resolve('docker.io/nginx:1.27')).endpoints | map(attribute='reference') }}"
  vars:
    registries_config:
      registry:
        - location: docker.io
          mirror: [{location: "mirror.lab:5000"}]

- name: Fail if an image could be pulled from somewhere else than the mirror
  ansible.builtin.assert:
    that: (item | cri.node.registry_resolve('docker.io/nginx')).endpoints | rejectattr('kind', 'equalto', 'mirror') | list == []
  loop:
    - registry: [{location: docker.io, blocked: true, mirror: [{location: "mirror.lab:5000"}]}]
"""

RETURN = r"""
_value:
  description: The places that are contacted for the name.
  type: dict
  contains:
    name:
      description: The name.
      type: str
      sample: docker.io/nginx:1.27
    is_short:
      description: Whether the name has no registry.
      type: bool
      sample: false
    candidates:
      description: The full names that are pulled in turn, until one succeeds. Several are only possible for a short name.
      type: list
      elements: str
      sample: ["docker.io/library/nginx:1.27"]
    why:
      description: Where the candidates are from; an alias, the registries to search in, or the name itself.
      type: str
      sample: the name has a registry
    endpoints:
      description: The places in the order in which they are contacted.
      type: list
      elements: dict
      contains:
        candidate:
          description: The full name that is pulled.
          type: str
          sample: docker.io/library/nginx:1.27
        reference:
          description: The name at this place.
          type: str
          sample: mirror.lab:5000/library/nginx:1.27
        kind:
          description: V(mirror), or V(source) for the location of the table or the name itself.
          type: str
          sample: mirror
        insecure:
          description: Whether invalid certificates and plain HTTP are accepted.
          type: bool
          sample: false
        blocked:
          description: The prefix of the table that blocks this place, so that it is not contacted; empty if none does.
          type: str
          sample: ""
        prefix:
          description: The prefix of the table that applies to the candidate; empty if none does.
          type: str
          sample: docker.io
        path:
          description: The file of that table.
          type: str
          sample: /etc/containers/registries.conf.d/zz-cri-node.conf
        why:
          description: Which entry of the table the place is from.
          type: str
          sample: mirror 1 of docker.io
        credential:
          description:
            - The credential of the auth files that is sent, or null.
            - C(key) is the most specific key that applies, C(path) its file, C(helper) a helper that is asked instead.
          type: dict
          sample: {key: "mirror.lab:5000", path: "/etc/crio/auth.json", helper: ""}
        gets_pod_credentials:
          description:
            - Whether the credentials of the pod (C(imagePullSecrets)) are sent.
            - They are only sent to the host of the candidate, and take precedence over those of the auth files there.
          type: bool
          sample: false
    skipped:
      description: Mirrors that are not contacted for this name, each with C(location) and C(reason).
      type: list
      elements: dict
      sample: [{location: mirror.example.com, reason: "digest-only, and the name has no digest"}]
    problems:
      description: A sentence for each candidate that CRI-O does not try to pull, because of a place with an invalid name.
      type: list
      elements: str
      sample: ["a.example.com/nginx:latest: rewriting reference: repository name must be canonical"]
    error:
      description: Why CRI-O refuses the name, in its own words. Absent if it does not.
      type: str
      sample: short name mode is enforcing, but image name nginx returns ambiguous list
"""


def registry_resolve(
    layers: object,
    name: str,
    variable: str = "registries_config",
    short_name_mode: str = "enforcing",
    auth_keys: Iterable[str] | None = None,
) -> dict[str, Any]:
    """Return the places that CRI-O contacts for an image name."""
    # Not at the top: for one filter, Ansible imports all filters of a collection, in each fork.
    from ansible_collections.cri.node.plugins.plugin_utils.files import registries_conf as checker
    from ansible_collections.cri.node.plugins.plugin_utils.layers import named_layers
    from ansible_collections.cri.node.plugins.plugin_utils.registries import effective, resolution
    from ansible_collections.cri.node.plugins.plugin_utils.registries.auth_keys import AuthFile
    from ansible_collections.cri.node.plugins.plugin_utils.registries.rules import FILE

    if short_name_mode not in resolution.CRIO_MODES:
        raise AnsibleFilterError(f"short_name_mode is not one of {', '.join(resolution.CRIO_MODES)}")
    if not isinstance(name, str):
        raise AnsibleFilterError("the name of the image is not a string")
    try:
        checked = checker.check(named_layers(layers, variable))
    except TypeError as error:
        raise AnsibleFilterError(str(error)) from error
    if checked.problems:
        raise AnsibleFilterError("; ".join(str(problem) for problem in checked.problems))
    merged = effective.merge([effective.File(FILE, checked.data, drop_in=True)])
    keys = AuthFile("", tuple(str(key) for key in auth_keys or ()))
    return resolution.resolve(str(name), merged, short_name_mode, [keys]).as_dict()


class FilterModule:
    """Provide the filter to Ansible."""

    def filters(self) -> dict[str, Callable[..., object]]:
        return {"registry_resolve": registry_resolve}
