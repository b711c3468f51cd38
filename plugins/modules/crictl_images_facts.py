#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: crictl_images_facts
short_description: Gather image facts with crictl
version_added: 0.1.0
description:
  - Returns the images of a node as typed data, the containers that use each of them, and the space that images take.
  - Options are combined with AND, and the values of one option with OR.
author:
  - The cri.node contributors (@cri-node)
extends_documentation_fragment:
  - cri.node.crictl
  - cri.node.attributes
  - cri.node.attributes.facts
options:
  id:
    description: Return only images whose ID begins with one of these, with or without C(sha256:).
    type: list
    elements: str
  name:
    description:
      - Return only images with one of these names. The wildcards V(*), V(?) and V([...]) work as in a shell.
      - Names are compared with the tags and digests that the runtime reports, for example V(quay.io/prometheus/*).
    type: list
    elements: str
  pinned:
    description: Return only images that are pinned, or only those that are not. A kubelet never removes a pinned image.
    type: bool
  in_use:
    description: Return only images that a container uses, or only those that no container uses.
    type: bool
seealso:
  - module: cri.node.crictl_image
  - module: cri.node.crictl_image_prune
  - module: cri.node.crictl_ps_facts
"""

EXAMPLES = r"""
- name: Gather facts about all images
  cri.node.crictl_images_facts:
  become: true

- name: Show how much space the images take, in MiB
  ansible.builtin.debug:
    msg: "{{ ansible_facts.crictl_images.images | map(attribute='size', default=0) | sum // 1048576 }}"

- name: Gather facts about images that could be removed
  cri.node.crictl_images_facts:
    pinned: false
    in_use: false
  become: true

- name: Gather facts about the images of a registry
  cri.node.crictl_images_facts:
    name: registry.example.com/*
  become: true
"""

RETURN = r"""
ansible_facts:
  description: Facts to add to those of the host.
  returned: success
  type: dict
  contains:
    crictl_images:
      description: The images of the node.
      returned: success
      type: dict
      contains:
        endpoint:
          description: The socket of the runtime, as a URL.
          returned: success
          type: str
          sample: unix:///var/run/crio/crio.sock
        images:
          description: The matching images, sorted by their names.
          returned: success
          type: list
          elements: dict
          contains:
            id:
              description: The ID of the image, as the runtime prints it. CRI-O prints 64 hexadecimal digits, containerd adds the
                prefix C(sha256:).
              returned: success
              type: str
              sample: c3598912096d4429d6be82f305ad6873792d25df59bf0cab8eeb4cbdf719388c
            tags:
              description: The names of the image with a tag. Empty for an image that has none, such as one pulled by its digest.
              returned: success
              type: list
              elements: str
              sample: ['registry.example.com/hello:1']
            digests:
              description: The names of the image with a digest, that of its manifest in a registry. It differs from the ID.
              returned: success
              type: list
              elements: str
              sample: ['registry.example.com/hello@sha256:7f754817b68a5e936538565b51bb7863c6554a63e3a9361a2e658e56fee87613']
            size:
              description: The size in bytes, as the runtime counts it. CRI-O reports the unpacked size, containerd the
                compressed size.
              returned: if the runtime reports it
              type: int
              sample: 1988575
            pinned:
              description: Whether the image is pinned, so that a kubelet does not remove it.
              returned: if the runtime and crictl report it (Kubernetes 1.25 and newer)
              type: bool
              sample: false
            uid:
              description: The user ID that the image is run with.
              returned: if the image has a numeric user
              type: int
              sample: 1000
            username:
              description: The name of the user that the image is run with.
              returned: if the image has a user that is not numeric
              type: str
              sample: nginx
            containers:
              description: The containers that use the image, in any state. A container that has exited needs its image until
                it is removed.
              returned: success
              type: list
              elements: dict
              contains:
                id:
                  description: The ID of the container.
                  returned: success
                  type: str
                  sample: 5b1bde730afdd888575431f4017f653ce7d076b48451f85e1f3b60c08130f625
                name:
                  description: The name of the container in its pod.
                  returned: if known
                  type: str
                  sample: hello-world
                state:
                  description: V(created), V(running), V(exited) or V(unknown).
                  returned: success
                  type: str
                  sample: running
                pod:
                  description: The pod of the container, with its C(id), C(name), C(namespace) and C(uid) where known.
                  returned: success
                  type: dict
                  sample: {id: 0f3fd8a6f880, name: hello-pod, namespace: default}
        file_systems:
          description: The space that images and containers take.
          returned: success
          type: dict
          contains:
            images: &usage
              description: The directories of the runtime, usually one. Empty if the runtime does not report them.
              returned: success
              type: list
              elements: dict
              contains:
                mountpoint:
                  description: The directory.
                  returned: if known
                  type: str
                  sample: /var/lib/containers/storage/overlay-images
                used_bytes:
                  description: The number of bytes that the runtime counts in the directory. CRI-O counts only the metadata of
                    images, not their layers.
                  returned: if known
                  type: int
                  sample: 18675
                inodes_used:
                  description: The number of inodes that the runtime counts in the directory.
                  returned: if known
                  type: int
                  sample: 11
                measured_at:
                  description: The time of the measurement, RFC 3339 in UTC with nanoseconds.
                  returned: if known
                  type: str
                  sample: '2026-11-23T23:57:26.605891114Z'
                size_bytes:
                  description: The size in bytes of the file system that contains the directory.
                  returned: if the directory is on this node and can be read
                  type: int
                  sample: 103880232960
                available_bytes:
                  description: The number of bytes that are left on that file system.
                  returned: if the directory is on this node and can be read
                  type: int
                  sample: 61203283968
            containers: *usage
kind:
  description:
    - The kind of failure, for use in conditions.
    - V(missing) (crictl is not installed), V(unreachable) (there is no socket, or nothing listens on it), V(timeout),
      V(permission), V(not_found), V(not_json) (crictl printed something else), V(unexpected) (JSON of another form) or
      V(failed).
  returned: failure
  type: str
  sample: unreachable
"""

from ..module_utils.zip_import import compile_once

compile_once()  # each of the following imports

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.crictl.start import OPTIONS, early, json_arguments


def main() -> None:
    module = AnsibleModule(
        argument_spec=dict(
            OPTIONS,
            id={"type": "list", "elements": "str"},
            name={"type": "list", "elements": "str"},
            pinned={"type": "bool"},
            in_use={"type": "bool"},
        ),
        supports_check_mode=True,
    )
    started = early(
        module.params, json_arguments("images"), json_arguments("ps", "-a"), json_arguments("imagefsinfo")
    )
    # Imported here: Python compiles all this while crictl is running.
    from ..module_utils.crictl import image_facts
    from ..module_utils.crictl.call import Crictl
    from ..module_utils.errors import NodeError
    from ..module_utils.module_result import exit_with

    try:
        with Crictl(**{option: module.params[option] for option in OPTIONS}, started=started) as crictl:
            found = image_facts.read(crictl, module.params)
    except NodeError as error:
        module.fail_json(msg=str(error), kind=error.kind)
    exit_with(module, ansible_facts={"crictl_images": {"endpoint": crictl.endpoint, **found}})


if __name__ == "__main__":
    main()
