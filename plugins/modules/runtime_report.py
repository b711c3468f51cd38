#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Documentation only: the action of the same name runs on the controller.

from __future__ import annotations

DOCUMENTATION = r"""
module: runtime_report
short_description: Report the planned or applied changes of all nodes
version_added: 0.1.0
description:
  - Prints a table of all nodes with the changes of M(cri.node.runtime_config) or M(cri.node.runtime_rollback), planned in
    check mode or applied, with disruption, files and reasons. After a change, the table also has the generation.
  - Nodes with equal plans are in one row, in the notation of inventory ranges, such as V(worker-[01:48]). Nodes without changes
    are only counted. The row of a node whose change failed has the error message of its task.
  - Returns the same as data, and sets it as statistics like M(ansible.builtin.set_stats), for job runners such as AWX.
  - Makes no remote call. Run it once for the whole play (C(run_once)), in the C(always) section of a block with the task that it
    reports, so that nodes that failed are also reported.
  - In a play with C(serial), each report includes the batches before it.
options:
  variable:
    description: Name of the variable that the task of M(cri.node.runtime_config) or M(cri.node.runtime_rollback) registered.
    type: str
    required: true
  planned:
    description:
      - Whether the task that registered the results ran with C(check_mode) set to true, so that they are plans. In check mode,
        results are always plans.
    type: bool
    default: false
  details:
    description:
      - Whether the table also has the keys that change, each below its file and with the variable that sets it, and the number of
        running containers. Data always contains both.
    type: bool
    default: false
extends_documentation_fragment:
  - cri.node.report_file
  - cri.node.attributes.controller
attributes:
  check_mode:
    details:
      - Reports what the run would change, but writes no file. Warns if O(path) cannot be written.
seealso:
  - module: cri.node.runtime_config
  - module: cri.node.runtime_rollback
  - module: cri.node.verify_report
author:
  - The cri.node contributors (@cri-node)
"""

EXAMPLES = r"""
- name: Configure CRI-O and report
  block:
    - name: Apply the CRI-O configuration
      cri.node.runtime_config:
        files:
          - path: /etc/crio/crio.conf.d/60-cri-node.conf
            owner: crio
            kind: crio_conf
            layers:
              - [crio_config, "{{ crio_config }}"]
      register: applied
  always:
    - name: Report the changes of all nodes
      cri.node.runtime_report:
        variable: applied
      run_once: true

- name: Plan without a change, and write the plans to a file
  block:
    - name: Plan the removal of all files that the role crio has written
      cri.node.runtime_config:
        owners: [crio]
        files: []
      check_mode: true
      register: planned
  always:
    - name: Report the plans of all nodes
      cri.node.runtime_report:
        variable: planned
        planned: true
        details: true
        path: plan.json
      run_once: true
"""

RETURN = r"""
lines:
  description: The table as lines of text. It is not printed if the output of Ansible is machine-readable.
  type: list
  elements: str
  returned: success
check_mode:
  description: Whether the changes are only planned, because of check mode or O(planned).
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
    changed:
      description: Number of nodes that were changed, or would be changed in check mode.
      type: int
      sample: 48
    unchanged:
      description: Number of nodes that match the desired state.
      type: int
      sample: 1
    deferred:
      description:
        - Number of nodes that were left as they are, because their change needs more than
          O(cri.node.runtime_config#module:max_disruption).
      type: int
      sample: 0
    pending:
      description: Number of nodes whose batch has not started.
      type: int
      sample: 0
    not_planned:
      description: Number of nodes on which the task did not run, because an earlier task failed or the node was unreachable.
      type: int
      sample: 0
    failed:
      description: Number of nodes on which the task failed, or that were unreachable.
      type: int
      sample: 1
disruptions:
  description: The number of nodes that were changed, or would be changed in check mode, by disruption.
  type: dict
  returned: success
  sample: {none: 0, reload: 0, restart: 48, drain: 0}
plans:
  description:
    - The nodes that were changed or would be changed, whose change is deferred, that failed, or on which the task did not run.
      Nodes with equal plans are one entry. All keys always exist.
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
      description: V(changed), also for a planned change; V(deferred), V(failed) or V(not_planned).
      type: str
      sample: changed
    disruption:
      description:
        - V(none), V(reload) or V(restart); null if the node was not read. V(drain) if
          O(cri.node.runtime_config#module:disruptions) sets it, or if the node refuses the change, because it would stop, remove
          or lose running containers. In the latter case, the status is V(failed) or V(deferred).
      type: str
      sample: restart
    files:
      description: The files that change, by path, with V(create), V(change) or V(remove).
      type: dict
      sample: {"/etc/crio/crio.conf.d/60-cri-node.conf": "change"}
    keys:
      description: The keys that change in these files, as M(cri.node.runtime_config) returns them.
      type: list
      elements: dict
      sample:
        - path: /etc/crio/crio.conf.d/60-cri-node.conf
          key: crio.metrics.metrics_port
          change: change
          variable: crio_config
    reasons:
      description: Why the daemon is reloaded, started or restarted, one sentence each.
      type: list
      elements: str
      sample: ["/etc/crio/crio.conf.d/60-cri-node.conf changes"]
    overruled_guards:
      description: The overruled guards that would have refused the change, by name, each with a sentence about what is lost.
      type: dict
      sample: {}
    probes:
      description: What the node tries with its runtime before it commits the change, one sentence each.
      type: list
      elements: str
      sample: ["run a pod of registry.example.com/hello-world:1 with the handler crun"]
    images:
      description:
        - The images that a change of registries concerns, see RV(cri.node.runtime_config#module:plan.images). C(name), C(effect),
          C(reason) and C(pinned) are those there; C(nodes) and C(pods) are the numbers of nodes with the image, and of running
          pods on them.
      type: list
      elements: dict
      sample:
        - name: docker.io/library/nginx:1.27
          effect: blocked
          reason: docker.io is blocked
          pinned: false
          nodes: 2
          pods: 3
    installs:
      description: The version of CRI-O that is installed from the static bundle; null if none is installed.
      type: str
      sample: 1.37.0
    message:
      description: The error message of the task that failed, or why the change is deferred or not planned; otherwise empty.
      type: str
      sample: ""
    generations:
      description: The generation that the change created, by node. Empty in check mode and for nodes that were not changed.
      type: dict
      sample: {worker-01: 4, worker-02: 4}
    containers:
      description:
        - The number of running containers, by node, where it is known. They keep running through a reload and a restart, unless a
          guard is overruled.
      type: dict
      sample: {worker-01: 12, worker-02: 9}
path:
  description:
    - Absolute path of the written file. It contains one JSON object with the keys C(created_at) (RFC 3339, in UTC),
      RV(check_mode), RV(summary), RV(disruptions), RV(plans) and C(nodes).
    - C(nodes) contains an object for each node, by name, with C(status) (V(changed), V(unchanged), V(deferred), V(pending),
      V(not_planned) or V(failed)) and C(plan) (the position of its plan in RV(plans), starting at 0; null if it has none). All
      keys always exist.
  type: str
  returned: if a file was written
  sample: /home/ops/plan.json
ansible_stats:
  description:
    - Statistics as M(ansible.builtin.set_stats) sets them. C(cri_node_plan) contains RV(check_mode), RV(summary), RV(disruptions)
      and RV(plans). A later report of the same run replaces it.
  type: dict
  returned: success
  sample: {data: {cri_node_plan: {}}, per_host: false, aggregate: false}
"""
