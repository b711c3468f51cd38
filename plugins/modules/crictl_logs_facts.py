#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: crictl_logs_facts
short_description: The newest lines of containers' logs, as facts
version_added: 0.1.0
description:
  - Reads the log of a container, or of all containers of a pod, as ordered entries with time and stream, or
    as text.
  - The log files are read on the node itself, from their end, so that a long log costs what is asked of it.
    Where
    they are is asked through CRI.
  - Only regular files are read. A symbolic link among the folders of a log's path is refused, except in
    C(/var/log/pods) and the folders above it, which may lie on another disk.
  - Whatever is asked for, no more than 600,000 characters come back, counted as JSON.
    RV(ansible_facts.crictl_logs.truncated) tells that there was more, or may have been.
  - Facts are kept and travel with the host; set O(as_facts=false) for logs that should not.
  - Logs can hold secrets of applications; use C(no_log) on the task where that matters.
author:
  - The cri.node contributors (@cri-node)
extends_documentation_fragment:
  - cri.node.crictl
  - cri.node.attributes
  - cri.node.attributes.facts
options:
  id:
    description: The container's ID, or the beginning of it.
    type: str
  name:
    description:
      - The container's name in its pod. The newest of its attempts is read.
      - O(pod) and O(namespace) say which one, where several pods have a container of this name.
    type: str
  pod:
    description:
      - The name or the full ID of a pod.
      - Without O(name) the logs of all its containers are read, merged by time.
    type: str
  namespace:
    description: The pod's Kubernetes namespace.
    type: str
  previous:
    description: Read the attempt before the newest one (or before the one of O(id)), as after a crash.
    type: bool
    default: false
  tail:
    description: How many lines to return at most, the newest ones.
    type: int
    default: 1000
  max_bytes:
    description:
      - How many bytes of text to return at most, the newest ones.
      - Of a last line that is longer, the beginning is returned.
    type: int
    default: 65536
  since:
    description:
      - Only lines from then on.
      - A duration before the node's present, such as V(90s), V(10m), V(1h30m) or V(2d), or an RFC 3339 time,
        such as
        V(2026-01-31T08:00:00Z).
    type: str
  until:
    description: Only lines up to then. As O(since).
    type: str
  stream:
    description: Only lines of this stream.
    type: str
    choices: [stdout, stderr]
  pattern:
    description: Only lines in which this regular expression (of Python) is found.
    type: str
  rotated:
    description:
      - Go on in the rotated log files, gzipped ones too, where the current one does not have enough lines.
      - At most 256 MiB and 50 rotated files of one log are looked through, for at most 120 seconds.
    type: bool
    default: true
  format:
    description: What to return, V(entries) with time and stream, or plain V(text).
    type: str
    choices: [entries, text]
    default: entries
  as_facts:
    description: Whether the log becomes a fact. With V(false) it comes back beside the facts, as
      RV(crictl_logs).
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

- name: Show them
  ansible.builtin.debug:
    msg: "{{ ansible_facts.crictl_logs.entries | map(attribute='text') }}"

- name: Read the errors of the last hour of all containers of a pod, without keeping them as facts
  cri.node.crictl_logs_facts:
    pod: hello-pod
    since: 1h
    stream: stderr
    pattern: (?i)error|fatal
    as_facts: false
  become: true
  register: errors

- name: Stop where there are any
  ansible.builtin.assert:
    that: errors.crictl_logs.lines == 0

- name: Read what a container said before it was started again
  cri.node.crictl_logs_facts:
    name: hello-world
    previous: true
    format: text
  become: true
"""

RETURN = r"""
ansible_facts:
  description: Facts to add to the node's.
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
              description: The container's full ID.
              returned: where the runtime still knows the container
              type: str
              sample: 5b1bde730afdd888575431f4017f653ce7d076b48451f85e1f3b60c08130f625
            name:
              description: The container's name in its pod.
              returned: success
              type: str
              sample: hello-world
            attempt:
              description: Which of its attempts this is; the first is 0.
              returned: success
              type: int
              sample: 0
            state:
              description: V(created), V(running), V(exited) or V(unknown).
              returned: where the runtime still knows the container
              type: str
              sample: running
            pod:
              description: The pod that it belongs to; C(id), C(name), C(namespace) and C(uid), where known.
              returned: success
              type: dict
              sample: {name: hello-pod, namespace: default}
            files:
              description: The paths of the files that were read, the newest first.
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
              description: When the line began, RFC 3339 in UTC with nanoseconds.
              returned: success
              type: str
              sample: '2026-01-31T08:00:00.250000000Z'
            stream:
              description: V(stdout) or V(stderr).
              returned: success
              type: str
              sample: stdout
            text:
              description: The line, without its end. Bytes that are no UTF-8 are replaced by U+FFFD, one
                each.
              returned: success
              type: str
              sample: hello world
            container:
              description: The name of the container that wrote it.
              returned: with O(pod) and without O(name)
              type: str
              sample: hello-world
            cut:
              description: That the line is longer than this.
              returned: where the end of the line was cut off
              type: bool
              sample: true
        text:
          description: The lines, the oldest first, each with a newline.
          returned: with O(format=text)
          type: str
          sample: "hello world\n"
        lines:
          description: How many lines came back.
          returned: success
          type: int
          sample: 2
        truncated:
          description:
            - Whether a limit (O(tail), O(max_bytes), the characters of a result, the bytes looked through)
              ended
              the reading before the beginning of what was asked for, or cut a line.
          returned: success
          type: bool
          sample: false
        undecodable:
          description: How many bytes of the returned lines were no UTF-8.
          returned: success
          type: int
          sample: 0
        malformed:
          description: How many lines of the files that were read were no log lines, and were left out.
          returned: success
          type: int
          sample: 0
        bytes_read:
          description: How many bytes of log were read (of gzipped files, after unpacking).
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
    - What kind of failure this was, to act on.
    - V(missing) (no crictl), V(unreachable) (no socket, or nobody behind it), V(timeout), V(permission),
      V(not_found),
      V(not_json) (crictl printed something else), V(unexpected) (JSON of another form) or V(failed).
  returned: failure
  type: str
  sample: not_found
"""

import contextlib
import os
import re

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.crictl import log as cri_log
from ..module_utils.crictl.call import OPTIONS, Crictl, CrictlError
from ..module_utils.crictl.output import UnexpectedOutput
from ..module_utils.errors import os_error
from ..module_utils.text import printable

ID_LENGTH = 64  # of a whole container ID, which needs no list to be found by


def choose(containers, wanted):
    """The containers to read, each the newest of its attempts; with previous, the one before that."""
    if wanted["id"]:
        chosen = [item for item in containers if item["id"].startswith(wanted["id"])]
        one_of(chosen, f"ID {wanted['id']}", lambda item: item["id"])
        same = [item for item in containers if attempts_of(item) == attempts_of(chosen[0])]
        attempts = [item for item in same if age(item) <= age(chosen[0])]
    else:
        attempts = [item for item in containers if fits(item, wanted)]
        asked = ", ".join(f"{key} {wanted[key]}" for key in ("name", "pod", "namespace") if wanted[key])
        one_of(attempts, asked, pod_of)
    newest = {}
    for item in sorted(attempts, key=age):
        newest.setdefault(item.get("name"), []).append(item)
    if not wanted["previous"]:
        return [items[-1] for items in newest.values()]
    return [before(items) for items in newest.values() if len(items) > 1 or items[-1]["attempt"]]


def before(attempts):
    """The attempt before the newest; if the runtime has forgotten it, its log may still lie beside."""
    if len(attempts) > 1:
        return attempts[-2]
    newest = attempts[-1]
    return dict(newest, attempt=newest["attempt"] - 1, forgotten=True)


def fits(container, wanted):
    pod = container["pod"]
    return (
        wanted["name"] in (None, container.get("name"))
        and wanted["namespace"] in (None, pod.get("namespace"))
        and wanted["pod"] in (None, pod.get("name"), pod.get("id"))
    )


def one_of(containers, asked, key):
    """Refuses to choose between containers of different pods, or where there is none."""
    keys = sorted({key(item) for item in containers})
    if not keys:
        raise cri_log.LogError(f"there is no container with {asked}", "not_found")
    if len(keys) > 1:
        shown = printable(", ".join(keys[:5])) + (", ..." if len(keys) > 5 else "")
        raise cri_log.LogError(f"{len(keys)} fit {asked}: {shown}; say which one by id, pod or namespace")


def pod_of(container):
    pod = container["pod"]
    return f"{pod.get('namespace', '?')}/{pod['name']}" if "name" in pod else pod.get("id", "?")


def attempts_of(container):
    return pod_of(container), container.get("name")


def age(container):
    return container.get("created_at", ""), container["attempt"]


def find(crictl, wanted):
    """The containers to read, each with its log path."""
    if wanted["id"] and len(wanted["id"]) == ID_LENGTH and not wanted["previous"]:
        details = crictl.details([wanted["id"]])
        one_of(details, f"ID {wanted['id']}", str)
        if all("name" in item["pod"] for item in details.values()):  # else only the list of pods tells it
            return locate(list(details.values()), details)
    containers = choose(crictl.containers(), wanted)
    return locate(containers, crictl.details(item["id"] for item in containers))


def locate(containers, details):
    """Adds each container's log path."""
    for item in containers:
        if item["id"] not in details:
            raise cri_log.LogError(f"container {item['id']} has just been removed", "not_found")
        path = details[item["id"]].get("log_path")
        if not path:
            raise cri_log.LogError(f"container {item['id']} has no log file; none was asked for", "not_found")
        item["log_path"] = beside(path, item["attempt"]) if "forgotten" in item else path
    return containers


def beside(path, attempt):
    """The kubelet calls logs 0.log, 1.log, ... by attempt."""
    folder, name = os.path.split(path)
    if name != f"{attempt + 1}.log":
        message = f"the runtime has forgotten the attempt before {printable(path)}"
        raise cri_log.LogError(message, "not_found")
    return os.path.join(folder, f"{attempt}.log")


def open_logs(containers, rotated, stack):
    """The logs and what to warn of: of several containers those that have no log file are left out."""
    logs, missing = [], []
    for item in containers:
        try:
            logs.append(stack.enter_context(cri_log.Log(item["log_path"], rotated, item["id"], item)))
        except cri_log.LogError as error:
            if error.kind != "not_found":
                raise
            missing.append(error)
    if not logs:
        raise missing[0]
    return logs, [str(error) for error in missing]


def read_logs(crictl, wanted, selection):
    containers = find(crictl, wanted)
    if not containers:
        raise cri_log.LogError(
            "there is no previous attempt; the container was never started again", "not_found"
        )
    with contextlib.ExitStack() as stack:
        # The reading itself stops at TIME_LIMIT; what is in the way of that is ended a little later.
        stack.enter_context(cri_log.no_longer_than(cri_log.TIME_LIMIT + 10))
        logs, warnings = open_logs(containers, wanted["rotated"], stack)
        entries, truncated = cri_log.newest(logs, selection)
        warnings += [warning for log in logs for warning in log.warnings]
        return describe(logs, entries, truncated, wanted), warnings


def describe(logs, entries, truncated, wanted):
    answer = {
        "containers": [cri_log.valid(describe_container(log)) for log in logs],
        "lines": len(entries),
        "truncated": truncated,
        "undecodable": sum(entry.undecodable for entry in entries),
        "malformed": sum(log.malformed for log in logs),
        "bytes_read": sum(log.bytes_read for log in logs),
    }
    if wanted["format"] == "text":
        return dict(answer, text="".join(f"{entry.text}\n" for entry in entries))
    of_pod = not wanted["id"] and not wanted["name"]
    named = (
        {"container": cri_log.valid(entry.source.get("name", ""))} if of_pod else {} for entry in entries
    )
    return dict(answer, entries=[{**entry.as_dict(), **name} for entry, name in zip(entries, named)])


def describe_container(log):
    known = (
        ("name", "attempt", "pod") if "forgotten" in log.source else ("id", "name", "attempt", "state", "pod")
    )
    return {**{key: log.source[key] for key in known if key in log.source}, "files": log.files}


def select(wanted):
    """The selection; ValueError for an option's value that makes no sense."""
    for option in ("tail", "max_bytes"):
        if wanted[option] < 1:
            raise ValueError(f"{option} is {wanted[option]}; it must be at least 1")
    times = {}
    for option in ("since", "until"):
        try:
            times[option] = cri_log.moment(wanted[option]) if wanted[option] else None
        except ValueError as error:
            raise ValueError(f"{option}: {error}") from None
    try:
        return cri_log.Selection(
            wanted["tail"], wanted["max_bytes"], stream=wanted["stream"], pattern=wanted["pattern"], **times
        )
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"pattern: {wanted['pattern']!r} is no regular expression: {error}") from None


def main():
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
    try:
        selection = select(module.params)
        crictl = Crictl(**{option: module.params[option] for option in OPTIONS})
        answer, warnings = read_logs(crictl, module.params, selection)
    except (CrictlError, UnexpectedOutput, cri_log.LogError) as error:
        module.fail_json(msg=cri_log.valid(str(error)), kind=error.kind)
    except OSError as error:
        module.fail_json(msg=os_error(error, "reading the log"), kind="failed")
    except ValueError as error:
        module.fail_json(msg=cri_log.valid(str(error)), kind="failed")
    for warning in warnings:
        module.warn(cri_log.valid(warning))
    answer = {"crictl_logs": answer}
    module.exit_json(changed=False, **({"ansible_facts": answer} if module.params["as_facts"] else answer))


if __name__ == "__main__":
    main()
