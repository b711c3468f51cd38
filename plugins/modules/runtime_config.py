#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Documentation only. The action of the same name does the work, and calls node_runtime_config on the node.

from __future__ import annotations

DOCUMENTATION = r"""
module: runtime_config
short_description: Bring a node's CRI-O file set to what is wanted, as one verified transaction
version_added: 0.1.0
description:
  - Compares the file set of one or more owners with what is on the node and with what the running daemon has loaded, and changes
    the node where they differ. The change is made whole or not at all.
  - On the node every new file is staged and validated by the node's own C(crio) with its own options, then renamed into
    place. The daemon is reloaded or restarted, and only where it has not loaded what is on disk. Then it is asked whether it
    is ready, and whether all containers that ran still run.
  - After any failure, a kill or a loss of power the node goes back to the files and the daemon it had.
  - The change runs in a transient systemd unit on the node. It needs neither the connection nor the controller to end well.
  - A node that is as wanted costs one remote call, a change costs two.
options:
  files:
    required: true
  state:
    description:
      - V(checked) looks at O(files) and O(problems) on the controller and makes no remote call.
      - V(present) brings the node to them.
    type: str
    choices: [checked, present]
    default: present
  bundle:
    description:
      - CRI-O's static bundle, which is installed before the file set is applied, as M(cri.node.crio_bundle) does.
      - By default nothing is installed.
    type: dict
    suboptions:
      source:
        description: A file on the controller or a URL. C({arch}) stands for the node's architecture, such as amd64 or arm64.
        type: str
        required: true
      sha256:
        description: The SHA-256 of the bundle by architecture.
        type: dict
        required: true
      fetched_by:
        description: Who downloads a URL, the node or the controller.
        type: str
        choices: [node, controller]
        default: node
  require_crio:
    description:
      - Whether a node without CRI-O is an error. V(false) is for check mode before an installation that check mode only predicts.
      - Files that no daemon reads need none.
    type: bool
    default: true
  unit:
    description: The systemd unit that runs CRI-O.
    type: str
    default: crio.service
  ready_timeout:
    description: How long the runtime may take to be ready after a restart, in seconds. After that the change is undone.
    type: int
    default: 60
extends_documentation_fragment:
  - cri.node.file_set
attributes:
  check_mode:
    support: full
    description: Predicts what a run would do. The node's own C(crio) validates the change in the module's temporary folder.
  diff_mode:
    support: full
    description:
      - Shows each file before and after, and which variable each key came from.
      - Of a secret file it shows only whether it exists and whether it changes.
  platform:
    support: full
    platforms: linux
    description: Nodes run by systemd, with Python 3.9 or later, as root.
requirements:
  - Python 3.9 or newer on the node
  - systemd on the node
  - the task to run as root, which usually means C(become=true)
  - CRI-O 1.34 or newer on the node, unless all O(files) have O(files[].disruption=none)
seealso:
  - module: cri.node.runtime_report
  - module: cri.node.crio_bundle
  - module: cri.node.runtime_verify
  - plugin: cri.node.crio_config
    plugin_type: filter
  - plugin: cri.node.registries_config
    plugin_type: filter
  - plugin: cri.node.crictl_config
    plugin_type: filter
author:
  - The cri.node contributors (@cri-node)
"""

EXAMPLES = r"""
- name: Bring CRI-O's own drop-in to what is wanted
  cri.node.runtime_config:
    files:
      - path: /etc/crio/crio.conf.d/60-cri-node.conf
        owner: crio
        content: |
          [crio.metrics]
          enable_metrics = true
          metrics_port = 9537

- name: Take away all that the role crio once wrote
  cri.node.runtime_config:
    owners: [crio]
    files: []
"""

RETURN = r"""
plan:
  description: What differs from what is wanted, and what making it live disturbs.
  type: dict
  returned: when the node was looked at
  contains:
    disruption:
      description: V(none), V(reload) or V(restart).
      type: str
      sample: restart
    reasons:
      description: Why the daemon has to reload or to restart, a sentence each.
      type: list
      elements: str
      sample: ["/etc/crio/crio.conf.d/60-cri-node.conf changes"]
    files:
      description: The files that change, by path, with V(create), V(change) or V(remove).
      type: dict
      sample: {"/etc/crio/crio.conf.d/60-cri-node.conf": "create"}
runtime:
  description: The runtime as it was found before any change.
  type: dict
  returned: when the node was looked at
  contains:
    installed:
      description: Whether the node has CRI-O.
      type: bool
    version:
      description: The installed CRI-O's version; absent without one.
      type: str
      sample: 1.37.0
    endpoint:
      description: The CRI socket, as a URL.
      type: str
      sample: unix:///var/run/crio/crio.sock
    invocation_id:
      description:
        - systemd's InvocationID of the running daemon, after the change where there was one.
        - Empty while it does not run.
      type: str
bundle:
  description: The outcome of the installation, C(changed) and C(version).
  type: dict
  returned: with O(bundle)
generation:
  description: The number of the node's newest committed transaction; 0 before the first.
  type: int
  returned: when the node was looked at
validated_by:
  description: V(node) where the node's own C(crio) checked the configuration, V(controller) where there is none yet.
  type: str
  returned: when something changes
outranked:
  description:
    - Keys that are set by this file set and that the daemon uses another value for, since a file read later or an option of the
      daemon decides them. Key, wanted and live value.
  type: list
  elements: dict
  returned: when there are any
without_effect:
  description: Keys that are set, without effect on this node. Key and reason.
  type: list
  elements: dict
  returned: when there are any
phase:
  description:
    - How far a failed change came. V(refused) and V(validate) touch nothing on the node; V(activate), V(acknowledge),
      V(probe) and V(interrupted) are undone.
  type: str
  returned: on failure of a change
rolled_back:
  description: Whether a failed change was undone.
  type: bool
  returned: on failure of a change
as_before:
  description: Whether the node is as it was before a failed change, its daemon included.
  type: bool
  returned: on failure of a change
"""
