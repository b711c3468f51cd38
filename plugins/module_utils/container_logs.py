# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The logs of the containers that a playbook asks for: which containers, where their logs are, and what to tell of them.

wanted: the options of crictl_logs_facts, by name.
"""

from __future__ import annotations

import contextlib
import os

from . import cri_log, crictl_containers
from .cri_error import LogError


def read(containers, wanted, selection):
    """The fact crictl_logs, and what to warn of. selection: how cri_log.Selection is made. Raises LogError."""
    if not containers:
        raise LogError("there is no previous attempt; the container was never started again", "not_found")
    with contextlib.ExitStack() as stack:
        logs, warnings = open_logs(containers, wanted["rotated"], stack)
        entries, truncated = cri_log.newest(logs, cri_log.Selection(**selection))
        warnings += [warning for log in logs for warning in log.warnings]
        return describe(logs, entries, truncated, wanted), warnings


def find(crictl, wanted, call):
    """The containers to read, each with its log path; call: crictl.start_containers()."""
    containers = choose(crictl_containers.listed(crictl, call), wanted)
    return locate(containers, crictl_containers.details(crictl, [item["id"] for item in containers]))


def find_whole_id(crictl, wanted, call):
    """The same for a container whose whole ID is known, which saves the list; call: crictl.start_details() of it."""
    details = crictl_containers.details(crictl, [wanted["id"]], call)
    one_of(details, f"ID {wanted['id']}", str)
    if all("name" in item["pod"] for item in details.values()):  # else only the list of pods tells it
        return locate(list(details.values()), details)
    with crictl.start_containers() as listing:
        return find(crictl, wanted, listing)


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
        raise LogError(f"there is no container with {asked}", "not_found")
    if len(keys) > 1:
        shown = ", ".join(keys[:5]) + (", ..." if len(keys) > 5 else "")
        raise LogError(f"{len(keys)} fit {asked}: {shown}; say which one by id, pod or namespace")


def pod_of(container):
    pod = container["pod"]
    return f"{pod.get('namespace', '?')}/{pod['name']}" if "name" in pod else pod.get("id", "?")


def attempts_of(container):
    return pod_of(container), container.get("name")


def age(container):
    return container.get("created_at", ""), container["attempt"]


def locate(containers, details):
    """Adds each container's log path."""
    for item in containers:
        if item["id"] not in details:
            raise LogError(f"container {item['id']} has just been removed", "not_found")
        path = details[item["id"]].get("log_path")
        if not path:
            raise LogError(f"container {item['id']} has no log file; none was asked for", "not_found")
        item["log_path"] = beside(path, item["attempt"]) if "forgotten" in item else path
    return containers


def beside(path, attempt):
    """The kubelet calls logs 0.log, 1.log, ... by attempt."""
    folder, name = os.path.split(path)
    if name != f"{attempt + 1}.log":
        raise LogError(f"the runtime has forgotten the attempt before {path}", "not_found")
    return os.path.join(folder, f"{attempt}.log")


def open_logs(containers, rotated, stack):
    """The logs and what to warn of: of several containers those that have no log file are left out."""
    logs, missing = [], []
    for item in containers:
        try:
            logs.append(stack.enter_context(cri_log.Log(item["log_path"], rotated, item["id"], item)))
        except LogError as error:
            if error.kind != "not_found":
                raise
            missing.append(error)
    if not logs:
        raise missing[0]
    return logs, [str(error) for error in missing]


def describe(logs, entries, truncated, wanted):
    answer = {
        "containers": [describe_container(log) for log in logs],
        "lines": len(entries),
        "truncated": truncated,
        "undecodable": sum(entry.undecodable for entry in entries),
        "malformed": sum(log.malformed for log in logs),
        "bytes_read": sum(log.bytes_read for log in logs),
    }
    if wanted["format"] == "text":
        return dict(answer, text="".join(f"{entry.text}\n" for entry in entries))
    of_pod = not wanted["id"] and not wanted["name"]
    named = ({"container": entry.source.get("name", "")} if of_pod else {} for entry in entries)
    return dict(answer, entries=[{**entry.as_dict(), **name} for entry, name in zip(entries, named)])


def describe_container(log):
    known = (
        ("name", "attempt", "pod") if "forgotten" in log.source else ("id", "name", "attempt", "state", "pod")
    )
    return {**{key: log.source[key] for key in known if key in log.source}, "files": log.files}
