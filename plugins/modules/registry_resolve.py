#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Documentation only. The action of the same name does the work, and calls node_registry_resolve on the node.

from __future__ import annotations

DOCUMENTATION = r"""
module: registry_resolve
short_description: Show where a node pulls images from
version_added: 0.1.0
description:
  - Returns the registries of a node with the file of each, the places that CRI-O contacts for names of images, in order, and what
    is wrong in the files.
  - The files are read on the node and merged on the controller as containers/image does it, which reads them for CRI-O.
  - A registry is replaced as a whole by a later file with the same prefix. If C(/root/.config/containers/registries.conf) exists,
    no file below C(/etc/containers) is read; this is a finding.
  - Shows the files as they are now. A daemon that has not been reloaded since they were changed still uses the previous ones.
  - Of the auth files only the keys are read, which names registries. Credentials never leave the node.
  - Makes one remote call.
options:
  names:
    description: Names of images as pods have them, with or without registry, tag and digest.
    type: list
    elements: str
    default: []
  config:
    description:
      - Settings that the role C(cri.node.registries) would write, with the keys of registries.conf, which are compared with the
        files of the node.
        RV(changes) then shows what they change for O(names).
      - Either a mapping such as the variable C(registries_config), which may be a string that contains it as JSON or YAML, or a
        list of pairs, each with the name of a variable and its settings, of which later ones override earlier ones. An empty
        mapping stands for the removal of the file.
    type: raw
  unit:
    description: The systemd unit that runs CRI-O.
    type: str
    default: crio.service
  timeout:
    description: The time to wait for a change of the node that is in progress, in seconds.
    type: int
    default: 10
extends_documentation_fragment:
  - cri.node.attributes.node
attributes:
  check_mode:
    details:
      - Only reads.
  diff_mode:
    support: N/A
    details:
      - Changes nothing.
notes:
  - The credential that is sent is found by its key. A credential helper may have none for the host, which is not known here.
  - At most 1000 files of at most 1 MiB each, and 8 MiB together, are read.
seealso:
  - plugin: cri.node.registry_resolve
    plugin_type: filter
  - module: cri.node.crio_config_facts
  - name: containers-registries.conf(5)
    description: All keys of registries.conf.
    link: https://github.com/containers/image/blob/main/docs/containers-registries.conf.5.md
author:
  - The cri.node contributors (@cri-node)
"""

EXAMPLES = r"""
- name: Find out where images are pulled from
  cri.node.registry_resolve:
    names:
      - registry.k8s.io/pause:3.10.1
      - docker.io/nginx
  become: true
  register: registries

- name: Show the places that are contacted, in order
  ansible.builtin.debug:
    msg: "{{ item.endpoints | map(attribute='reference') }}"
  loop: "{{ registries.images }}"
  loop_control:
    label: "{{ item.name }}"

- name: Compare where images are pulled from now, and with the variables
  cri.node.registry_resolve:
    names: ["docker.io/nginx:1.27", "quay.io/team/app:2"]
    config:
      - [registries_config, "{{ registries_config }}"]
      - [registries_config__lab, "{{ registries_config__lab }}"]
  become: true
  register: compared

- name: Fail if the variables take an image away
  ansible.builtin.assert:
    that: compared.changes | selectattr('effect', 'in', ['blocked', 'refused']) | list == []
    fail_msg: "{{ compared.changes | items2dict(key_name='name', value_name='reason') }}"

- name: Fail if anything is wrong with the registries of the node
  ansible.builtin.assert:
    that: registries.findings == []
    fail_msg: "{{ registries.findings | map(attribute='message') | join('; ') }}"
"""

RETURN = r"""
files:
  description: The files that CRI-O reads, in its order. Later ones win.
  returned: success
  type: list
  elements: dict
  contains:
    path:
      description: The path of the file.
      returned: success
      type: str
      sample: /etc/containers/registries.conf.d/zz-cri-node.conf
    problem:
      description: Why the file was not merged, as the end of a sentence that starts with its path.
      returned: if the file was not merged
      type: str
      sample: "is not valid TOML: line 3: a key is not followed by an equals sign"
registries:
  description: The tables of C(registry) that are in effect, sorted by prefix.
  returned: success
  type: list
  elements: dict
  contains:
    prefix:
      description: The prefix of the names that the table applies to.
      returned: success
      type: str
      sample: docker.io
    location:
      description: What replaces the prefix; empty for a wildcard that keeps the name.
      returned: success
      type: str
      sample: docker.io
    insecure:
      description: Whether invalid certificates and plain HTTP are accepted.
      returned: success
      type: bool
      sample: false
    blocked:
      description: Whether nothing is pulled from there.
      returned: success
      type: bool
      sample: true
    mirror_by_digest_only:
      description: Whether the mirrors are only used for names with a digest.
      returned: success
      type: bool
      sample: false
    mirrors:
      description: The mirrors in their order, each with C(location), C(insecure) and C(pull_from_mirror).
      returned: success
      type: list
      elements: dict
      sample: [{location: "mirror.lab:5000", insecure: false, pull_from_mirror: digest-only}]
    path:
      description: The file that has the table.
      returned: success
      type: str
      sample: /etc/containers/registries.conf.d/zz-cri-node.conf
search_registries:
  description: C(unqualified-search-registries) as C(value), and the file that sets it as C(path).
  returned: success
  type: dict
  sample: {value: [docker.io], path: /etc/containers/registries.conf.d/crio.conf}
credential_helpers:
  description: C(credential-helpers) as C(value), and the file that sets it as C(path).
  returned: success
  type: dict
  sample: {value: [containers-auth.json]}
aliases:
  description: The aliases by short name, each with C(value) and C(path).
  returned: success
  type: dict
  sample: {fedora: {value: registry.example.com/fedora, path: /etc/containers/registries.conf}}
short_name_mode:
  description: The mode of short names that CRI-O uses, C(crio.image.short_name_mode).
  returned: success
  type: str
  sample: enforcing
complete:
  description: Whether all files were read and are accepted by CRI-O. If not, CRI-O does not start, or still uses earlier files.
  returned: success
  type: bool
  sample: true
images:
  description: The places that are contacted, for each of O(names).
  returned: success
  type: list
  elements: dict
  contains:
        name:
          description: The name.
          returned: success
          type: str
          sample: docker.io/nginx:1.27
        is_short:
          description: Whether the name has no registry.
          returned: success
          type: bool
          sample: false
        candidates:
          description: The full names that are pulled in turn, until one succeeds. Several are only possible for a short name.
          returned: success
          type: list
          elements: str
          sample: ["docker.io/library/nginx:1.27"]
        why:
          description: Where the candidates are from; an alias, the registries to search in, or the name itself.
          returned: success
          type: str
          sample: the name has a registry
        endpoints:
          description: The places in the order in which they are contacted.
          returned: success
          type: list
          elements: dict
          contains:
            candidate:
              description: The full name that is pulled.
              returned: success
              type: str
              sample: docker.io/library/nginx:1.27
            reference:
              description: The name at this place.
              returned: success
              type: str
              sample: mirror.lab:5000/library/nginx:1.27
            kind:
              description: V(mirror), or V(source) for the location of the table or the name itself.
              returned: success
              type: str
              sample: mirror
            insecure:
              description: Whether invalid certificates and plain HTTP are accepted.
              returned: success
              type: bool
              sample: false
            blocked:
              description: The prefix of the table that blocks this place, so that it is not contacted; empty if none does.
              returned: success
              type: str
              sample: ""
            prefix:
              description: The prefix of the table that applies to the candidate; empty if none does.
              returned: success
              type: str
              sample: docker.io
            path:
              description: The file of that table.
              returned: success
              type: str
              sample: /etc/containers/registries.conf.d/zz-cri-node.conf
            why:
              description: Which entry of the table the place is from.
              returned: success
              type: str
              sample: mirror 1 of docker.io
            credential:
              description:
                - The credential of the auth files that is sent, or null.
                - C(key) is the most specific key that applies, C(path) its file, C(helper) a helper that is asked instead.
              returned: success
              type: dict
              sample: {key: "mirror.lab:5000", path: "/etc/crio/auth.json", helper: ""}
            gets_pod_credentials:
              description:
                - Whether the credentials of the pod (C(imagePullSecrets)) are sent.
                - They are only sent to the host of the candidate, and take precedence over those of the auth files there.
              returned: success
              type: bool
              sample: false
        skipped:
          description: Mirrors that are not contacted for this name, each with C(location) and C(reason).
          returned: success
          type: list
          elements: dict
          sample: [{location: mirror.example.com, reason: "digest-only, and the name has no digest"}]
        problems:
          description: A sentence for each candidate that CRI-O does not try to pull, because of a place with an invalid name.
          returned: success
          type: list
          elements: str
          sample: ["a.example.com/nginx:latest: rewriting reference: repository name must be canonical"]
        error:
          description: Why CRI-O refuses the name, in its own words. Absent if it does not.
          returned: if CRI-O refuses the name
          type: str
          sample: short name mode is enforcing, but image name nginx returns ambiguous list
changes:
  description: What O(config) changes for each of O(names), in their order.
  returned: with O(config)
  type: list
  elements: dict
  contains:
    name:
      description: The name.
      returned: success
      type: str
      sample: docker.io/nginx:1.27
    effect:
      description:
        - V(unchanged); V(added) if further places are contacted besides; V(reordered) if a name with a digest is pulled from the
          same places in another order; V(possible) if it could not be pulled before.
        - V(elsewhere) if a place is no longer contacted, its certificate is required now, or a tag is first pulled from another
          one; V(blocked) if no place is left, V(refused) if CRI-O does not accept the name any more.
      returned: success
      type: str
      sample: elsewhere
    before:
      description: The places that are contacted now, in order.
      returned: success
      type: list
      elements: str
      sample: ["docker.io/library/nginx:1.27"]
    after:
      description: Those with O(config).
      returned: success
      type: list
      elements: str
      sample: ["mirror.lab:5000/library/nginx:1.27 (insecure)", "docker.io/library/nginx:1.27"]
    reason:
      description: Why the effect is V(elsewhere), V(blocked) or V(refused); empty for others.
      returned: success
      type: str
      sample: from quay.io/team/app:2 instead of mirror.lab:5000/team/app:2 or quay.io/team/app:2
findings:
  description: What is wrong or dangerous in the files.
  returned: success
  type: list
  elements: dict
  contains:
    path:
      description: The file; empty if the finding is about none.
      returned: success
      type: str
      sample: /root/.config/containers/registries.conf
    key:
      description: The dotted key; empty if the finding is about the whole file.
      returned: success
      type: str
      sample: registry."docker.io".mirror
    kind:
      description:
        - V(unreadable), a file that cannot be read or is not TOML.
        - V(refused), a file that CRI-O refuses.
        - V(hides_files), root's own file, because of which the files below C(/etc/containers) are not read.
        - V(overrides_ours), a file that replaces a setting of the role P(cri.node.registries#role).
        - V(unknown_key), a key that is silently ignored.
        - V(setting), a setting with no effect, or with another one than expected.
        - V(ambiguous_short_names), several registries to search in, which CRI-O refuses.
        - V(pause_image), the pause image cannot be pulled.
        - V(mirror_without_credentials), a mirror without a credential of a registry that has one.
        - V(auth_file), an auth file that cannot be read.
        - V(more), the number of findings that are not listed.
      returned: success
      type: str
      sample: hides_files
    message:
      description: One sentence.
      returned: success
      type: str
      sample: /root/.config/containers/registries.conf exists, so that CRI-O does not read /etc/containers/registries.conf
notes:
  description: What could not be determined.
  returned: success
  type: list
  elements: str
  sample: ["files that only root can read are missing; run as root"]
"""
