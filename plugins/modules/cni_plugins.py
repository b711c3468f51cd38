#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Documentation only. The action of the same name does the work, and calls node_cni_plugins on the node.

from __future__ import annotations

DOCUMENTATION = r"""
module: cni_plugins
short_description: Install CNI plugins
version_added: 0.1.0
description:
  - Provides the CNI plugins with which CRI-O connects pods to a network, from a package of the distribution or from an archive
    with its SHA-256. Plugins that CRI-O's bundle contains are only checked.
  - All plugins of an archive are installed together or not at all, and recorded in F(/var/lib/cri-node/cni-plugins.json). A
    plugin that somebody else installed is not replaced.
options:
  install:
    description:
      - V(preinstalled) only checks that the plugins exist. V(package) installs the package of the distribution. V(archive)
        installs the plugins of O(archive).
    type: str
    choices: [preinstalled, package, archive]
    default: preinstalled
  directory:
    description:
      - The directory of the plugins. By default F(/opt/cni/bin), or with O(install=package) the one of the package,
        F(/usr/lib/cni) or F(/usr/libexec/cni). CRI-O must have it in C(crio.network.plugin_dirs).
    type: str
    default: ""
  package:
    description: The name of the package. By default the one that the node's distribution is known to have.
    type: str
    default: ""
  archive:
    description: The archive of plugins, for O(install=archive).
    type: dict
    suboptions:
      source:
        description:
          - A file on the controller or a URL (http, https, file). V({arch}) is replaced with the architecture of the node, such
            as V(amd64). It contains the plugins without a common directory, as those of the project do.
        type: str
        default: ""
      sha256:
        description: The SHA-256 of the archive for each architecture.
        type: dict
        default: {}
      fetched_by:
        description: Where a URL is downloaded.
        type: str
        choices: [node, controller]
        default: node
  network:
    description:
      - The settings of the role P(cri.node.cni#role), as its variable C(cni_network). The plugins that this network needs must
        exist, else the task fails.
    type: raw
    default: {}
  network_variable:
    description: The name of the variable with these settings and their layers, instead of O(network).
    type: str
extends_documentation_fragment:
  - cri.node.attributes.node
attributes:
  check_mode:
    details:
      - An archive is fetched and examined, but not installed. What a package contains is not known before it is installed.
  diff_mode:
    support: full
    details:
      - Shows the plugins, or the package.
seealso:
  - module: cri.node.runtime_config
author:
  - The cri.node contributors (@cri-node)
"""

EXAMPLES = r"""
- name: Install CNI plugins
  cri.node.cni_plugins:
    install: archive
    archive:
      source: https://example.com/cni-plugins-linux-{arch}-v1.9.1.tgz
      sha256:
        amd64: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
"""

RETURN = r"""
directory:
  description: The directory of the plugins.
  type: str
  returned: success
  sample: /opt/cni/bin
package:
  description: The package that contains them; null if none does.
  type: str
  returned: success
  sample: containernetworking-plugins
files:
  description: The plugins that were installed from the archive.
  type: list
  elements: str
  returned: success
  sample: [/opt/cni/bin/bridge]
"""
