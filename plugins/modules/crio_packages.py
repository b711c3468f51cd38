#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Documentation only. The action of the same name does the work, and calls node_crio_packages on the node.

from __future__ import annotations

DOCUMENTATION = r"""
module: crio_packages
short_description: Install CRI-O from its package repository
version_added: 0.1.0
description:
  - Configures CRI-O's package repository on a node and installs the package with C(apt), C(dnf) or C(zypper), which the module
    selects by os-release(5). No facts are gathered.
  - The key of the repository is compared with its fingerprint on the controller. Then the node reads the index of the
    repository in a temporary folder, so that an unreachable or wrongly signed repository or a missing version is reported
    before anything is changed. If a later step fails, the files of repositories are put back. Each failure is one message
    with the line of the package manager.
  - If a run is interrupted, the next one puts its files back and installs again. What an interrupted C(dpkg) has left is
    completed first.
  - Makes one remote call and reads no index if the packages are already installed.
  - Does not enable or start the service, and keeps the package from doing so; use M(cri.node.runtime_config) for that. An
    upgrade to another patch release does not restart CRI-O either.
  - Refuses to replace a CRI-O of a different minor version, because the start of the new version would remove all pods, and a
    CRI-O that does not belong to the package.
  - If a file of somebody else already configures a repository with CRI-O in its address, an installed CRI-O of the desired
    version is used as it is. Otherwise the task fails.
options:
  version:
    description:
      - The version of CRI-O to install. With a minor version such as V(1.36), the newest patch release is installed, and one
        that is already installed is kept. A patch release such as V(1.36.3) is installed exactly, also if it is older than
        the installed one.
      - Required if the address of the repository depends on the minor version. Without it, any installed version is kept.
    type: raw
    default: ""
  repository:
    description: The repository. By default, the official one of the minor version.
    type: dict
    suboptions:
      url:
        description:
          - Its URL, https, http or file. C({minor}) is replaced with the minor version, such as 1.36, and C({format}) with
            C(deb) or C(rpm).
          - A user name and a password in the URL, percent-encoded, are written to a file that only root can read, and do not
            appear in messages, results or logs.
        type: str
        default: https://download.opensuse.org/repositories/isv:/cri-o:/stable:/v{minor}/{format}/
      suite:
        description: The suite of a deb repository. One that ends with a slash is a path, without components.
        type: str
        default: /
      components:
        description: The components of a deb repository with a suite.
        type: list
        elements: str
        default: []
      key:
        description:
          - The OpenPGP public key that signs the repository, armored or binary. It is the key itself, a file on the
            controller, or a URL, which the controller fetches. In the latter two, C({minor}) and C({format}) are replaced as
            in the URL.
          - A file with several keys or with a private one is refused.
          - By default, F(Release.key) (deb) or F(repodata/repomd.xml.key) (rpm) of the repository.
        type: str
      key_fingerprint:
        description:
          - The full fingerprint of the key, 40 hexadecimal digits, with or without blanks. The key is refused if it has
            another one.
          - Required for a key that is not given as content or file, and not fetched over HTTPS.
        type: str
  packages:
    description:
      - The names of the packages, all of which must be in the repository. The first one is that of CRI-O, to which O(version)
        applies.
      - By default C(cri-o), and C(cri-tools) if the repository has it.
    type: list
    elements: str
  hold:
    description:
      - Whether upgrades of the system leave the packages alone, with C(apt-mark hold), C(dnf versionlock) or C(zypper addlock).
        C(dnf) 4 needs its plugin versionlock for this.
      - With V(false), only what this module has held is released.
    type: bool
    default: true
  lock_timeout:
    description: Time limit for another package manager that is running to end, in seconds.
    type: int
    default: 120
extends_documentation_fragment:
  - cri.node.attributes.node
attributes:
  check_mode:
    details:
      - >-
        Reads the index of the repository as a run does, in a temporary folder, and lets C(apt) simulate the installation. With
        C(dnf), dependencies are not resolved. C(zypper) cannot read a repository without a change, so only a patch release is
        predicted.
  diff_mode:
    support: full
    details:
      - Shows the files of the repository without secrets, and the versions of packages before and after.
seealso:
  - module: cri.node.crio_bundle
  - module: cri.node.runtime_config
  - name: Packages of CRI-O
    description: The official repositories.
    link: https://github.com/cri-o/packaging
author:
  - The cri.node contributors (@cri-node)
"""

EXAMPLES = r"""
- name: Install the newest patch release of CRI-O 1.36 from the official repository
  cri.node.crio_packages:
    version: "1.36"

- name: Install one release of CRI-O from a mirror
  cri.node.crio_packages:
    version: "1.36.3"
    repository:
      url: https://mirror.example.com/cri-o/v{minor}/{format}/
      key: files/cri-o.asc
"""

RETURN = r"""
version:
  description:
    - The version of CRI-O after a run.
    - Empty if it is not known, as with C(zypper) in check mode without a patch release.
  type: str
  returned: success
  sample: 1.36.3
packages:
  description: The versions of the packages after a run, by name.
  type: dict
  returned: success
  sample: {cri-o: 1.36.3-1.1, cri-tools: 1.36.0-1.1}
installed:
  description: The packages that this run has installed or changed.
  type: list
  elements: str
  returned: success
  sample: [cri-o, cri-tools]
method:
  description: The package manager, V(apt), V(dnf) or V(zypper).
  type: str
  returned: success
repository:
  description: The URL of the repository, without credentials.
  type: str
  returned: success
  sample: https://download.opensuse.org/repositories/isv:/cri-o:/stable:/v1.36/deb/
key_fingerprint:
  description: The fingerprint of the key of the repository.
  type: str
  returned: when something changes
"""
