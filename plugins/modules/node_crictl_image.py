#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: node_crictl_image
short_description: "Internal: node side of cri.node.crictl_image"
description:
  - The action of M(cri.node.crictl_image) calls this module. It pulls, removes or imports images.
extends_documentation_fragment:
  - cri.node.internal
seealso:
  - module: cri.node.crictl_image
author:
  - The cri.node contributors (@cri-node)
"""

EXAMPLES = r"""
# Use the module whose action calls this one.
- name: Remove an image
  cri.node.crictl_image:
    name: registry.example.com/app:1.0
    state: absent
"""

RETURN = r"""
images:
  description: The images, as the action returns them.
  type: list
  elements: dict
  returned: success
needs_archive:
  description: Whether the archive has to be sent to the node.
  type: bool
  returned: for an archive
"""

from typing import Any

from ansible_collections.cri.node.plugins.module_utils.zip_import import compile_once

compile_once()  # each of the following imports

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.cri.node.plugins.module_utils import request as node_request
from ansible_collections.cri.node.plugins.module_utils.crictl.call import OPTIONS, Crictl
from ansible_collections.cri.node.plugins.module_utils.errors import ImageError, NodeError
from ansible_collections.cri.node.plugins.module_utils.module_result import exit_with

REQUEST = {
    **OPTIONS,
    "state": {"type": "str", "choices": ["present", "latest", "absent"], "required": True},
    "name": {"type": "list", "elements": "str", "default": []},
    "pull_timeout": {"type": "int", "required": True},
    "username": {"type": "str"},
    # A secret.
    "password": {"type": "str"},
    # The path of an archive on the node, "" for one that is not there; and its images, if the controller has read it.
    "archive": {"type": "str"},
    "sha256": {"type": "str", "default": ""},
    "wanted": {"type": "dict"},
}


def main() -> None:
    """Bring images to their state. The action crictl_image has checked the options and completed the names."""
    module = AnsibleModule(argument_spec=node_request.OPTIONS, supports_check_mode=True)
    failure: dict[str, Any] = {}
    result: dict[str, Any] = {}
    try:
        asked = node_request.of(module.params, REQUEST)
        crictl = Crictl(**{option: asked[option] for option in OPTIONS})
        result = _done(crictl, asked, module.check_mode)
    except ImageError as error:
        known = {"images": error.images} if error.images is not None else {}
        failure = {"msg": str(error), "kind": error.kind, "changed": error.changed, **known}
    except NodeError as error:
        failure = {"msg": str(error), "kind": error.kind}
    # Outside of the handlers: inside, some versions of Ansible add the traceback of all exceptions before it.
    if failure:
        module.fail_json(**failure)
    for warning in result.pop("warnings", []):
        module.warn(warning)
    exit_with(module, **result)


def _done(crictl: Crictl, asked: dict[str, Any], check: bool) -> dict[str, Any]:
    # Imported here: a task needs one of them.
    if asked["archive"] is not None:
        from ansible_collections.cri.node.plugins.module_utils.image import imported

        wanted = asked["wanted"]
        if not asked["archive"]:
            return imported.imported(crictl, wanted, None, asked["pull_timeout"], check)
        with imported.opened(asked["archive"]) as file:
            wanted = wanted or imported.described(file, asked["archive"], asked["sha256"], asked["name"])
            return imported.imported(crictl, wanted, file, asked["pull_timeout"], check)
    if asked["state"] == "absent":
        from ansible_collections.cri.node.plugins.module_utils.image import absent

        return absent.absent(crictl, asked["name"], check)
    from ansible_collections.cri.node.plugins.module_utils.image import present

    if asked["username"]:
        crictl = crictl.with_credentials(asked["username"], asked["password"] or "")
    return present.present(crictl, asked["name"], asked["state"] == "latest", asked["pull_timeout"], check)


if __name__ == "__main__":
    main()
