#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: node_crio_packages
short_description: "Internal: node side of cri.node.crio_packages"
description:
  - The action of M(cri.node.crio_packages) calls this module. It reports what is installed, or installs
    packages from a repository.
extends_documentation_fragment:
  - cri.node.internal
seealso:
  - module: cri.node.crio_packages
author:
  - The cri.node contributors (@cri-node)
"""

EXAMPLES = r"""
# Use the module whose action calls this one.
- name: Install CRI-O from its package repository
  cri.node.crio_packages:
    version: "1.36"
"""

RETURN = r"""
identity:
  description: The distribution of the node, from os-release(5).
  type: dict
  returned: with the call V(read)
packages:
  description: The installed packages.
  type: dict
  returned: with the call V(read)
versions:
  description: The version of each package after a run.
  type: dict
  returned: with the call V(install)
"""

import os
from typing import Any

from ansible_collections.cri.node.plugins.module_utils.zip_import import compile_once

compile_once()  # each of the following imports

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.cri.node.plugins.module_utils import node_host
from ansible_collections.cri.node.plugins.module_utils import request as node_request
from ansible_collections.cri.node.plugins.module_utils.layout import NODE
from ansible_collections.cri.node.plugins.module_utils.module_result import answer
from ansible_collections.cri.node.plugins.module_utils.packages import change

_FILE = {
    "path": {"type": "str", "required": True},
    "mode": {"type": "str", "required": True},
    "secret": {"type": "bool", "default": False},
    "key": {"type": "bool", "default": False},
    "content": {"type": "str", "default": ""},
}
REQUEST = {
    "call": {"type": "str", "choices": ["read", "install"], "required": True},
    "names": {"type": "list", "elements": "str", "required": True},
    "families": {"type": "dict", "default": {}},
    "methods": {"type": "dict", "default": {}},
    "digests": {"type": "dict", "default": {}},
    # Secrets, by path: of files with credentials.
    "secret_hashes": {"type": "dict", "default": {}},
    "secret_contents": {"type": "dict", "default": {}},
    "method": {"type": "str", "choices": sorted(change.MANAGERS)},
    "required": {"type": "int", "default": 1},
    "dependencies": {"type": "list", "elements": "str", "default": []},
    "version": {"type": "str", "default": ""},
    "files": {"type": "list", "elements": "dict", "options": _FILE, "default": []},
    "hold": {"type": "bool", "default": True},
    "lock_timeout": {"type": "int", "default": 120},
    "digest": {"type": "str", "default": ""},
}


def main() -> None:
    """Report what is installed, or install packages. Check mode prepares and does not install."""
    module = AnsibleModule(argument_spec=node_request.OPTIONS, supports_check_mode=True)
    answer(module, "installing packages", _answer)


def _answer(module: AnsibleModule) -> dict[str, Any]:
    request = node_request.of(module.params, REQUEST)
    node_host.refuse_unfit()
    return _read(module, request) if request["call"] == "read" else _install(module, request)


def _read(module: AnsibleModule, request: dict[str, Any]) -> dict[str, Any]:
    hashes = request["secret_hashes"]
    for files in request["methods"].values():
        for each in files:
            each["sha256"] = hashes.get(each["path"], each["sha256"])
    found = change.read(NODE, request, module.check_mode)
    # What an interrupted run has left was put back, which counts as a change.
    return {"changed": found["interrupted"], **found}


def _install(module: AnsibleModule, request: dict[str, Any]) -> dict[str, Any]:
    for each in request["files"]:
        each["content"] = request["secret_contents"].get(each["path"], each["content"])
    folder = f"{module.tmpdir}/packages"
    os.mkdir(folder, 0o700)
    return change.install(NODE, request, folder, module.check_mode)


if __name__ == "__main__":
    main()
