#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: node_crio_handlers
short_description: "Internal: node side of cri.node.crio_handlers"
description:
  - The action of M(cri.node.crio_handlers) calls this module. It reads the programs of handlers, and installs what is missing.
extends_documentation_fragment:
  - cri.node.internal
seealso:
  - module: cri.node.crio_handlers
author:
  - The cri.node contributors (@cri-node)
"""

EXAMPLES = r"""
# Use the module whose action calls this one.
- name: Provide the programs of handlers
  cri.node.crio_handlers:
    handlers:
      crun: {}
"""

RETURN = r"""
handlers:
  description: The handlers, as the action returns them.
  type: dict
  returned: success
files:
  description: The SHA-256 of each changed file, before and after.
  type: dict
  returned: success
packages:
  description: The packages that were installed.
  type: list
  elements: str
  returned: success
removed:
  description: The files that were removed.
  type: list
  elements: str
  returned: success
pending:
  description: The files that are not desired, but that CRI-O's configuration names.
  type: list
  elements: str
  returned: success
needed:
  description: The files that the action has to send, in a result without changes.
  type: list
  elements: str
  returned: if a source is on the controller
architecture:
  description: The node's architecture.
  type: str
  returned: with RV(needed)
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
from ansible_collections.cri.node.plugins.module_utils.handler import programs
from ansible_collections.cri.node.plugins.module_utils.layout import NODE
from ansible_collections.cri.node.plugins.module_utils.module_result import answer
from ansible_collections.cri.node.plugins.module_utils.transaction import lock

REQUEST = {
    "handlers": {"type": "list", "elements": "dict", "required": True},
    "files": {"type": "list", "elements": "dict", "required": True},
    "families": {"type": "dict", "required": True},
    "sent": {"type": "dict", "required": True},
    "urls": {"type": "dict", "default": {}},
}
_LONGEST_WAIT = 60  # seconds for another change of this node


def main() -> None:
    """Give the node the programs of its handlers. Check mode only reads, and fetches files."""
    module = AnsibleModule(argument_spec=node_request.OPTIONS, supports_check_mode=True)
    answer(module, "installing handlers", _answer)


def _answer(module: AnsibleModule) -> dict[str, Any]:
    request = node_request.of(module.params, REQUEST)
    node_host.refuse_unfit()
    for file in request["files"]:
        file["sent"] = request["sent"].get(file["path"], "")
        file["source"] = file["source"] or request["urls"].get(file["path"], "")
    if module.check_mode:
        return programs.provide(request, module.tmpdir, check=True)
    with lock.held(NODE, _LONGEST_WAIT, "crio_handlers"):
        return programs.provide(request, module.tmpdir, check=False)


if __name__ == "__main__":
    main()
