#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Documentation only. The action of the same name does the work, and calls node_host_prerequisites on the node.

from __future__ import annotations

DOCUMENTATION = r"""
module: host_prerequisites
short_description: Prepare a host for CRI-O and the kubelet
version_added: 0.1.0
description:
  - Brings a host to the state that the preflight checks of C(kubeadm) and CRI-O expect of it. Loads kernel modules, sets kernel
    parameters, optionally turns swap off, gives a user subordinate ids, and checks control groups and commands.
  - Changes nothing that is already right, whoever made it so. Writes F(/etc/modules-load.d/60-cri-node.conf) and
    F(/etc/sysctl.d/60-cri-node.conf) only for what no other file has set. Never changes F(/etc/fstab).
  - Reads and judges everything first. If something cannot be met, the task fails with all problems, and nothing is changed. If a
    step of a change fails, the change is undone.
  - Records in F(/var/lib/cri-node/prerequisites.json) what it changed. What is not desired any more is put back, all of it with
    O(state=absent).
options:
  state:
    description:
      - With V(absent), everything that the module has changed is put back, and the other options are ignored. Values that
        somebody else has changed since are kept, and a kernel module that is in use stays loaded.
    type: str
    choices: [present, absent]
    default: present
  modules:
    description:
      - Kernel modules that are loaded now and at boot. A module that is built into the kernel counts as loaded. One that another
        file of C(modules-load.d) names is not written again.
      - V(overlay) and V(br_netfilter) by default. An empty list means none.
    type: list
    elements: str
  sysctls:
    description:
      - Values of kernel parameters, now and at boot, for example C(fs.inotify.max_user_instances=8192). They are added to
        C(net.ipv4.ip_forward), C(net.bridge.bridge-nf-call-iptables) and C(net.bridge.bridge-nf-call-ip6tables), which are 1 by
        default. Null removes one of these.
      - The value at boot is determined as C(systemd-sysctl) does it, from all directories of sysctl.d(5). If a file that is read
        after ours sets another value, the task fails and names the file.
    type: dict
    default: {}
  swap:
    description:
      - With V(disable), swap is turned off now, and its systemd units are masked so that it stays off at boot.
      - With V(keep), swap is left as it is, except that swap that this module turned off is turned on again.
    type: str
    choices: [keep, disable]
    default: keep
  cgroup_v2:
    description:
      - Whether a host without cgroup v2 is an error (V(required)), a warning (V(recommended)) or not checked (V(ignored)).
    type: str
    choices: [required, recommended, ignored]
    default: required
  user_namespaces:
    description: Whether a user has subordinate ids, which pods with user namespaces need.
    type: bool
    default: true
  subordinate_ids:
    description:
      - The line that is added to F(/etc/subuid) and F(/etc/subgid) if the user has none there. A range that overlaps that of
        another user is an error.
    type: dict
    suboptions:
      user:
        description: The user. CRI-O takes ids from the ranges of V(containers).
        type: str
        default: containers
      start:
        description: The first id.
        type: int
        default: 2147483647
      count:
        description: The number of ids.
        type: int
        default: 2147483648
  commands:
    description:
      - The severity of missing commands by name, V(required) (an error), V(recommended) (a warning) or V(ignored). Commands that
        are not listed here have the severity that C(kubeadm) gives them. C(mount), C(losetup) and C(cp) are required. C(ip),
        C(iptables) (or C(nft)), C(nsenter), C(conntrack), C(ethtool), C(socat) and C(tc) are recommended.
    type: dict
    default: {}
  packages_follow:
    description:
      - Whether a later task installs RV(packages), so that missing commands that they contain are neither an error nor a
        warning.
    type: bool
    default: false
extends_documentation_fragment:
  - cri.node.attributes.node
attributes:
  check_mode:
    details:
      - Whether the kernel accepts the value of a parameter is only known when it is set.
  diff_mode:
    support: full
    details:
      - Shows the files, and live values, before and after.
seealso:
  - module: cri.node.runtime_config
  - name: Preflight checks of kubeadm
    description: What kubeadm requires of a host.
    link: https://kubernetes.io/docs/reference/setup-tools/kubeadm/implementation-details/#preflight-checks
author:
  - The cri.node contributors (@cri-node)
"""

EXAMPLES = r"""
- name: Prepare a host
  cri.node.host_prerequisites:
    swap: disable
    sysctls:
      fs.inotify.max_user_instances: 8192
    commands:
      conntrack: required

- name: Put the host back
  cri.node.host_prerequisites:
    state: absent
"""

RETURN = r"""
prerequisites:
  description:
    - All items by subject (C(commands), C(cgroup), C(modules), C(sysctls), C(swap), C(subordinate_ids)) and name. Each has
      C(wanted), C(found) and C(changed). C(found) is the state before the task.
  type: dict
  returned: success
  sample:
    sysctls:
      net.ipv4.ip_forward:
        wanted: {live: "1", at_boot: "1"}
        found: {live: "0", at_boot: null, file: null}
        changed: true
packages:
  description: The packages that contain the missing commands, as the node's distribution names them.
  type: list
  elements: str
  returned: success
  sample: [conntrack, socat]
"""
