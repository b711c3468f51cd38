#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: node_crictl_pod
short_description: "Internal: node side of cri.node.crictl_pod"
description:
  - The action of M(cri.node.crictl_pod) calls this module. It creates, replaces or removes one pod through CRI.
extends_documentation_fragment:
  - cri.node.internal
seealso:
  - module: cri.node.crictl_pod
author:
  - The cri.node contributors (@cri-node)
"""

EXAMPLES = r"""
# Use the module whose action calls this one.
- name: Remove a pod and its logs
  cri.node.crictl_pod:
    name: hello-world
    state: absent
"""

RETURN = r"""
pod_failure:
  description: Details of the failure, such as the container and the last lines of its log.
  type: dict
  returned: failure of crictl or of the pod
"""

import json

from ansible_collections.cri.node.plugins.module_utils.zip_import import compile_once

compile_once()  # each of the following imports

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.cri.node.plugins.module_utils import request as node_request
from ansible_collections.cri.node.plugins.module_utils.crictl.call import OPTIONS, Crictl, CrictlError
from ansible_collections.cri.node.plugins.module_utils.crictl.fields import UnexpectedOutput
from ansible_collections.cri.node.plugins.module_utils.errors import PodError
from ansible_collections.cri.node.plugins.module_utils.module_result import exit_with
from ansible_collections.cri.node.plugins.module_utils.pod import host as pod_host
from ansible_collections.cri.node.plugins.module_utils.pod import present as cri_pod

KUBELET = (
    "kubelet.service is active on this node: the kubelet removes pods that it did not create, such as this one,"
    " within about a minute"
)
REQUEST = {
    **OPTIONS,
    "state": {"type": "str", "choices": ["present", "absent"], "required": True},
    "name": {"type": "str", "required": True},
    "namespace": {"type": "str", "required": True},
    # A secret, as one text of JSON: single values of the environment would be removed from every result.
    "pod": {"type": "str"},
    "wait": {"type": "str", "choices": ["ready", "completed", "none"], "required": True},
    "wait_timeout": {"type": "int", "required": True},
    "pull_timeout": {"type": "int", "required": True},
}


def main() -> None:
    """Create or remove a pod. The action crictl_pod has checked and converted its manifest."""
    module = AnsibleModule(argument_spec=node_request.OPTIONS, supports_check_mode=True)
    try:
        asked = node_request.of(module.params, REQUEST)
        crictl = Crictl(**{option: asked[option] for option in OPTIONS})
        if asked["state"] == "absent":
            result = cri_pod.absent(crictl, asked["name"], asked["namespace"], check=module.check_mode)
        else:
            result = cri_pod.present(
                crictl,
                json.loads(asked["pod"]),
                wait=asked["wait"],
                wait_timeout=asked["wait_timeout"],
                pull_timeout=asked["pull_timeout"],
                check=module.check_mode,
            )
    except PodError as error:
        known = {key: getattr(error, key) for key in ("container", "exit_code", "reason", "log", "changed")}
        failure = {key: value for key, value in known.items() if value is not None}
        module.fail_json(msg=str(error), pod_failure=failure)
    except (CrictlError, UnexpectedOutput) as error:
        module.fail_json(msg=str(error), pod_failure={"kind": error.kind})
    except (node_request.RequestError, pod_host.UnfitPathError, OSError) as error:
        module.fail_json(msg=str(error))
    if asked["state"] == "present" and pod_host.kubelet_is_active():
        module.warn(KUBELET)
    exit_with(module, **result)


if __name__ == "__main__":
    main()
