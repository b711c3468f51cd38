#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: crio_bundle
short_description: Install CRI-O from its static bundle
description:
  - Installs the programs and the systemd unit of CRI-O's official static bundle under C(/usr/local), as the
    bundle's own installer does, after its SHA-256 was checked. Configuration files of the bundle are placed
    only where there are none yet.
  - All files are copied beside their targets before the first is renamed into place. A node that has this
    bundle already costs one remote call and fetches nothing.
  - The service is neither enabled nor started; that is M(cri.node.runtime_config)'s work.
  - Refuses to replace a CRI-O of another minor version, since its start would remove every pod, and a CRI-O
    in another place than a bundle's.
options:
  source:
    description:
      - The bundle, a file on the controller or a URL. C({arch}) stands for the node's architecture as the
        bundles name it, such as V(amd64), V(arm64), V(ppc64le) or V(s390x).
    type: str
    required: true
  sha256:
    description: The bundle's SHA-256 for each architecture that the nodes have.
    type: dict
    required: true
  fetched_by:
    description: Who fetches a URL. V(controller) sends it on to the node, for nodes that reach nothing.
    type: str
    choices: [node, controller]
    default: node
attributes:
  check_mode:
    support: full
    description: >-
      Fetches, checks and unpacks the bundle as a run does, in the module's temporary folder, and removes it
      again.
  diff_mode:
    support: full
    description: Shows CRI-O's version before and after, with the SHA-256 of the bundle it came from.
  platform:
    support: full
    platforms: linux
author:
  - The cri.node contributors
"""

EXAMPLES = r"""
- name: Install CRI-O from a bundle that lies on the controller
  cri.node.crio_bundle:
    source: /srv/bundles/cri-o.{arch}.v1.36.3.tar.gz
    sha256:
      amd64: 4c9652386a0af82bfee3859bb49449e7c12cd664748ca4215fadc884fb232345
"""

RETURN = r"""
version:
  description: The bundle's version of CRI-O, which is installed after a run.
  type: str
  returned: always
  sample: 1.36.3
architecture:
  description: The node's architecture, as bundles name it.
  type: str
  returned: always
  sample: amd64
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.cri.node.plugins.module_utils import bundle, node_host
from ansible_collections.cri.node.plugins.module_utils.crio import service as crio_service


def main():
    """The node's side: looks at what is installed, or installs `archive`; check mode stops half-way."""
    module = AnsibleModule(
        argument_spec={
            "call": {"type": "str", "choices": ["read", "install"], "required": True},
            "archive": {"type": "str"},
            "sha256": {"type": "str"},
        },
        supports_check_mode=True,
    )
    try:
        node_host.refuse_unfit()
        if module.params["call"] == "read":
            module.exit_json(changed=False, **bundle.read())
        sha256 = module.params["sha256"]
        version, placements = bundle.prepare(module.params["archive"], sha256, module.tmpdir)
        if not module.check_mode:
            bundle.install(version, placements, sha256)
        module.exit_json(changed=True, version=version)
    except (bundle.BundleError, crio_service.CrioServiceError, node_host.UnfitHostError, OSError) as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
