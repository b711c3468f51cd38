#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Documentation only. The action of the same name does the work, and calls node_crio_bundle on the node.

from __future__ import annotations

DOCUMENTATION = r"""
module: crio_bundle
short_description: Install or remove CRI-O's static bundle
version_added: 0.1.0
description:
  - Verifies the SHA-256 of CRI-O's official static bundle, and installs its programs and systemd unit under C(/usr/local), as
    the bundle's own installer does. Existing configuration files are kept.
  - All files are copied next to their targets before the first one is renamed into place. If a run is interrupted by a full disk,
    a kill or a loss of power, the next run completes or undoes the installation, so that all programs are from the same bundle.
    Makes one remote call and downloads nothing if the bundle is already installed.
  - Does not enable or start the service; use M(cri.node.runtime_config) for that.
  - Refuses to replace a CRI-O of a different minor version, because the start of the new version would remove all
    pods, and a CRI-O that was not installed from a bundle.
  - Records in F(/var/lib/cri-node/bundle.json) which files and directories it has created. With O(state=absent) these are
    removed, and nothing else.
options:
  state:
    description:
      - With V(absent), removes what the bundle has installed. A file that was changed or replaced since is kept, with a warning,
        and a directory is only removed if it is empty. Files that the installation had replaced cannot be put back, which is a
        warning, too.
      - CRI-O must be stopped and disabled before, and no pod may run. A node on which this module has installed no bundle is not
        changed. An interrupted removal is completed by the next run.
      - An installation by an earlier version of the collection has not recorded its files. They are then derived from the places
        of a bundle and from the time of the installation, with a warning.
    type: str
    choices: [present, absent]
    default: present
  source:
    description:
      - The bundle, a file on the controller or a URL. C({arch}) is replaced with the architecture of the node as in the names
        of the bundles, such as V(amd64), V(arm64), V(ppc64le) or V(s390x).
      - The scheme of a URL can be http, https or file. A user name and a password in the URL (percent-encoded) are only sent to
        its host, with HTTP basic authentication. They and the query of the URL do not appear in messages, results, logs or
        process lists.
      - The maximum size is 2 GiB, and the time limit for the download is one hour.
      - Required with O(state=present).
    type: str
  sha256:
    description: SHA-256 of the bundle for each architecture of the nodes. Required with O(state=present).
    type: dict
  fetched_by:
    description:
      - Where a URL is downloaded. With V(controller), the controller downloads the bundle once in a run, whatever the
        number of nodes, with the credentials of F(~/.netrc) if there are any, and copies it to the nodes. They then need no
        network access.
    type: str
    choices: [node, controller]
    default: node
extends_documentation_fragment:
  - cri.node.attributes.node
attributes:
  check_mode:
    details:
      - >-
        Downloads, verifies and unpacks the bundle as in a normal run, but in the module's temporary directory, and removes it
        again.
  diff_mode:
    support: full
    details:
      - Shows the version of CRI-O and the SHA-256 of its bundle, before and after.
seealso:
  - module: cri.node.runtime_config
  - name: Releases of CRI-O
    description: The static bundles and their SHA-256.
    link: https://github.com/cri-o/cri-o/releases
author:
  - The cri.node contributors (@cri-node)
"""

EXAMPLES = r"""
- name: Install CRI-O from a bundle on the controller
  cri.node.crio_bundle:
    source: /srv/bundles/cri-o.{arch}.v1.36.3.tar.gz
    sha256:
      amd64: 4c9652386a0af82bfee3859bb49449e7c12cd664748ca4215fadc884fb232345

- name: Stop and disable CRI-O
  ansible.builtin.systemd_service:
    name: crio.service
    state: stopped
    enabled: false

- name: Remove what its bundle has installed
  cri.node.crio_bundle:
    state: absent
"""

RETURN = r"""
version:
  description: The version of CRI-O in the bundle, which is installed after a run.
  type: str
  returned: with O(state=present)
  sample: 1.36.3
removed:
  description: The files and directories that were removed.
  type: list
  elements: str
  returned: with O(state=absent)
  sample: [/usr/local/bin/crio, /usr/libexec/crio]
kept:
  description: The files of the bundle that are kept, because they were changed since.
  type: list
  elements: dict
  returned: with O(state=absent)
  contains:
    path:
      description: The path of the file.
      type: str
      sample: /etc/crio/crio.conf.d/10-crio.conf
    reason:
      description: Why it is kept.
      type: str
      sample: it was changed since
architecture:
  description: The architecture of the node, as in the names of the bundles.
  type: str
  returned: always
  sample: amd64
"""
