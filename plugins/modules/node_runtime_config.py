#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: node_runtime_config
short_description: "Internal: node side of cri.node.runtime_config"
description:
  - The action of M(cri.node.runtime_config) calls this module. It applies a file set as one transaction, or
    ends an interrupted one and then reads the node.
extends_documentation_fragment:
  - cri.node.internal
seealso:
  - module: cri.node.runtime_config
author:
  - The cri.node contributors (@cri-node)
"""

EXAMPLES = r"""
# Use the module whose action calls this one.
- name: Remove all files that the role crio has written
  cri.node.runtime_config:
    owners: [crio]
    files: []
"""

RETURN = r"""
report:
  description: The state of the node.
  type: dict
  returned: with the call V(settle)
outcome:
  description: How the change ended.
  type: dict
  returned: with the call V(apply)
seen:
  description: What a verification sees of the node and of its runtime.
  type: dict
  returned: after a change whose request has C(observe)
"""

from typing import TYPE_CHECKING, Any

from ansible_collections.cri.node.plugins.module_utils.zip_import import compile_once

compile_once()  # each of the following imports

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.cri.node.plugins.module_utils import node_host
from ansible_collections.cri.node.plugins.module_utils import request as node_request
from ansible_collections.cri.node.plugins.module_utils.layout import NODE
from ansible_collections.cri.node.plugins.module_utils.transaction import calls

if TYPE_CHECKING:
    from ansible_collections.cri.node.plugins.module_utils.contract import Request


REQUEST = {
    **node_request.FILE_SET,
    **node_request.READING,
    # "settle" ends what an interrupted change left, and then reads the node.
    "call": {"type": "str", "choices": ["settle", "apply"], "required": True},
    # The following keys are for the call apply.
    **node_request.CHANGE,
    "contents": {"type": "dict", "default": {}},
    "secret_contents": {"type": "dict", "default": {}},
    "entries": {"type": "dict", "default": {}},
    "secret_entries": {"type": "dict", "default": {}},
    "probes": {
        "type": "dict",
        "default": {},
        "options": {
            "pods": {"type": "list", "elements": "dict", "default": []},
            "handlers": {"type": "list", "elements": "str", "default": []},
            "every_handler": {"type": "bool", "default": False},
            "pull": {"type": "list", "elements": "str", "default": []},
        },
    },
    # What node_crio_bundle has unpacked, see contract.Bundle.
    "bundle": {"type": "dict"},
    "observe": {"type": "dict", "options": node_request.OBSERVATION},
}


def main() -> None:
    """Apply a file set, or end an interrupted change. The action runtime_config compares, plans and decides."""
    module = AnsibleModule(argument_spec=node_request.OPTIONS, supports_check_mode=True)
    calls.answer(module, _answer)


def _answer(module: AnsibleModule) -> dict[str, Any]:
    request = _request(module.params)
    node_host.refuse_unfit()
    layout = NODE.of(request["runtime"])
    if request["call"] == "settle":
        notes = calls.settle(layout, request["ready_timeout"], module.check_mode)
        return {"changed": False, "report": calls.report(layout, request, notes)}
    return calls.change(layout, request, module)


def _request(params: dict[str, Any]) -> Request:
    request = node_request.with_secret_hashes(node_request.of(params, REQUEST))
    request["contents"] = {**request["contents"], **request.pop("secret_contents")}
    for path, secret in request.pop("secret_entries").items():
        request["entries"][path] = {**request["entries"].get(path, {}), **secret}
    return request


if __name__ == "__main__":
    main()
