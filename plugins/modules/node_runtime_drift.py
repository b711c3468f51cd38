#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: node_runtime_drift
short_description: "Internal: node side of cri.node.runtime_drift"
description:
  - The actions of M(cri.node.runtime_drift) and M(cri.node.runtime_config) call this module. It reports the files, the unit and
    the runtime of the node, and changes nothing.
extends_documentation_fragment:
  - cri.node.internal
seealso:
  - module: cri.node.runtime_drift
author:
  - The cri.node contributors (@cri-node)
"""

EXAMPLES = r"""
# Use the module whose action calls this one.
- name: Name the files of the role crio that are left on the node
  cri.node.runtime_drift:
    owners: [crio]
    files: []
"""

RETURN = r"""
report:
  description: The state of the node.
  type: dict
  returned: unless something has to be settled first
needs_settling:
  description: Whether the node was not read, since a change must first be ended, which the module node_runtime_config does.
  type: bool
  returned: for a plan, if that is so
"""

from typing import Any

from ansible_collections.cri.node.plugins.module_utils.zip_import import compile_once

compile_once()  # each of the following imports

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.cri.node.plugins.module_utils import node_host, node_state, plan_state
from ansible_collections.cri.node.plugins.module_utils import request as node_request
from ansible_collections.cri.node.plugins.module_utils.errors import NodeError
from ansible_collections.cri.node.plugins.module_utils.layout import NODE
from ansible_collections.cri.node.plugins.module_utils.module_result import exit_with
from ansible_collections.cri.node.plugins.module_utils.transaction import idle

REQUEST = {
    **node_request.FILE_SET,
    **node_request.READING,
    # For a plan, a node with an interrupted change is only told apart, except in check mode, which ends none.
    "for_plan": {"type": "bool", "default": False},
}


def main() -> None:
    """Read the node for an action that compares it with the desired state."""
    module = AnsibleModule(argument_spec=node_request.OPTIONS, supports_check_mode=True)
    try:
        exit_with(module, changed=False, **_answer(module))
    except NodeError as error:
        module.fail_json(msg=f"{error}{f': {error.detail}' if error.detail else ''}")
    except OSError as error:
        module.fail_json(msg=str(error))


def _answer(module: AnsibleModule) -> dict[str, Any]:
    request = node_request.with_secret_hashes(node_request.of(module.params, REQUEST))
    node_host.refuse_unfit()
    layout = NODE.of(request["runtime"])
    idle.wait_until_idle(layout, request["ready_timeout"])
    if not request["for_plan"]:
        return {"report": node_state.read(request, layout)}
    if not module.check_mode and idle.needs_settling(layout):
        return {"needs_settling": True}
    return {"report": plan_state.read(request, layout)}


if __name__ == "__main__":
    main()
