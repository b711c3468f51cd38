# SPDX-License-Identifier: GPL-3.0-or-later
"""The probes of a planned change: what a node tries with its runtime before it commits the change. See runtime_config."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.cri.node.plugins.module_utils.pod.marks import PROBE
from ansible_collections.cri.node.plugins.module_utils.text import shown
from ansible_collections.cri.node.plugins.plugin_utils.crio import live_values
from ansible_collections.cri.node.plugins.plugin_utils.plan.plan import late_handlers
from ansible_collections.cri.node.plugins.plugin_utils.pod import once
from ansible_collections.cri.node.plugins.plugin_utils.problem import Problem
from ansible_collections.cri.node.plugins.plugin_utils.task.option_rules import IMAGE, image_fault

if TYPE_CHECKING:
    from ansible_collections.cri.node.plugins.module_utils.contract import Report
    from ansible_collections.cri.node.plugins.plugin_utils.plan.file_set import FileSet
    from ansible_collections.cri.node.plugins.plugin_utils.plan.plan import Plan

CHANGED, EVERY = "changed", "all"
OPTIONS: dict[str, dict[str, Any]] = {
    "image": {"type": "str", "default": ""},
    "handlers": {"type": "list", "elements": "str", "default": [CHANGED]},
    "pull": {"type": "list", "elements": "str", "default": []},
}
_DEFAULT = "crio.runtime.default_runtime"
# A key of a handler in config.toml of containerd, version 2 and 3; its name is quoted if it contains a dot.
_OF_CONTAINERD = re.compile(
    r'plugins\."io\.containerd\.(?:grpc\.v1\.cri|cri\.v1\.runtime)"\.containerd\.runtimes\.'
    r'(?:"([^"]{1,200})"|([A-Za-z0-9_-]{1,200}))\.'
)
_HANDLERS = 'names of handlers, or "changed" or "all"'


class Probes(NamedTuple):
    """The probes of one node."""

    image: str = ""  # of the pod; without handlers, no pod is run
    handlers: tuple[str, ...] = ()
    every_handler: bool = False  # whether the pod is run with all handlers that the daemon then has, too
    pull: tuple[str, ...] = ()
    product: str = "CRI-O"

    def as_sentences(self) -> list[str]:
        """Return the probes as the plan of a task's result names them."""
        handlers = [f"the handler {name}" for name in self.handlers]
        if self.every_handler:
            other = " other" if handlers else ""
            handlers.append(f"every{other} handler of {self.product}")
        pods = [f"run a pod of {self.image} with {handler}" for handler in handlers]
        return [shown(each) for each in [*(f"pull {image}" for image in self.pull), *pods]]

    def as_request(self) -> dict[str, Any]:
        """Return what the node is asked, see contract.Probes."""
        runs = bool(self.handlers or self.every_handler)
        return {
            "pods": once.pods(PROBE, self.image) if runs else [],
            "handlers": list(self.handlers),
            "every_handler": self.every_handler,
            "pull": list(self.pull),
        }


def problems(options: dict[str, Any] | None, label: str) -> list[Problem]:
    """Return the problems of the option probes. label: its name for messages."""
    if not options:
        return []
    images = [("image", options["image"])] if options["image"] else []
    images += [("pull", image) for image in options["pull"]]
    found = [
        Problem("", f"{label}: {name}", f'"{shown(image, 80)}"', fault, IMAGE)
        for name, image in images
        for fault in [image_fault(image)]
        if fault
    ]
    found += [
        Problem("", f"{label}: handlers", f'"{shown(name, 80)}"', "is not the name of a handler", _HANDLERS)
        for name in options["handlers"]
        if not name.strip() or not name.isprintable()
    ]
    if not options["image"] and (options["handlers"] != [CHANGED] or not options["pull"]):
        fault = "is missing: the image of the pod that is run with each handler"
        found.append(Problem("", f"{label}: image", None, fault, IMAGE))
    return found


def planned(options: dict[str, Any] | None, wanted: FileSet, made: Plan, report: Report) -> Probes:
    """Return the probes of a change: none if the daemon does not have to load anything."""
    if not options or made.activate == "none":
        return Probes()
    names = set(options["handlers"]) if options["image"] else set()
    every = EVERY in names
    if CHANGED in names:
        # A CRI-O that is new, or that did not run, has not run a pod with any of its handlers.
        every = every or made.activate == "start" or report["unit"]["binary_replaced"] or bool(made.replaced)
        names |= changed_handlers(wanted, made, report)
    if every:
        names |= _handlers_of(each["key"] for each in wanted.settings())
    pull, product = tuple(dict.fromkeys(options["pull"])), report.get("runtime", "CRI-O")
    return Probes(options["image"], tuple(sorted(names - {CHANGED, EVERY})), every, pull, product)


def changed_handlers(wanted: FileSet, made: Plan, report: Report) -> set[str]:
    """Return the desired handlers with settings that the daemon has not loaded, and the default one if that is another."""
    desired = {each["key"]: each for each in wanted.settings()}
    keys = {change["key"] for change in made.keys}
    for path, found in report["files"].items():
        unloaded = found.get("unloaded_keys")
        keys.update(_keys_of(wanted, path) if unloaded is None and not found["loaded"] else unloaded or [])
    names = _handlers_of(keys) & _handlers_of(desired)
    names |= {live_values.entry_of(table)[1] for table in late_handlers(wanted, report)}
    default = desired[_DEFAULT]["value"] if _DEFAULT in keys and _DEFAULT in desired else None
    return names | ({default} if isinstance(default, str) and default else set())


def _handlers_of(keys: Iterable[str]) -> set[str]:
    """Return the names of the handlers that dotted keys of crio.conf or of config.toml belong to."""
    keys = list(keys)
    found = filter(None, map(_OF_CONTAINERD.match, keys))
    return {*live_values.handlers_of(keys), *(each.group(1) or each.group(2) for each in found)}


def _keys_of(wanted: FileSet, path: str) -> Iterable[str]:
    return [each["key"] for each in wanted.settings() if each["path"] == path]
