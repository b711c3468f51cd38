# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Types what crictl prints about the runtime itself: info, version and runtime-config. Pure functions; see fields.py."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ..text import printable
from .fields import (
    UnexpectedOutput,
    boolean,
    items,
    known,
    mapping,
    mapping_if_any,
    required_string,
    string,
    valid,
)

_VERSION_LINES = ("RuntimeName", "RuntimeVersion", "RuntimeApiVersion")
_VERSION_LIMIT = 200  # characters


def info(document: Any) -> dict[str, Any]:
    """Read crictl info: conditions, runtime_ready, network_ready, handlers, features, cgroup_driver, sandbox_image."""
    document = mapping(document, "crictl info")
    found = conditions(document)
    ready = {item["type"]: item["status"] for item in found}
    config = mapping_if_any(document, "config")
    crio, containerd = mapping_if_any(config, "crio"), mapping_if_any(config, "containerd")
    return known(
        conditions=found,
        runtime_ready=ready.get("RuntimeReady", False),
        network_ready=ready.get("NetworkReady", False),
        handlers=_handlers(document, crio.get("DefaultRuntime") or containerd.get("defaultRuntimeName")),
        features=_features(document.get("features")),
        cgroup_driver=string(crio, "CgroupManagerName"),
        sandbox_image=string(config, "sandboxImage"),
    )


def conditions(document: Any) -> list[dict[str, Any]]:
    """Read the conditions of crictl info: type, status (a boolean), reason and message (both may be empty). Never empty."""
    status = mapping(mapping(document, "crictl info").get("status"), "status")
    found = [_condition(item) for item in items(status, "conditions")]
    if not found:
        raise UnexpectedOutput("the output of crictl info does not contain the conditions of the runtime")
    return found


def handler_names(document: Any) -> list[str] | None:
    """Read the names of the handlers in crictl info, each once and sorted; None if crictl does not list them (before 1.30)."""
    document = mapping(document, "crictl info")
    if not isinstance(document.get("runtimeHandlers"), list):
        return None
    handlers = (mapping(item, "runtimeHandlers") for item in document["runtimeHandlers"])
    names = {string(item, "name") for item in handlers}
    return sorted(name for name in names if name)  # the entry without a name repeats the default handler


def configured_handlers(document: Any) -> list[str]:
    """Read the names of the handlers in containerd's part of crictl info, sorted; [] if it has none there."""
    config = mapping_if_any(mapping(document, "crictl info"), "config")
    return sorted(valid(name) for name in mapping_if_any(mapping_if_any(config, "containerd"), "runtimes"))


def with_default_handler(handlers: list[dict[str, Any]], name: Any) -> list[dict[str, Any]]:
    """Return the handlers with the one of that name marked as the default; unchanged if there is none."""
    named = [dict(handler, default=handler["name"] == name) for handler in handlers if "name" in handler]
    return named if any(handler["default"] for handler in named) else handlers


def version(text: str) -> dict[str, str]:
    """Read crictl version, which is text: runtime_name, runtime_version, api_version, each on one printable line."""
    found = {name: printable(value, _VERSION_LIMIT) for name, value in _lines(text) if name in _VERSION_LINES}
    if not found.get("RuntimeName"):
        raise UnexpectedOutput("the output of crictl version does not contain the name of the runtime")
    return known(
        runtime_name=found["RuntimeName"],
        runtime_version=found.get("RuntimeVersion"),
        api_version=found.get("RuntimeApiVersion"),
    )


def cgroup_driver(text: str) -> str | None:
    """Read crictl runtime-config, which is text: systemd or cgroupfs; None if it has neither."""
    found = (value.lower() for name, value in _lines(text) if name.lower() == "cgroup driver")
    return next((value for value in found if value in ("systemd", "cgroupfs")), None)


def _lines(text: str) -> Iterator[tuple[str, str]]:
    """Yield name and value of each line `name: value`."""
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        if colon:
            yield name, valid(value.strip())


def _condition(item: Any) -> dict[str, Any]:
    item = mapping(item, "conditions")
    return {
        "type": required_string(item, "type"),
        "status": bool(boolean(item, "status")),
        "reason": string(item, "reason") or "",
        "message": string(item, "message") or "",
    }


def _handlers(document: dict[str, Any], default: Any) -> list[dict[str, Any]] | None:
    """Return the handlers by name; None if crictl lists none (before 1.30). The entry without a name repeats the default handler.

    CRI-O keeps them in a map and so lists them in another order in each answer (server/runtime_status.go of 1.37):
    sorted, two facts of an unchanged node are equal.
    """
    if not isinstance(document.get("runtimeHandlers"), list):
        return None
    found = {}
    for item in document["runtimeHandlers"]:
        item = mapping(item, "runtimeHandlers")
        name, features = string(item, "name"), _features(item.get("features")) or {}
        handler = known(name=name, features=features)
        found[name, frozenset(features.items())] = handler if name else dict(handler, default=True)
    handlers = sorted(found.values(), key=_by_name)
    named = [handler for handler in handlers if "name" in handler]
    if not default and len(named) == 1:
        default = named[0]["name"]
    return with_default_handler(handlers, default)


def _by_name(handler: dict[str, Any]) -> tuple[str, list[tuple[str, bool]]]:
    return handler.get("name", ""), sorted(handler["features"].items())


def _features(value: Any) -> dict[str, bool] | None:
    """Return features by CRI's names in snake case, which crictl prints in either case."""
    if not isinstance(value, dict):
        return None
    return {
        re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", valid(name)).lower(): on is True for name, on in value.items()
    }
