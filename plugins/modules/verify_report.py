#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The action of the same name does all of it, on the controller; this file is its documentation.

from __future__ import annotations

DOCUMENTATION = r"""
module: verify_report
short_description: Tell what the verification of all nodes of a play found
version_added: 0.1.0
description:
  - Prints a table of the checks that M(cri.node.runtime_verify) made, a line for each node that passed, with the details of
    what failed and what is to be warned of; writes the whole as JSON; and leaves a summary where M(ansible.builtin.set_stats)
    would, for a job runner such as AWX.
  - Makes no remote call. Meant to run once for the whole play (C(run_once)).
  - A failed check fails this task as little as it fails M(cri.node.runtime_verify).
options:
  state:
    description:
      - V(checked) only tests whether O(path) can be written, so that a bad path is known before the nodes are touched.
    type: str
    choices: [checked, reported]
    default: reported
  results:
    description:
      - What M(cri.node.runtime_verify) returned, by node. An empty result stands for a node that was not verified. Required with
        O(state=reported).
    type: dict
  earlier:
    description:
      - Results of tasks before the verification, each entry by node, in the order of the tasks. The message of the first one that
        failed is the reason why a node was not verified.
    type: list
    elements: dict
    default: []
  waiting:
    description: Nodes whose batch has not come yet, with C(serial). They are told as pending.
    type: list
    elements: str
    default: []
  lost:
    description:
      - Nodes that have left the play, having failed or been unreachable. One whose result has no failed check failed elsewhere,
        and is told as not verified.
    type: list
    elements: str
    default: []
  path:
    description:
      - The file on the controller to write, relative to the current directory. It is replaced whole and keeps its mode.
      - A symbolic link, directory, named pipe or device is not replaced. The folders of the path may be links.
      - A file that cannot be written is a warning. The table, the statistics and the result of the task are the same without it.
      - Empty, none is written.
    type: str
    default: ""
attributes:
  check_mode:
    support: full
    description: Prints the table and returns the same, but writes no file. Warns of the same O(path).
  diff_mode:
    support: N/A
    description: Changes nothing on a node. The task is never C(changed), the report being none of the nodes' state.
  platform:
    support: full
    platforms: linux
    description: Runs on the controller.
requirements:
  - ansible-core 2.16 or newer on the controller
seealso:
  - module: cri.node.runtime_verify
author:
  - The cri.node contributors (@cri-node)
"""

EXAMPLES = r"""
- name: Check that the runtime works
  cri.node.runtime_verify:
    image: docker.io/library/hello-world:latest
  register: verified

- name: Tell what was found
  cri.node.verify_report:
    results: >-
      {{ dict(ansible_play_hosts_all | zip(ansible_play_hosts_all | map('extract', hostvars)
                                           | map(attribute='verified', default={}))) }}
    lost: "{{ ansible_play_hosts_all | difference(ansible_play_hosts) }}"
    path: verification.json
  run_once: true
"""

RETURN = r"""
summary:
  description: How many nodes came out how.
  type: dict
  returned: with O(state=reported)
  contains:
    nodes:
      description: All nodes.
      type: int
      sample: 3
    passed:
      description: Nodes without a failed check; they may have warnings.
      type: int
      sample: 1
    failed:
      description: Nodes with a failed check.
      type: int
      sample: 1
    not_verified:
      description: Nodes that were not asked, since something failed before.
      type: int
      sample: 1
    pending:
      description: Nodes whose batch has not come yet.
      type: int
      sample: 0
    warnings:
      description: Warnings of all nodes.
      type: int
      sample: 0
not_passed:
  description:
    - The nodes that did not pass, with their status, the names of the checks that failed, and the reason why a node is not
      verified or pending.
  type: dict
  returned: with O(state=reported)
  sample:
    node-2: {status: failed, failed: [service], reason: ""}
    node-3: {status: not_verified, failed: [], reason: "CRI-O did not restart [...] The change was undone [...]"}
path:
  description:
    - The file that was written, absolute. It holds one JSON object with the keys C(created_at) (RFC 3339 in UTC), C(check_mode)
      (boolean), C(summary) (as RV(summary)) and C(nodes).
    - C(nodes) has for each node's name an object with C(status) (V(passed), V(failed), V(not_verified) or V(pending)),
      C(version) (of CRI-O, null where unknown), C(reason) (why a node is not verified or pending, else empty), C(checks) (a
      list of objects with C(name), C(status) and C(detail), as M(cri.node.runtime_verify) returns them) and C(counts) (the
      number of checks by status, V(passed), V(failed), V(warning) and V(skipped)). All keys are always there.
  type: str
  returned: when a file is written
  sample: /home/ops/cri-node-verify.json
ansible_stats:
  description: What M(ansible.builtin.set_stats) would set, with RV(summary) and RV(not_passed) as C(cri_node_verification).
  type: dict
  returned: with O(state=reported)
  sample: {data: {cri_node_verification: {}}, per_host: false, aggregate: false}
"""
