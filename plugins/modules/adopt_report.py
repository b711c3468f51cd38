#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Documentation only: the action of the same name runs on the controller.

from __future__ import annotations

DOCUMENTATION = r"""
module: adopt_report
short_description: Write the variables of adopted nodes, and report them
version_added: 0.1.0
description:
  - Prints a table of the results of M(cri.node.crio_adopt). Nodes with equal results are in one row.
  - Writes the settings of all nodes as an inventory of variables. The settings that more than half of the nodes have are the
    variable C(crio_config) of a group of all nodes, and each node that differs has a layer C(crio_config__node), in which null
    removes a setting. So a fleet of equal nodes is one file.
  - Sets the report as statistics like M(ansible.builtin.set_stats), for job runners such as AWX.
  - Makes no remote call. Run it once for the whole play (C(run_once)), in the C(always) section of a block with the task that it
    reports, so that nodes that failed are also reported.
  - A node that was not read does not fail the task. RV(failures) contains the nodes that a later task must fail.
options:
  variable:
    description: Name of the variable that the task of M(cri.node.crio_adopt) registered on each node.
    type: str
    required: true
  directory:
    description:
      - Path of the folder to create on the controller, relative to the current directory. Its parent must exist.
      - Nothing is overwritten. A folder that exists and is not empty is refused, because its variables may have been edited.
      - The folder is written completely or not at all, when the last batch of the play has been read.
      - If empty, no file is written.
    type: str
    default: ""
extends_documentation_fragment:
  - cri.node.attributes.controller
attributes:
  check_mode:
    details:
      - Prints the table and returns the same result, but writes no file. Fails if O(directory) would be refused.
seealso:
  - module: cri.node.crio_adopt
author:
  - The cri.node contributors (@cri-node)
"""

EXAMPLES = r"""
- name: Read and report
  block:
    - name: Find the settings that each node already has
      cri.node.crio_adopt:
      register: adopted
  always:
    - name: Write the variables
      cri.node.adopt_report:
        variable: adopted
        directory: adopted-nodes
      run_once: true
      register: report

- name: Fail each node that was not read
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
summary:
  description: The number of nodes by status.
  type: dict
  returned: success
  contains:
    nodes:
      description: Number of all nodes.
      type: int
      sample: 50
    adopted:
      description: Number of nodes whose settings were all adopted.
      type: int
      sample: 48
    incomplete:
      description: Number of nodes with settings that were not adopted, because they may be secret or would be refused.
      type: int
      sample: 1
    pending:
      description: Number of nodes whose batch has not started.
      type: int
      sample: 0
    not_read:
      description: Number of nodes that were unreachable or could not be read.
      type: int
      sample: 1
    differing:
      description: Number of nodes that have a layer of their own.
      type: int
      sample: 2
common:
  description: The settings that more than half of the nodes have, with the tables of crio.conf.
  type: dict
  returned: success
  sample: {crio: {metrics: {enable_metrics: true}}}
layers:
  description: By node, what must be merged over RV(common) to get its own settings. Null removes a setting.
  type: dict
  returned: success
  sample: {worker-07: {crio: {runtime: {log_level: debug}}}}
adoptions:
  description: The results. Nodes with equal results are one entry. All keys always exist.
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
      description: V(adopted), V(incomplete) or V(not_read).
      type: str
      sample: adopted
    version:
      description: The version of CRI-O; empty if the nodes were not read.
      type: str
      sample: 1.37.0
    settings:
      description: The number of adopted settings.
      type: int
      sample: 12
    left:
      description: The keys that were not adopted, as M(cri.node.crio_adopt) returns them.
      type: list
      elements: dict
      sample: []
    findings:
      description: What to know or to repair, as M(cri.node.crio_adopt) returns it.
      type: list
      elements: dict
      sample: []
    message:
      description: Why the nodes were not read; otherwise empty.
      type: str
      sample: ""
failures:
  description:
    - A message for each node of the current batch that must fail, because it was not read.
    - Empty until the last batch of a play with C(serial), because a batch in which all nodes fail ends the play. The nodes of
      earlier batches are in the message of the first node of the last one.
  type: dict
  returned: success
  sample:
    worker-09: the node cannot be reached
path:
  description: Absolute path of the written folder.
  type: str
  returned: if the folder was written
  sample: /home/ops/adopted-nodes
files:
  description:
    - The files in the folder. C(hosts.yml) contains the group C(cri_node_adopted) with all nodes that were read, so that the
      folder is a source of an inventory beside the user's own.
    - Keys that were not adopted are comments in the file of the group.
  type: list
  elements: str
  returned: if the folder was written
  sample: [hosts.yml, group_vars/cri_node_adopted.yml, host_vars/worker-07.yml]
ansible_stats:
  description:
    - Statistics as M(ansible.builtin.set_stats) sets them. C(cri_node_adopt) contains RV(summary), RV(common), RV(layers) and
      RV(adoptions). A later report of the same run replaces it.
  type: dict
  returned: success
  sample: {data: {cri_node_adopt: {}}, per_host: false, aggregate: false}
"""
