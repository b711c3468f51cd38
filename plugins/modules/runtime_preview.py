#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Documentation only: the action of the same name runs on the controller.

from __future__ import annotations

DOCUMENTATION = r"""
module: runtime_preview
short_description: Report what another CRI-O version changes
version_added: 0.1.0
description:
  - Compares the settings of crio.conf of all hosts of the play with another version of CRI-O, before any node runs it. Use it
    with C(run_once). Makes no remote call.
  - Reports settings that the version does not have, refuses or silently ignores, deprecated settings, defaults that differ for
    keys that are not set, and keys whose change needs another disruption.
  - Fails if CRI-O of the version would refuse or silently ignore a setting of any node, after it has written the report.
options:
  version:
    description: The version of CRI-O to compare with, such as V(1.37), from 1.28 to 1.37. It must be quoted.
    type: raw
    required: true
  settings:
    description:
      - The name of a variable that is evaluated for each host, and maps module names to options, as for
        M(cri.node.runtime_check).
      - Its file of the kind C(crio_conf) is compared. The version of the host is the one of that file, by default
        C(crio_version). Without it, the version is used that M(cri.node.crio_config_facts) has gathered.
    type: str
    default: crio_settings
extends_documentation_fragment:
  - cri.node.report_file
  - cri.node.attributes.controller
attributes:
  check_mode:
    details:
      - Returns the same result, but writes no file. Warns if O(path) cannot be written.
seealso:
  - module: cri.node.runtime_check
  - module: cri.node.crio_config_facts
author:
  - The cri.node contributors (@cri-node)
"""

EXAMPLES = r"""
- name: Load the variables of the role crio
  ansible.builtin.import_role:
    name: cri.node.crio
    tasks_from: variables

- name: Preview CRI-O 1.37
  cri.node.runtime_preview:
    version: "1.37"
    path: preview.json
  run_once: true
"""

RETURN = r"""
version:
  description: The version that the settings were compared with.
  returned: always, unless O(version) is not valid
  type: str
  sample: "1.37"
nodes:
  description: The current version of each host; empty if it is not known.
  returned: always, unless O(version) is not valid
  type: dict
  sample: {node-1: "1.35"}
breaking:
  description: The number of changes that CRI-O of the version refuses or silently ignores.
  returned: always, unless O(version) is not valid
  type: int
  sample: 1
changes:
  description: The changes, the breaking ones first. Equal changes of several hosts are one entry.
  returned: always, unless O(version) is not valid
  type: list
  elements: dict
  contains:
    change:
      description:
        - V(removed) if the version does not have the key, V(refused) if it refuses or silently ignores the value, or
          V(without_effect) if it reads the key but does not use it.
        - V(deprecated) if the key still works, V(default) if the key is not set and has another default, or V(live) if a change
          of the key needs another disruption.
      type: str
      sample: deprecated
    breaking:
      description: Whether CRI-O of the version refuses or silently ignores the setting.
      type: bool
    nodes:
      description: The hosts that the change concerns.
      type: list
      elements: str
    variable:
      description: The variable that holds the value, if there is one.
      type: str
      sample: crio_config__lab
    key:
      description: The key in the variable, dotted as in TOML.
      type: str
      sample: crio.runtime.apparmor_profile
    value:
      description: The value, unless it may be a secret or is long.
      type: str
      sample: '"unconfined"'
    message:
      description: What changes.
      type: str
      sample: is deprecated
    accepted:
      description: What is accepted.
      type: str
lines:
  description: The table as lines of text.
  returned: success; on failure, only if the table was not printed
  type: list
  elements: str
path:
  description: The absolute path of the written file. It contains C(version), C(nodes), C(breaking), C(changes) and C(time).
  returned: if the file was written
  type: str
  sample: /home/ops/cri-node-preview.json
msg:
  description: A summary.
  returned: always
  type: str
  sample: "CRI-O 1.37: 1 setting refused or ignored on 3 of 48 nodes, 4 other changes"
"""
