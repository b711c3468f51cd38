#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: crictl_image_prune
short_description: Remove unused images from a container runtime
version_added: 0.1.0
description:
  - Removes images that no container uses, in any state, and that are not pinned. C(crictl rmi --prune) knows no other rule.
  - Options are combined with AND, and the values of one option with OR.
options:
  name:
    description:
      - Remove only images with one of these names. The wildcards V(*), V(?) and V([...]) work as in a shell.
      - Names are compared with the tags and digests that the runtime reports, for example V(quay.io/prometheus/*). By default,
        all images match, also those without a name.
    type: list
    elements: str
    default: ['*']
  keep:
    description: Keep images with one of these names, with wildcards as in O(name), or IDs, whatever other names they have.
    type: list
    elements: str
    default: []
  older_than:
    description:
      - Remove only images that were built before this time. RFC 3339, or a duration before now such as V(30d) or V(12h).
      - CRI does not report when an image was pulled or last used. An image without a time is kept, and so are images whose
        build sets a fixed time in the future.
    type: str
extends_documentation_fragment:
  - cri.node.crictl
  - cri.node.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details:
      - Shows the names and IDs of images.
author:
  - The cri.node contributors (@cri-node)
seealso:
  - module: cri.node.crictl_image
  - module: cri.node.crictl_images_facts
"""

EXAMPLES = r"""
- name: Remove unused images of a registry that were built more than 30 days ago
  cri.node.crictl_image_prune:
    name: registry.example.com/*
    keep: ['*:stable']
    older_than: 30d
  become: true
"""

RETURN = r"""
images:
  description: The images that were removed, or would be in check mode.
  returned: success, and failure of a removal
  type: list
  elements: dict
  contains:
    name:
      description: The first name of the image, or its ID.
      returned: success
      type: str
      sample: registry.example.com/app:1.3
    action:
      description: Always V(remove).
      returned: success
      type: str
      sample: remove
    changed:
      description: Whether the image was removed.
      returned: success
      type: bool
      sample: true
    id:
      description: The ID of the image.
      returned: success
      type: str
      sample: c3598912096d4429d6be82f305ad6873792d25df59bf0cab8eeb4cbdf719388c
    tags:
      description: The names of the image with a tag.
      returned: success
      type: list
      elements: str
      sample: ['registry.example.com/app:1.3']
    digests:
      description: The names of the image with a digest.
      returned: success
      type: list
      elements: str
      sample: ['registry.example.com/app@sha256:7f754817b68a5e936538565b51bb7863c6554a63e3a9361a2e658e56fee87613']
    size:
      description: The size in bytes, as the runtime counts it.
      returned: if the runtime reports it
      type: int
      sample: 1988575
    pinned:
      description: Always V(false).
      returned: if the runtime and crictl report it
      type: bool
      sample: false
    error:
      description: Why the image could not be removed, for example because a container has begun to use it.
      returned: failure of the removal
      type: str
      sample: 'crictl rmi failed: [...] image is in use by a container'
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

from typing import Any

from ..module_utils.zip_import import compile_once

compile_once()  # each of the following imports

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.crictl.start import OPTIONS, early, json_arguments


def main() -> None:
    module = AnsibleModule(
        argument_spec=dict(
            OPTIONS,
            name={"type": "list", "elements": "str", "default": ["*"]},
            keep={"type": "list", "elements": "str", "default": []},
            older_than={"type": "str"},
        ),
        supports_check_mode=True,
    )
    started = early(module.params, json_arguments("images"), json_arguments("ps", "-a"))
    # Imported here: Python compiles all this while crictl is running.
    from ..module_utils.crictl.call import Crictl
    from ..module_utils.errors import ImageError, NodeError
    from ..module_utils.image import absent
    from ..module_utils.module_result import exit_with

    failure: dict[str, Any] = {}
    result: dict[str, Any] = {}
    try:
        built_before = _time(module)
        with Crictl(**{option: module.params[option] for option in OPTIONS}, started=started) as crictl:
            result = absent.prune(
                crictl, module.params["name"], module.params["keep"], built_before, module.check_mode
            )
    except ImageError as error:
        failure = {"msg": str(error), "kind": error.kind, "changed": error.changed, "images": error.images}
    except NodeError as error:
        failure = {"msg": str(error), "kind": error.kind}
    if failure:
        module.fail_json(**failure)
    if module._diff and result["changed"]:
        lines = [f"image {image['name']}: {image['id']}\n" for image in result["images"]]
        result["diff"] = {"before": "".join(lines), "after": ""}
    exit_with(module, **result)


def _time(module: AnsibleModule) -> str | None:
    """Return the option older_than in RFC 3339; None without it."""
    from ..module_utils.crictl.moment import moment
    from ..module_utils.crictl.times import rfc3339

    given = module.params["older_than"]
    if given is None:
        return None
    try:
        found = rfc3339(moment(given))
    except ValueError as error:
        module.fail_json(msg=f"older_than: {error}", kind="failed")
    if found is None:
        module.fail_json(msg=f"older_than: {given!r:.80} is before 1970 or after 9999", kind="failed")
    return found


if __name__ == "__main__":
    main()
