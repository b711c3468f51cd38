#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

# Documentation only. The action of the same name does the work, and calls node_crictl_pod on the node.

from __future__ import annotations

DOCUMENTATION = r"""
module: crictl_pod
short_description: Run a Kubernetes Pod manifest on one node, without a kubelet
version_added: 0.1.0
description:
  - Makes of a Kubernetes Pod manifest a pod with its containers on the node, through CRI. Neither a kubelet
    nor an API server has a part in it.
  - Makes of each field what a kubelet makes of it. A field that cannot be honoured is an error that names
    it, and so is a field that no Pod has. Nothing is dropped.
  - Nothing watches the pod after the task. A container that ends is not started again, so C(restartPolicy)
    may only be V(Never), which is also what its absence stands for here.
  - A pod that runs, or has run to its end, as the same manifest asks, is left as it is. If the manifest asks
    for anything else, or a container has failed, the pod is replaced. Its images are pulled before that, so
    that a failed pull leaves the former pod running.
  - The pod is recognised by an annotation with a hash of its configuration. The hash depends on a random key that the node
    creates in C(/var/lib/cri-node/pod-hash.key) and that only root can read, so that no secret of the environment can be
    guessed from it. A pod whose key was lost is replaced.
  - A pod that does not come up is removed again, and the error says what its container said last.
  - A pod of the same name and namespace that this module did not make is never touched.
options:
  manifest:
    description:
      - The manifest, C(apiVersion) V(v1) and C(kind) V(Pod). Required with O(state=present).
      - A mapping, a text of YAML or JSON, or the path of a file on the controller, which is searched as
        M(ansible.builtin.copy) searches its O(ansible.builtin.copy#module:src) and may be encrypted with Ansible Vault.
        Nothing in it is templated; use the lookup P(ansible.builtin.template#lookup) for that. Several documents are refused.
      - C(metadata) may have C(name), C(namespace) (by default V(default)), C(uid), C(labels) and
        C(annotations), also those that CRI-O reads, such as C(io.kubernetes.cri-o.ShmSize), which the handler must allow.
      - C(spec) may have C(containers), C(dnsConfig) with C(dnsPolicy) V(None), C(hostIPC), C(hostNetwork),
        C(hostPID), C(hostname), C(initContainers), C(restartPolicy), C(runtimeClassName) (the name of a
        handler of the runtime), C(securityContext), C(shareProcessNamespace),
        C(terminationGracePeriodSeconds), C(volumes) (C(hostPath) alone), and fields whose value changes
        nothing.
      - A container may have C(args), C(command), C(env) (values alone), C(image), C(imagePullPolicy),
        C(name), C(ports), C(resources) (C(cpu), C(memory) and C(hugepages-<size>)), C(securityContext), C(stdin),
        C(stdinOnce), C(tty), C(volumeMounts) and C(workingDir).
      - Without C(seccompProfile) it is V(RuntimeDefault), and without C(dnsPolicy) the pod has the node's name
        servers.
      - Values of the environment appear in no result, diff or log of this module. Use C(no_log) on the task
        where other fields hold secrets.
    type: raw
  state:
    description: Whether the pod is to be there. V(absent) removes it with its logs; containers are stopped
      with their grace period.
    type: str
    choices: [present, absent]
    default: present
  name:
    description: The pod's name, for O(state=absent) without a manifest.
    type: str
  namespace:
    description: The pod's namespace, for O(state=absent). By default the manifest's, else V(default).
    type: str
  wait:
    description:
      - What to wait for. V(ready), that each container runs or has ended with exit code 0; V(completed),
        that each has ended with exit code 0; V(none), for nothing after the start.
      - V(ready) is looked at once. A container that ends with an error later is not noticed before the next
        run.
    type: str
    choices: [ready, completed, none]
    default: ready
  wait_timeout:
    description: Seconds that the pod may take to start and to be what O(wait) says, once its images are
      there.
    type: int
    default: 120
  pull_timeout:
    description: Seconds that each image may take to be pulled. Images are pulled at the same time.
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
      - Pulls nothing, and so cannot tell that an image cannot be had.
  diff_mode:
    support: full
    details:
      - Shows containers and images. Other changes may be made of the environment, and only their presence is
        told.
seealso:
  - module: cri.node.crictl_ps_facts
  - module: cri.node.crictl_logs_facts
"""

EXAMPLES = r"""
- name: Run a pod to its end
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

- name: Read what it said
  cri.node.crictl_logs_facts:
    pod: hello-world
    namespace: default
    format: text
  become: true

- name: Remove it, and its logs
  cri.node.crictl_pod:
    name: hello-world
    state: absent
  become: true

- name: Run the pod of a file, with a folder of the node
  cri.node.crictl_pod:
    manifest: node-agent.yml
    wait_timeout: 60
  become: true
"""

RETURN = r"""
pod:
  description: The pod. In check mode, and where it was not there before, only its names and UID.
  returned: with O(state=present)
  type: dict
  contains:
    id:
      description: The ID of the pod's sandbox.
      returned: where the pod is there
      type: str
      sample: 0f3fd8a6f880845cf449a36c8b47d307938b55c9115be9899752bb2d4d0a2f1a
    name:
      description: Its name.
      returned: success
      type: str
      sample: hello-world
    namespace:
      description: Its Kubernetes namespace.
      returned: success
      type: str
      sample: default
    uid:
      description: Its UID, the manifest's or one that the node and the pod's names give.
      returned: success
      type: str
      sample: fb925c24-a912-5c9d-a157-e3bbd3437c30
    state:
      description: V(ready) or V(notready).
      returned: where the pod is there
      type: str
      sample: ready
    created_at:
      description: When it was made, RFC 3339 in UTC with nanoseconds.
      returned: where the pod is there
      type: str
      sample: '2026-01-31T08:00:00.250000000Z'
    handler:
      description: The handler that the manifest names.
      returned: where it names one and the runtime tells it
      type: str
      sample: kata
    ip:
      description: Its first IP address.
      returned: where it has a network of its own
      type: str
      sample: 10.85.0.2
    ips:
      description: All its IP addresses.
      returned: where it has a network of its own
      type: list
      elements: str
      sample: [10.85.0.2]
containers:
  description: Its containers in the order of their starts, init containers first. Empty in check mode where the pod was not there
    before.
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
      description: The image, as the manifest names it.
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
      description: The code that it ended with.
      returned: once it has ended
      type: int
      sample: 0
    reason:
      description: Why it ended, in one word.
      returned: where the runtime tells it
      type: str
      sample: Completed
    message:
      description: Why it ended, in a sentence.
      returned: where the runtime tells it
      type: str
      sample: container exited unexpectedly
    started_at:
      description: When it was started, RFC 3339 in UTC with nanoseconds.
      returned: once it was started
      type: str
      sample: '2026-01-31T08:00:00.500000000Z'
    finished_at:
      description: When it ended, RFC 3339 in UTC with nanoseconds.
      returned: once it has ended
      type: str
      sample: '2026-01-31T08:00:01.000000000Z'
    log_path:
      description: The path of its log file on the node.
      returned: success
      type: str
      sample: /var/log/pods/default_hello-world_fb925c24-a912-5c9d-a157-e3bbd3437c30/hello-world/0.log
pulled:
  description: The images that were asked of their registries, or would be. An image that was up to date is
    among them.
  returned: with O(state=present)
  type: list
  elements: str
  sample: ['docker.io/library/hello-world:latest']
removed:
  description: The former pods that were removed, or would be.
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
      description: Its UID.
      returned: success
      type: str
      sample: fb925c24-a912-5c9d-a157-e3bbd3437c30
    state:
      description: V(ready) or V(notready).
      returned: success
      type: str
      sample: ready
    containers:
      description: Its containers; C(name), C(image) and C(state) of each.
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
  description: The code that it ended with.
  returned: failure of a container that has run
  type: int
  sample: 1
reason:
  description: Why it ended, in one word.
  returned: failure of a container that has run, where the runtime tells it
  type: str
  sample: OOMKilled
log:
  description: Its last lines, ten at most, without values of the environment, control characters and
    credentials of URLs.
  returned: failure of a container
  type: list
  elements: str
  sample: [cannot connect]
kind:
  description:
    - The kind of failure, for use in conditions.
    - V(missing) (there is no crictl), V(unreachable) (there is no socket, or nothing listens on it), V(timeout),
      V(permission), V(not_found), V(not_json) (crictl printed something else), V(unexpected) (JSON of another form) or
      V(failed).
  returned: failure of crictl before the pod was made
  type: str
  sample: unreachable
"""
