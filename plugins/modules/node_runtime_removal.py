#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: node_runtime_removal
short_description: "Internal: node side of cri.node.runtime_removal"
description:
  - The action of M(cri.node.runtime_removal) calls this module. It reports what a removal does, or makes one part of it.
extends_documentation_fragment:
  - cri.node.internal
seealso:
  - module: cri.node.runtime_removal
author:
  - The cri.node contributors (@cri-node)
"""

EXAMPLES = r"""
# Use the module whose action calls this one.
- name: Return the nodes to what they were
  cri.node.runtime_removal:
"""

RETURN = r"""
report:
  description: The state of the node.
  type: dict
  returned: with the calls V(read) and V(begin)
earlier:
  description: The files that come back.
  type: dict
  returned: with the calls V(read) and V(begin)
lost:
  description: The files that were replaced and cannot come back, because their content was not kept.
  type: list
  elements: str
  returned: with the calls V(read) and V(begin)
removes_crio:
  description: Whether CRI-O is removed.
  type: bool
  returned: with the calls V(read) and V(begin)
begun:
  description: What the part before the files does.
  type: dict
  returned: with the calls V(read) and V(begin)
finished:
  description: What the part after the files does.
  type: dict
  returned: with the calls V(read) and V(finish)
outcome:
  description: How the change of the files ended.
  type: dict
  returned: with the call V(apply)
"""

from typing import TYPE_CHECKING, Any, cast

from ansible_collections.cri.node.plugins.module_utils.zip_import import compile_once

compile_once()  # each of the following imports

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.cri.node.plugins.module_utils import bundle_removal, node_host
from ansible_collections.cri.node.plugins.module_utils import request as node_request
from ansible_collections.cri.node.plugins.module_utils.layout import NODE
from ansible_collections.cri.node.plugins.module_utils.removal import daemon, rest
from ansible_collections.cri.node.plugins.module_utils.transaction import calls, lock, unit
from ansible_collections.cri.node.plugins.module_utils.transaction.removal import Removal, removed_paths

if TYPE_CHECKING:
    from ansible_collections.cri.node.plugins.module_utils.contract import RemovalRequest


REQUEST = {
    "call": {"type": "str", "choices": ["read", "begin", "apply", "finish"], "required": True},
    "unit": {"type": "str", "required": True},
    "owners": {"type": "list", "elements": "str", "default": []},
    "unwanted": node_request.FILE_SET["unwanted"],
    "ready_timeout": {"type": "int", "default": 60},
    "show_contents": {"type": "bool", "default": False},
    "storage": {"type": "bool", "default": False},
    "prerequisites": {"type": "dict"},
    # For the call finish.
    "directories": {"type": "list", "elements": "str", "default": []},
    # The following keys are for the call apply.
    **node_request.CHANGE,
    "writes": {"type": "list", "elements": "str", "default": []},
}
_LONGEST_WAIT = 60  # seconds for another change of this node


def main() -> None:
    """Report or make one part of a removal. The action runtime_removal plans and decides."""
    module = AnsibleModule(argument_spec=node_request.OPTIONS, supports_check_mode=True)
    calls.answer(module, _answer)


def _answer(module: AnsibleModule) -> dict[str, Any]:
    asked = cast("RemovalRequest", node_request.of(module.params, REQUEST))
    node_host.refuse_unfit()
    if asked["call"] == "read":
        notes = calls.settle(NODE, asked["ready_timeout"], module.check_mode)
        return _read(asked, notes)
    if asked["call"] == "begin":
        with lock.held(NODE, _LONGEST_WAIT, "runtime_removal"):
            begun = daemon.begin(asked, check=False)
        return {
            **_state(asked, [], Removal(asked, NODE)),
            "changed": bool(begun.removed),
            "begun": begun.as_data(),
        }
    if asked["call"] == "finish":
        with lock.held(NODE, _LONGEST_WAIT, "runtime_removal"):
            finished = rest.finish(asked, NODE, check=False)
        return {"changed": bool(finished.removed), "finished": finished.as_data()}
    if not module.check_mode:
        known = unit.known_outcome(NODE, asked["id"], asked["ready_timeout"])
        if known is not None:
            return {"changed": bool(known.get("committed")), "outcome": known}
    return calls.change(NODE, Removal(asked, NODE).change(asked), module)


def _read(asked: RemovalRequest, notes: list[str]) -> dict[str, Any]:
    """Return the state of the node, and what the parts of a removal would do."""
    begun = daemon.begin(asked, check=True)
    removal = Removal(asked, NODE)
    state = _state(asked, notes, removal)
    wiped = [each["name"] for each in begun.removed if each["subject"] == "storage"]
    gone = [*removed_paths(state["report"]), *wiped]
    finished = rest.finish(asked, NODE, check=True, gone=gone, restored=removal.restored())
    return {**state, "changed": False, "begun": begun.as_data(), "finished": finished.as_data()}


def _state(asked: RemovalRequest, notes: list[str], removal: Removal) -> dict[str, Any]:
    report = calls.report(NODE, removal.request, notes)
    return {
        "report": report,
        "earlier": removal.file_set(report, asked["show_contents"]),
        "lost": removal.not_kept(),
        "removes_crio": daemon.is_removed(bundle_removal.plan(stopped=True)),
    }


if __name__ == "__main__":
    main()
