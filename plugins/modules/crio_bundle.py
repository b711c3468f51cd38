#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: crio_bundle
short_description: Install CRI-O from its static bundle
description:
  - Installs the programs and the systemd unit of CRI-O's official static bundle under C(/usr/local), as the bundle's own installer
    does, after its SHA-256 was checked. Configuration files of the bundle are placed only where there are none yet.
  - The service is neither enabled nor started; that is M(cri.node.runtime_config)'s work.
  - Refuses to replace a CRI-O of another minor version, since its start would remove every pod, and a CRI-O that did not come from
    a bundle.
options:
  source:
    description:
      - The bundle, a file on the controller or a URL. C({arch}) stands for the node's architecture as the bundles name it, such as
        V(amd64), V(arm64), V(ppc64le) or V(s390x).
    type: str
    required: true
  sha256:
    description: The bundle's SHA-256 for each architecture that the nodes have.
    type: dict
    required: true
  fetched_by:
    description: Who fetches a URL. V(controller) sends the bundle on to the node, for nodes that reach nothing.
    type: str
    choices: [node, controller]
    default: node
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
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
  description: The version of CRI-O that is installed after the run; absent in check mode before an installation.
  type: str
  returned: when CRI-O is installed
  sample: 1.36.3
architecture:
  description: The node's architecture, as bundles name it.
  type: str
  returned: always
  sample: amd64
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.cri.node.plugins.module_utils import bundle, crio_service, node_host


def main():
    """The node's side: looks at what is installed, or installs what `archive` names."""
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
        module.exit_json(changed=True, version=bundle.install(module.params["archive"], module.params["sha256"]))
    except (bundle.BundleError, crio_service.CrioServiceError, node_host.UnfitHostError) as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
