# SPDX-License-Identifier: GPL-3.0-or-later
"""Migrates a node from one container engine to another. Everything is read and judged first; check mode ends there."""

from __future__ import annotations

from ..errors import NodeError
from ..kubelet import socket_path
from ..layout import NODE
from ..transaction.guards import MISSING_IMAGES, OTHER_CONTAINERS, RUNNING_PODS
from . import engine, images, journal, switch, units
from .kubelet_files import Kubelet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..layout import Layout
    from .engine import Container, Engine

    Answer = dict[str, Any]

_MOST_NAMES = 10  # in one message


class MigrationRefused(NodeError):
    """The node cannot be migrated; the message says why and what helps. Nothing was changed."""


def migrate(request: dict[str, Any], check: bool, layout: Layout = NODE) -> Answer:
    """Migrate the node, or only report what a run would do.

    request: engines (what is known of each by name), engine (the new one), former ("" for that of the kubelet), images,
    overruled_guards, ready_timeout and pull_timeout (seconds). Returns what node_runtime_migration documents. Raises NodeError.
    """
    notes: list[str] = []
    left = _interrupted(layout, request, check, notes)
    try:
        return _migrate(request, check, layout, left, notes)
    except MigrationRefused as error:
        if not left or check:
            raise
        words = str(error).replace("Nothing was changed", "Nothing else was changed")
        raise MigrationRefused(f"an interrupted migration was undone first; {words}") from error


def _migrate(request: dict[str, Any], check: bool, layout: Layout, left: str, notes: list[str]) -> Answer:
    kubelet = Kubelet()
    name = _former(request, kubelet, left)
    found = _found(kubelet, request)
    if not name:
        return {**found, "changed": False, "notes": notes}
    former = engine.of(name, request["engines"][name])
    target = engine.of(request["engine"], request["engines"][request["engine"]])
    pods, others = former.running()
    _refuse(request, former, target, kubelet, pods, others, check, notes)
    rows = _images(request, former, target, notes)
    driver = _driver(layout, target, notes)
    edits = kubelet.edits(target.endpoint, driver) if kubelet.exists else {}
    steps = _steps(former, target, bool(edits), [row for row in rows if row["action"] == "carry"])
    changed = bool(steps or left)
    if changed and not check:
        overruled = MISSING_IMAGES in request["overruled_guards"]
        made = switch.Switch(
            layout,
            former,
            target,
            kubelet,
            request["ready_timeout"],
            lambda: _carried(layout, former, target, rows, request["pull_timeout"], overruled, notes),
        )
        made.make()
        rows, edits, driver = made.images, made.edits, made.driver
        if not any(row["action"] == "carry" for row in rows):
            steps = [step for step in steps if step != switch.CARRY_IMAGES]
    return {
        **found,
        "changed": changed,
        "former": name,
        "driver": driver,
        "containers": pods,
        "other_containers": [{key: each[key] for key in ("name", "image")} for each in others],
        "images": images.shown_rows(rows),
        "files": {path: list(texts) for path, texts in edits.items()},
        "steps": steps,
        "notes": notes,
    }


def _interrupted(layout: Layout, request: dict[str, Any], check: bool, notes: list[str]) -> str:
    """Undo an interrupted migration, in check mode only note it. Returns its former engine, "" if there was none."""
    left = journal.read(layout)
    if left is None:
        return ""
    name = str(left["former"])
    if name not in request["engines"]:
        raise MigrationRefused(f"{layout.migration_intent} names the engine {name:.100}, which is not known")
    if check:
        notes.append("an interrupted migration would be undone before this one")
    else:
        former = engine.of(name, request["engines"][name])
        switch.ended(switch.undo(layout, left, former, request["ready_timeout"]), former)
        notes.append("an interrupted migration was undone before this one")
    return name


def _found(kubelet: Kubelet, request: dict[str, Any]) -> Answer:
    endpoint, place = kubelet.endpoint
    driver, driver_place = kubelet.driver
    return {
        "engine": request["engine"],
        "former": "",
        "driver": "",
        "kubelet": {
            "found": kubelet.exists,
            "node_name": kubelet.node_name,
            "endpoint": f"unix://{endpoint}" if endpoint else "",
            "endpoint_file": place,
            "cgroup_driver": driver,
            "cgroup_driver_file": driver_place,
        },
        "containers": [],
        "other_containers": [],
        "images": [],
        "files": {},
        "steps": [],
    }


def _former(request: dict[str, Any], kubelet: Kubelet, left: str) -> str:
    """Return the engine that the node uses; "" if it is the new one already. Raises MigrationRefused."""
    sockets = {socket_path(known["endpoint"]): name for name, known in request["engines"].items()}
    endpoint, place = kubelet.endpoint
    used = sockets.get(endpoint, "")
    target, asked = request["engine"], request["former"]
    if asked:
        if used not in ("", asked, target) or (endpoint and not used):
            raise MigrationRefused(
                f"the kubelet uses {endpoint} ({place}), which is not the socket of {asked}, the former engine that was asked"
                " for. Nothing was changed"
            )
        return str(asked)
    if left:
        return left
    if used == target:
        return ""
    if not used:
        why = f"the kubelet uses {endpoint} ({place}), which is the socket of none of the known engines"
        if not endpoint:
            why = "no file of a kubelet names the engine that this node uses"
        raise MigrationRefused(
            f"{why}. Set former to one of {', '.join(sorted(set(request['engines']) - {target}))}. Nothing was changed"
        )
    return used


def _refuse(
    request: dict[str, Any],
    former: Engine,
    target: Engine,
    kubelet: Kubelet,
    pods: list[Container],
    others: list[Container],
    check: bool,
    notes: list[str],
) -> None:
    """Raise MigrationRefused for what must not be migrated, or not unless a guard is overruled, which becomes a note."""
    if former.name == target.name:
        raise MigrationRefused(f"former and engine are both {target.name}. Nothing was changed")
    if target.missing:
        words = (
            f"{', '.join(target.missing)} does not exist or is masked, so that {target.title} cannot be used"
        )
        if not check:
            raise MigrationRefused(f"{words}. Install it first. Nothing was changed")
        notes.append(f"{words} yet")
    users = units.states(former.known["users"])
    active = [name for name, state in users.items() if state["active"]]
    if active:
        raise MigrationRefused(
            f"{', '.join(active)} runs and needs {former.title}. Stop and disable it first. Nothing was changed"
        )
    overruled = request["overruled_guards"]
    uses = socket_path(former.endpoint) == kubelet.endpoint[0]
    if uses and former.units and not former.serves:
        words = (
            f"what runs in {former.title} is not known, since {', '.join(former.known['main'])} does not run"
        )
        _guard(RUNNING_PODS, words, "Start it first", overruled, notes)
    names = sorted({each["pod"] for each in pods})
    if names:
        counted, are = ("1 pod runs", "is") if len(names) == 1 else (f"{len(names)} pods run", "are")
        words = f"{counted} in {former.title} ({_some(names)}) and {are} stopped"
        _guard(RUNNING_PODS, words, "Drain the node first", overruled, notes)
    if others:
        words = (
            f"containers that no kubelet has started run in {former.title} ({_some([each['name'] for each in others])}):"
            " they are stopped, and nobody starts them again"
        )
        _guard(OTHER_CONTAINERS, words, "Move them first", overruled, notes)


def _guard(name: str, words: str, helps: str, overruled: list[str], notes: list[str]) -> None:
    if name not in overruled:
        raise MigrationRefused(
            f"{words}. {helps}, or overrule the guard with overruled_guards: [{name}] (migrate_overruled_guards of the role"
            " migrate). Nothing was changed"
        )
    notes.append(f"{words} (the guard {name} is overruled)")


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return f"{', '.join(names[:_MOST_NAMES])}{more}"


def _images(
    request: dict[str, Any], former: Engine, target: Engine, notes: list[str]
) -> list[dict[str, Any]]:
    if not request["images"] or not former.serves:
        return []
    if not target.serves:
        notes.append(f"which images {target.title} has is only known when it runs")
    return images.planned(former, target)


def _carried(
    layout: Layout,
    former: Engine,
    target: Engine,
    rows: list[dict[str, Any]],
    timeout: int,
    overruled: bool,
    notes: list[str],
) -> list[dict[str, Any]]:
    """Carry over images. Raises MigrationRefused if one could not be and the guard is not overruled."""
    target.units = units.states(list(target.units))  # it runs by now
    if rows:
        rows = images.planned(former, target)
    done = images.carry(layout, former, target, rows, timeout)
    failed = [f"{(row['names'] or [row['id']])[0]}: {row['error']}" for row in done if "error" in row]
    if failed:
        words = f"{len(failed)} of {len(done)} images could not be carried over ({'; '.join(failed[:3])})"
        if not overruled:
            raise MigrationRefused(
                f"{words}. Pull them into {target.title} first, or overrule the guard with overruled_guards: [{MISSING_IMAGES}]"
                " (migrate_overruled_guards of the role migrate)"
            )
        notes.append(f"{words} (the guard {MISSING_IMAGES} is overruled)")
    return done


def _driver(layout: Layout, target: Engine, notes: list[str]) -> str:
    """Return the cgroup driver of the new engine; if it does not run, the one that it had before a migration away from it."""
    if target.serves:
        return target.driver()
    recorded = journal.recorded(layout)
    if recorded.get("former") == target.name and recorded["driver"]:
        return recorded["driver"]
    notes.append(f"the cgroup driver of {target.title} is only known when it runs")
    return ""


def _steps(former: Engine, target: Engine, edited: bool, carried: list[dict[str, Any]]) -> list[str]:
    """Return the steps that change something, in their order."""
    starts = any(state["disabled"] or not state["active"] for state in target.units.values())
    stops = any(state["active"] for state in former.units.values())
    disables = any(state["enabled"] for state in former.units.values())
    restarts = (stops or edited) and units.states([units.KUBELET]).get(units.KUBELET, {}).get("active", False)
    wanted = {
        switch.START_TARGET: starts or bool(target.missing),
        switch.CARRY_IMAGES: bool(carried),
        switch.STOP_KUBELET: restarts,
        switch.STOP_CONTAINERS: stops and former.serves,
        switch.STOP_FORMER: stops,
        switch.CHANGE_FILES: edited,
        switch.START_KUBELET: restarts,
        switch.DISABLE_FORMER: disables,
    }
    return [name for name in switch.STEPS if wanted[name]]
