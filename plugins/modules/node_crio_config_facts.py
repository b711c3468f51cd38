#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: node_crio_config_facts
short_description: "Internal: node side of cri.node.crio_config_facts"
description:
  - The action of M(cri.node.crio_config_facts) calls this module. It returns what CRI-O reads, without secret values, and what
    the running daemon reports.
extends_documentation_fragment:
  - cri.node.internal
seealso:
  - module: cri.node.crio_config_facts
author:
  - The cri.node contributors (@cri-node)
"""

EXAMPLES = r"""
# Use the module whose action calls this one.
- name: Gather the configuration of CRI-O
  cri.node.crio_config_facts:
"""

RETURN = r"""
report:
  description: The files, options and variables that CRI-O reads, and the live configuration.
  type: dict
  returned: success
"""

from typing import TYPE_CHECKING, cast

from ansible_collections.cri.node.plugins.module_utils.zip_import import compile_once

compile_once()  # each of the following imports

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.cri.node.plugins.module_utils import request as node_request
from ansible_collections.cri.node.plugins.module_utils.crio import configuration
from ansible_collections.cri.node.plugins.module_utils.errors import NodeError
from ansible_collections.cri.node.plugins.module_utils.layout import NODE
from ansible_collections.cri.node.plugins.module_utils.module_result import exit_with
from ansible_collections.cri.node.plugins.module_utils.transaction import idle

if TYPE_CHECKING:
    from ansible_collections.cri.node.plugins.module_utils.contract import ConfigurationRequest


REQUEST = {
    "unit": {"type": "str", "required": True},
    "timeout": {"type": "int", "required": True},
    "keys": {"type": "dict", "required": True},
    "options": {"type": "dict", "required": True},
    "variables": {"type": "dict", "required": True},
}


def main() -> None:
    """Read the configuration for the action crio_config_facts, which merges and judges it."""
    module = AnsibleModule(argument_spec=node_request.OPTIONS, supports_check_mode=True)
    try:
        request = cast("ConfigurationRequest", node_request.of(module.params, REQUEST))
        idle.wait_until_idle(NODE, request["timeout"])
        exit_with(module, report=configuration.read(request, NODE))
    except NodeError as error:
        module.fail_json(msg=f"{error}{f': {error.detail}' if error.detail else ''}")
    except OSError as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
