#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: node_runtime_verify
short_description: "Internal: node side of cri.node.runtime_verify"
description:
  - The action of M(cri.node.runtime_verify) calls this module. It reports the state of the runtime, and runs the pod and pulls
    the images of the request.
extends_documentation_fragment:
  - cri.node.internal
seealso:
  - module: cri.node.runtime_verify
author:
  - The cri.node contributors (@cri-node)
"""

EXAMPLES = r"""
# Use the module whose action calls this one.
- name: Verify the container runtime
  cri.node.runtime_verify:
    image: docker.io/library/hello-world:latest
"""

RETURN = r"""
seen:
  description: The state of the node and of its runtime.
  type: dict
  returned: success
"""

from ansible_collections.cri.node.plugins.module_utils.zip_import import compile_once

compile_once()  # each of the following imports

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.cri.node.plugins.module_utils import node_host, observation
from ansible_collections.cri.node.plugins.module_utils import request as node_request
from ansible_collections.cri.node.plugins.module_utils.errors import NodeError
from ansible_collections.cri.node.plugins.module_utils.layout import NODE
from ansible_collections.cri.node.plugins.module_utils.module_result import exit_with
from ansible_collections.cri.node.plugins.module_utils.transaction import idle

REQUEST = {
    **node_request.FILE_SET,
    **node_request.OBSERVATION,
}


def main() -> None:
    """Observe the node for the action runtime_verify, which decides what to ask for and judges the answer."""
    module = AnsibleModule(argument_spec=node_request.OPTIONS, supports_check_mode=True)
    try:
        request = node_request.with_secret_hashes(node_request.of(module.params, REQUEST))
        node_host.refuse_unfit()
        idle.wait_until_idle(NODE, request["timeout"])
        exit_with(module, seen=observation.observe(request))
    except NodeError as error:
        module.fail_json(msg=f"{error}{f': {error.detail}' if error.detail else ''}")
    except OSError as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
