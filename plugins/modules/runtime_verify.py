#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Documentation only. The action of the same name does the work, and calls node_runtime_verify on the node.

from __future__ import annotations

DOCUMENTATION = r"""
module: runtime_verify
short_description: Check that a node's container runtime is what was asked for, and does its work
version_added: 0.1.0
description:
  - Asks the running CRI-O whether it is ready, whether it has loaded the files that are wanted and uses their values, and whether
    its metrics are served. Then it runs a pod to its end, and pulls images through the registries that are configured.
  - Each question becomes a check. A check that fails is no failure of the task, so that every node's checks can be told together;
    M(cri.node.verify_report) does that. A node that cannot be reached or looked at has the one failed check C(node).
  - Everything is done in one remote call. The pod is always removed again, with its logs. An image that was pulled stays on
    the node, since a pod may have begun to use it.
options:
  files:
    description: The whole file set of its owners, as M(cri.node.runtime_config) takes it. Empty where nothing is asked for.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: Where the file belongs on the node, absolute.
        type: str
        required: true
      owner:
        description: The role that the file belongs to.
        type: str
        required: true
      content:
        description: The file's text. Without it, or with an empty one, the file is not wanted. It never leaves the controller.
        type: str
      mode:
        description:
          - The file's permissions, as three or four octal digits in quotes. Without quotes YAML reads 0644 as the number 420,
            which is refused.
          - The default is V("0644"), or V("0600") if O(files[].secret=true).
        type: str
      secret:
        description: Whether the content must appear in no result.
        type: bool
        default: false
      config:
        description: What a checking filter made of the role's variables for this file.
        type: dict
      disruption:
        description: What it costs to make this file live.
        type: str
        choices: [none, reload, restart]
        default: restart
  owners:
    description: Whose files that are wanted no more are looked for. By default the owners that O(files) names.
    type: list
    elements: str
  problems:
    description: What is wrong with the wanted configuration. Any entry stops the task before the node is asked.
    type: list
    elements: str
    default: []
  network:
    description:
      - Whether the runtime's network must be ready. V(optional) lets a node pass that has no CNI configuration yet, as before
        its cluster's network is installed.
    type: str
    choices: [optional, required]
    default: optional
  image:
    description:
      - The image of the pod that is run. It must end by itself, with 0, and print something. It is pulled only where the node
        does not have it.
      - Empty, no pod is run.
    type: str
    default: ""
  pull:
    description: Images to pull, each through the registries, mirrors and credentials that the node's runtime has.
    type: list
    elements: str
    default: []
  timeout:
    description:
      - How long the pod may take to its end, and how long each pull may take, in seconds.
      - A change of this node that is under way is waited for as long before anything is read; then the check V(node) fails.
    type: int
    default: 120
  unit:
    description: The systemd unit that runs CRI-O.
    type: str
    default: crio.service
attributes:
  check_mode:
    support: full
    description:
      - Pulls nothing and runs no pod. What a run of M(cri.node.runtime_config) would change first is told as skipped, not as
        failed.
  diff_mode:
    support: N/A
    description: Changes nothing that could be shown.
  platform:
    support: full
    platforms: linux
    description: Nodes run by systemd, with Python 3.9 or later and crictl, as root.
requirements:
  - Python 3.9 or newer on the node
  - systemd on the node
  - the task to run as root, which usually means C(become=true)
  - crictl 1.24 or newer on the node
seealso:
  - module: cri.node.verify_report
  - module: cri.node.runtime_config
author:
  - The cri.node contributors (@cri-node)
"""

EXAMPLES = r"""
- name: Check that the runtime works
  cri.node.runtime_verify:
    image: docker.io/library/hello-world:latest
  register: verified
  become: true

- name: Stop where it does not
  ansible.builtin.assert:
    that: verified.failed_checks == []
    fail_msg: "{{ verified.checks | selectattr('status', 'equalto', 'failed') | map(attribute='detail') | join('; ') }}"

- name: Check that an internal registry can be used, and that the network is up
  cri.node.runtime_verify:
    network: required
    pull:
      - registry.example.com/pause:3.10
  become: true
"""

RETURN = r"""
checks:
  description: What was looked at, always in the same order.
  type: list
  elements: dict
  returned: always
  contains:
    name:
      description:
        - V(service) (the unit is active), V(runtime) and V(network) (the runtime's own conditions), V(handlers) (the runtime
          offers those that are set; only where any is), V(files) (as wanted), V(loaded) (the daemon has read them),
          V(settings) (it uses their values), V(without_effect) (only where there are keys that CRI-O silently does without on
          this node), V(cni_plugins), V(metrics), V(pod), and V(pull) with the image for each image.
        - V(node) alone where the node could not be looked at.
      type: str
      sample: metrics
    status:
      description:
        - V(passed), V(failed), V(warning), or V(skipped) where the check does not apply or could not be made.
      type: str
      sample: passed
    detail:
      description: What was seen, in a sentence, without any secret.
      type: str
      sample: 214 metrics at http://127.0.0.1:9537/metrics
failed_checks:
  description: The names of the checks that failed.
  type: list
  elements: str
  returned: always
  sample: [metrics]
version:
  description: The installed CRI-O's version; absent where there is none.
  type: str
  returned: where CRI-O is installed
  sample: 1.37.0
"""
