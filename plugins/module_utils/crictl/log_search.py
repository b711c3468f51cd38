# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Finds the containers whose logs are read, by name, pod or the beginning of an ID, and their attempts.

options: the options of crictl_logs_facts, by name.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..text import shown
from . import queries
from .call import Crictl
from .log_files import LogError


def find(crictl: Crictl, options: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the containers, each with the path of its log, if it has one."""
    containers = _choose(queries.containers(crictl), options)
    details = queries.container_details(crictl, [item["id"] for item in containers])
    for item in containers:
        if item["id"] not in details:
            raise LogError(f"container {item['id']} has just been removed", "not_found")
        path = details[item["id"]].get("log_path")
        if path:
            item["log_path"] = _beside(path, item["attempt"]) if "forgotten" in item else path
    return containers


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


def _beside(path: str, attempt: int) -> str:
    """Return the path of the log of an earlier attempt; the kubelet names logs 0.log, 1.log, ... by attempt."""
    directory, name = os.path.split(path)
    if name != f"{attempt + 1}.log":
        raise LogError(f"the runtime no longer knows the attempt before {shown(path)}", "not_found")
    return os.path.join(directory, f"{attempt}.log")
