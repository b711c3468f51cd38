#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Documentation only: the action of the same name runs on the controller.

from __future__ import annotations

DOCUMENTATION = r"""
module: drift_report
short_description: Report the nodes that differ from their desired state
version_added: 0.1.0
description:
  - Prints a table of the results of M(cri.node.runtime_drift). Nodes with equal results are in one row, and nodes that match the
    desired state are only counted.
  - Writes the report as JSON, and sets it as statistics like M(ansible.builtin.set_stats), for job runners such as AWX.
  - Makes no remote call. Run it once for the whole play (C(run_once)), in the C(always) section of a block with the task that it
    reports, so that nodes that failed are also reported.
  - Drift does not fail the task. RV(failures) contains the nodes that a later task must fail.
options:
  variable:
    description: Name of the variable that the task of M(cri.node.runtime_drift) registered on each node.
    type: str
    required: true
  ignore:
    description:
      - Kinds of differences that are reported, but do not count as drift. Possible values are V(changed), V(missing),
        V(not_live), V(unmanaged), V(settings) and V(outranked), which never counts.
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
  - module: cri.node.runtime_drift
  - module: cri.node.runtime_report
author:
  - The cri.node contributors (@cri-node)
"""

EXAMPLES = r"""
- name: Compare and report
  block:
    - name: Compare CRI-O's metrics settings with the node
      cri.node.runtime_drift:
        files:
          - path: /etc/crio/crio.conf.d/60-cri-node.conf
            owner: crio
            kind: crio_conf
            layers:
              - [crio_config, {crio: {metrics: {enable_metrics: true}}}]
      register: drift
  always:
    - name: Report the drift of all nodes
      cri.node.drift_report:
        variable: drift
        ignore: [settings]
        path: drift.json
      run_once: true
      register: report

- name: Fail each node that has drifted
  ansible.builtin.fail:
    msg: "{{ report.failures[inventory_hostname] }}"
  when: inventory_hostname in report.failures
"""

RETURN = r"""
lines:
  description: The table as lines of text. It is not printed if the output of Ansible is machine-readable.
  type: list
  elements: str
  returned: success
ignored:
  description: The kinds of O(ignore), sorted.
  type: list
  elements: str
  returned: success
  sample: [settings]
summary:
  description: The number of nodes by status.
  type: dict
  returned: success
  contains:
    nodes:
      description: Number of all nodes.
      type: int
      sample: 50
    drifted:
      description: Number of nodes with a difference that counts.
      type: int
      sample: 3
    ignored:
      description: Number of nodes whose differences are all of the kind V(outranked) or ignored.
      type: int
      sample: 1
    in_sync:
      description: Number of nodes that match the desired state.
      type: int
      sample: 45
    pending:
      description: Number of nodes whose batch has not started.
      type: int
      sample: 0
    not_read:
      description: Number of nodes that were unreachable or could not be read or compared.
      type: int
      sample: 1
kinds:
  description: The number of nodes that have a difference of each kind.
  type: dict
  returned: success
  sample: {changed: 2, missing: 0, not_live: 1, unmanaged: 0, settings: 1, outranked: 0}
drifts:
  description:
    - The nodes that have differences or were not read. Nodes with equal results are one entry. All keys always exist.
  type: list
  elements: dict
  returned: success
  contains:
    nodes:
      description: The names of the nodes, in the order of the play.
      type: list
      elements: str
      sample: [worker-01, worker-02]
    status:
      description: V(drifted), V(ignored) or V(not_read).
      type: str
      sample: drifted
    differences:
      description: The differences, as M(cri.node.runtime_drift) returns them, including ignored ones.
      type: list
      elements: dict
      sample:
        - kind: changed
          path: /etc/crio/crio.conf.d/60-cri-node.conf
          key: crio.metrics.metrics_port
          variable: crio_config
          detail: has another value in the file
    message:
      description: Why the nodes were not read; otherwise empty.
      type: str
      sample: ""
failures:
  description:
    - A message for each node of the current batch that must fail, because it has drifted or was not read.
    - Empty until the last batch of a play with C(serial), because a batch in which all nodes fail ends the play. The nodes of
      earlier batches are in the message of the first node of the last one.
  type: dict
  returned: success
  sample:
    worker-01: "the node differs from its desired state: changed: /etc/crio/crio.conf.d/60-cri-node.conf"
path:
  description:
    - Absolute path of the written file. It contains one JSON object with the keys C(created_at) (RFC 3339, in UTC), RV(ignored),
      RV(summary), RV(kinds), RV(drifts) and C(nodes).
    - C(nodes) contains an object for each node, by name, with C(status) (V(drifted), V(ignored), V(in_sync), V(pending) or
      V(not_read)) and C(drift) (the position of its entry in RV(drifts), starting at 0; null if it has none). All keys always
      exist.
  type: str
  returned: if a file was written
  sample: /home/ops/drift.json
ansible_stats:
  description:
    - Statistics as M(ansible.builtin.set_stats) sets them. C(cri_node_drift) contains RV(ignored), RV(summary), RV(kinds) and
      RV(drifts). A later report of the same run replaces it.
  type: dict
  returned: success
  sample: {data: {cri_node_drift: {}}, per_host: false, aggregate: false}
"""
