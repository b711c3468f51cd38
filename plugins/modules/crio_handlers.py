#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Documentation only. The action of the same name does the work, and calls node_crio_handlers on the node.

from __future__ import annotations

DOCUMENTATION = r"""
module: crio_handlers
short_description: Install the programs of OCI runtime handlers
version_added: 0.1.0
description:
  - Provides the programs of the handlers with which CRI-O starts pods, such as crun, runc, kata or gVisor. They are installed by
    a package or from a file, or only checked.
  - Does not change F(crio.conf). The roles P(cri.node.crio#role) and P(cri.node.runtime#role) write the entries of the same
    handlers, if they are in the variable C(oci_runtimes_config).
  - Reads, fetches and judges everything first. A program that is missing, does not run, or has a version that is known to fail
    with the node's CRI-O is an error, and nothing is changed.
  - Records the files that it installed in F(/var/lib/cri-node/handlers.json). A file whose handler is not desired any more is
    removed if it is unchanged, and as soon as neither CRI-O's files nor the running daemon name it. Packages stay installed.
options:
  handlers:
    description:
      - The handlers by name. V({}) is a handler of a known runtime of this name with all defaults. The known runtimes are
        V(crun), V(crun-wasm), V(gvisor) (also named V(runsc)), V(kata), V(runc) and V(youki). V(shim) is any program that speaks
        the protocol of containerd's shims, version 2.
      - C(kind) is the runtime, by default the one with the name of the handler.
      - C(install) is V(preinstalled), V(package) or V(file). The default is V(file) with C(source), V(package) with C(package),
        else V(preinstalled), which only checks the program.
      - C(path) is the path of the program on the node. The default depends on the runtime and on C(install).
      - C(package) is the name of the package, by default the one that the node's distribution has for the runtime.
      - C(source) is a file on the controller, or a URL (http, https, file). V({arch}) is replaced with the architecture of the
        node, such as V(amd64). C(sha256) is its SHA-256, or a mapping of these by architecture. C(fetched_by) is where a URL is
        downloaded, V(node) (default) or V(controller).
      - C(files) are further files by their path on the node, each with C(source), C(sha256) and C(fetched_by), or with
        C(content), and optionally with C(mode).
      - C(settings) are keys of its entry in F(crio.conf), which override those that are known for the runtime. Null removes one.
      - C(runtime_class) describes its RuntimeClass with C(name), C(overhead), C(scheduling) and C(labels). V(false) means that it
        has none.
      - May be a string that contains the mapping as JSON or YAML.
    type: raw
    default: {}
  handlers_variable:
    description:
      - The name of a variable with the handlers, instead of O(handlers). All variables whose names continue it with two
        underscores are merged into it in alphabetical order, as C(oci_runtimes_config__gpu) into C(oci_runtimes_config).
    type: str
extends_documentation_fragment:
  - cri.node.attributes.node
attributes:
  check_mode:
    details:
      - Files are fetched and examined, but not installed.
      - Lists of packages are not updated, so that the version of a package that is not in them is not judged.
  diff_mode:
    support: full
    details:
      - Shows the SHA-256 of files, and the names of packages.
seealso:
  - module: cri.node.runtime_config
  - plugin: cri.node.runtime_classes
    plugin_type: filter
author:
  - The cri.node contributors (@cri-node)
"""

EXAMPLES = r"""
- name: Provide the programs of three handlers
  cri.node.crio_handlers:
    handlers:
      crun: {}
      kata:
        install: package
      youki:
        source: https://example.com/youki-{arch}
        sha256:
          amd64: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
"""

RETURN = r"""
handlers:
  description: The handlers by name.
  type: dict
  returned: success
  contains:
    path:
      description: The path of the program on the node.
      type: str
    install:
      description: How it is installed.
      type: str
    version:
      description: Its version; null if it is not known.
      type: str
    package:
      description: The name of its package; null if none installs it.
      type: str
    changed:
      description: Whether it was installed, or would be.
      type: bool
  sample:
    crun: {path: /usr/libexec/crio/crun, install: preinstalled, version: 1.26, package: null, changed: false}
packages:
  description: The packages that were installed.
  type: list
  elements: str
  returned: success
  sample: [kata-containers]
removed:
  description: The files that were removed.
  type: list
  elements: str
  returned: success
  sample: [/usr/local/bin/youki]
pending:
  description: The files that are removed once CRI-O does not name them any more.
  type: list
  elements: str
  returned: success
  sample: []
runtime_classes:
  description: The RuntimeClass objects of the handlers.
  type: list
  elements: dict
  returned: success
  sample:
    - apiVersion: node.k8s.io/v1
      kind: RuntimeClass
      metadata: {name: kata}
      handler: kata
      overhead: {podFixed: {cpu: 250m, memory: 160Mi}}
"""
