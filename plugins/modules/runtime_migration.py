#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Documentation only. The action of the same name does the work, and calls node_runtime_migration on the node.

from __future__ import annotations

DOCUMENTATION = r"""
module: runtime_migration
short_description: Migrate a node from another container engine to CRI-O, or back
version_added: 0.1.0
description:
  - Switches the kubelet of a node from containerd or Docker (with cri-dockerd) to CRI-O, or back. The new engine must be
    installed. It may run beside the former one.
  - Lists what runs in the former engine first. Carries over its images, starts and enables the new engine, stops the kubelet,
    stops the containers and the units of the former engine, changes the kubelet's files, starts the kubelet, and disables the
    former engine. If a step fails, all of them are undone, and the former engine is back. An interrupted migration is undone by
    the next run, which then begins again.
  - Edits the CRI socket and the cgroup driver of the kubelet line by line, in F(/var/lib/kubelet/config.yaml) (or the file that a
    running kubelet names) and its drop-ins, F(/var/lib/kubelet/instance-config.yaml), F(/var/lib/kubelet/kubeadm-flags.env)
    (C(KUBELET_KUBEADM_ARGS)), F(/etc/default/kubelet) and F(/etc/sysconfig/kubelet) (C(KUBELET_EXTRA_ARGS)). Everything else in
    them stays. What cannot be edited safely is refused before anything is changed.
  - The files of the pod network in F(/etc/cni/net.d) are never touched, and neither are the data of the former engine.
  - The annotation of the node in which kubeadm keeps the socket belongs to the cluster. RV(commands) has the command that changes
    it.
options:
  state:
    description:
      - With V(migrated), the node is migrated, unless its kubelet uses O(engine) already.
      - With V(former_removed), the packages of the former engine are removed, if the kubelet uses O(engine), which must be ready.
        No other package is removed, and configuration files and data stay. Refused if another package needs one of them.
    type: str
    choices: [migrated, former_removed]
    default: migrated
  engine:
    description: The new engine.
    type: str
    choices: [crio, containerd, docker]
    default: crio
  former:
    description:
      - The former engine. By default it is the one whose socket the kubelet's files name, and with O(state=former_removed) that
        of the last migration. Required on a node whose files do not name any.
      - One of the two engines must be V(crio).
    type: str
    choices: ["", crio, containerd, docker]
    default: ""
  images:
    description:
      - Whether images that the new engine does not have are carried over, one after the other, as archives in
        F(/var/lib/cri-node). Each needs its size there meanwhile. A name that means another image in the new engine is kept.
      - From containerd, images keep their digests. CRI-O and Docker store layers unpacked, so that images from them have the same
        ID and the same tags, but another digest.
    type: bool
    default: true
  overruled_guards:
    description:
      - Guards that do not refuse the migration, by name.
      - V(running_pods) accepts that pods of the kubelet are stopped, which the kubelet starts again with the new engine.
      - V(other_containers) accepts that containers are stopped that no kubelet has started, such as those of C(docker run).
        Nobody starts them again.
      - V(missing_images) accepts that an image could not be carried over.
    type: list
    elements: str
    default: []
  ready_timeout:
    description: Time limit for an engine to be ready after its start, in seconds, from 1 to 604800.
    type: int
    default: 60
  pull_timeout:
    description: Time limit for each image and direction, in seconds, from 1 to 604800.
    type: int
    default: 300
extends_documentation_fragment:
  - cri.node.attributes.node
attributes:
  check_mode:
    details:
      - Refuses what a run would refuse. Which images and which cgroup driver an engine has that does not run is only known when
        it does; this is a warning then.
  diff_mode:
    support: full
    details:
      - Shows the files of the kubelet, or the packages.
seealso:
  - module: cri.node.migration_report
  - module: cri.node.runtime_config
  - module: cri.node.runtime_removal
author:
  - The cri.node contributors (@cri-node)
"""

EXAMPLES = r"""
- name: Migrate a drained node to CRI-O, whose static pods and those of DaemonSets still run
  cri.node.runtime_migration:
    overruled_guards: [running_pods]

- name: Return the node to containerd
  cri.node.runtime_migration:
    engine: containerd
    overruled_guards: [running_pods]

- name: Remove the packages of the former engine
  cri.node.runtime_migration:
    state: former_removed
"""

RETURN = r"""
engine:
  description: The new engine.
  type: str
  returned: with O(state=migrated)
  sample: crio
former:
  description: The former engine; empty if the node had the new one already.
  type: str
  returned: success
  sample: containerd
steps:
  description: The steps that changed something, in their order, in check mode those that would.
  type: list
  elements: str
  returned: with O(state=migrated)
  sample: [carry over images, stop the kubelet, stop the containers, stop the former engine, change the kubelet's files]
containers:
  description: The containers of pods that ran in the former engine before the task.
  type: list
  elements: dict
  returned: with O(state=migrated)
  contains:
    name:
      description: The name of the container; empty for a pod without a running container.
      type: str
      sample: etcd
    pod:
      description: Namespace and name of its pod.
      type: str
      sample: kube-system/etcd-node-1
    image:
      description: Its image, as it was requested.
      type: str
      sample: registry.k8s.io/etcd:3.6.5-0
other_containers:
  description: The containers that ran there and that no kubelet has started. Nobody starts them again.
  type: list
  elements: dict
  returned: with O(state=migrated)
  contains:
    name:
      description: The name of the container, in containerd with its namespace.
      type: str
      sample: registry-cache
    image:
      description: Its image; empty if unknown.
      type: str
      sample: registry:2
images:
  description: The images of the former engine.
  type: list
  elements: dict
  returned: with O(state=migrated)
  contains:
    id:
      description: The ID of the image, which is the digest of its configuration.
      type: str
      sample: 89cfb790796a8e328f827019de90f469bf320ada0df8152429c9a76ece7659cd
    names:
      description: Those of its names that the action concerns.
      type: list
      elements: str
      sample: [registry.k8s.io/pause:3.10.1]
    action:
      description:
        - V(carry) if it was carried over, V(none) if the new engine has it, V(keep) if a name means another image there,
          V(unnamed) if it has no name, or only one by a digest that it would lose.
      type: str
      sample: carry
    error:
      description: Why it could not be carried over, if the guard V(missing_images) is overruled.
      type: str
      sample: "ctr: content digest not found"
    seconds:
      description: How long it took to carry it over.
      type: float
      sample: 1.2
kubelet:
  description: What the kubelet's files set before the task, and which of them it changed.
  type: dict
  returned: with O(state=migrated)
  contains:
    found:
      description: Whether the node has a kubelet, or files of one.
      type: bool
      sample: true
    node_name:
      description: The name of the node in its cluster.
      type: str
      sample: node-1
    endpoint:
      description: The endpoint; empty if no file sets one.
      type: str
      sample: unix:///run/containerd/containerd.sock
    endpoint_file:
      description: The file that sets it.
      type: str
      sample: /var/lib/kubelet/config.yaml
    cgroup_driver:
      description: The cgroup driver; empty if no file sets one.
      type: str
      sample: systemd
    cgroup_driver_file:
      description: The file that sets it.
      type: str
      sample: /var/lib/kubelet/config.yaml
    files:
      description: The files that were changed.
      type: list
      elements: str
      sample: [/var/lib/kubelet/config.yaml]
commands:
  description: What remains to be done in the cluster, by somebody who may.
  type: list
  elements: str
  returned: with O(state=migrated)
  sample:
    - kubectl annotate node node-1 --overwrite kubeadm.alpha.kubernetes.io/cri-socket=unix:///var/run/crio/crio.sock
packages:
  description: The packages that were removed, in check mode those that would be.
  type: list
  elements: str
  returned: with O(state=former_removed)
  sample: [containerd]
"""
