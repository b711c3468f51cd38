#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

# Documentation only. The action of the same name does the work, and calls node_crictl_pod on the node.

from __future__ import annotations

DOCUMENTATION = r"""
module: crictl_pod
short_description: Run a Kubernetes Pod manifest without a kubelet
version_added: 0.1.0
description:
  - Creates a pod and its containers from a Kubernetes Pod manifest on one node, through CRI, without a kubelet or an API server.
  - Interprets each field as a kubelet does. Unsupported and unknown fields are errors that name the field; no field is ignored.
  - Nothing manages the pod after the task. Containers that exit are not restarted, so that C(restartPolicy) must be V(Never),
    which is also its default here.
  - A pod that matches the manifest and is running, or has run to completion, is not changed. If the manifest differs or a
    container has failed, the pod is replaced. Its images are pulled first, so that the existing pod keeps running if a pull
    fails.
  - The pod is identified by an annotation with a hash of its configuration. The hash depends on a random key, which the node
    creates in C(/var/lib/cri-node/pod-hash.key) and only root can read, so that secrets in the environment cannot be guessed from
    the hash. A pod is replaced if the key has been lost.
  - A pod that does not start is removed again, and the error contains the last lines of its container's log.
  - Never changes a pod with the same name and namespace that was not created by this module.
options:
  manifest:
    description:
      - The manifest, C(apiVersion) V(v1) and C(kind) V(Pod). Required with O(state=present).
      - A mapping, a string that contains YAML or JSON, or the path of a file on the controller. The file is searched for like
        O(ansible.builtin.copy#module:src) of M(ansible.builtin.copy) and can be encrypted with Ansible Vault. It is not
        templated; use the lookup P(ansible.builtin.template#lookup) for that. More than one document is an error.
      - C(metadata) may have C(name), C(namespace) (by default V(default)), C(uid), C(labels) and
        C(annotations), including those that CRI-O reads, such as C(io.kubernetes.cri-o.ShmSize), which the handler must allow.
      - C(spec) may have C(containers), C(dnsConfig) with C(dnsPolicy) V(None), C(hostIPC), C(hostNetwork),
        C(hostPID), C(hostname), C(initContainers), C(restartPolicy), C(runtimeClassName) (the name of a
        handler of the runtime), C(securityContext), C(shareProcessNamespace),
        C(terminationGracePeriodSeconds), C(volumes) (only C(hostPath)), and fields whose value has no
        effect.
      - A container may have C(args), C(command), C(env) (only values), C(image), C(imagePullPolicy),
        C(name), C(ports), C(resources) (C(cpu), C(memory) and C(hugepages-<size>)), C(securityContext), C(stdin),
        C(stdinOnce), C(tty), C(volumeMounts) and C(workingDir).
      - The default of C(seccompProfile) is V(RuntimeDefault). By default, the pod uses the name servers of the node.
      - Values of the environment do not appear in results, diffs or logs of this module. Use C(no_log) on the task if other
        fields contain secrets.
    type: raw
  state:
    description: Whether the pod should exist. V(absent) removes it with its logs; containers are stopped
      with their grace period.
    type: str
    choices: [present, absent]
    default: present
  name:
    description: The name of the pod, for O(state=absent) without a manifest.
    type: str
  namespace:
    description: The namespace of the pod, for O(state=absent). The default is that of the manifest, or V(default).
    type: str
  wait:
    description:
      - What to wait for. V(ready) waits until each container is running or has exited with code 0; V(completed) waits until each
        container has exited with code 0; V(none) does not wait after the start.
      - The module does not monitor the pod after V(ready) is reached. A container that fails later is only noticed
        by the next run.
    type: str
    choices: [ready, completed, none]
    default: ready
  wait_timeout:
    description: Time limit for the pod to start and to reach the state that O(wait) specifies, in seconds, after its images
      have been pulled.
    type: int
    default: 120
  pull_timeout:
    description: Time limit for the pull of each image, in seconds. Images are pulled in parallel.
    type: int
    default: 300
author:
  - The cri.node contributors (@cri-node)
extends_documentation_fragment:
  - cri.node.crictl
  - cri.node.attributes
attributes:
  check_mode:
    support: full
    details:
      - Does not pull images, and therefore does not detect an image that cannot be pulled.
  diff_mode:
    support: full
    details:
      - Shows containers and images. Other changes may contain values of the environment, so only the fact that there are
        changes is shown.
seealso:
  - module: cri.node.crictl_ps_facts
  - module: cri.node.crictl_logs_facts
"""

EXAMPLES = r"""
- name: Run a pod to completion
  cri.node.crictl_pod:
    manifest:
      apiVersion: v1
      kind: Pod
      metadata:
        name: hello-world
        labels:
          app: httpd
        namespace: default
      spec:
        containers:
          - name: hello-world
            image: docker.io/library/hello-world:latest
    wait: completed
  become: true

- name: Read the log of the pod
  cri.node.crictl_logs_facts:
    pod: hello-world
    namespace: default
    format: text
  become: true

- name: Remove the pod and its logs
  cri.node.crictl_pod:
    name: hello-world
    state: absent
  become: true

- name: Run a pod from a manifest file
  cri.node.crictl_pod:
    manifest: node-agent.yml
    wait_timeout: 60
  become: true
"""

RETURN = r"""
pod:
  description: The pod. In check mode, a pod that does not exist yet only has its name, namespace and UID.
  returned: with O(state=present)
  type: dict
  contains:
    id:
      description: The ID of the pod's sandbox.
      returned: if the pod exists
      type: str
      sample: 0f3fd8a6f880845cf449a36c8b47d307938b55c9115be9899752bb2d4d0a2f1a
    name:
      description: The name of the pod.
      returned: success
      type: str
      sample: hello-world
    namespace:
      description: The Kubernetes namespace of the pod.
      returned: success
      type: str
      sample: default
    uid:
      description: The UID of the manifest, or a UID derived from the names of the node and the pod.
      returned: success
      type: str
      sample: fb925c24-a912-5c9d-a157-e3bbd3437c30
    state:
      description: V(ready) or V(notready).
      returned: if the pod exists
      type: str
      sample: ready
    created_at:
      description: When the pod was created, RFC 3339 in UTC with nanoseconds.
      returned: if the pod exists
      type: str
      sample: '2026-01-31T08:00:00.250000000Z'
    handler:
      description: The handler that the manifest specifies.
      returned: if it specifies one and the runtime reports it
      type: str
      sample: kata
    ip:
      description: The first IP address of the pod.
      returned: if the pod has its own network
      type: str
      sample: 10.85.0.2
    ips:
      description: All IP addresses of the pod.
      returned: if the pod has its own network
      type: list
      elements: str
      sample: [10.85.0.2]
containers:
  description: The containers of the pod in the order in which they start, init containers first. Empty in check mode if the pod
    does not exist yet.
  returned: with O(state=present)
  type: list
  elements: dict
  contains:
    name:
      description: The container's name.
      returned: success
      type: str
      sample: hello-world
    image:
      description: The name of the image in the manifest.
      returned: success
      type: str
      sample: docker.io/library/hello-world:latest
    id:
      description: The container's ID.
      returned: success
      type: str
      sample: 5b1bde730afdd888575431f4017f653ce7d076b48451f85e1f3b60c08130f625
    state:
      description: V(created), V(running), V(exited) or V(unknown).
      returned: success
      type: str
      sample: exited
    exit_code:
      description: The exit code of the container.
      returned: after the container has exited
      type: int
      sample: 0
    reason:
      description: Why the container exited, in one word.
      returned: if the runtime reports it
      type: str
      sample: Completed
    message:
      description: Why the container exited, in a sentence.
      returned: if the runtime reports it
      type: str
      sample: container exited unexpectedly
    started_at:
      description: When the container was started, RFC 3339 in UTC with nanoseconds.
      returned: after the container was started
      type: str
      sample: '2026-01-31T08:00:00.500000000Z'
    finished_at:
      description: When the container exited, RFC 3339 in UTC with nanoseconds.
      returned: after the container has exited
      type: str
      sample: '2026-01-31T08:00:01.000000000Z'
    log_path:
      description: The path of its log file on the node.
      returned: success
      type: str
      sample: /var/log/pods/default_hello-world_fb925c24-a912-5c9d-a157-e3bbd3437c30/hello-world/0.log
pulled:
  description: The images that were pulled, or would be. Includes images that were already up to date.
  returned: with O(state=present)
  type: list
  elements: str
  sample: ['docker.io/library/hello-world:latest']
removed:
  description: The existing pods that were removed, or would be.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: The ID of the pod's sandbox.
      returned: success
      type: str
      sample: 0f3fd8a6f880845cf449a36c8b47d307938b55c9115be9899752bb2d4d0a2f1a
    uid:
      description: The UID of the pod.
      returned: success
      type: str
      sample: fb925c24-a912-5c9d-a157-e3bbd3437c30
    state:
      description: V(ready) or V(notready).
      returned: success
      type: str
      sample: ready
    containers:
      description: The containers of the pod; C(name), C(image) and C(state) of each.
      returned: success
      type: list
      elements: dict
      sample: [{name: hello-world, image: 'docker.io/library/hello-world:latest', state: exited}]
container:
  description: The name of the container that failed.
  returned: failure of a container
  type: str
  sample: hello-world
exit_code:
  description: The exit code of the container.
  returned: failure of a container that has run
  type: int
  sample: 1
reason:
  description: Why the container exited, in one word.
  returned: failure of a container that has run, if the runtime reports it
  type: str
  sample: OOMKilled
log:
  description: The last lines of its log, at most ten. Values of the environment, control characters and credentials of URLs are
    removed.
  returned: failure of a container
  type: list
  elements: str
  sample: [cannot connect]
kind:
  description:
    - The kind of failure, for use in conditions.
    - V(missing) (crictl is not installed), V(unreachable) (there is no socket, or nothing listens on it), V(timeout),
      V(permission), V(not_found), V(not_json) (crictl printed something else), V(unexpected) (JSON of another form) or
      V(failed).
  returned: failure of crictl before the pod was created
  type: str
  sample: unreachable
"""
