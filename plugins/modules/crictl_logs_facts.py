#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: crictl_logs_facts
short_description: Read container logs with crictl
version_added: 0.1.0
description:
  - Returns the newest lines of the log of a container, or of all containers of a pod, as ordered entries with time and
    stream, or as text.
  - The runtime reports the paths of the logs. The files are read on the node, from their end, so that the cost depends on
    the number of lines and not on the size of the log.
  - Only regular files are read. Symbolic links among the directories of a log path are refused, except for
    C(/var/log/pods) and the directories above it, which may be on another disk.
  - At most 600,000 characters are returned, counted as JSON. RV(ansible_facts.crictl_logs.truncated) is V(true) if
    there was more, or may have been.
  - Facts are kept for the host until the end of the run, and longer with a fact cache. Set O(as_facts=false) to return the
    log only in the result of the task.
  - Logs may contain secrets of applications. Use C(no_log) on the task in that case.
author:
  - The cri.node contributors (@cri-node)
extends_documentation_fragment:
  - cri.node.crictl
  - cri.node.attributes
  - cri.node.attributes.facts
options:
  id:
    description: The ID of the container, or the beginning of it.
    type: str
  name:
    description:
      - The name of the container in its pod. Its newest attempt is read.
      - Use O(pod) and O(namespace) if several pods have a container of this name.
    type: str
  pod:
    description:
      - The name or the full ID of a pod.
      - Without O(name), the logs of all its containers are read and merged by time.
    type: str
  namespace:
    description: The Kubernetes namespace of the pod.
    type: str
  previous:
    description: Read the attempt before the newest one (or before the one of O(id)), for example after a crash.
    type: bool
    default: false
  tail:
    description: The maximum number of lines to return, the newest ones.
    type: int
    default: 1000
  max_bytes:
    description:
      - The maximum number of bytes of text to return, the newest ones.
      - If the last line alone is longer, its beginning is returned.
    type: int
    default: 65536
  since:
    description:
      - Return only lines since this time.
      - Either a duration before the current time of the node, such as V(90s), V(10m), V(1h30m) or V(2d), or an RFC 3339
        time, such as V(2026-01-31T08:00:00Z).
    type: str
  until:
    description: Return only lines until this time, in the format of O(since).
    type: str
  stream:
    description: Return only lines of this stream.
    type: str
    choices: [stdout, stderr]
  pattern:
    description: Return only lines that match this Python regular expression anywhere.
    type: str
  rotated:
    description:
      - Continue in rotated log files, gzipped ones included, if the current file does not have enough lines.
      - At most 256 MiB and 50 rotated files of one log are read, for at most 120 seconds.
    type: bool
    default: true
  format:
    description: Whether to return V(entries) with time and stream, or plain V(text).
    type: str
    choices: [entries, text]
    default: entries
  as_facts:
    description: Whether to return the log as a fact. With V(false) it is returned as RV(crictl_logs) instead.
    type: bool
    default: true
seealso:
  - module: cri.node.crictl_ps_facts
  - module: cri.node.crictl_info_facts
"""

EXAMPLES = r"""
- name: Read the last lines of a container
  cri.node.crictl_logs_facts:
    name: hello-world
    pod: hello-pod
    namespace: default
    tail: 100
  become: true

- name: Show the lines
  ansible.builtin.debug:
    msg: "{{ ansible_facts.crictl_logs.entries | map(attribute='text') }}"

- name: Read the errors of the last hour of all containers of a pod, without facts
  cri.node.crictl_logs_facts:
    pod: hello-pod
    since: 1h
    stream: stderr
    pattern: (?i)error|fatal
    as_facts: false
  become: true
  register: errors

- name: Fail if there are any errors
  ansible.builtin.assert:
    that: errors.crictl_logs.lines == 0

- name: Read the log of a container before it was restarted
  cri.node.crictl_logs_facts:
    name: hello-world
    previous: true
    format: text
  become: true
"""

RETURN = r"""
ansible_facts:
  description: Facts to add to those of the host.
  returned: success, with O(as_facts=true)
  type: dict
  contains:
    crictl_logs:
      description: The log.
      returned: success
      type: dict
      contains: &log
        containers:
          description: The containers whose logs were read.
          returned: success
          type: list
          elements: dict
          contains:
            id:
              description: The full ID of the container.
              returned: if the runtime still knows the container
              type: str
              sample: 5b1bde730afdd888575431f4017f653ce7d076b48451f85e1f3b60c08130f625
            name:
              description: The name of the container in its pod.
              returned: success
              type: str
              sample: hello-world
            attempt:
              description: The number of the attempt; the first is 0.
              returned: success
              type: int
              sample: 0
            state:
              description: V(created), V(running), V(exited) or V(unknown).
              returned: if the runtime still knows the container
              type: str
              sample: running
            pod:
              description: The pod of the container. C(id), C(name), C(namespace) and C(uid), if known.
              returned: success
              type: dict
              sample: {name: hello-pod, namespace: default}
            files:
              description: The paths of the log files that were read, the newest first.
              returned: success
              type: list
              elements: str
              sample: [/var/log/pods/default_hello-pod_u1/hello-world/0.log]
        entries:
          description: The lines, the oldest first.
          returned: with O(format=entries)
          type: list
          elements: dict
          contains:
            time:
              description: The time of the beginning of the line, RFC 3339 in UTC with nanoseconds.
              returned: success
              type: str
              sample: '2026-01-31T08:00:00.250000000Z'
            stream:
              description: V(stdout) or V(stderr).
              returned: success
              type: str
              sample: stdout
            text:
              description: The line without its newline. Bytes that are not UTF-8 are replaced by U+FFFD, one
                each.
              returned: success
              type: str
              sample: hello world
            container:
              description: The name of the container that wrote the line.
              returned: with O(pod) and without O(name)
              type: str
              sample: hello-world
            cut:
              description: V(true) if the end of the line was cut off.
              returned: if the line was longer than a limit
              type: bool
              sample: true
        text:
          description: The lines, the oldest first, each followed by a newline.
          returned: with O(format=text)
          type: str
          sample: "hello world\n"
        lines:
          description: The number of lines that are returned.
          returned: success
          type: int
          sample: 2
        truncated:
          description:
            - Whether a limit (O(tail), O(max_bytes), the size of the result, or the number of bytes read) stopped
              the module before it reached the beginning of the selected lines, or cut off a line.
          returned: success
          type: bool
          sample: false
        undecodable:
          description: The number of bytes of the returned lines that were not UTF-8.
          returned: success
          type: int
          sample: 0
        malformed:
          description: The number of lines in the files that were not log lines and were left out.
          returned: success
          type: int
          sample: 0
        bytes_read:
          description: The number of bytes that were read (of gzipped files, after unpacking).
          returned: success
          type: int
          sample: 65536
crictl_logs:
  description: The log, as in RV(ansible_facts.crictl_logs).
  returned: success, with O(as_facts=false)
  type: dict
  contains: *log
kind:
  description:
    - The kind of failure, for use in conditions.
    - V(missing) (crictl is not installed), V(unreachable) (there is no socket, or nothing listens on it), V(timeout),
      V(permission), V(not_found), V(not_json) (crictl printed something else), V(unexpected) (JSON of another form) or
      V(failed).
  returned: failure
  type: str
  sample: not_found
"""

from typing import Any

from ..module_utils.zip_import import compile_once

compile_once()  # each of the following imports

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.crictl.start import ID_LENGTH, OPTIONS, early, json_arguments


def main() -> None:
    module = AnsibleModule(
        argument_spec=dict(
            OPTIONS,
            id={"type": "str"},
            name={"type": "str"},
            pod={"type": "str"},
            namespace={"type": "str"},
            previous={"type": "bool", "default": False},
            tail={"type": "int", "default": 1000},
            max_bytes={"type": "int", "default": 65536},
            since={"type": "str"},
            until={"type": "str"},
            stream={"type": "str", "choices": ["stdout", "stderr"]},
            pattern={"type": "str"},
            rotated={"type": "bool", "default": True},
            format={"type": "str", "choices": ["entries", "text"], "default": "entries"},
            as_facts={"type": "bool", "default": True},
        ),
        required_one_of=[("id", "name", "pod")],
        mutually_exclusive=[("id", "name"), ("id", "pod"), ("id", "namespace")],
        supports_check_mode=True,
    )
    started = early(module.params, _first_call(module.params))
    # Imported here: Python compiles all this while crictl is running.
    from ..module_utils.crictl import log_facts
    from ..module_utils.crictl.call import Crictl
    from ..module_utils.crictl.log import valid
    from ..module_utils.errors import NodeError
    from ..module_utils.module_result import exit_with

    try:
        with Crictl(**{option: module.params[option] for option in OPTIONS}, started=started) as crictl:
            selection = log_facts.selection(module.params)
            logs, warnings = log_facts.read(crictl, module.params, selection)
    except NodeError as error:
        module.fail_json(msg=valid(str(error)), kind=error.kind)
    except OSError as error:
        from ..module_utils.os_errors import os_error

        module.fail_json(msg=os_error(error, "reading the log"), kind="failed")
    except ValueError as error:
        module.fail_json(msg=valid(str(error)), kind="failed")
    for warning in warnings:
        module.warn(valid(warning))
    facts = {"crictl_logs": logs}
    exit_with(module, **({"ansible_facts": facts} if module.params["as_facts"] else facts))


def _first_call(options: dict[str, Any]) -> tuple[str, ...]:
    """Return the call that finds the container: a whole ID needs no list of containers."""
    if len(options["id"] or "") == ID_LENGTH and not options["previous"]:
        return json_arguments("inspect", options["id"])
    return json_arguments("ps", "-a")


if __name__ == "__main__":
    main()
