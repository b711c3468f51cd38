#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Documentation only. The action of the same name does the work, and calls node_runtime_verify on the node.

from __future__ import annotations

DOCUMENTATION = r"""
module: runtime_verify
short_description: Verify the container runtime of a node
version_added: 0.1.0
description:
  - Checks that the running CRI-O is ready, has loaded the desired files, uses their values and serves its metrics. Then runs a
    pod to completion, and pulls images through the configured registries.
  - A failed check does not fail the task, so that the checks of all nodes can be reported together, as
    M(cri.node.verify_report) does. A node that is unreachable or cannot be read has a single failed check, C(node).
  - Makes one remote call, or none with O(known). The pod is always removed, with its logs. A pulled image stays on the node,
    because a pod may already use it.
options:
  files:
    default: []
  network:
    description:
      - Whether the network of the runtime must be ready. With V(optional), a node without CNI configuration passes, which is the
        state before the network of a cluster is installed.
    type: str
    choices: [optional, required]
    default: optional
  image:
    description:
      - Image of the pod that is run. It must exit with code 0 and print something. It is pulled only if the node does not have
        it.
      - If empty, no pod is run.
    type: str
    default: ""
  pull:
    description: Images to pull, each through the registries, mirrors and credentials that are configured on the node.
    type: list
    elements: str
    default: []
  timeout:
    description:
      - Time limit for the pod, and for each pull, in seconds.
      - Also the time to wait for a change of the node that is in progress. If it takes longer, the check V(node) fails.
    type: int
    default: 120
  deferred:
    description:
      - Why the change of the node was deferred, as M(cri.node.runtime_config) returns it in C(msg). Differences from O(files)
        that the change would remove are then warnings with this reason, and the metrics are read from the port that is in use.
      - Empty if the change was not deferred.
    type: str
    default: ""
  known:
    description:
      - The RV(cri.node.runtime_config#module:verification) of the same node in the same run, from a task with
        O(cri.node.runtime_config#module:verify). Its checks are returned, and the node is not contacted.
      - If empty, the checks are made.
    type: dict
    default: {}
  unit:
    description: The systemd unit that runs CRI-O.
    type: str
    default: crio.service
extends_documentation_fragment:
  - cri.node.file_set
  - cri.node.attributes.node
attributes:
  check_mode:
    details:
      - Runs no pod and pulls no image. Faults that a run of M(cri.node.runtime_config) would fix are skipped, not failed.
  diff_mode:
    support: N/A
    details:
      - Changes nothing.
requirements:
  - crictl 1.24 or newer on the node
seealso:
  - module: cri.node.verify_report
  - module: cri.node.runtime_config
author:
  - The cri.node contributors (@cri-node)
"""

EXAMPLES = r"""
- name: Verify the runtime with a pod
  cri.node.runtime_verify:
    image: docker.io/library/hello-world:latest
  register: verified
  become: true

- name: Fail if a check failed
  ansible.builtin.assert:
    that: verified.failed_checks == []
    fail_msg: "{{ verified.checks | selectattr('status', 'equalto', 'failed') | map(attribute='detail') | join('; ') }}"

- name: Verify that the network is ready and an internal registry can be used
  cri.node.runtime_verify:
    network: required
    pull:
      - registry.example.com/pause:3.10
  become: true
"""

RETURN = r"""
checks:
  description: The checks, always in the same order.
  type: list
  elements: dict
  returned: always
  contains:
    name:
      description:
        - One of the following.
        - V(service) - Is the service of CRI-O running and enabled?
        - V(runtime) - Is the runtime's condition RuntimeReady true?
        - V(network) - Is the runtime's condition NetworkReady true?
        - V(handlers) - Does the runtime offer all configured handlers?
        - V(files) - Do the managed files match the desired state?
        - V(loaded) - Has the running daemon loaded the files?
        - V(settings) - Does the running daemon use the desired values of crio.conf?
        - V(without_effect) - Do all settings take effect on this node?
        - V(cni_plugins) - Are CNI plugins installed?
        - V(metrics) - Does CRI-O serve its metrics?
        - V(pod) - Can the runtime run a pod to completion?
        - V(pull IMAGE) - Can the runtime pull this image?
        - V(node) - Can the node be read?
      type: str
      sample: metrics
    status:
      description:
        - V(passed), V(failed), V(warning), or V(skipped) if the check does not apply or could not be made.
      type: str
      sample: passed
    detail:
      description: What was found, in one sentence without secrets.
      type: str
      sample: 214 metrics at http://127.0.0.1:9537/metrics
failed_checks:
  description: The names of the failed checks.
  type: list
  elements: str
  returned: always
  sample: [metrics]
version:
  description: The version of the installed CRI-O.
  type: str
  returned: if CRI-O is installed
  sample: 1.37.0
"""
