#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: node_runtime_rollback
short_description: "Internal: node side of cri.node.runtime_rollback"
description:
  - The action of M(cri.node.runtime_rollback) calls this module. It compares the node with an earlier generation, or restores
    that generation as one transaction.
extends_documentation_fragment:
  - cri.node.internal
seealso:
  - module: cri.node.runtime_rollback
author:
  - The cri.node contributors (@cri-node)
"""

EXAMPLES = r"""
# Use the module whose action calls this one.
- name: Return the node to the configuration before the latest change
  cri.node.runtime_rollback:
"""

RETURN = r"""
report:
  description: The state of the node.
  type: dict
  returned: when it was asked for
earlier:
  description: The files of the generation.
  type: dict
  returned: when the state of the node was asked for
outcome:
  description: How the change ended.
  type: dict
  returned: when a change was asked for
"""

from typing import TYPE_CHECKING, Any, cast

from ansible_collections.cri.node.plugins.module_utils.zip_import import compile_once

compile_once()  # each of the following imports

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.cri.node.plugins.module_utils import node_host
from ansible_collections.cri.node.plugins.module_utils import request as node_request
from ansible_collections.cri.node.plugins.module_utils.layout import NODE
from ansible_collections.cri.node.plugins.module_utils.transaction import calls, unit
from ansible_collections.cri.node.plugins.module_utils.transaction.rollback import Rollback

if TYPE_CHECKING:
    from ansible_collections.cri.node.plugins.module_utils.contract import RollbackRequest


REQUEST = {
    "call": {"type": "str", "choices": ["read", "apply"], "required": True},
    "unit": {"type": "str", "required": True},
    "generation": {"type": "int", "default": 0},
    "ready_timeout": {"type": "int", "default": 60},
    "show_contents": {"type": "bool", "default": False},
    # The following keys are for the call apply.
    **node_request.CHANGE,
    "writes": {"type": "list", "elements": "str", "default": []},
}


def main() -> None:
    """Compare the node with a generation, or restore it. The action runtime_rollback plans and decides."""
    module = AnsibleModule(argument_spec=node_request.OPTIONS, supports_check_mode=True)
    calls.answer(module, _answer)


def _answer(module: AnsibleModule) -> dict[str, Any]:
    asked = cast("RollbackRequest", node_request.of(module.params, REQUEST))
    node_host.refuse_unfit()
    if asked["call"] == "read":
        notes = calls.settle(NODE, asked["ready_timeout"], module.check_mode)
        rollback = Rollback(asked, NODE)
        report = calls.report(NODE, rollback.request, notes)
        rollback.refuse_lost_values(report)
        return {
            "changed": False,
            "report": report,
            "earlier": rollback.file_set(report, asked["show_contents"]),
        }
    if not module.check_mode:
        # A repeated call, as after a lost connection: the change may have removed the generation as the oldest one.
        known = unit.known_outcome(NODE, asked["id"], asked["ready_timeout"])
        if known is not None:
            return {"changed": bool(known.get("committed")), "outcome": known}
    return calls.change(NODE, Rollback(asked, NODE).change(asked), module)


if __name__ == "__main__":
    main()
