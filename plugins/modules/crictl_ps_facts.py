#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: crictl_ps_facts
short_description: The containers on a node, as facts
version_added: 0.1.0
description:
  - Lists a node's containers through CRI, typed, and filtered by several properties at once.
  - Filters of different options must all fit; of several values of one option any.
author:
  - The cri.node contributors (@cri-node)
extends_documentation_fragment:
  - cri.node.crictl
  - cri.node.attributes
  - cri.node.attributes.facts
options:
  states:
    description:
      - Only containers in these states. As with C(crictl ps), running ones unless something else is asked
        for.
      - An empty list stands for all states.
    type: list
    elements: str
    choices: [created, running, exited, unknown]
    default: [running]
  id:
    description: Only containers whose ID begins with one of these.
    type: list
    elements: str
  name:
    description: Only containers of these names. V(*), V(?) and V([...]) stand for what they do in a shell.
    type: list
    elements: str
  pod:
    description: Only containers in pods of these names, with the same wildcards, or of these full IDs.
    type: list
    elements: str
  namespace:
    description: Only containers in pods of these Kubernetes namespaces, with the same wildcards.
    type: list
    elements: str
  image:
    description:
      - Only containers of these images, by name, digest reference or ID, with the same wildcards.
      - Names are compared with what the runtime reports, for example V(quay.io/prometheus/*).
    type: list
    elements: str
  labels:
    description:
      - Only containers that have all these labels with these values; no value stands for any.
      - Values may contain C(=), which crictl itself cannot take.
    type: dict
  details:
    description:
      - Also read when containers started and ended, why and with which code they did, and where their logs
        are.
      - Costs one more call of crictl for each 50 containers that are listed.
    type: bool
    default: false
seealso:
  - module: cri.node.crictl_info_facts
  - module: cri.node.crictl_logs_facts
"""

EXAMPLES = r"""
- name: List the running containers
  cri.node.crictl_ps_facts:
  become: true

- name: Show their names
  ansible.builtin.debug:
    msg: "{{ ansible_facts.crictl_ps.containers | map(attribute='name') }}"

- name: List what ended in a namespace, and why
  cri.node.crictl_ps_facts:
    states: [exited]
    namespace: kube-system
    details: true
  become: true

- name: Stop where a container ended with an error
  ansible.builtin.assert:
    that: ansible_facts.crictl_ps.containers | rejectattr('exit_code', 'equalto', 0) | length == 0

- name: List all containers of a deployment's pods, whatever their state
  cri.node.crictl_ps_facts:
    states: []
    pod: web-*
    labels:
      io.kubernetes.container.name: nginx
  become: true
"""

RETURN = r"""
ansible_facts:
  description: Facts to add to the node's.
  returned: success
  type: dict
  contains:
    crictl_ps:
      description: The containers.
      returned: success
      type: dict
      contains:
        endpoint:
          description: The socket that answered, as a URL.
          returned: success
          type: str
          sample: unix:///var/run/crio/crio.sock
        containers:
          description: The containers that fit, the newest first.
          returned: success
          type: list
          elements: dict
          contains:
            id:
              description: The container's full ID.
              returned: success
              type: str
              sample: 5b1bde730afdd888575431f4017f653ce7d076b48451f85e1f3b60c08130f625
            name:
              description: The container's name in its pod.
              returned: success
              type: str
              sample: hello-world
            attempt:
              description: How often the container was started again in its pod.
              returned: success
              type: int
              sample: 0
            state:
              description: V(created), V(running), V(exited) or V(unknown); C(CONTAINER_RUNNING) is
                V(running). A state that a newer runtime has and crictl does not know is V(unknown).
              returned: success
              type: str
              sample: running
            created_at:
              description: When it was created, RFC 3339 in UTC with nanoseconds.
              returned: success
              type: str
              sample: '2026-01-31T08:00:00.250000000Z'
            pod:
              description: The pod that it belongs to.
              returned: success
              type: dict
              contains:
                id:
                  description: The ID of the pod's sandbox.
                  returned: success
                  type: str
                  sample: 0f3fd8a6f880845cf449a36c8b47d307938b55c9115be9899752bb2d4d0a2f1a
                name:
                  description: The pod's name.
                  returned: where known
                  type: str
                  sample: hello-pod
                namespace:
                  description: The pod's Kubernetes namespace.
                  returned: where known
                  type: str
                  sample: default
                uid:
                  description: The pod's UID in Kubernetes.
                  returned: where known
                  type: str
                  sample: 4c3f3a52-6a0f-4c84-9f9e-8f3b1b3f9c11
            image:
              description: The image that it was made from.
              returned: success
              type: dict
              contains:
                name:
                  description: The image, as the container was created with it; a name or an ID.
                  returned: where known
                  type: str
                  sample: registry.example.com/hello:1
                requested:
                  description: The image, as the pod asks for it.
                  returned: where the runtime tells it
                  type: str
                  sample: hello:1
                id:
                  description: The image's ID.
                  returned: where the runtime tells it
                  type: str
                  sample: c3598912096d4429d6be82f305ad6873792d25df59bf0cab8eeb4cbdf719388c
                ref:
                  description: The image by digest (CRI-O) or by ID (containerd).
                  returned: where known
                  type: str
                  sample: example.com/hello@sha256:7f754817b68a5e93
            labels:
              description: Its labels; values are strings.
              returned: success
              type: dict
              sample: {io.kubernetes.pod.name: hello-pod}
            annotations:
              description: Its annotations; values are strings.
              returned: success
              type: dict
              sample: {io.kubernetes.container.restartCount: '0'}
            started_at:
              description:
                - When it was started, RFC 3339 in UTC with nanoseconds.
                - CRI-O notes it after the start, so a container that ends at once may show a slightly later time here
                  than in its C(finished_at).
              returned: with O(details=true), once it was started
              type: str
              sample: '2026-01-31T08:00:00.500000000Z'
            finished_at:
              description: When it ended, RFC 3339 in UTC with nanoseconds.
              returned: with O(details=true), once it has exited
              type: str
              sample: '2026-01-31T08:00:01.000000000Z'
            exit_code:
              description: The code that it ended with.
              returned: with O(details=true), once it has exited
              type: int
              sample: 1
            reason:
              description: Why it ended, in one word, as V(Completed), V(Error) or V(OOMKilled).
              returned: with O(details=true), where the runtime tells it
              type: str
              sample: Error
            message:
              description: Why it ended, in a sentence.
              returned: with O(details=true), where the runtime tells it
              type: str
              sample: container exited unexpectedly
            log_path:
              description: The path of its log file on the node.
              returned: with O(details=true), where it has one
              type: str
              sample: /var/log/pods/default_hello-pod_u1/hello-world/0.log
            pid:
              description: The process ID of its first process on the node.
              returned: with O(details=true), while it runs and where the runtime tells it
              type: int
              sample: 244
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

from fnmatch import fnmatchcase

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.crictl.call import OPTIONS, Crictl, CrictlError
from ..module_utils.crictl.output import CONTAINER_STATES, UnexpectedOutput

STATES = tuple(CONTAINER_STATES.values())


def fits(container, wanted):
    """Whether a container passes all filters."""
    pod, image = container["pod"], container["image"]
    return (
        (not wanted["states"] or container["state"] in wanted["states"])
        and (not wanted["id"] or container["id"].startswith(tuple(wanted["id"])))
        and any_like(wanted["name"], container.get("name"))
        and any_like(wanted["pod"], pod.get("name"), pod.get("id"))
        and any_like(wanted["namespace"], pod.get("namespace"))
        and any_like(wanted["image"], *image.values())
        and all(has_label(container["labels"], *label) for label in (wanted["labels"] or {}).items())
    )


def any_like(patterns, *values):
    return not patterns or any(fnmatchcase(value, each) for value in values if value for each in patterns)


def has_label(labels, name, value):
    if value is None:
        return name in labels
    return labels.get(name) == (str(value).lower() if isinstance(value, bool) else str(value))


def read_containers(crictl, wanted):
    found = [container for container in crictl.containers() if fits(container, wanted)]
    if wanted["details"]:
        found = [item for item in with_details(found, crictl) if fits(item, wanted)]
    return sorted(found, key=lambda container: container.get("created_at", ""), reverse=True)


def with_details(containers, crictl):
    """A container that is gone by now is gone from the list too; one that has ended is told as ended."""
    details = crictl.details(container["id"] for container in containers)
    for container in containers:
        known = details.get(container["id"])
        if known:
            yield {**known, **container, "state": known["state"]}


def main():
    module = AnsibleModule(
        argument_spec=dict(
            OPTIONS,
            states={"type": "list", "elements": "str", "choices": list(STATES), "default": ["running"]},
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
    try:
        crictl = Crictl(**{option: module.params[option] for option in OPTIONS})
        containers = read_containers(crictl, module.params)
    except (CrictlError, UnexpectedOutput) as error:
        module.fail_json(msg=str(error), kind=error.kind)
    module.exit_json(
        changed=False,
        ansible_facts={"crictl_ps": {"endpoint": crictl.endpoint, "containers": containers}},
    )


if __name__ == "__main__":
    main()
