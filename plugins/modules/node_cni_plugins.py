#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: node_cni_plugins
short_description: "Internal: node side of cri.node.cni_plugins"
description:
  - The action of M(cri.node.cni_plugins) calls this module. It looks for the plugins, and installs what is missing.
extends_documentation_fragment:
  - cri.node.internal
seealso:
  - module: cri.node.cni_plugins
author:
  - The cri.node contributors (@cri-node)
"""

EXAMPLES = r"""
# Use the module whose action calls this one.
- name: Provide CNI plugins
  cri.node.cni_plugins:
    install: package
"""

RETURN = r"""
directory:
  description: The directory of the plugins.
  type: str
  returned: success
package:
  description: The package that contains them; null if none does.
  type: str
  returned: success
files:
  description: The plugins of an archive that were installed.
  type: list
  elements: str
  returned: success
needed:
  description: Whether the action has to send the archive, in a result without changes.
  type: bool
  returned: if the source is on the controller
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

from ansible_collections.cri.node.plugins.module_utils import cni_plugins, node_host
from ansible_collections.cri.node.plugins.module_utils import request as node_request
from ansible_collections.cri.node.plugins.module_utils.layout import NODE
from ansible_collections.cri.node.plugins.module_utils.module_result import answer
from ansible_collections.cri.node.plugins.module_utils.transaction import lock

REQUEST = {
    "install": {"type": "str", "choices": ["preinstalled", "package", "archive"], "required": True},
    "directory": {"type": "str", "required": True},
    "default_directory": {"type": "str", "required": True},
    "package": {"type": "str", "required": True},
    "packages": {"type": "dict", "required": True},
    "families": {"type": "dict", "required": True},
    "required": {"type": "list", "elements": "str", "required": True},
    "sha256": {"type": "dict", "required": True},
    "source": {"type": "str", "required": True},
    "url": {"type": "str", "required": True},
    "secret_url": {"type": "str", "default": ""},
    "sent": {"type": "str", "required": True},
}
_LONGEST_WAIT = 60  # seconds for another change of this node


def main() -> None:
    """Give the node its CNI plugins. Check mode only reads, and fetches an archive."""
    module = AnsibleModule(argument_spec=node_request.OPTIONS, supports_check_mode=True)
    answer(module, "installing CNI plugins", _answer)


def _answer(module: AnsibleModule) -> dict[str, Any]:
    request = node_request.of(module.params, REQUEST)
    node_host.refuse_unfit()
    request["url"] = request["url"] or request.pop("secret_url")
    if module.check_mode:
        return cni_plugins.provide(request, module.tmpdir, check=True)
    with lock.held(NODE, _LONGEST_WAIT, "cni_plugins"):
        return cni_plugins.provide(request, module.tmpdir, check=False)


if __name__ == "__main__":
    main()
