#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Documentation only: the action of the same name runs on the controller.

from __future__ import annotations

DOCUMENTATION = r"""
module: removal_report
short_description: Report what was removed from the nodes of a play
version_added: 0.1.0
description:
  - Prints a table of the results of M(cri.node.runtime_removal). Nodes with equal results are in one row, and nodes with nothing
    to remove or to keep are only counted.
  - Writes the report as JSON, and sets it as statistics like M(ansible.builtin.set_stats), for job runners such as AWX.
  - Makes no remote call. Run it once for the whole play (C(run_once)), in the C(always) section of a block with the task that it
    reports, so that nodes that failed are also reported.
options:
  variable:
    description: Name of the variable that the task of M(cri.node.runtime_removal) registered on each node.
    type: str
    required: true
extends_documentation_fragment:
  - cri.node.report_file
  - cri.node.attributes.controller
attributes:
  check_mode:
    details:
      - Prints the table and returns the same result, but writes no file. Warns if O(path) cannot be written.
seealso:
  - module: cri.node.runtime_removal
author:
  - The cri.node contributors (@cri-node)
"""

EXAMPLES = r"""
- name: Remove and report
  block:
    - name: Return the nodes to what they were
      cri.node.runtime_removal:
      register: removal
  always:
    - name: Report the removal on all nodes
      cri.node.removal_report:
        variable: removal
        path: removal.json
      run_once: true
"""

RETURN = r"""
lines:
  description: The table as lines of text. It is not printed if the output of Ansible is machine-readable.
  type: list
  elements: str
  returned: success
check_mode:
  description: Whether the results are predictions.
  type: bool
  returned: success
summary:
  description: The number of nodes by status.
  type: dict
  returned: success
  contains:
    nodes:
      description: Number of all nodes.
      type: int
      sample: 50
    removed:
      description: Number of nodes from which something was removed.
      type: int
      sample: 48
    clean:
      description: Number of nodes with nothing of ours.
      type: int
      sample: 1
    pending:
      description: Number of nodes whose batch has not started.
      type: int
      sample: 0
    failed:
      description: Number of nodes that were unreachable or refused the removal.
      type: int
      sample: 1
removals:
  description:
    - The nodes from which something was removed, on which something is kept, or that failed. Nodes with equal results are one
      entry. All keys always exist.
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
      description: V(removed), V(clean) or V(failed).
      type: str
      sample: removed
    removed:
      description: What was removed, as M(cri.node.runtime_removal) returns it.
      type: list
      elements: dict
      sample: [{subject: state, name: /var/lib/cri-node}]
    kept:
      description: What is kept, with the reason, as M(cri.node.runtime_removal) returns it.
      type: list
      elements: dict
      sample: []
    message:
      description: Why the removal failed; otherwise empty.
      type: str
      sample: ""
path:
  description:
    - Absolute path of the written file. It contains one JSON object with the keys C(created_at) (RFC 3339, in UTC),
      RV(check_mode), RV(summary), RV(removals) and C(nodes).
    - C(nodes) contains an object for each node, by name, with C(status) (V(removed), V(clean), V(pending) or V(failed)) and
      C(removal) (the position of its entry in RV(removals), starting at 0; null if it has none). All keys always exist.
  type: str
  returned: if a file was written
  sample: /home/ops/removal.json
ansible_stats:
  description:
    - Statistics as M(ansible.builtin.set_stats) sets them. C(cri_node_removal) contains RV(check_mode), RV(summary) and
      RV(removals). A later report of the same run replaces it.
  type: dict
  returned: success
  sample: {data: {cri_node_removal: {}}, per_host: false, aggregate: false}
"""
