# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Gathers the facts of crictl_logs_facts: finds the containers and their logs, and reads them.

options: the options of the module, by name.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..text import shown
from .call import Crictl
from .log import TIME_LIMIT, Entry, Log, no_longer_than, valid
from .log_files import LogError
from .log_selection import Selection, moment, newest
from .start import ID_LENGTH


def selection(options: Mapping[str, Any]) -> Selection:
    """Return the selection of entries. Raises ValueError for the value of an option that is not valid."""
    for option in ("tail", "max_bytes"):
        if options[option] < 1:
            raise ValueError(f"{option} is {options[option]}; it must be at least 1")
    times = {}
    for option in ("since", "until"):
        try:
            times[option] = moment(options[option]) if options[option] else None
        except ValueError as error:
            raise ValueError(f"{option}: {error}") from None
    try:
        return Selection(
            options["tail"],
            options["max_bytes"],
            stream=options["stream"],
            pattern=options["pattern"],
            **times,
        )
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"pattern: {options['pattern']!r} is not a regular expression: {error}") from None


def read(crictl: Crictl, options: Mapping[str, Any], selected: Selection) -> tuple[dict[str, Any], list[str]]:
    """Return the fact crictl_logs, and warnings. Raises CrictlError, UnexpectedOutput, LogError and OSError."""
    containers = find(crictl, options)
    if not containers:
        raise LogError("there is no previous attempt; the container was never restarted", "not_found")
    with contextlib.ExitStack() as stack:
        # Reading ends by itself at TIME_LIMIT; what prevents that is interrupted a little later.
        stack.enter_context(no_longer_than(TIME_LIMIT + 10))
        logs, warnings = open_logs(containers, options["rotated"], stack)
        entries, truncated = newest(logs, selected)
        warnings += [warning for log in logs for warning in log.warnings]
        return describe(logs, entries, truncated, options), warnings


# Which containers


def find(crictl: Crictl, options: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the containers whose logs are read, each with the path of its log."""
    if len(options["id"] or "") == ID_LENGTH and not options["previous"]:
        details = crictl.details([options["id"]])
        _require_one(list(details), f"ID {options['id']}", str)
        if all("name" in item["pod"] for item in details.values()):  # otherwise only the list of pods has it
            return _with_paths(list(details.values()), details)
    containers = _choose(crictl.containers(), options)
    return _with_paths(containers, crictl.details(item["id"] for item in containers))


def _choose(containers: list[dict[str, Any]], options: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the newest attempt of each matching container; with previous, the attempt before it."""
    if options["id"]:
        chosen = [item for item in containers if item["id"].startswith(options["id"])]
        _require_one(chosen, f"ID {options['id']}", lambda item: item["id"])
        same = [item for item in containers if _identity(item) == _identity(chosen[0])]
        attempts = [item for item in same if _age(item) <= _age(chosen[0])]
    else:
        attempts = [item for item in containers if _matches(item, options)]
        filters = ", ".join(f"{key} {options[key]}" for key in ("name", "pod", "namespace") if options[key])
        _require_one(attempts, filters, _pod_name)
    by_name: dict[str | None, list[dict[str, Any]]] = {}
    for item in sorted(attempts, key=_age):
        by_name.setdefault(item.get("name"), []).append(item)
    if not options["previous"]:
        return [items[-1] for items in by_name.values()]
    return [_before(items) for items in by_name.values() if len(items) > 1 or items[-1]["attempt"]]


def _before(attempts: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the attempt before the newest. If the runtime has forgotten it, its log may still exist beside the newest one's."""
    if len(attempts) > 1:
        return attempts[-2]
    newest_attempt = attempts[-1]
    return dict(newest_attempt, attempt=newest_attempt["attempt"] - 1, forgotten=True)


def _matches(container: dict[str, Any], options: Mapping[str, Any]) -> bool:
    pod = container["pod"]
    return (
        options["name"] in (None, container.get("name"))
        and options["namespace"] in (None, pod.get("namespace"))
        and options["pod"] in (None, pod.get("name"), pod.get("id"))
    )


def _require_one(found: Sequence[Any], filters: str, key: Callable[[Any], str]) -> None:
    """Raise LogError if nothing was found, or if it has more than one key: if it is in different pods, for example."""
    keys = sorted({key(item) for item in found})
    if not keys:
        raise LogError(f"there is no container with {filters}", "not_found")
    if len(keys) > 1:
        named = shown(", ".join(keys[:5])) + (", ..." if len(keys) > 5 else "")
        raise LogError(f"{len(keys)} match {filters}: {named}; specify one by id, pod or namespace")


def _pod_name(container: dict[str, Any]) -> str:
    pod = container["pod"]
    return f"{pod.get('namespace', '?')}/{pod['name']}" if "name" in pod else pod.get("id", "?")


def _identity(container: dict[str, Any]) -> tuple[str, str | None]:
    """Return what all attempts of a container have in common."""
    return _pod_name(container), container.get("name")


def _age(container: dict[str, Any]) -> tuple[str, int]:
    return container.get("created_at", ""), container["attempt"]


# Where the logs are


def _with_paths(containers: list[dict[str, Any]], details: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Add the path of its log to each container."""
    for item in containers:
        if item["id"] not in details:
            raise LogError(f"container {item['id']} has just been removed", "not_found")
        path = details[item["id"]].get("log_path")
        if not path:
            raise LogError(f"container {item['id']} was created without a log file", "not_found")
        item["log_path"] = _beside(path, item["attempt"]) if "forgotten" in item else path
    return containers


def _beside(path: str, attempt: int) -> str:
    """Return the path of the log of an earlier attempt; the kubelet names logs 0.log, 1.log, ... by attempt."""
    directory, name = os.path.split(path)
    if name != f"{attempt + 1}.log":
        raise LogError(f"the runtime no longer knows the attempt before {shown(path)}", "not_found")
    return os.path.join(directory, f"{attempt}.log")


def open_logs(
    containers: list[dict[str, Any]], rotated: bool, stack: contextlib.ExitStack
) -> tuple[list[Log], list[str]]:
    """Open the logs. Of several containers those without a log file are left out, with a warning each."""
    logs, missing = [], []
    for item in containers:
        try:
            logs.append(stack.enter_context(Log(item["log_path"], rotated, item["id"], item)))
        except LogError as error:
            if error.kind != "not_found":
                raise
            missing.append(error)
    if not logs:
        raise missing[0]
    return logs, [str(error) for error in missing]


# What is returned


def describe(
    logs: list[Log], entries: list[Entry], truncated: bool, options: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the fact crictl_logs for entries of these logs."""
    facts = {
        "containers": [valid(_container(log)) for log in logs],
        "lines": len(entries),
        "truncated": truncated,
        "undecodable": sum(entry.undecodable for entry in entries),
        "malformed": sum(log.malformed for log in logs),
        "bytes_read": sum(log.bytes_read for log in logs),
    }
    if options["format"] == "text":
        return dict(facts, text="".join(f"{entry.text}\n" for entry in entries))
    described = [entry.as_dict() for entry in entries]
    if not options["id"] and not options["name"]:
        for entry, source in zip(described, (entry.source for entry in entries)):
            entry["container"] = valid(source.get("name", ""))
    return dict(facts, entries=described)


def _container(log: Log) -> dict[str, Any]:
    """Return the container of a log; of an attempt that the runtime has forgotten only what is still known."""
    keys = (
        ("name", "attempt", "pod") if "forgotten" in log.source else ("id", "name", "attempt", "state", "pod")
    )
    return {**{key: log.source[key] for key in keys if key in log.source}, "files": log.files}
