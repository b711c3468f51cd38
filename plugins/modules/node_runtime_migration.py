#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: node_runtime_migration
short_description: "Internal: node side of cri.node.runtime_migration"
description:
  - The action of M(cri.node.runtime_migration) calls this module. It lists what runs in the former engine, and migrates the node.
extends_documentation_fragment:
  - cri.node.internal
seealso:
  - module: cri.node.runtime_migration
author:
  - The cri.node contributors (@cri-node)
"""

EXAMPLES = r"""
# Use the module whose action calls this one.
- name: Migrate a node to CRI-O
  cri.node.runtime_migration:
"""

RETURN = r"""
engine:
  description: The new engine.
  type: str
  returned: if the node is migrated
former:
  description: The former engine; empty if the node has the new one already.
  type: str
  returned: success
kubelet:
  description: What the files of the kubelet set before the task.
  type: dict
  returned: if the node is migrated
driver:
  description: The cgroup driver of the new engine, empty if it is not known.
  type: str
  returned: if the node is migrated
containers:
  description: The containers of pods that run in the former engine.
  type: list
  elements: dict
  returned: if the node is migrated
other_containers:
  description: The containers that no kubelet has started.
  type: list
  elements: dict
  returned: if the node is migrated
images:
  description: The images of the former engine, and what becomes of each.
  type: list
  elements: dict
  returned: if the node is migrated
files:
  description: The contents of each changed file of the kubelet, before and after.
  type: dict
  returned: if the node is migrated
steps:
  description: The steps that change something.
  type: list
  elements: str
  returned: if the node is migrated
packages:
  description: The packages of the former engine that were removed.
  type: list
  elements: str
  returned: if they are removed
notes:
  description: The warnings, which the action returns.
  type: list
  elements: str
  returned: success
"""

from typing import Any

from ansible_collections.cri.node.plugins.module_utils.zip_import import compile_once

compile_once()  # each of the following imports

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.cri.node.plugins.module_utils import node_host
from ansible_collections.cri.node.plugins.module_utils import request as node_request
from ansible_collections.cri.node.plugins.module_utils.layout import NODE
from ansible_collections.cri.node.plugins.module_utils.migration import former_packages, migration
from ansible_collections.cri.node.plugins.module_utils.module_result import answer
from ansible_collections.cri.node.plugins.module_utils.transaction import lock

REQUEST = {
    "state": {"type": "str", "choices": ["migrated", "former_removed"], "required": True},
    "engines": {"type": "dict", "required": True},
    "families": {"type": "dict", "required": True},
    "engine": {"type": "str", "required": True},
    "former": {"type": "str", "required": True},
    "images": {"type": "bool", "required": True},
    "overruled_guards": {"type": "list", "elements": "str", "required": True},
    "ready_timeout": {"type": "int", "required": True},
    "pull_timeout": {"type": "int", "required": True},
}
_LONGEST_WAIT = 60  # seconds for another change of this node


def main() -> None:
    """Migrate the node. Check mode only reads."""
    module = AnsibleModule(argument_spec=node_request.OPTIONS, supports_check_mode=True)
    answer(module, "migrating the node", _answer)


def _answer(module: AnsibleModule) -> dict[str, Any]:
    request = node_request.of(module.params, REQUEST)
    node_host.refuse_unfit()
    make = former_packages.remove if request["state"] == "former_removed" else migration.migrate
    if module.check_mode:
        return make(request, check=True)
    with lock.held(NODE, _LONGEST_WAIT, "runtime_migration"):
        return make(request, check=False)


if __name__ == "__main__":
    main()
