#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: crictl_info_facts
short_description: Gather facts about the container runtime with crictl
version_added: 0.1.0
description:
  - Returns the conditions, handlers, features, version and cgroup driver of the runtime as typed data.
  - The module succeeds even if the runtime is not ready; check RV(ansible_facts.crictl_info.runtime_ready). It fails if the
    runtime does not answer.
author:
  - The cri.node contributors (@cri-node)
extends_documentation_fragment:
  - cri.node.crictl
  - cri.node.attributes
  - cri.node.attributes.facts
seealso:
  - module: cri.node.crictl_ps_facts
  - module: cri.node.crictl_logs_facts
"""

EXAMPLES = r"""
- name: Gather facts about CRI-O
  cri.node.crictl_info_facts:
  become: true

- name: Fail if the runtime is not ready
  ansible.builtin.assert:
    that:
      - ansible_facts.crictl_info.runtime_ready
      - ansible_facts.crictl_info.network_ready
    fail_msg: "{{ ansible_facts.crictl_info.conditions | rejectattr('status') | map(attribute='message') }}"

- name: Gather facts about containerd, with a timeout of one minute
  cri.node.crictl_info_facts:
    endpoint: unix:///run/containerd/containerd.sock
    timeout: 60
  become: true
  when: inventory_hostname in groups.containerd | default([])

- name: Wait until the network is ready
  cri.node.crictl_info_facts:
  become: true
  register: runtime
  until: runtime is success and runtime.ansible_facts.crictl_info.network_ready
  retries: 12
  delay: 5
"""

RETURN = r"""
ansible_facts:
  description: Facts to add to those of the host.
  returned: success
  type: dict
  contains:
    crictl_info:
      description: The container runtime.
      returned: success
      type: dict
      contains:
        endpoint:
          description: The socket of the runtime, as a URL.
          returned: success
          type: str
          sample: unix:///var/run/crio/crio.sock
        runtime_ready:
          description: Whether the condition C(RuntimeReady) is true. V(false) if the runtime does not report it.
          returned: success
          type: bool
          sample: true
        network_ready:
          description: Whether the condition C(NetworkReady) is true. V(false) if the runtime does not report it.
          returned: success
          type: bool
          sample: true
        conditions:
          description: All conditions, in the order in which the runtime reports them.
          returned: success
          type: list
          elements: dict
          contains:
            type:
              description: The type of the condition.
              returned: success
              type: str
              sample: NetworkReady
            status:
              description: Whether the condition is true.
              returned: success
              type: bool
              sample: false
            reason:
              description: The reason for the status, in one word; empty if there is no problem.
              returned: success
              type: str
              sample: NetworkPluginNotReady
            message:
              description: The reason for the status, in a sentence; empty if there is no problem.
              returned: success
              type: str
              sample: no CNI configuration file in /etc/cni/net.d/
        handlers:
          description: The handlers (OCI runtimes) that pods can select with a C(RuntimeClass), sorted by name.
          returned: if the runtime and crictl report them (Kubernetes 1.30 and newer)
          type: list
          elements: dict
          contains:
            name:
              description: The name of the handler. Absent if the runtime does not report which handler is the
                default.
              returned: if known
              type: str
              sample: crun
            default:
              description: Whether pods without a C(RuntimeClass) use this handler.
              returned: if known
              type: bool
              sample: true
            features:
              description:
                - The features of the handler by their names in CRI (V(recursive_read_only_mounts),
                  V(user_namespaces)). Features that are not reported are absent.
              returned: success
              type: dict
              sample: {recursive_read_only_mounts: true, user_namespaces: true}
        features:
          description: The features of the runtime that do not depend on the handler.
          returned: if the runtime and crictl report them (Kubernetes 1.31 and newer)
          type: dict
          sample: {supplemental_groups_policy: true}
        version:
          description: Name and versions of the runtime.
          returned: success
          type: dict
          contains:
            runtime_name:
              description: The name of the runtime.
              returned: success
              type: str
              sample: cri-o
            runtime_version:
              description: The version of the runtime, as it reports it.
              returned: if the runtime reports it
              type: str
              sample: 1.37.0
            api_version:
              description: The version of CRI.
              returned: if the runtime reports it
              type: str
              sample: v1
        cgroup_driver:
          description: V(systemd) or V(cgroupfs). The kubelet must use the same driver.
          returned: if the runtime reports it
          type: str
          sample: systemd
        sandbox_image:
          description: The image of the infrastructure container of pods.
          returned: if the runtime reports it
          type: str
          sample: registry.k8s.io/pause:3.10
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
    module = AnsibleModule(argument_spec=dict(OPTIONS), supports_check_mode=True)
    started = early(module.params, json_arguments("info"), ("version",))
    # Imported here: Python compiles all this while crictl is running.
    from ..module_utils.crictl import runtime_facts
    from ..module_utils.crictl.call import Crictl
    from ..module_utils.errors import NodeError
    from ..module_utils.module_result import exit_with

    try:
        with Crictl(**{option: module.params[option] for option in OPTIONS}, started=started) as crictl:
            facts = runtime_facts.read(crictl)
    except NodeError as error:
        module.fail_json(msg=str(error), kind=error.kind)
    exit_with(module, ansible_facts={"crictl_info": facts})


if __name__ == "__main__":
    main()
