#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Documentation only. The action of the same name does the work, and calls node_runtime_drift on the node.

from __future__ import annotations

DOCUMENTATION = r"""
module: runtime_drift
short_description: Find how a node differs from its desired state, and why
version_added: 0.1.0
description:
  - Compares the desired files of one or more owners with the files on the node, with what the last change of
    M(cri.node.runtime_config) committed, and with what the running daemon has loaded. Returns each difference with its reason.
  - A node has differences, except for the kind V(outranked), exactly if M(cri.node.runtime_config) would change it.
  - Changes nothing on the node, also without check mode, and makes one remote call.
  - A node that is unreachable or cannot be read does not fail the task. Its result has the reason as RV(error), so that
    M(cri.node.drift_report) can report all nodes before the play fails.
  - The version that a static bundle of CRI-O installs is not compared.
options:
  files:
    required: true
  unit:
    description:
      - The systemd unit that runs the runtime.
      - The default is V(crio.service), or V(containerd.service) for files of containerd.
    type: str
  ready_timeout:
    description: Time limit for a change of the node that is running, and for a unit that is starting or stopping, in seconds.
    type: int
    default: 60
extends_documentation_fragment:
  - cri.node.file_set
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
  - module: cri.node.drift_report
  - module: cri.node.runtime_config
  - module: cri.node.runtime_verify
author:
  - The cri.node contributors (@cri-node)
"""

EXAMPLES = r"""
- name: Compare CRI-O's metrics settings with the node
  cri.node.runtime_drift:
    files:
      - path: /etc/crio/crio.conf.d/60-cri-node.conf
        owner: crio
        kind: crio_conf
        layers:
          - [crio_config, {crio: {metrics: {enable_metrics: true}}}]
  register: drift
"""

RETURN = r"""
differences:
  description: The differences of the node, sorted by file. Empty if it matches the desired state.
  type: list
  elements: dict
  returned: success
  contains:
    kind:
      description:
        - V(changed) if the file, or the service, is no longer as the last change committed it.
        - V(missing) if a file that the last change committed does not exist, or CRI-O is not installed.
        - V(not_live) if the files match the desired state, but the running daemon has not loaded them, uses another value, or is
          not running.
        - V(unmanaged) for a file that a role wrote, that is not desired, and that no change of the node recorded.
        - V(settings) if the node is as the last change committed it, and the desired state has changed since.
        - V(outranked) if another file or an option of the daemon overrides the value. This is not changed by
          M(cri.node.runtime_config).
      type: str
      sample: changed
    path:
      description: Path of the file; empty for the service, and for a key that no desired file sets.
      type: str
      sample: /etc/crio/crio.conf.d/60-cri-node.conf
    key:
      description:
        - Dotted key that differs; empty for a whole file. A file has no keys if its content is secret, longer than 64 KiB or not
          understood.
      type: str
      sample: crio.metrics.metrics_port
    variable:
      description: The variable that sets the key; empty if no variable sets it, and without a key.
      type: str
      sample: crio_config
    detail:
      description: The reason, without path and key.
      type: str
      sample: has another value in the file
generation:
  description: The number of the latest committed transaction of the node; 0 before the first one.
  type: int
  returned: if the node was read
error:
  description: Why the node could not be read or compared; otherwise empty.
  type: str
  returned: success
  sample: ""
"""
