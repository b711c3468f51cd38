# SPDX-License-Identifier: GPL-3.0-or-later
"""The RuntimeClass objects of handlers, by which pods of a cluster choose them (node.k8s.io/v1)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from ansible_collections.cri.node.plugins.plugin_utils.layers import Data
from ansible_collections.cri.node.plugins.plugin_utils.pod import quantity
from ansible_collections.cri.node.plugins.plugin_utils.text.did_you_mean import did_you_mean
from ansible_collections.cri.node.plugins.plugin_utils.value_types import kind as type_of

if TYPE_CHECKING:
    from ansible_collections.cri.node.plugins.plugin_utils.handlers.handler import Handler

    Report = Callable[..., None]

_KEYS = ("name", "overhead", "scheduling", "labels")
_SCHEDULING = {"nodeSelector": dict, "tolerations": list}
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?", re.ASCII)


def of_handler(name: str, overhead: dict[str, str], value: object, report: Report) -> Data | None:
    """Return the object of a handler, None if it shall have none. overhead: that of its kind.

    report: called with the path, the fault and what is accepted for each problem of the value.
    """
    if value is False:
        return None
    own: Any = {} if value is None or value is True else value
    place = ("runtime_class",)
    if not isinstance(own, dict):
        report(place, f"is {type_of(own)}, not a mapping", f"false, or a mapping of {', '.join(_KEYS)}")
        return None
    for key in own:
        if key not in _KEYS:
            report((*place, key), f"is not a key of it{did_you_mean(str(key), _KEYS)}", ", ".join(_KEYS))
    title = own.get("name", name)
    if not isinstance(title, str) or not _NAME.fullmatch(title):
        report(
            (*place, "name"), "is not the name of an object", "lowercase letters, digits, '-' and '.'", title
        )
    document: Data = {
        "apiVersion": "node.k8s.io/v1",
        "kind": "RuntimeClass",
        "metadata": {"name": title},
        "handler": name,
    }
    if own.get("labels"):
        document["metadata"]["labels"] = own["labels"]
    fixed = _overhead(own.get("overhead", overhead), report)
    if fixed:
        document["overhead"] = {"podFixed": fixed}
    scheduling = _scheduling(own.get("scheduling") or {}, report)
    if scheduling:
        document["scheduling"] = scheduling
    return document


def _overhead(value: object, report: Report) -> Data:
    place = ("runtime_class", "overhead")
    if not value:
        return {}
    if not isinstance(value, dict):
        report(place, f"is {type_of(value)}, not a mapping", "resources such as {cpu: 250m, memory: 160Mi}")
        return {}
    for name, amount in value.items():
        if isinstance(amount, bool) or quantity.parse(str(amount)) is None:
            report((*place, name), "is not a quantity", quantity.ACCEPTED, amount)
    return {name: str(amount) for name, amount in value.items()}


def _scheduling(value: object, report: Report) -> Data:
    place = ("runtime_class", "scheduling")
    if not isinstance(value, dict):
        report(place, f"is {type_of(value)}, not a mapping", f"a mapping of {', '.join(_SCHEDULING)}")
        return {}
    for name, content in value.items():
        wanted = _SCHEDULING.get(name)
        if wanted is None:
            report(
                (*place, name),
                f"is not a key of it{did_you_mean(str(name), _SCHEDULING)}",
                ", ".join(_SCHEDULING),
            )
        elif not isinstance(content, wanted):
            report((*place, name), f"is {type_of(content)}", "a mapping of labels, or a list of tolerations")
    return value


def documents(handlers: Iterable[Handler]) -> list[Data]:
    """Return the objects of handlers, by name of the handler."""
    found = sorted(handlers, key=lambda each: each.name)
    return [each.runtime_class for each in found if each.runtime_class is not None]


def as_yaml(objects: list[Data]) -> str:
    """Return objects as the documents of one YAML file, for kubectl apply."""
    import yaml  # only loaded where the text is wanted

    return (
        yaml.safe_dump_all(objects, explicit_start=True, sort_keys=False, default_flow_style=False)
        if objects
        else ""
    )
