# SPDX-License-Identifier: GPL-3.0-or-later
"""Switches a node's kubelet from one engine to another: all steps are taken, or those that were taken are undone.

The former engine is disabled last: if the power is cut before, both start at the next boot, and the kubelet uses the one that its
files name. Undoing a step that was not taken, or that is undone already, changes nothing.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable

from .. import node_files
from ..errors import NodeError
from ..layout import Layout
from ..os_errors import os_error
from . import journal, units
from .engine import Engine
from .kubelet_files import Kubelet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .journal import Journal
    from .kubelet_files import Edits

# The steps, in their order.
START_TARGET = "start the new engine"
CARRY_IMAGES = "carry over images"
STOP_KUBELET = "stop the kubelet"
STOP_CONTAINERS = "stop the containers"
STOP_FORMER = "stop the former engine"
CHANGE_FILES = "change the kubelet's files"
START_KUBELET = "start the kubelet"
DISABLE_FORMER = "disable the former engine"
STEPS = (
    START_TARGET,
    CARRY_IMAGES,
    STOP_KUBELET,
    STOP_CONTAINERS,
    STOP_FORMER,
    CHANGE_FILES,
    START_KUBELET,
    DISABLE_FORMER,
)
_STEADY = (
    3  # seconds during which a kubelet must stay active; one that does not understand its files ends at once
)


class SwitchFailed(NodeError):
    """The kubelet was not switched; the message says why, and whether the node is as before."""


class Switch:
    """One switch. ready_timeout: seconds for each engine to be ready.

    carry: brings the images, returns what is to be reported of them, and raises NodeError if one that must not be missing is.
    """

    def __init__(
        self,
        layout: Layout,
        former: Engine,
        target: Engine,
        kubelet: Kubelet,
        ready_timeout: int,
        carry: Callable[[], list[dict[str, Any]]],
    ) -> None:
        self._layout, self._former, self._target, self._kubelet = layout, former, target, kubelet
        self._ready_timeout, self._carry = ready_timeout, carry
        self.edits: Edits = {}
        self.images: list[dict[str, Any]] = []
        self.driver = ""
        found = {**former.units, **target.units, **units.states([units.KUBELET])}
        self._noted: Journal = {
            "former": former.name,
            "target": target.name,
            "taken": [],
            "units": found,
            "files": {},
            "written": {},
            "containers": [],
        }

    def make(self) -> None:
        """Take all steps. Raises SwitchFailed after they have been undone."""
        former_driver = self._former.driver() if self._former.serves else ""
        steps = {
            START_TARGET: self._start_target,
            CARRY_IMAGES: self._carry_images,
            STOP_KUBELET: lambda: units.stop(self._running_kubelet()),
            STOP_CONTAINERS: self._stop_containers,
            STOP_FORMER: lambda: units.stop(self._former.units),
            CHANGE_FILES: self._write_files,
            START_KUBELET: self._start_kubelet,
            DISABLE_FORMER: self._disable_former,
        }
        try:
            for name in STEPS:
                self._noted["taken"].append(name)
                self._write()
                steps[name]()
            journal.record(self._layout, self._former.name, self._target.name, former_driver)
            journal.remove(self._layout)
        except (NodeError, OSError) as error:
            failures = undo(self._layout, self._noted, self._former, self._ready_timeout)
            raise SwitchFailed(
                f"{_words(error)} (step: {self._noted['taken'][-1]}). {_end(failures, self._former)}"
            ) from error

    def _write(self) -> None:
        journal.write(self._layout, self._noted)

    def _running_kubelet(self) -> list[str]:
        return [units.KUBELET] if self._noted["units"].get(units.KUBELET, {}).get("active") else []

    def _start_target(self) -> None:
        """Start and enable the new engine, and note what its cgroup driver makes of the kubelet's files."""
        names = list(reversed(list(self._target.units)))
        units.enable(name for name in names if self._target.units[name]["disabled"])
        units.start(name for name in names if not self._target.units[name]["active"])
        self._target.wait_until_ready(self._ready_timeout)
        self.driver = self._target.driver()
        if self._kubelet.exists:
            self.edits = self._kubelet.edits(self._target.endpoint, self.driver)
        for path, (before, after) in self.edits.items():
            node_files.refuse_untouchable(path)
            status = os.lstat(path)
            self._noted["files"][path] = journal.kept(
                before.encode(), stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid
            )
            self._noted["written"][path] = node_files.digest(after.encode())

    def _carry_images(self) -> None:
        self.images = self._carry()

    def _stop_containers(self) -> None:
        if self._former.serves:
            self._noted["containers"] = self._former.restartable()
            self._write()
            self._former.stop_containers()

    def _write_files(self) -> None:
        for path, (_before, after) in self.edits.items():
            status = os.lstat(path)
            node_files.write_durably(path, after.encode(), stat.S_IMODE(status.st_mode))
            node_files.give(path, status.st_uid, status.st_gid)

    def _start_kubelet(self) -> None:
        """Start the kubelet, and require that it stays, that the new engine serves, and that nobody started the former one."""
        units.start(self._running_kubelet())
        for name in self._running_kubelet():
            units.refuse_unsteady(name, _STEADY)
        self._target.wait_until_ready(self._ready_timeout)
        now = units.states(list(self._former.units))
        left = [name for name, state in now.items() if state["active"]]
        if left:
            raise SwitchFailed(f"{', '.join(left)} was started again by something that needs it")

    def _disable_former(self) -> None:
        units.disable(name for name, state in self._former.units.items() if state["enabled"])


def undo(layout: Layout, noted: Journal, former: Engine, ready_timeout: int) -> list[str]:
    """Undo the steps of a journal in reverse order; all of them are tried. Returns the failures; without any, it is gone."""
    before = noted["units"]
    of_former = [name for name in former.units if name in before]
    ours = [name for name in before if name not in former.units and name != units.KUBELET]

    def enable_former() -> None:
        units.enable(name for name in of_former if before[name]["enabled"])

    def start_former() -> None:
        units.start(name for name in reversed(of_former) if before[name]["active"])
        if any(before[name]["active"] for name in of_former):
            former.wait_until_ready(ready_timeout)

    def start_containers() -> None:
        if noted["containers"]:
            former.start_containers(noted["containers"])

    def stop_target() -> None:
        units.stop(name for name in ours if not before[name]["active"])
        units.disable(name for name in ours if before[name]["disabled"])

    def stop_kubelet() -> None:
        if units.KUBELET in before:
            units.stop([units.KUBELET])

    def start_kubelet() -> None:
        if before.get(units.KUBELET, {}).get("active"):
            units.start([units.KUBELET])

    undoing: dict[str, Callable[[], None]] = {
        DISABLE_FORMER: enable_former,
        START_KUBELET: stop_kubelet,
        CHANGE_FILES: lambda: _put_back(noted),
        STOP_FORMER: start_former,
        STOP_CONTAINERS: start_containers,
        STOP_KUBELET: start_kubelet,
        CARRY_IMAGES: _nothing,  # what the new engine has got may stay
        START_TARGET: stop_target,
    }
    failures = []
    for name in reversed(noted["taken"]):
        try:
            undoing.get(str(name), _nothing)()
        except (NodeError, OSError) as error:
            failures.append(_words(error))
    if not failures:
        try:
            journal.remove(layout)
        except NodeError as error:
            failures.append(_words(error))
    return failures


def _nothing() -> None:
    pass


def _put_back(noted: Journal) -> None:
    """Write the former contents of files. One that somebody has changed since the switch is kept, which is an error."""
    kept = []
    for path, entry in noted["files"].items():
        former = journal.content_of(entry)
        content = node_files.read_bytes(path) if os.path.lexists(path) else b""
        if content == former:
            continue
        if node_files.digest(content) != noted["written"].get(path):
            kept.append(path)
            continue
        node_files.write_durably(path, former, entry["mode"])
        node_files.give(path, entry["uid"], entry["gid"])
    if kept:
        raise SwitchFailed(f"{', '.join(kept)} was changed meanwhile and is kept as it is now")


def _words(error: NodeError | OSError) -> str:
    words = os_error(error, "migrating the node") if isinstance(error, OSError) else str(error)
    return words.rstrip(".")


def _end(failures: list[str], former: Engine) -> str:
    if failures:
        return f"The switch could not be undone completely: {'; '.join(failures[:3])}. The next run continues"
    return f"The switch was undone: the node uses {former.title} as before, and its kubelet starts its pods again"


def ended(failures: list[str], former: Engine) -> None:
    """Raise SwitchFailed if undoing an interrupted switch has failed."""
    if failures:
        raise SwitchFailed(
            f"an interrupted migration is undone first, which failed: {_end(failures, former)}"
        )
