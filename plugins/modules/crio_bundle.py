#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Documentation only. The action of the same name does the work, and calls node_crio_bundle on the node.

from __future__ import annotations

DOCUMENTATION = r"""
module: crio_bundle
short_description: Install CRI-O from its static bundle
version_added: 0.1.0
description:
  - Installs the programs and the systemd unit of CRI-O's official static bundle under C(/usr/local), as the
    bundle's own installer does, after its SHA-256 was checked. Configuration files of the bundle are placed
    only where there are none yet.
  - All files are copied beside their targets before the first is renamed into place. Whatever ends a run, a full disk,
    a kill or a power cut, the programs are those of one bundle once this module has run again, the former or the new
    one. A node that has this bundle already costs one remote call and fetches nothing.
  - The service is neither enabled nor started; that is M(cri.node.runtime_config)'s work.
  - Refuses to replace a CRI-O of another minor version, since its start would remove every pod, and a CRI-O
    in another place than a bundle's.
options:
  source:
    description:
      - The bundle, a file on the controller or a URL. C({arch}) stands for the node's architecture as the
        bundles name it, such as V(amd64), V(arm64), V(ppc64le) or V(s390x).
      - A URL's scheme is http, https or file. A user and a password in it (percent-encoded) are sent to its own host as HTTP
        basic authentication. They, and the URL's query, appear in no message, result, log or list of processes.
      - At most 2 GiB are accepted, within an hour.
    type: str
    required: true
  sha256:
    description: The bundle's SHA-256 for each architecture that the nodes have.
    type: dict
    required: true
  fetched_by:
    description:
      - Who fetches a URL. V(controller) sends it on to the node, for nodes that reach nothing. It also uses the
        credentials of F(~/.netrc).
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
    description: Nodes run by systemd, with Python 3.9 or later, as root.
requirements:
  - Python 3.9 or newer on the node
  - systemd on the node
  - the task to run as root, which usually means C(become=true)
seealso:
  - module: cri.node.runtime_config
  - name: Releases of CRI-O
    description: The static bundles and their SHA-256.
    link: https://github.com/cri-o/cri-o/releases
author:
  - The cri.node contributors (@cri-node)
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
