# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Gathers the facts of crictl_logs_facts: finds the containers and their logs, and reads them.

options: the options of the module, by name.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from typing import Any

from ..errors import CrictlError
from .call import Crictl
from .container_details import details
from .log import TIME_LIMIT, Entry, Log, no_longer_than, valid
from .log_files import LogError
from .log_selection import Selection, newest
from .start import ID_LENGTH


def selection(options: Mapping[str, Any]) -> Selection:
    """Return the selection of entries. Raises ValueError for the value of an option that is not valid."""
    for option in ("tail", "max_bytes"):
        if options[option] < 1:
            raise ValueError(f"{option} is {options[option]}; it must be at least 1")
    times = {option: _moment(option, options[option]) for option in ("since", "until") if options[option]}
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


def _moment(option: str, text: str) -> int:
    from .moment import moment  # not at the top: most logs are read up to now

    try:
        return moment(text)
    except ValueError as error:
        raise ValueError(f"{option}: {error}") from None


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


def find(crictl: Crictl, options: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the containers whose logs are read, each with the path of its log."""
    found = _with_id(crictl, options)
    if not found:
        from . import log_search  # not at the top: a whole ID needs no search

        found = log_search.find(crictl, options)
    for item in found:
        if "log_path" not in item:
            raise LogError(f"container {item['id']} was created without a log file", "not_found")
    return found


def _with_id(crictl: Crictl, options: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the container that a whole ID names; nothing if it does not exist or only the list of pods has its name."""
    if len(options["id"] or "") != ID_LENGTH or options["previous"]:
        return []
    try:
        found = list(details(crictl.json("inspect", options["id"])).values())
    except CrictlError as error:
        if error.kind != "not_found":
            raise
        return []
    return found if len(found) == 1 and "name" in found[0]["pod"] else []


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
