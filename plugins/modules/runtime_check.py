#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The action of the same name does all of it, on the controller; this file is its documentation.

from __future__ import annotations

DOCUMENTATION = r"""
module: runtime_check
short_description: Validate the settings of all nodes on the controller
version_added: 0.1.0
description:
  - Validates the settings of all hosts of the play in one task, without any remote call. Use it with C(run_once).
  - Shows all problems and warnings in one table with variable, key, value and accepted values. Equal problems of several nodes
    are one entry. Any problem fails the task, so that no node is changed.
  - Nodes with equal settings are validated only once.
  - In a play with C(serial) the first batch checks all hosts of the play, and later batches check nothing.
options:
  settings:
    description:
      - Names of variables to check. Each one is evaluated for each host, and maps module names to the options that a task of this
        host would have. Variables that are not defined are skipped.
      - The modules are M(cri.node.adopt_report), M(cri.node.crio_bundle), M(cri.node.crio_packages), M(cri.node.drift_report),
        M(cri.node.runtime_config), M(cri.node.runtime_report), M(cri.node.runtime_verify) and M(cri.node.verify_report), by
        their names without the collection.
    type: list
    elements: str
    required: true
extends_documentation_fragment:
  - cri.node.attributes.controller
attributes:
  check_mode:
    details:
      - Does the same as in normal mode.
seealso:
  - module: cri.node.runtime_config
  - module: cri.node.runtime_verify
author:
  - The cri.node contributors (@cri-node)
"""

EXAMPLES = r"""
- name: Validate the settings of all nodes
  cri.node.runtime_check:
    settings: [my_settings]
  run_once: true
  vars:
    my_settings:
      runtime_config:
        files:
          - path: /etc/crio/crio.conf.d/60-cri-node.conf
            owner: crio
            kind: crio_conf
            layers:
              - [crio_config, "{{ crio_config }}"]
"""

RETURN = r"""
problems:
  description: What is wrong; empty if all settings can be applied.
  returned: always, except for later batches of a play with C(serial)
  type: list
  elements: dict
  contains: &problem
    nodes:
      description: The hosts that have this problem.
      type: list
      elements: str
    variable:
      description: The variable that holds the value, if known.
      type: str
      sample: crio_config__lab
    key:
      description: The key in the variable, dotted as in TOML.
      type: str
      sample: crio.metrics.metrics_port
    value:
      description: The value, unless it may be a secret or is long.
      type: str
      sample: '"many"'
    message:
      description: What is wrong with it.
      type: str
      sample: is not an integer
    accepted:
      description: What is accepted.
      type: str
      sample: an integer from 0 to 65535
warnings_found:
  description: Settings that are accepted, but not recommended or without effect.
  returned: always, except for later batches of a play with C(serial)
  type: list
  elements: dict
  contains: *problem
lines:
  description: The table as lines of text.
  returned: success, except for later batches; on failure, only if the table was not printed
  type: list
  elements: str
msg:
  description: What was checked, or a summary of the problems.
  returned: always
  type: str
  sample: "3 nodes checked: 12 keys in 9 files"
"""
