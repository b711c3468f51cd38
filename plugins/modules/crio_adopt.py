#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Documentation only. The action of the same name does the work, and calls node_crio_config_facts on the node.

from __future__ import annotations

DOCUMENTATION = r"""
module: crio_adopt
short_description: Find the crio_config that a node already has
version_added: 0.1.0
description:
  - Reads a node whose CRI-O was set up by something else, such as kubespray, another role, a package or a person, and returns the
    variable C(crio_config) of the role P(cri.node.crio#role) that gives it the same effective configuration.
  - The effective configuration is merged from C(crio.conf), all drop-ins, the options of the unit and its environment, as CRI-O
    does. The result contains each key that differs from the default of the node's version. A handler or a workload is returned as
    a whole, because the file of the role replaces it as a whole.
  - Not adopted are keys that may be secret (C(default_env), C(conmon_env) and C(monitor_env)), whose values never leave the node,
    the handlers that they belong to, values with credentials, values that the role would refuse, and keys without effect.
    RV(left) and RV(findings) name them.
  - Only reads crio.conf and its drop-ins, not C(registries.conf) or C(/etc/crictl.yaml).
  - Changes nothing on the node, also without check mode, and makes one remote call.
  - A node that is unreachable or cannot be read does not fail the task. Its result has the reason as RV(error), so that
    M(cri.node.adopt_report) can report all nodes before the play fails.
options:
  unit:
    description: The systemd unit that runs CRI-O.
    type: str
    default: crio.service
  timeout:
    description:
      - Time limit for the answer of the daemon, in seconds.
      - Also the time to wait for a change of the node that is in progress.
    type: int
    default: 10
extends_documentation_fragment:
  - cri.node.attributes.node
attributes:
  check_mode:
    details:
      - Does the same as in normal mode.
  diff_mode:
    support: N/A
    details:
      - Changes nothing.
seealso:
  - module: cri.node.adopt_report
  - module: cri.node.crio_config_facts
  - module: cri.node.runtime_config
author:
  - The cri.node contributors (@cri-node)
"""

EXAMPLES = r"""
- name: Find the settings that the node already has
  cri.node.crio_adopt:
  become: true
  register: adopted

- name: Show what must be added by hand
  ansible.builtin.debug:
    msg: "{{ adopted.left }}"
"""

RETURN = r"""
version:
  description: The version of the installed CRI-O; empty if the node was not read.
  type: str
  returned: success
  sample: 1.37.0
crio_config:
  description: The settings, with the tables of crio.conf. The keys are in alphabetical order.
  type: dict
  returned: success
  sample: {crio: {metrics: {enable_metrics: true}}}
settings:
  description: The same settings as a list, with what sets each of them.
  type: list
  elements: dict
  returned: success
  contains:
    key:
      description: The dotted key, or that of a whole handler or workload.
      type: str
      sample: crio.metrics.enable_metrics
    value:
      description: The value. Of a handler or a workload, a dictionary of its keys that are not empty.
      type: raw
      sample: true
    source:
      description: The file, the environment variable or the option that sets the value.
      type: str
      sample: /etc/crio/crio.conf
left:
  description: Keys that something sets and that were not adopted. Without them the other files are still needed.
  type: list
  elements: dict
  returned: success
  contains:
    key:
      description: The dotted key, or that of a whole handler or workload.
      type: str
      sample: crio.runtime.default_env
    source:
      description: The file, the environment variable or the option that sets the value.
      type: str
      sample: /etc/crio/crio.conf
    kind:
      description: V(secret) or V(refused).
      type: str
      sample: secret
    reason:
      description: Why it was not adopted, as the end of a sentence that starts with the key.
      type: str
      sample: "may be secret, so that its value was not read: set it in a variable that is encrypted"
findings:
  description: What to know or to repair, as one sentence each without values of secret keys.
  type: list
  elements: dict
  returned: success
  contains:
    path:
      description: The file that the finding is about, or an empty string.
      type: str
      sample: /etc/crio/crio.conf
    key:
      description: The dotted key, or the first of several, or an empty string.
      type: str
      sample: crio.runtime.log_level
    kind:
      description:
        - One of the kinds that M(cri.node.crio_config_facts) returns as findings, except V(dropped_by_reload), or one of the
          following.
        - V(secret), V(refused) - The key was not adopted, see RV(left).
        - V(without_effect) - CRI-O reads the key but does not use it. It was not adopted.
        - V(deprecated) - The key was adopted, but is deprecated or not recommended.
        - V(adapted) - The key is adopted with the value that CRI-O uses, because the role refuses the one that is set.
        - V(option) - An option of the unit or an environment variable sets the value. No file can override it.
        - V(stays) - The file stays on the node, and the one of the role overrides it.
        - V(outranks) - The file stays on the node and overrides the one of the role, so that changes of its keys have no effect.
        - V(other_directory) - CRI-O does not read the folder that the role writes to.
        - V(not_live) - The running daemon does not use the value of the files.
        - V(changes) - A file of the role exists, and sets keys that were not adopted and that it would lose.
      type: str
      sample: stays
    message:
      description: One sentence.
      type: str
      sample: /etc/crio/crio.conf stays on the node, and 60-cri-node.conf overrides it
error:
  description: Why the node was not read, for example because CRI-O would not start with its files; otherwise empty.
  type: str
  returned: success
  sample: ""
"""
