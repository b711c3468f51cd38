#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: node_crio_bundle
short_description: "Internal: node side of cri.node.crio_bundle"
description:
  - The action of M(cri.node.crio_bundle) calls this module. It reports the installed bundle, installs another one, removes it, or
    unpacks one that a change of the configuration installs.
extends_documentation_fragment:
  - cri.node.internal
seealso:
  - module: cri.node.crio_bundle
author:
  - The cri.node contributors (@cri-node)
"""

EXAMPLES = r"""
# Use the module whose action calls this one.
- name: Install CRI-O from a bundle on the controller
  cri.node.crio_bundle:
    source: /srv/bundles/cri-o.{arch}.v1.36.3.tar.gz
    sha256:
      amd64: 4c9652386a0af82bfee3859bb49449e7c12cd664748ca4215fadc884fb232345
"""

RETURN = r"""
architecture:
  description: The node's architecture, as bundles name it.
  type: str
  returned: with the call V(read)
installed:
  description: The version of the installed CRI-O.
  type: str
  returned: with the call V(read)
version:
  description: The version of CRI-O that was installed or removed.
  type: str
  returned: with the calls V(install), V(stage) and V(remove)
bundle:
  description: What the change of the configuration installs.
  type: dict
  returned: with the call V(stage)
sha256:
  description: The SHA-256 of the installed or removed bundle.
  type: str
  returned: with the calls V(read) and V(remove)
removed:
  description: The paths that were removed.
  type: list
  elements: str
  returned: with the call V(remove)
kept:
  description: The files that are not ours any more.
  type: list
  elements: dict
  returned: with the call V(remove)
notes:
  description: The warnings, which the action returns.
  type: list
  elements: str
  returned: with the call V(remove)
"""

import os
from typing import Any

from ansible_collections.cri.node.plugins.module_utils.zip_import import compile_once

compile_once()  # each of the following imports

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.cri.node.plugins.module_utils import bundle, node_files, node_host
from ansible_collections.cri.node.plugins.module_utils import request as node_request
from ansible_collections.cri.node.plugins.module_utils.architecture import architecture
from ansible_collections.cri.node.plugins.module_utils.module_result import answer

REQUEST = {
    "call": {"type": "str", "choices": ["read", "install", "stage", "discard", "remove"], "required": True},
    "archive": {"type": "str"},
    # A secret, in place of archive: a URL with credentials.
    "url": {"type": "str"},
    "sha256": {"type": "str"},
    # For the calls stage and discard: a directory for the unpacked bundle, below an existing one.
    "directory": {"type": "str"},
    # For the call stage: whether another minor version is accepted.
    "other_minor": {"type": "bool", "default": False},
}


def main() -> None:
    """Report what is installed, install `archive` or `url`, or remove it. Check mode prepares and changes nothing."""
    module = AnsibleModule(argument_spec=node_request.OPTIONS, supports_check_mode=True)
    answer(module, "changing the bundle", _answer)


def _answer(module: AnsibleModule) -> dict[str, Any]:
    request = node_request.of(module.params, REQUEST)
    node_host.refuse_unfit()
    return _CALLS[request["call"]](module, request)


def _read(module: AnsibleModule, _request: dict[str, Any]) -> dict[str, Any]:
    # An installation that was cut short is ended first, and counts as a change.
    interrupted = bundle.is_interrupted() if module.check_mode else bundle.recover()
    return {"changed": interrupted, "interrupted": interrupted, **bundle.read()}


def _install(module: AnsibleModule, request: dict[str, Any]) -> dict[str, Any]:
    sha256 = request["sha256"]
    source = request["url"] or request["archive"]
    version, placements = bundle.prepare(source, sha256, module.tmpdir)
    for warning in [] if module.check_mode else bundle.install(version, placements, sha256):
        module.warn(warning)
    return {"changed": True, "version": version}


def _remove(module: AnsibleModule, _request: dict[str, Any]) -> dict[str, Any]:
    from ansible_collections.cri.node.plugins.module_utils import bundle_removal

    # What is left of an interrupted removal was ours, too, and is not recorded any more once it has ended.
    interrupted = bundle.is_interrupted() if module.check_mode else bundle.recover()
    planned = bundle_removal.plan() if module.check_mode else bundle_removal.remove()
    result = {"changed": interrupted, "architecture": architecture(), "version": None, "sha256": None}
    if planned is None:
        return {**result, "removed": [], "kept": [], "notes": []}
    return {
        **result,
        "changed": True,
        "version": planned.version,
        "sha256": planned.sha256,
        "removed": [*planned.files, *planned.directories],
        "kept": [{"path": path, "reason": reason} for path, reason in planned.kept.items()],
        "notes": planned.warnings,
    }


def _stage(_module: AnsibleModule, request: dict[str, Any]) -> dict[str, Any]:
    directory = request["directory"]
    os.mkdir(directory, 0o700)
    try:
        version, staged = bundle.stage(
            request["url"] or request["archive"], request["sha256"], directory, request["other_minor"]
        )
    except BaseException:
        node_files.remove_tree(directory)
        raise
    return {"version": version, "bundle": staged}


def _discard(_module: AnsibleModule, request: dict[str, Any]) -> dict[str, Any]:
    node_files.remove_tree(request["directory"])
    return {}


_CALLS = {"read": _read, "install": _install, "stage": _stage, "discard": _discard, "remove": _remove}


if __name__ == "__main__":
    main()
