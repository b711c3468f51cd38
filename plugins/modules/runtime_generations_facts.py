#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: runtime_generations_facts
short_description: List the committed configuration changes of a node
version_added: 0.1.0
description:
  - Returns the generations that are kept on the node. Each change of M(cri.node.runtime_config) that was committed is a
    generation with the complete list of managed files; the latest five are kept.
  - M(cri.node.runtime_rollback) returns the node to one of them.
  - A damaged generation is listed with a RV(ansible_facts.runtime_generations.generations[].problem), and does not fail the
    module. A node that was never changed has no generations.
options: {}
extends_documentation_fragment:
  - cri.node.attributes.facts
attributes:
  platform:
    support: full
    platforms: linux
    description: Nodes run by systemd, with Python 3.9 or later, as root.
requirements:
  - Python 3.9 or newer on the node
  - the task to run as root, which usually means C(become=true)
seealso:
  - module: cri.node.runtime_config
  - module: cri.node.runtime_rollback
author:
  - The cri.node contributors (@cri-node)
"""

EXAMPLES = r"""
- name: List the configuration changes of the node
  cri.node.runtime_generations_facts:

- name: Show when the configuration was changed, and why the daemon had to reload or restart
  ansible.builtin.debug:
    msg: "{{ item.number }}: {{ item.created_at }} {{ item.plan.reasons | default([]) | join(', ') }}"
  loop: "{{ ansible_facts.runtime_generations.generations }}"
  loop_control:
    label: "{{ item.number }}"

- name: Fail if a managed file was changed by somebody else
  ansible.builtin.assert:
    that: changed_files | length == 0
    fail_msg: "{{ changed_files | join(', ') }}"
  vars:
    current: "{{ ansible_facts.runtime_generations.generations | selectattr('current') | list }}"
    changed_files: "{{ current | map(attribute='files') | flatten | rejectattr('matches_node') | map(attribute='path') }}"
"""

RETURN = r"""
ansible_facts:
  description: Facts to add to those of the host.
  returned: success
  type: dict
  contains:
    runtime_generations:
      description: The committed configuration changes of the node.
      returned: success
      type: dict
      contains:
        current:
          description: The number of the latest committed change; 0 before the first one.
          returned: success
          type: int
          sample: 7
        generations:
          description: The kept generations, the newest first. All keys always exist, except where noted.
          returned: success
          type: list
          elements: dict
          contains:
            number:
              description: The number of the generation. Each change has a higher number than the one before.
              returned: success
              type: int
              sample: 7
            current:
              description: Whether it is the latest committed change.
              returned: success
              type: bool
              sample: true
            created_at:
              description:
                - When the change was made, in RFC 3339 and UTC. The time is taken by the clock of the node, right before the
                  files are replaced.
                - Null for generations of earlier versions of the collection, which did not record it.
              returned: success
              type: str
              sample: "2026-11-29T08:15:30Z"
            plan:
              description:
                - The plan of the change, as in RV(cri.node.runtime_config#module:plan), with at most 20 reasons of at most 300
                  characters and at most 100 files.
                - Null for generations of earlier versions of the collection, which did not record it.
              returned: success
              type: dict
              contains:
                disruption:
                  description: V(none), V(reload) or V(restart).
                  returned: success
                  type: str
                  sample: restart
                reasons:
                  description: Why the daemon had to reload or restart; one sentence for each reason.
                  returned: success
                  type: list
                  elements: str
                  sample: ["/etc/crio/crio.conf.d/60-cri-node.conf changes"]
                files:
                  description: The files that changed, by path, with V(create), V(change) or V(remove).
                  returned: success
                  type: dict
                  sample: {"/etc/crio/crio.conf.d/60-cri-node.conf": "change"}
            files:
              description: All managed files of the generation, sorted by path. Empty if it is damaged.
              returned: success
              type: list
              elements: dict
              contains:
                path:
                  description: The absolute path of the file.
                  returned: success
                  type: str
                  sample: /etc/crio/crio.conf.d/60-cri-node.conf
                owner:
                  description: The role that the file belongs to.
                  returned: success
                  type: str
                  sample: crio
                mode:
                  description: The mode of the file, as four octal digits.
                  returned: success
                  type: str
                  sample: "0644"
                secret:
                  description: Whether the file contains secrets.
                  returned: success
                  type: bool
                  sample: false
                sha256:
                  description: SHA-256 of the content, in hexadecimal. Absent for a secret file.
                  returned: for files that are not secret
                  type: str
                  sample: 6c2fd9a43a5f0a4b1a4ce4d4dc8c5bd2a1f0e0a54b7f6c6b1f8a7b41c6f1de02
                disruption:
                  description: What the daemon needs to load the file, V(none), V(reload) or V(restart).
                  returned: success
                  type: str
                  sample: restart
                content_kept:
                  description:
                    - Whether the content is kept on the node, so that it can be restored. The content of a secret file is never
                      kept.
                  returned: success
                  type: bool
                  sample: true
                matches_node:
                  description:
                    - Whether the file on the node has this content and this mode now. V(false) in the current generation means
                      that the file was changed or removed since.
                  returned: success
                  type: bool
                  sample: true
            shared:
              description: Files that other tools also write, with the entries that the collection has written to them.
              returned: success
              type: list
              elements: dict
              contains:
                path:
                  description: The absolute path of the file.
                  returned: success
                  type: str
                  sample: /etc/containers/auth.json
                owner:
                  description: The role that the entries belong to.
                  returned: success
                  type: str
                  sample: registries
                entries:
                  description: The names of the entries by the section of the file. Values of a secret file are not kept.
                  returned: success
                  type: dict
                  sample: {auths: [registry.example.com]}
            problem:
              description: Why the generation cannot be used; empty if it is intact.
              returned: success
              type: str
              sample: ""
        problem:
          description:
            - Why the record of the latest change cannot be read; empty if it is intact. Without it, C(current) is 0. The
              next change writes it again.
          returned: success
          type: str
          sample: ""
"""

from ansible_collections.cri.node.plugins.module_utils.zip_import import compile_once

compile_once()  # each of the following imports

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.cri.node.plugins.module_utils import module_result, node_host
from ansible_collections.cri.node.plugins.module_utils.errors import NodeError
from ansible_collections.cri.node.plugins.module_utils.layout import NODE
from ansible_collections.cri.node.plugins.module_utils.transaction import history


def main() -> None:
    """Return the generations that are kept on the node."""
    module = AnsibleModule(argument_spec={}, supports_check_mode=True)
    try:
        node_host.refuse_unfit()
        facts = history.facts(NODE)
    except NodeError as error:
        module.fail_json(msg=str(error))
    module_result.exit_with(module, ansible_facts={"runtime_generations": facts})


if __name__ == "__main__":
    main()
