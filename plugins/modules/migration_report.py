#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Documentation only: the action of the same name runs on the controller.

from __future__ import annotations

DOCUMENTATION = r"""
module: migration_report
short_description: Report the migration of the nodes of a play to another container engine
version_added: 0.1.0
description:
  - Prints a table of the results of M(cri.node.runtime_migration), and the commands that remain to be done in the cluster. Nodes
    with equal results are in one row, and nodes with nothing to migrate are only counted.
  - Writes the report as JSON, and sets it as statistics like M(ansible.builtin.set_stats), for job runners such as AWX.
  - Makes no remote call. Run it once for the whole play (C(run_once)), in the C(always) section of a block with the task that it
    reports, so that nodes that failed are also reported.
options:
  variable:
    description: Name of the variable that the task of M(cri.node.runtime_migration) registered on each node.
    type: str
    required: true
  removal_variable:
    description:
      - Name of the variable that a task with O(cri.node.runtime_migration#module:state=former_removed) registered. Empty for
        none.
    type: str
    default: ""
extends_documentation_fragment:
  - cri.node.report_file
  - cri.node.attributes.controller
attributes:
  check_mode:
    details:
      - Prints the table and returns the same result, but writes no file. Warns if O(path) cannot be written.
seealso:
  - module: cri.node.runtime_migration
author:
  - The cri.node contributors (@cri-node)
"""

EXAMPLES = r"""
- name: Migrate and report
  block:
    - name: Migrate the nodes to CRI-O
      cri.node.runtime_migration:
      register: migration
  always:
    - name: Report the migration of all nodes
      cri.node.migration_report:
        variable: migration
        path: migration.json
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
    migrated:
      description: Number of nodes that were changed.
      type: int
      sample: 48
    clean:
      description: Number of nodes with nothing to migrate.
      type: int
      sample: 1
    pending:
      description: Number of nodes whose batch has not started.
      type: int
      sample: 0
    failed:
      description: Number of nodes that were unreachable, refused the migration, or returned to the former engine.
      type: int
      sample: 1
migrations:
  description: The nodes that were changed or failed. Nodes with equal results are one entry. All keys always exist.
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
      description: V(migrated) or V(failed).
      type: str
      sample: migrated
    former:
      description: The former engine; empty if unknown.
      type: str
      sample: containerd
    engine:
      description: The new engine; empty if unknown.
      type: str
      sample: crio
    pods:
      description: The pods that ran in the former engine, as namespace and name.
      type: list
      elements: str
      sample: [kube-system/kube-proxy-7w2xk]
    other_containers:
      description: The containers that no kubelet has started, and that were stopped.
      type: list
      elements: str
      sample: []
    images:
      description: The number of images by action, as M(cri.node.runtime_migration) returns it, and of those that V(failed).
      type: dict
      sample: {carry: 12, none: 1}
    files:
      description: The files of the kubelet that were changed.
      type: list
      elements: str
      sample: [/var/lib/kubelet/config.yaml]
    packages:
      description: The packages of the former engine that were removed.
      type: list
      elements: str
      sample: []
    message:
      description: Why the migration failed; otherwise empty.
      type: str
      sample: ""
commands:
  description: The commands that remain to be done in the cluster, one for each node.
  type: list
  elements: str
  returned: success
  sample:
    - kubectl annotate node node-1 --overwrite kubeadm.alpha.kubernetes.io/cri-socket=unix:///var/run/crio/crio.sock
path:
  description:
    - Absolute path of the written file. It contains one JSON object with the keys C(created_at) (RFC 3339, in UTC),
      RV(check_mode), RV(summary), RV(migrations), RV(commands) and C(nodes).
    - C(nodes) contains an object for each node, by name, with C(status) (V(migrated), V(clean), V(pending) or V(failed)) and
      C(migration) (the position of its entry in RV(migrations), starting at 0; null if it has none). All keys always exist.
  type: str
  returned: if a file was written
  sample: /home/ops/migration.json
ansible_stats:
  description:
    - Statistics as M(ansible.builtin.set_stats) sets them. C(cri_node_migration) contains RV(check_mode), RV(summary),
      RV(migrations) and RV(commands). A later report of the same run replaces it.
  type: dict
  returned: success
  sample: {data: {cri_node_migration: {}}, per_host: false, aggregate: false}
"""
