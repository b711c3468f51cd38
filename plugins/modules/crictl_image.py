#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

# Documentation only. The action of the same name does the work, and calls node_crictl_image on the node.

from __future__ import annotations

DOCUMENTATION = r"""
module: crictl_image
short_description: Manage the images of a container runtime
version_added: 0.1.0
description:
  - Pulls images onto a node, imports them from an archive, or removes them, through CRI. Several images are handled in one task,
    and pulls run in parallel.
  - An image that is pinned, or that a container uses in any state, is never removed.
  - A pull that takes long can run in the background with C(async). The result contains how long each pull took.
options:
  name:
    description:
      - The images. Required unless O(archive) is set.
      - A name with a registry is completed as runtimes do it. Without a tag or a digest, the tag is V(latest); with both, the
        digest decides.
      - A short name, without a registry, is resolved by the runtime, which may search several registries. CRI-O refuses one
        that is ambiguous.
      - With O(state=absent), an ID is possible, too. An ID or a digest means the image with all its names. With CRI-O, an image
        is removed with its last tag; containerd can only remove an image with all its tags, so that all of them must be listed.
      - With O(archive), the names that its only image gets instead of those in the archive.
    type: list
    elements: str
  state:
    description:
      - V(present) pulls images that the node does not have.
      - V(latest) pulls them again, so that the node has what their tags mean in the registry now. An image with a digest is only
        pulled if the node does not have it.
      - V(absent) removes images. Nothing is removed if one of them must not be.
    type: str
    choices: [present, latest, absent]
    default: present
  username:
    description:
      - User for the registry of the images, together with O(password). All O(name) must begin with the same registry.
      - Credentials are passed to crictl in its environment, which only root can read, and not on a command line. CRI-O does not
        send them to mirrors.
      - For credentials that kubelets need as well, use a file that C(crio.image.global_auth_file) names instead.
    type: str
  password:
    description: Password or token for O(username). Does not appear in results and messages.
    type: str
  archive:
    description:
      - A file with images, as C(docker save), C(podman save) and C(skopeo copy) write it (docker-archive or oci-archive). It may
        be compressed with gzip, bzip2 or xz. At most 32 GiB unpacked.
      - The file is searched for on the controller like O(ansible.builtin.copy#module:src) of M(ansible.builtin.copy), and is sent
        to a node only if the node does not have its images.
      - All images of the archive are imported with their names. An image of several platforms is imported for that of the node.
      - With CRI-O, the node needs C(skopeo) or C(podman), which write to the store that CRI-O reports. With containerd, it needs
        C(ctr). Other runtimes are not supported.
    type: str
  remote_src:
    description: Whether O(archive) is the path of a file on the node.
    type: bool
    default: false
  sha256:
    description: The SHA-256 of the file O(archive). It is not read further if it has another one.
    type: str
  pull_timeout:
    description: Time limit for each pull, and for the import of each image, in seconds.
    type: int
    default: 300
author:
  - The cri.node contributors (@cri-node)
extends_documentation_fragment:
  - cri.node.crictl
  - cri.node.attributes
attributes:
  async:
    description: Supports C(async). The diff is not returned then.
    support: full
  check_mode:
    support: partial
    details:
      - Pulls nothing, and therefore does not detect an image that cannot be pulled.
      - With O(state=latest), whether a pull changes an image that the node has is only known after it. A change and a warning are
        reported.
  diff_mode:
    support: full
    details:
      - Shows the names and IDs of images.
requirements:
  - skopeo, podman or ctr on the node, for O(archive) only
seealso:
  - module: cri.node.crictl_images_facts
  - module: cri.node.crictl_image_prune
  - module: cri.node.crictl_pod
"""

EXAMPLES = r"""
- name: Pull two images that the node does not have yet
  cri.node.crictl_image:
    name:
      - registry.example.com/app:1.4
      - registry.example.com/sidecar@sha256:7f754817b68a5e936538565b51bb7863c6554a63e3a9361a2e658e56fee87613
  become: true

- name: Pull an image with credentials
  cri.node.crictl_image:
    name: registry.example.com/private/app:1.4
    username: ops
    password: "{{ vault_registry_password }}"
  become: true

- name: Pull what a tag means now, in the background
  cri.node.crictl_image:
    name: registry.example.com/models:nightly
    state: latest
    pull_timeout: 1800
  become: true
  async: 2000
  poll: 15

- name: Import an image from an archive on the controller
  cri.node.crictl_image:
    archive: images/app-1.4.tar
    sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
  become: true

- name: Import an image from an archive on the node, under another name
  cri.node.crictl_image:
    archive: /mnt/usb/app.tar
    remote_src: true
    name: registry.example.com/app:1.4
  become: true

- name: Remove an image
  cri.node.crictl_image:
    name: registry.example.com/app:1.3
    state: absent
  become: true
"""

RETURN = r"""
images:
  description: The images, in the order of O(name) or of the archive.
  returned: success, and failure of a pull
  type: list
  elements: dict
  contains:
    name:
      description: The name, completed with its registry and tag.
      returned: success
      type: str
      sample: registry.example.com/app:1.4
    action:
      description: What was done, or would be done in check mode. V(none), V(pull), V(import) or V(remove).
      returned: success
      type: str
      sample: pull
    changed:
      description: Whether the image changed. A pull that changed neither the ID nor the digests of the image is no change.
      returned: success
      type: bool
      sample: true
    id:
      description: The ID of the image. With O(state=absent), of the one that was removed.
      returned: if the image exists, or existed
      type: str
      sample: c3598912096d4429d6be82f305ad6873792d25df59bf0cab8eeb4cbdf719388c
    previous_id:
      description: The ID of the image that had the name before.
      returned: if another image has got the name
      type: str
      sample: f45daabe7b3f278113da1d0577d2c6062650ebbd2dccfcb73354f5be33ea014b
    tags:
      description: All names of the image with a tag.
      returned: if the image exists, or existed
      type: list
      elements: str
      sample: ['registry.example.com/app:1.4']
    digests:
      description: All names of the image with a digest.
      returned: if the image exists, or existed
      type: list
      elements: str
      sample: ['registry.example.com/app@sha256:7f754817b68a5e936538565b51bb7863c6554a63e3a9361a2e658e56fee87613']
    size:
      description: The size in bytes, as the runtime counts it.
      returned: if the runtime reports it
      type: int
      sample: 1988575
    pinned:
      description: Whether the image is pinned.
      returned: if the runtime and crictl report it
      type: bool
      sample: false
    seconds:
      description: How long the pull or the import took, in seconds.
      returned: after a pull or an import
      type: float
      sample: 12.417
    error:
      description: Why the image could not be pulled.
      returned: failure of the pull
      type: str
      sample: 'crictl pull failed: pulling image: [...] manifest unknown'
kind:
  description:
    - The kind of failure, for use in conditions.
    - V(missing) (crictl, or a program for an import, is not installed), V(unreachable), V(timeout), V(permission), V(not_found),
      V(not_json), V(unexpected), V(pinned) or V(in_use) (an image that must not be removed), or V(failed).
  returned: failure on the node
  type: str
  sample: in_use
"""
