#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: crictl_ps_facts
short_description: Gather container facts with crictl
version_added: 0.1.0
description:
  - Returns the containers of a node as typed data.
  - Options are combined with AND, and the values of one option with OR, except for those of O(labels), which must all match.
  - The environment and the command line of containers are never returned.
  - Annotations are set by whoever created the container, and may contain secrets; use C(no_log) on the task in that
    case. Annotations that contain a whole manifest (C(kubectl.kubernetes.io/last-applied-configuration)) are left out.
    The annotation C(cri.node/config-sha256) of M(cri.node.crictl_pod) is a hash with a secret key.
author:
  - The cri.node contributors (@cri-node)
extends_documentation_fragment:
  - cri.node.crictl
  - cri.node.attributes
  - cri.node.attributes.facts
options:
  states:
    description:
      - Return only containers in these states. By default, only running containers are returned, as by C(crictl ps).
      - An empty list selects all states.
    type: list
    elements: str
    choices: [created, running, exited, unknown]
    default: [running]
  id:
    description: Return only containers whose ID begins with one of these.
    type: list
    elements: str
  name:
    description: Return only containers with one of these names. The wildcards V(*), V(?) and V([...]) work as in a shell.
    type: list
    elements: str
  pod:
    description: Return only containers in pods with one of these names, with wildcards as in O(name), or full IDs.
    type: list
    elements: str
  namespace:
    description: Return only containers in pods of these Kubernetes namespaces, with wildcards as in O(name).
    type: list
    elements: str
  image:
    description:
      - Return only containers of these images, by name, digest reference or ID, with wildcards as in O(name).
      - Names are compared with those that the runtime reports, for example V(quay.io/prometheus/*).
    type: list
    elements: str
  labels:
    description:
      - Return only containers that have all these labels with these values. A label without a value matches any value.
      - Values may contain C(=), which crictl does not support.
    type: dict
  details:
    description:
      - Also return when containers started and ended, why they ended and with which exit code, the paths of their logs,
        image digests, mounts, resources, user and stop signal, and the namespaces of their pods.
      - Requires one more call of crictl for every 50 containers that are returned, and for every 50 of their pods.
    type: bool
    default: false
seealso:
  - module: cri.node.crictl_info_facts
  - module: cri.node.crictl_logs_facts
"""

EXAMPLES = r"""
- name: Gather facts about running containers
  cri.node.crictl_ps_facts:
  become: true

- name: Show the names of the containers
  ansible.builtin.debug:
    msg: "{{ ansible_facts.crictl_ps.containers | map(attribute='name') }}"

- name: Gather facts about containers of a namespace that have ended
  cri.node.crictl_ps_facts:
    states: [exited]
    namespace: kube-system
    details: true
  become: true

- name: Fail if a container ended with an error
  ansible.builtin.assert:
    that: ansible_facts.crictl_ps.containers | rejectattr('exit_code', 'equalto', 0) | length == 0

- name: Gather facts about all containers of a deployment, in any state
  cri.node.crictl_ps_facts:
    states: []
    pod: web-*
    labels:
      io.kubernetes.container.name: nginx
  become: true

- name: Gather facts about mounts, users and namespaces
  cri.node.crictl_ps_facts:
    details: true
  become: true

- name: Show the containers in pods that use the network of the node
  ansible.builtin.debug:
    msg: >-
      {{ ansible_facts.crictl_ps.containers
         | selectattr('pod.namespaces.network', 'defined')
         | selectattr('pod.namespaces.network', 'equalto', 'node')
         | map(attribute='name') }}
"""

RETURN = r"""
ansible_facts:
  description: Facts to add to those of the host.
  returned: success
  type: dict
  contains:
    crictl_ps:
      description: The containers of the node.
      returned: success
      type: dict
      contains:
        endpoint:
          description: The socket of the runtime, as a URL.
          returned: success
          type: str
          sample: unix:///var/run/crio/crio.sock
        containers:
          description: The matching containers, the newest first.
          returned: success
          type: list
          elements: dict
          contains:
            id:
              description: The full ID of the container.
              returned: success
              type: str
              sample: 5b1bde730afdd888575431f4017f653ce7d076b48451f85e1f3b60c08130f625
            name:
              description: The name of the container in its pod.
              returned: success
              type: str
              sample: hello-world
            attempt:
              description: How often the container was restarted in its pod.
              returned: success
              type: int
              sample: 0
            state:
              description: V(created), V(running), V(exited) or V(unknown). A state that crictl does not know, because
                the runtime is newer, is V(unknown).
              returned: success
              type: str
              sample: running
            created_at:
              description: The time of the creation, RFC 3339 in UTC with nanoseconds.
              returned: success
              type: str
              sample: '2026-01-31T08:00:00.250000000Z'
            pod:
              description: The pod of the container.
              returned: success
              type: dict
              contains:
                id:
                  description: The ID of the sandbox of the pod.
                  returned: success
                  type: str
                  sample: 0f3fd8a6f880845cf449a36c8b47d307938b55c9115be9899752bb2d4d0a2f1a
                name:
                  description: The name of the pod.
                  returned: if known
                  type: str
                  sample: hello-pod
                namespace:
                  description: The Kubernetes namespace of the pod.
                  returned: if known
                  type: str
                  sample: default
                uid:
                  description: The UID of the pod in Kubernetes.
                  returned: if known
                  type: str
                  sample: 4c3f3a52-6a0f-4c84-9f9e-8f3b1b3f9c11
                namespaces:
                  description:
                    - The Linux namespaces that the options of the pod specify.
                    - A mode is V(pod) (one namespace for the pod), V(container) (one for each container), V(node) (the
                      namespace of the node), V(target) (the namespace of another container) or V(unknown).
                  returned: with O(details=true), if the runtime reports it
                  type: dict
                  contains:
                    network:
                      description: The mode of the network namespace.
                      returned: success
                      type: str
                      sample: pod
                    pid:
                      description: The mode of the PID namespace.
                      returned: success
                      type: str
                      sample: container
                    ipc:
                      description: The mode of the IPC namespace.
                      returned: success
                      type: str
                      sample: pod
                    target_id:
                      description: The ID of the container whose PID namespace is used.
                      returned: with the mode V(target)
                      type: str
                      sample: 5b1bde730afdd888575431f4017f653ce7d076b48451f85e1f3b60c08130f625
                    user:
                      description: The user namespace.
                      returned: if the pod was created with options for it
                      type: dict
                      contains:
                        mode:
                          description: V(pod), V(node) or V(unknown).
                          returned: success
                          type: str
                          sample: pod
                        uid_mappings: &mappings
                          description: The ranges of IDs that are mapped.
                          returned: if there are any
                          type: list
                          elements: dict
                          contains:
                            host_id:
                              description: The first ID on the node.
                              returned: success
                              type: int
                              sample: 65536
                            container_id:
                              description: The first ID in the container.
                              returned: success
                              type: int
                              sample: 0
                            length:
                              description: The number of IDs.
                              returned: success
                              type: int
                              sample: 65536
                        gid_mappings: *mappings
            image:
              description: The image of the container.
              returned: success
              type: dict
              contains:
                name:
                  description: The image that the container was created with, a name or an ID.
                  returned: if known
                  type: str
                  sample: registry.example.com/hello:1
                requested:
                  description: The image as it is written in the manifest of the pod.
                  returned: if the runtime reports it
                  type: str
                  sample: hello:1
                id:
                  description: The ID of the image.
                  returned: if the runtime reports it
                  type: str
                  sample: c3598912096d4429d6be82f305ad6873792d25df59bf0cab8eeb4cbdf719388c
                ref:
                  description: The reference of the image by digest (CRI-O) or by ID (containerd).
                  returned: if known
                  type: str
                  sample: example.com/hello@sha256:7f754817b68a5e936538565b51bb7863c6554a63e3a9361a2e658e56fee87613
                digest:
                  description: The digest of the image in a registry. It differs from the ID of the image.
                  returned: with O(details=true), if a reference of the image contains it
                  type: str
                  sample: sha256:7f754817b68a5e936538565b51bb7863c6554a63e3a9361a2e658e56fee87613
            labels:
              description: The labels; values are strings.
              returned: success
              type: dict
              sample: {io.kubernetes.pod.name: hello-pod}
            annotations:
              description: The annotations, except those that contain a whole manifest; values are strings.
              returned: success
              type: dict
              sample: {io.kubernetes.container.restartCount: '0'}
            started_at:
              description:
                - The time of the start, RFC 3339 in UTC with nanoseconds.
                - CRI-O records this time after the start. For a container that exits immediately, it may be slightly later than
                  C(finished_at).
              returned: with O(details=true), if the container was started
              type: str
              sample: '2026-01-31T08:00:00.500000000Z'
            finished_at:
              description: The time of the end, RFC 3339 in UTC with nanoseconds.
              returned: with O(details=true), if the container has exited
              type: str
              sample: '2026-01-31T08:00:01.000000000Z'
            exit_code:
              description: The exit code.
              returned: with O(details=true), if the container has exited
              type: int
              sample: 1
            reason:
              description: The reason for the end, in one word, such as V(Completed), V(Error) or V(OOMKilled).
              returned: with O(details=true), if the runtime reports it
              type: str
              sample: Error
            message:
              description: The reason for the end, in a sentence.
              returned: with O(details=true), if the runtime reports it
              type: str
              sample: container exited unexpectedly
            log_path:
              description: The path of the log file on the node.
              returned: with O(details=true), if the container has a log file
              type: str
              sample: /var/log/pods/default_hello-pod_u1/hello-world/0.log
            pid:
              description: The process ID of the first process, as seen on the node.
              returned: with O(details=true), if the container is running and the runtime reports it
              type: int
              sample: 244
            mounts:
              description: The mounts that the container was created with, in the order in which the runtime reports them.
              returned: with O(details=true)
              type: list
              elements: dict
              contains:
                container_path:
                  description: The path in the container.
                  returned: success
                  type: str
                  sample: /etc/hosts
                host_path:
                  description: The path on the node.
                  returned: if the mount is not of an image
                  type: str
                  sample: /var/lib/kubelet/pods/4c3f3a52-6a0f-4c84-9f9e-8f3b1b3f9c11/etc-hosts
                read_only:
                  description: Whether the mount is read-only.
                  returned: success
                  type: bool
                  sample: false
                recursive_read_only:
                  description: Whether mounts below it are read-only as well.
                  returned: if the runtime reports it (Kubernetes 1.30 and newer)
                  type: bool
                  sample: false
                selinux_relabel:
                  description: Whether the runtime sets the SELinux label of the files.
                  returned: success
                  type: bool
                  sample: false
                propagation:
                  description: V(private), V(host_to_container), V(bidirectional) or V(unknown).
                  returned: success
                  type: str
                  sample: private
                uid_mappings: *mappings
                gid_mappings: *mappings
                image:
                  description: The image that is mounted.
                  returned: if the mount is of an image
                  type: str
                  sample: registry.example.com/data:1
                image_sub_path:
                  description: The path in the image that is mounted.
                  returned: if it is not the whole image
                  type: str
                  sample: models
            resources:
              description: The resource limits. CRI represents a limit that is not set as 0; it is absent here.
              returned: with O(details=true), if the runtime and crictl report it (Kubernetes 1.25 and newer)
              type: dict
              contains:
                cpu_period:
                  description: The CFS period in microseconds.
                  returned: if set
                  type: int
                  sample: 100000
                cpu_quota:
                  description: The CFS quota in microseconds for each period.
                  returned: if set
                  type: int
                  sample: 50000
                cpu_shares:
                  description: The CPU weight relative to other containers, as CPU shares of cgroup v1.
                  returned: if set
                  type: int
                  sample: 512
                cpuset_cpus:
                  description: The CPUs that the container may use.
                  returned: if set
                  type: str
                  sample: 0-3
                cpuset_mems:
                  description: The memory nodes that the container may use.
                  returned: if set
                  type: str
                  sample: '0'
                memory_limit_in_bytes:
                  description: The memory limit in bytes.
                  returned: if set
                  type: int
                  sample: 134217728
                memory_swap_limit_in_bytes:
                  description: The limit of memory and swap together, in bytes.
                  returned: if set
                  type: int
                  sample: 134217728
                oom_score_adj:
                  description: The adjustment of the OOM score of the first process.
                  returned: if it is not 0
                  type: int
                  sample: 1000
                hugepage_limits:
                  description: The limits of huge pages.
                  returned: if there are any
                  type: list
                  elements: dict
                  contains:
                    page_size:
                      description: The size of the pages.
                      returned: success
                      type: str
                      sample: 2MB
                    limit:
                      description: The limit in bytes.
                      returned: success
                      type: int
                      sample: 4194304
                unified:
                  description: Settings of cgroup v2 by their names; values are strings.
                  returned: if there are any
                  type: dict
                  sample: {memory.high: '120795955'}
            user:
              description: The user that the first process was started with.
              returned: with O(details=true), if the runtime and crictl report it (Kubernetes 1.31 and newer)
              type: dict
              contains:
                uid:
                  description: The user ID.
                  returned: success
                  type: int
                  sample: 0
                gid:
                  description: The group ID.
                  returned: success
                  type: int
                  sample: 0
                supplemental_groups:
                  description: The IDs of the supplemental groups.
                  returned: success
                  type: list
                  elements: int
                  sample: [0]
            stop_signal:
              description: The signal that stops the container. V(RUNTIME_DEFAULT) if neither pod nor image sets one
                (CRI-O uses SIGTERM then), V(unknown) if crictl does not know it because the runtime is newer.
              returned: with O(details=true), if the runtime and crictl report it (Kubernetes 1.33 and newer)
              type: str
              sample: SIGTERM
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

STATES = ["created", "running", "exited", "unknown"]


def main() -> None:
    module = AnsibleModule(
        argument_spec=dict(
            OPTIONS,
            states={"type": "list", "elements": "str", "choices": STATES, "default": ["running"]},
            id={"type": "list", "elements": "str"},
            name={"type": "list", "elements": "str"},
            pod={"type": "list", "elements": "str"},
            namespace={"type": "list", "elements": "str"},
            image={"type": "list", "elements": "str"},
            labels={"type": "dict"},
            details={"type": "bool", "default": False},
        ),
        supports_check_mode=True,
    )
    started = early(module.params, json_arguments("ps", "-a"))
    # Imported here: Python compiles all this while crictl is running.
    from ..module_utils.crictl import container_facts
    from ..module_utils.crictl.call import Crictl
    from ..module_utils.errors import NodeError
    from ..module_utils.module_result import exit_with

    try:
        with Crictl(**{option: module.params[option] for option in OPTIONS}, started=started) as crictl:
            containers = container_facts.read(crictl, module.params)
    except NodeError as error:
        module.fail_json(msg=str(error), kind=error.kind)
    exit_with(module, ansible_facts={"crictl_ps": {"endpoint": crictl.endpoint, "containers": containers}})


if __name__ == "__main__":
    main()
