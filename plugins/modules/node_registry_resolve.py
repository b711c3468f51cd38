#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: node_registry_resolve
short_description: "Internal: node side of cri.node.registry_resolve"
description:
  - The action of M(cri.node.registry_resolve) calls this module. It returns the registries files of the node, and the keys of its
    auth files without the credentials.
extends_documentation_fragment:
  - cri.node.internal
seealso:
  - module: cri.node.registry_resolve
author:
  - The cri.node contributors (@cri-node)
"""

EXAMPLES = r"""
# Use the module whose action calls this one.
- name: Show where an image is pulled from
  cri.node.registry_resolve:
    names: [docker.io/nginx]
"""

RETURN = r"""
report:
  description: The files that CRI-O reads, and its settings for names of images.
  type: dict
  returned: success
"""

from typing import TYPE_CHECKING, cast

from ansible_collections.cri.node.plugins.module_utils.zip_import import compile_once

compile_once()  # each of the following imports

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.cri.node.plugins.module_utils import request as node_request
from ansible_collections.cri.node.plugins.module_utils.crio import registries
from ansible_collections.cri.node.plugins.module_utils.errors import NodeError
from ansible_collections.cri.node.plugins.module_utils.layout import NODE
from ansible_collections.cri.node.plugins.module_utils.module_result import exit_with
from ansible_collections.cri.node.plugins.module_utils.transaction import idle

if TYPE_CHECKING:
    from ansible_collections.cri.node.plugins.module_utils.contract import RegistriesRequest


REQUEST = {
    "unit": {"type": "str", "required": True},
    "timeout": {"type": "int", "required": True},
}


def main() -> None:
    """Read the registries for the action registry_resolve, which merges them and resolves names."""
    module = AnsibleModule(argument_spec=node_request.OPTIONS, supports_check_mode=True)
    try:
        request = cast("RegistriesRequest", node_request.of(module.params, REQUEST))
        idle.wait_until_idle(NODE, request["timeout"])
        exit_with(module, report=registries.read(request, NODE))
    except NodeError as error:
        module.fail_json(msg=f"{error}{f': {error.detail}' if error.detail else ''}")
    except OSError as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
