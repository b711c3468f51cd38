#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Documentation only. The action of the same name does the work, and calls node_runtime_rollback on the node.

from __future__ import annotations

DOCUMENTATION = r"""
module: runtime_rollback
short_description: Return a node to an earlier configuration
version_added: 0.1.0
description:
  - Restores all managed files of a generation, which is a committed change of M(cri.node.runtime_config) that is kept on the
    node. M(cri.node.runtime_generations_facts) lists the generations of a node; the latest five are kept.
  - The rollback is a change like any other one. It is validated by the C(crio) binary of the node, atomic, verified, undone
    after a failure, and committed as a new generation. A second rollback therefore undoes the first one.
  - Managed files that the generation does not have are removed. Files of others are never touched, and neither the version of
    CRI-O nor its installation changes.
  - The contents are restored from the node itself. The contents of secret files and the values of entries in files that other
    tools also write are not kept. If one of these has changed since, the rollback is refused with the path, and nothing is
    changed; apply the settings of that time with the role instead.
  - The variables of the inventory still describe the newer configuration. The next run of a role or of the playbook
    C(cri.node.provision) applies them again, unless they are changed to match.
  - Makes one remote call for a node that already matches the generation, and two for a change.
options:
  generation:
    description:
      - The number of the generation. It must exist on the node.
      - By default, the one before the latest.
    type: int
  unit:
    description: The systemd unit that runs CRI-O.
    type: str
    default: crio.service
  ready_timeout:
    description: Time limit for the runtime to become ready after a restart, in seconds. After that, the rollback is undone.
    type: int
    default: 60
  overruled_guards:
    description: Guards that are overruled, by name, see O(cri.node.runtime_config#module:overruled_guards).
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - cri.node.attributes.node
attributes:
  check_mode:
    details:
      - Predicts the result of a run. The C(crio) binary of the node validates the change in the module's temporary directory.
  diff_mode:
    support: full
    details:
      - Shows each file before and after.
      - Of a secret file, it only shows whether it exists and whether it changes.
seealso:
  - module: cri.node.runtime_generations_facts
  - module: cri.node.runtime_config
  - module: cri.node.runtime_report
author:
  - The cri.node contributors (@cri-node)
"""

EXAMPLES = r"""
- name: Return the node to the configuration before the latest change
  cri.node.runtime_rollback:

- name: Return the nodes to a generation and report
  block:
    - name: Restore generation 3
      cri.node.runtime_rollback:
        generation: 3
      register: restored
  always:
    - name: Report the changes of all nodes
      cri.node.runtime_report:
        variable: restored
      run_once: true
"""

RETURN = r"""
restored_generation:
  description: The generation whose files are restored, or would be restored in check mode.
  type: int
  returned: when the node was read
  sample: 3
plan:
  description: The differences from the generation, and what is required to restore it.
  type: dict
  returned: when the node was read
  contains:
    disruption:
      description: V(none), V(reload) or V(restart).
      type: str
      sample: restart
    reasons:
      description: Why the daemon has to reload or restart, one sentence for each reason, and the generation.
      type: list
      elements: str
      sample: ["/etc/crio/crio.conf.d/60-cri-node.conf changes", "rollback to generation 3"]
    files:
      description: The files that change, by path, with V(create), V(change) or V(remove).
      type: dict
      sample: {"/etc/crio/crio.conf.d/60-cri-node.conf": "change"}
    overruled_guards:
      description: The overruled guards that would have refused the change, by name, each with a sentence about what is lost.
      type: dict
      sample: {}
runtime:
  description: The state of the runtime before the change.
  type: dict
  returned: when the node was read
  contains:
    installed:
      description: Whether CRI-O is installed.
      type: bool
    version:
      description: The version of the installed CRI-O; absent if CRI-O is not installed.
      type: str
      sample: 1.37.0
    endpoint:
      description: The CRI socket, as a URL.
      type: str
      sample: unix:///var/run/crio/crio.sock
    invocation_id:
      description:
        - The systemd InvocationID of the running daemon, after a change if there was one.
        - Empty if the daemon is not running.
      type: str
generation:
  description: The number of the latest committed change of the node. After a rollback, this is the new generation.
  type: int
  returned: when the node was read
  sample: 6
validated_by:
  description: V(node) if the C(crio) binary of the node validated the configuration, V(controller) if CRI-O is not installed.
  type: str
  returned: when something changes
phase:
  description:
    - The phase in which a change failed. In V(refused) and V(validate) nothing was changed on the node; in V(activate),
      V(acknowledge), V(probe) and V(interrupted) the change is undone.
  type: str
  returned: on failure of a change
guard:
  description: The guard that refused the change, see O(overruled_guards).
  type: str
  returned: if a guard refused the change
  sample: handler_in_use
rolled_back:
  description: Whether a failed change was undone.
  type: bool
  returned: on failure of a change
as_before:
  description: Whether the node, including its daemon, is in the same state as before the failed change.
  type: bool
  returned: on failure of a change
"""
