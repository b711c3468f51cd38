#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Documentation only. The action of the same name does the work, and calls node_runtime_removal on the node.

from __future__ import annotations

DOCUMENTATION = r"""
module: runtime_removal
short_description: Return a node to what it was before the collection
version_added: 0.1.0
description:
  - Removes everything that cri.node has made of a node, and nothing else. Files of others, their entries in shared files, and
    files of a bundle that were changed since are kept.
  - Removes the managed files of all owners and our entries in shared files as one transaction, like
    M(cri.node.runtime_config). A file that a managed file had replaced comes back, unless it may be secret, because its
    content is not kept then.
  - Stops, disables and removes a CRI-O that M(cri.node.crio_bundle) has installed. While pods run on it, the node is refused
    with their names. A preinstalled CRI-O stays and runs with its own configuration. It is disabled if a change of ours has
    enabled it.
  - Puts back what M(cri.node.host_prerequisites) has changed on the host, and finally removes our own state, which is
    F(/var/lib/cri-node).
  - An interrupted run is completed by the next one. A second run changes nothing.
options:
  known_files:
    description:
      - The files of roles as they are in the option O(cri.node.runtime_config#module:files), of which only C(path), C(owner),
        C(kind) and C(disruption) are used. Files at these paths with the first line of the collection are removed from a node
        that has lost its record of them.
    type: list
    elements: dict
    default: []
  prerequisites:
    description: Whether what M(cri.node.host_prerequisites) has changed is put back. Otherwise its record is kept.
    type: bool
    default: true
  storage:
    description:
      - Whether the storage and the logs of a CRI-O that is removed are removed, too, with C(crio wipe) and then as folders. All
        containers and images in that storage are lost.
      - Refused if another engine, such as podman or buildah, has containers in the same storage.
    type: bool
    default: false
  unit:
    description: The systemd unit of CRI-O.
    type: str
    default: crio.service
  ready_timeout:
    description:
      - Time limit for a preinstalled CRI-O to become ready with its own configuration, in seconds, from 1 to 604800. After that,
        the files are restored.
    type: int
    default: 60
  overruled_guards:
    description:
      - Guards that do not refuse the removal, by name, as in O(cri.node.runtime_config#module:overruled_guards). With
        V(running_pods), the pods that run on a CRI-O of ours are stopped and removed.
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - cri.node.attributes.node
attributes:
  check_mode:
    details:
      - Returns the same RV(removed) and RV(kept) as a run. A preinstalled CRI-O validates its own configuration.
  diff_mode:
    support: full
    details:
      - Shows the managed files that are removed, and the former ones that come back.
seealso:
  - module: cri.node.removal_report
  - module: cri.node.runtime_config
  - module: cri.node.crio_bundle
  - module: cri.node.host_prerequisites
author:
  - The cri.node contributors (@cri-node)
"""

EXAMPLES = r"""
- name: Return the nodes to what they were, and keep the images
  cri.node.runtime_removal:
"""

RETURN = r"""
removed:
  description: What was removed or put back, in check mode what would be.
  type: list
  elements: dict
  returned: success
  contains:
    subject:
      description: V(pods), V(service), V(storage), V(files), V(bundle), V(prerequisites) or V(state).
      type: str
      sample: files
    name:
      description: A path, or the name of something else.
      type: str
      sample: /etc/crio/crio.conf.d/60-cri-node.conf
kept:
  description: What stays although the collection has to do with it.
  type: list
  elements: dict
  returned: success
  contains:
    subject:
      description: As in RV(removed).
      type: str
      sample: bundle
    name:
      description: A path, or the name of something else; may be empty.
      type: str
      sample: /etc/crio/crio.conf.d/10-crio.conf
    reason:
      description: Why it stays.
      type: str
      sample: it was changed since
plan:
  description: The plan for the files, as M(cri.node.runtime_config) returns it.
  type: dict
  returned: success
"""
