#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: crictl_info_facts
short_description: What a node's container runtime says of itself, as facts
version_added: 0.1.0
description:
  - Reads the runtime's conditions, handlers, features, version and cgroup driver through CRI, typed.
  - A runtime that is not ready is not an error of this module; look at
    RV(ansible_facts.crictl_info.runtime_ready). A runtime that does not answer is one.
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
- name: Read the runtime
  cri.node.crictl_info_facts:
  become: true

- name: Stop where the runtime is not ready
  ansible.builtin.assert:
    that:
      - ansible_facts.crictl_info.runtime_ready
      - ansible_facts.crictl_info.network_ready
    fail_msg: "{{ ansible_facts.crictl_info.conditions | rejectattr('status') | map(attribute='message') }}"

- name: Read containerd instead, and allow it a minute
  cri.node.crictl_info_facts:
    endpoint: unix:///run/containerd/containerd.sock
    timeout: 60
  become: true
  when: ansible_facts.crictl_info.version.runtime_name == 'containerd'

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
  description: Facts to add to the node's.
  returned: success
  type: dict
  contains:
    crictl_info:
      description: The runtime.
      returned: success
      type: dict
      contains:
        endpoint:
          description: The socket that answered, as a URL.
          returned: success
          type: str
          sample: unix:///var/run/crio/crio.sock
        runtime_ready:
          description: Whether the condition C(RuntimeReady) holds. V(false) where the runtime does not tell.
          returned: success
          type: bool
          sample: true
        network_ready:
          description: Whether the condition C(NetworkReady) holds. V(false) where the runtime does not tell.
          returned: success
          type: bool
          sample: true
        conditions:
          description: All conditions, in the runtime's order.
          returned: success
          type: list
          elements: dict
          contains:
            type:
              description: The condition's name.
              returned: success
              type: str
              sample: NetworkReady
            status:
              description: Whether it holds.
              returned: success
              type: bool
              sample: false
            reason:
              description: Why, in one word; empty where all is well.
              returned: success
              type: str
              sample: NetworkPluginNotReady
            message:
              description: Why, in a sentence; empty where all is well.
              returned: success
              type: str
              sample: no CNI configuration file in /etc/cni/net.d/
        handlers:
          description: The OCI runtimes (C(RuntimeClass) handlers) that pods can ask for.
          returned: where the runtime and crictl tell it (Kubernetes 1.30 and newer)
          type: list
          elements: dict
          contains:
            name:
              description: The handler's name. Absent where the runtime does not tell which one is the
                default.
              returned: where known
              type: str
              sample: crun
            default:
              description: Whether pods without a C(RuntimeClass) get it.
              returned: where known
              type: bool
              sample: true
            features:
              description:
                - What the handler can do, by the names that CRI gives (V(recursive_read_only_mounts),
                  V(user_namespaces)). What is not there was not reported.
              returned: success
              type: dict
              sample: {recursive_read_only_mounts: true, user_namespaces: true}
        features:
          description: What the runtime can do, whatever the handler.
          returned: where the runtime and crictl tell it (Kubernetes 1.31 and newer)
          type: dict
          sample: {supplemental_groups_policy: true}
        version:
          description: Which runtime this is.
          returned: success
          type: dict
          contains:
            runtime_name:
              description: Its name.
              returned: success
              type: str
              sample: cri-o
            runtime_version:
              description: Its version, as it writes it.
              returned: where the runtime tells it
              type: str
              sample: 1.37.0
            api_version:
              description: The version of CRI that it speaks.
              returned: where the runtime tells it
              type: str
              sample: v1
        cgroup_driver:
          description: V(systemd) or V(cgroupfs); must be the kubelet's as well.
          returned: where the runtime tells it
          type: str
          sample: systemd
        sandbox_image:
          description: The image of pods' infrastructure container.
          returned: where the runtime tells it
          type: str
          sample: registry.k8s.io/pause:3.10
kind:
  description:
    - What kind of failure this was, to act on.
    - V(missing) (no crictl), V(unreachable) (no socket, or nobody behind it), V(timeout), V(permission),
      V(not_found),
      V(not_json) (crictl printed something else), V(unexpected) (JSON of another form) or V(failed).
  returned: failure
  type: str
  sample: unreachable
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.crictl import output as cri_output
from ..module_utils.crictl.call import OPTIONS, Crictl, CrictlError


def read_info(crictl):
    document, version = crictl.together(lambda: crictl.json("info"), lambda: crictl.text("version"))
    facts = cri_output.info(document)
    facts.update(endpoint=crictl.endpoint, version=cri_output.version(version))
    if facts["version"]["runtime_name"] == "cri-o":
        complete_from_crio(facts, crictl)
    if "cgroup_driver" not in facts:
        driver = ask_cgroup_driver(crictl)
        facts.update({"cgroup_driver": driver} if driver else {})
    return facts


def complete_from_crio(facts, crictl):
    """CRI-O before 1.33 tells its cgroup driver and default handler only on its socket's HTTP side."""
    unnamed = any("name" not in handler for handler in facts.get("handlers", ()))
    if "cgroup_driver" in facts and not unnamed:
        return
    # Imported here because an HTTP client takes longer to load than all else, and new runtimes do not need it.
    from ..module_utils.crio import live as crio_live

    try:
        live = crio_live.live_configuration(crictl.socket_path, crictl.timeout)
    except crio_live.CrioSocketError:
        return
    driver = live.get("crio.runtime.cgroup_manager", "").strip('"')
    if driver:
        facts.setdefault("cgroup_driver", driver)
    if unnamed:
        default = live.get("crio.runtime.default_runtime", "").strip('"')
        facts["handlers"] = cri_output.with_default_handler(facts["handlers"], default)


def ask_cgroup_driver(crictl):
    """None where the runtime or crictl is too old to tell (before 1.28)."""
    try:
        return cri_output.cgroup_driver(crictl.text("runtime-config"))
    except CrictlError:
        return None


def main():
    module = AnsibleModule(argument_spec=dict(OPTIONS), supports_check_mode=True)
    try:
        facts = read_info(Crictl(**{option: module.params[option] for option in OPTIONS}))
    except (CrictlError, cri_output.UnexpectedOutput) as error:
        module.fail_json(msg=str(error), kind=error.kind)
    module.exit_json(changed=False, ansible_facts={"crictl_info": facts})


if __name__ == "__main__":
    main()
