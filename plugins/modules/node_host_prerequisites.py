#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: node_host_prerequisites
short_description: "Internal: node side of cri.node.host_prerequisites"
description:
  - The action of M(cri.node.host_prerequisites) calls this module. It reads the host, and changes what is not as desired.
extends_documentation_fragment:
  - cri.node.internal
seealso:
  - module: cri.node.host_prerequisites
author:
  - The cri.node contributors (@cri-node)
"""

EXAMPLES = r"""
# Use the module whose action calls this one.
- name: Prepare a node
  cri.node.host_prerequisites:
    swap: disable
"""

RETURN = r"""
prerequisites:
  description: The items, as the action returns them.
  type: dict
  returned: success
files:
  description: The contents of each changed file, before and after.
  type: dict
  returned: success
packages:
  description: The packages of the missing commands.
  type: list
  elements: str
  returned: success
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
from ansible_collections.cri.node.plugins.module_utils.host import prerequisites
from ansible_collections.cri.node.plugins.module_utils.layout import NODE
from ansible_collections.cri.node.plugins.module_utils.module_result import answer
from ansible_collections.cri.node.plugins.module_utils.transaction import lock

REQUEST = {
    "modules": {"type": "list", "elements": "str", "required": True},
    "sysctls": {"type": "dict", "required": True},
    "swap": {"type": "str", "choices": ["keep", "disable"], "required": True},
    "cgroup_v2": {"type": "str", "choices": ["required", "recommended", "ignored"], "required": True},
    "subordinate_ids": {"type": "dict"},
    "commands": {"type": "list", "elements": "dict", "required": True},
    "families": {"type": "dict", "required": True},
    "packages_follow": {"type": "bool", "required": True},
}
_LONGEST_WAIT = 60  # seconds for another change of this node


def main() -> None:
    """Bring the host to its desired state. Check mode only reads."""
    module = AnsibleModule(argument_spec=node_request.OPTIONS, supports_check_mode=True)
    answer(module, "preparing the node", _answer)


def _answer(module: AnsibleModule) -> dict[str, Any]:
    request = node_request.of(module.params, REQUEST)
    node_host.refuse_unfit()
    if module.check_mode:
        return prerequisites.prepare(request, check=True)
    with lock.held(NODE, _LONGEST_WAIT, "host_prerequisites"):
        return prerequisites.prepare(request, check=False)


if __name__ == "__main__":
    main()
