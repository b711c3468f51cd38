#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Documentation only: the action of the same name runs on the controller.

from __future__ import annotations

DOCUMENTATION = r"""
module: verify_report
short_description: Report the verification of all nodes of a play
version_added: 0.1.0
description:
  - Prints the results of M(cri.node.runtime_verify) as a table with one line for each node, followed by the details of its failed
    checks and warnings.
  - Writes the complete report as JSON, and sets a summary as M(ansible.builtin.set_stats) does, for job runners such as AWX.
  - Makes no remote call. Run it once for the whole play (C(run_once)).
  - A failed check does not fail the task.
options:
  state:
    description:
      - V(checked) only checks that O(path) can be written, so that a wrong path is known before any node is contacted.
      - V(reported) reports O(results).
    type: str
    choices: [checked, reported]
    default: reported
  results:
    description:
      - The results of M(cri.node.runtime_verify), by node. Use an empty result for a node that was not verified.
      - Required with O(state=reported).
    type: dict
  earlier:
    description:
      - Results of tasks before the verification, in the order of the tasks. Each entry contains the results of one task, by node.
      - The message of the first task that failed is reported as the reason why a node was not verified.
    type: list
    elements: dict
    default: []
  waiting:
    description:
      - Nodes whose batch has not run yet, with C(serial). They are reported as pending.
      - By default they are taken from the play.
    type: list
    elements: str
  lost:
    description:
      - Nodes that have left the play because they failed or were unreachable. A node whose result has no failed check failed in
        another task and is reported as not verified.
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - cri.node.report_file
  - cri.node.attributes.controller
attributes:
  check_mode:
    details:
      - Prints the table and returns the same result, but writes no file. Warns if O(path) cannot be written.
seealso:
  - module: cri.node.runtime_verify
  - module: cri.node.runtime_report
author:
  - The cri.node contributors (@cri-node)
"""

EXAMPLES = r"""
- name: Verify the runtime
  cri.node.runtime_verify:
    image: docker.io/library/hello-world:latest
  register: verified

- name: Report the results of all nodes
  cri.node.verify_report:
    results: >-
      {{ dict(ansible_play_hosts_all | zip(ansible_play_hosts_all | map('extract', hostvars)
                                           | map(attribute='verified', default={}))) }}
    lost: "{{ ansible_play_hosts_all | difference(ansible_play_hosts) }}"
    path: verification.json
  run_once: true
"""

RETURN = r"""
lines:
  description: The table as lines of text. It is not printed if the output of Ansible is machine-readable.
  type: list
  elements: str
  returned: with O(state=reported)
summary:
  description: The number of nodes by status, and of warnings.
  type: dict
  returned: with O(state=reported)
  contains:
    nodes:
      description: Number of all nodes.
      type: int
      sample: 3
    passed:
      description: Number of nodes without a failed check. They may have warnings.
      type: int
      sample: 1
    failed:
      description: Number of nodes with a failed check.
      type: int
      sample: 1
    not_verified:
      description: Number of nodes that were not verified because an earlier task failed.
      type: int
      sample: 1
    pending:
      description: Number of nodes whose batch has not run yet.
      type: int
      sample: 0
    warnings:
      description: Number of warnings of all nodes.
      type: int
      sample: 0
not_passed:
  description:
    - The nodes that did not pass, by name. C(status) is the status of the node, C(failed) contains the names of its failed
      checks, and C(reason) is why it is not verified or pending.
  type: dict
  returned: with O(state=reported)
  sample:
    node-2: {status: failed, failed: [service], reason: ""}
    node-3: {status: not_verified, failed: [], reason: "CRI-O did not restart [...] The change was undone [...]"}
path:
  description:
    - Absolute path of the written file. It contains one JSON object with the keys C(created_at) (RFC 3339, in UTC), C(check_mode)
      (boolean), C(summary) (as RV(summary)) and C(nodes).
    - C(nodes) contains an object for each node, by name, with C(status) (V(passed), V(failed), V(not_verified) or V(pending)),
      C(version) (of CRI-O, null if unknown), C(reason) (why the node is not verified or pending, otherwise empty), C(checks) (a
      list of objects with C(name), C(status) and C(detail), as M(cri.node.runtime_verify) returns them) and C(counts) (the
      number of checks by status, V(passed), V(failed), V(warning) and V(skipped)). All keys always exist.
  type: str
  returned: if a file was written
  sample: /home/ops/cri-node-verify.json
ansible_stats:
  description:
    - Statistics as M(ansible.builtin.set_stats) sets them. C(cri_node_verification) contains RV(summary) and RV(not_passed).
  type: dict
  returned: with O(state=reported)
  sample: {data: {cri_node_verification: {}}, per_host: false, aggregate: false}
"""
