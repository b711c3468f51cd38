# SPDX-License-Identifier: GPL-3.0-or-later
"""What the start of a changed daemon would do to running containers.

A restart may stop them (they are in the unit's control group), remove them (another minor version), lose them (another
storage), or leave them to a handler that does not know them. Another storage also loses the images. Each of these is refused
before anything is changed, by a guard that can be overruled by its name (guards.py).
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from .. import kubelet, node_files
from ..crictl import container_output, pod_output
from ..crictl.call import Crictl
from ..crio import containers, effective, handlers, sandboxes
from ..crio import service as crio_service
from ..crio.live import CrioSocketError, live_configuration
from ..crio.service import RuntimeService
from ..errors import GuardRefusal, NodeError, TransactionError
from ..layout import CONTAINERD, UNIT_DIRECTORY
from ..node_files import NodeFileError
from ..program import run
from ..text import shown
from . import guards, programs

if TYPE_CHECKING:
    from ..contract import Before, HandledPod, Monitor, Outcome, Request


UNITS = f"{UNIT_DIRECTORY}/"
_VERSION_FILES = (
    ("crio.version_file_persist", ""),
    ("crio.version_file", "/var/run/crio/version"),
)  # and their defaults
#: of containers/storage; each has its own folders below the root
DRIVERS = ("overlay", "vfs", "btrfs", "zfs", "devicemapper", "aufs")
_CGROUP_MANAGER = "crio.runtime.cgroup_manager"
_ROOT = "crio.root"
_LARGEST_INDEX = 64 * 1024 * 1024  # bytes of a list of images; one image takes about 1 KiB
_STATE_LIMIT = 20  # seconds for a handler's answer; crun and runc take some milliseconds
_STORAGE = re.compile(r"(/.{0,4000})/([A-Za-z0-9_.]{1,40})-containers/[0-9a-f]{1,128}/userdata")


class Loss(NamedTuple):
    """What a change would cost something that runs."""

    guard: str  # one of guards.py
    message: str  # a sentence without a full stop
    containers: list[str]  # the ids of those that would be stopped, removed or lost
    advice: str = "Drain the node first"  # how to avoid it


def refuse_to_lose_containers(
    request: Request, service: RuntimeService, before: Before, configuration: dict[str, str]
) -> None:
    """Raise GuardRefusal if the start would stop, remove or lose running containers, with their number."""
    known = containers.monitors()
    alive = [each for each in known if "container" in each or "id" not in each]
    counted = [each for each in alive if "id" in each and not containers.is_pods_own(each)]
    count = max(len(before["running"]), len(counted))
    if not count and not alive:
        return
    count = count or len(alive)
    every = sorted({*(each["id"] for each in before["running"]), *(each["id"] for each in counted)})
    for losses in (
        _stopped(request, service, known, count),
        _wiped(service, configuration, count, every),
        _in_other_storage(known, configuration),
        _of_changed_handlers(service, known, configuration),
        _of_broken_handlers(known),
    ):
        refuse(losses, request, before, count)


def refuse_other_cgroup_driver(
    request: Request, service: RuntimeService, before: Before, configuration: dict[str, str]
) -> None:
    """Raise GuardRefusal if the start would give CRI-O another cgroup manager than the kubelet has, and did not have before."""
    wanted = handlers.value_of(configuration.get(_CGROUP_MANAGER))
    if not isinstance(wanted, str) or wanted in ("", _value_now(service, _CGROUP_MANAGER)):
        return
    found = of_other_cgroup_driver(wanted, f"{_CGROUP_MANAGER} = {shown(wanted)}")
    if found and not _serves_no_kubelet(service):
        refuse(found, request, before, len(before["running"]))


def of_other_cgroup_driver(wanted: str, setting: str) -> list[Loss]:
    """Return the loss if the kubelet has another cgroup driver than the wanted one. setting: what sets it, for the message."""
    driver, place = kubelet.cgroup_driver()  # looks at all processes, so only for a change
    if driver in ("", wanted):
        return []
    message = (
        f"{setting}, but the kubelet is configured with the cgroup driver {driver} ({shown(place)}), so that it could not start"
        " pods"
    )
    return [Loss(guards.KUBELET_CGROUP_DRIVER, message, [], "Use the same in both")]


def _serves_no_kubelet(service: RuntimeService) -> bool:
    """Whether the node's kubelet uses another engine, as before a migration to CRI-O, which gives it CRI-O's cgroup driver."""
    used = kubelet.endpoint()
    return used != "" and kubelet.socket_path(used) != kubelet.socket_path(service.socket)


def _value_now(service: RuntimeService, key: str) -> object:
    """Return the value of a key of the running daemon, or of the node's files if none is running; None if unknown."""
    if not service.active:
        return handlers.value_of(effective.present(service).get(key))
    try:
        return handlers.value_of(live_configuration(service.socket).get(key))
    except CrioSocketError:
        return None


def refuse(losses: Iterable[Loss], request: Request, before: Before, running: int) -> None:
    """Note losses whose guard is overruled in `before`; raise GuardRefusal for another one. running: the number of containers."""
    role = CONTAINERD if request.get("runtime") == CONTAINERD else "runtime"
    for loss in losses:
        if loss.guard not in request.get("overruled_guards", []):
            raise GuardRefusal(
                loss.guard,
                f"{loss.message}. {loss.advice}, or overrule the guard with overruled_guards: [{loss.guard}]"
                f" ({role}_overruled_guards of the role {role})",
                running,
            )
        before.setdefault("overruled", []).append(
            {"guard": loss.guard, "message": loss.message, "containers": loss.containers}
        )


def cost_of(error: NodeError) -> Outcome:
    """Return what an outcome has of a change that a guard refuses; {} for others.

    That is the guard and, if it requires a drain, that disruption and the number of running containers. A drain does not save
    images, which is what is lost if no container runs.
    """
    if not isinstance(error, GuardRefusal):
        return {}
    if error.guard not in guards.DRAINABLE or not error.running:
        return {"guard": error.guard}
    return {"guard": error.guard, "disruption": "drain", "running": error.running}


def _stopped(request: Request, service: RuntimeService, known: list[Monitor], count: int) -> Iterator[Loss]:
    """Yield a loss if a restart of the unit would stop containers."""
    kill_mode, decided_by = kill_mode_after(request, service)
    group = service.control_group or f"/system.slice/{service.unit}"
    inside = [each for each in known if containers.inside(each["groups"], group)]
    if kill_mode in ("control-group", "mixed") and inside:
        yield Loss(
            guards.KILL_MODE,
            f"a restart of {service.unit} would stop {running_containers(count)}: their monitors are in the"
            f" service's own control group (cgroup_manager = cgroupfs) and KillMode is {kill_mode}"
            f"{set_by(decided_by, service)}",
            [each["id"] for each in inside if "id" in each],
            "Set crio_service: {Service: {KillMode: process}}, or drain the node first",
        )


def set_by(path: str, service: RuntimeService) -> str:
    """Return where a KillMode comes from, for a drop-in that somebody else may have written."""
    return f" (set by {shown(path)})" if path and path != service.properties.get("FragmentPath") else ""


def _wiped(
    service: RuntimeService, configuration: dict[str, str], count: int, every: list[str]
) -> Iterator[Loss]:
    """Yield a loss if CRI-O would remove every pod at its start. every: the ids of all containers.

    It does so if a version file is missing or has another minor version (internal/version/version.go).
    """
    if configuration.get("crio.internal_wipe") == "false":
        return
    now = crio_service.version_of(service.binary) if service.binary else None
    for key, default in _VERSION_FILES:
        path = handlers.value_of(configuration.get(key, json.dumps(default)))
        if not isinstance(path, str) or not path:
            continue
        was = _noted_version(path)
        if was is None:
            message = (
                f"a start of CRI-O would remove every pod ({running_containers(count)}), because there is no version in"
                f" {shown(path)} ({key})"
            )
        elif now and _minor(was) != _minor(now):
            message = (
                f"a start would replace CRI-O {shown(was)} with {now}; a start of a different minor version removes every pod"
                f" ({running_containers(count)})"
            )
        else:
            continue
        yield Loss(guards.VERSION_WIPE, message, every)


def _minor(version: str) -> list[str]:
    return re.findall(r"\d{1,9}", version[:100])[:2]


def _noted_version(path: str) -> str | None:
    """Return the version that the last start recorded: a JSON string, or an object with major and minor (internal/version)."""
    try:
        text = node_files.read_bytes(path, 4096).decode("utf-8", "replace")
    except NodeFileError:
        return None
    numbers = re.findall(r"\d{1,9}", text)
    return ".".join(numbers[:3]) if len(numbers) > 1 else None


def running_containers(count: int) -> str:
    """Return a number of running containers in words."""
    return f"{count} running container{'' if count == 1 else 's'}"


def _in_other_storage(known: list[Monitor], configuration: dict[str, str]) -> Iterator[Loss]:
    """Yield a loss for each key with which the daemon would look for containers elsewhere: root, runroot or storage driver.

    A monitor's command line names the folders of its container: ROOT/DRIVER-containers/ID/userdata (oci/runtime_oci.go).
    """
    driver = handlers.value_of(configuration.get("crio.storage_driver")) or ""
    losses: dict[str, Loss] = {}
    persistent = [(each, each.get("persistent", "")) for each in known]
    bundles = [(each, each.get("bundle", "")) for each in known]
    for key, places in (("crio.root", persistent), ("crio.runroot", bundles)):
        wanted = handlers.value_of(configuration.get(key))
        for monitor, place in places:
            found = _STORAGE.fullmatch(place)
            if not (found and isinstance(wanted, str) and wanted):
                continue
            root, used = found.groups()
            container = f"container {shown(monitor['id'])[:12]} runs"
            decisive = message = ""
            if os.path.realpath(root) != os.path.realpath(wanted):
                decisive = key
                message = f"{key} = {shown(wanted)} would lose running containers: {container} with its files below {shown(root)}"
            elif driver and used != driver:
                decisive = "crio.storage_driver"
                message = (
                    f"crio.storage_driver = {shown(driver)} would lose running containers: {container} with the storage"
                    f" driver {shown(used)}"
                )
            if decisive:
                loss = losses.setdefault(decisive, Loss(guards.STORAGE_IN_USE, message, []))
                loss.containers.append(monitor["id"])
    yield from losses.values()


def refuse_to_lose_images(
    request: Request, service: RuntimeService, before: Before, configuration: dict[str, str]
) -> None:
    """Raise GuardRefusal if the start would use another storage root than now, and the present one has images."""
    wanted = handlers.value_of(configuration.get(_ROOT))
    root = _root_now(service)
    if not (isinstance(wanted, str) and wanted and root) or os.path.realpath(wanted) == os.path.realpath(
        root
    ):
        return
    count = images_below(root)
    if not count:
        return
    loss = Loss(
        guards.STORAGE_IN_USE,
        f"{_ROOT} = {shown(wanted)} would lose {_counted_images(count)} below {shown(root)}, so that CRI-O would have to pull"
        f" {'it' if count == 1 else 'them'} again",
        [],
        f"Keep {_ROOT}",
    )
    refuse([loss], request, before, running=0)  # a drain does not save images


def _root_now(service: RuntimeService) -> str:
    """Return the storage root of the running daemon, or of the node's files if none is running; "" if unknown."""
    root = _value_now(service, _ROOT)
    return root if isinstance(root, str) else ""


def images_below(root: str) -> int:
    """Return the number of images in a storage root: ROOT/DRIVER-images/images.json is a list (containers/storage, images.go)."""
    count = 0
    for driver in DRIVERS:
        path = f"{root}/{driver}-images/images.json"
        try:
            images = json.loads(node_files.read_bytes(path, _LARGEST_INDEX)) if os.path.exists(path) else []
        except (NodeFileError, ValueError, RecursionError):
            continue
        count += len(images) if isinstance(images, list) else 0
    return count


def _counted_images(count: int) -> str:
    return f"{count} image{'' if count == 1 else 's'}"


def refuse_second_driver(configuration: dict[str, str]) -> None:
    """Raise TransactionError for a storage driver if there is data of another one.

    CRI-O starts with it and without the existing images; and without the key it never starts again, since the storage
    library then finds two drivers (containers/storage, drivers/driver.go: "contains several valid graphdrivers").
    """
    driver = handlers.value_of(configuration.get("crio.storage_driver")) or ""
    root = handlers.value_of(configuration.get("crio.root")) or ""
    present = [each for each in DRIVERS if root and os.path.isdir(f"{root}/{each}-layers")]
    driver = "overlay" if driver == "overlay2" else driver
    if driver and present and driver not in present:
        count = images_below(root)
        raise TransactionError(
            "refused",
            f"crio.storage_driver = {shown(driver)}, but {shown(root)} contains data of the storage driver {present[0]}"
            f"{f' with {_counted_images(count)}' if count else ''}: drain the node and wipe its storage first, or set another"
            " crio.root",
        )


def _of_missing_handlers(known: list[Monitor], configuration: dict[str, str]) -> Iterator[Loss]:
    """Yield a loss for each program that started containers whose pod is not known, if no handler matches their monitors."""
    _default, after = handlers.parse(configuration)
    offered = [handlers.settings(name, handler) for name, handler in after.items()]
    programs = {each["runtime_path"] for each in offered}
    places = {(each["runtime_path"], each["runtime_root"]) for each in offered}
    losses: dict[tuple[str, str], Loss] = {}
    for monitor in known:
        if "id" not in monitor or "container" not in monitor or not monitor.get("runtime"):
            continue
        program, root = os.path.realpath(monitor["runtime"]), monitor.get("runtime_root", "").rstrip("/")
        if program in programs if not root else (program, root) in places:
            continue
        where = f" with the state directory {shown(root)}" if root else ""
        message = (
            f"no handler of the new configuration has the program {shown(program)}{where}, but container"
            f" {shown(monitor['id'])[:12]} was started by it"
        )
        loss = losses.setdefault((program, root), Loss(guards.HANDLER_IN_USE, message, []))
        loss.containers.append(monitor["id"])
    yield from losses.values()


def _of_broken_handlers(known: list[Monitor]) -> Iterator[Loss]:
    """Yield a loss for each program that does not know a container that it started: CRI-O takes that for its exit.

    One container is checked for each program and state folder, since those are what can be missing or broken.
    """
    asked = set()
    for monitor in known:
        program, root = monitor.get("runtime"), monitor.get("runtime_root", "")
        if not program or "container" not in monitor or (program, root) in asked:
            continue
        command = [program, *([f"--root={root}"] if root else []), "state", monitor["id"]]
        status, output, error = run(command, timeout=_STATE_LIMIT)
        if status == 0:
            asked.add((program, root))
        elif containers.lives(monitor["container"]):
            asked.add((program, root))
            said = (error or output).strip().splitlines() or [f"it exited with status {status}"]
            yield Loss(
                guards.HANDLER_BROKEN,
                f"{shown(program)} cannot report the state of container {shown(monitor['id'])[:12]}, which is running;"
                f" a start of CRI-O would lose it: {shown(said[-1], 300)}",
                [
                    each["id"]
                    for each in known
                    if (each.get("runtime"), each.get("runtime_root", "")) == (program, root)
                ],
            )


def _of_changed_handlers(
    service: RuntimeService, known: list[Monitor], configuration: dict[str, str]
) -> Iterator[Loss]:
    """Yield losses if pods would not find the handler that started them, by name and with the same settings."""
    pods, unknown = sandboxes.of_monitors(known)
    live = {}
    if service.active:
        live = _add_listed(service, pods, unknown)
    monitors = {each["id"]: each for each in known if "id" in each}
    problems = handlers.in_use(
        list(pods.values()), monitors, handlers.parse(live), handlers.parse(configuration)
    )
    if problems:
        message = shown("; ".join(sentence for sentence, _containers in problems))
        lost = [identity for _sentence, of_handler in problems for identity in of_handler]
        yield Loss(guards.HANDLER_IN_USE, message, lost)
    yield from _of_missing_handlers(unknown, configuration)


def _add_listed(
    service: RuntimeService, pods: dict[str, HandledPod], unknown: list[Monitor]
) -> dict[str, str]:
    """Add pods to `pods` that only the runtime knows, such as virtual machines. Returns the live configuration."""
    crictl = Crictl(f"unix://{service.socket}")
    try:
        listed, running = crictl.together(
            lambda: pod_output.sandboxes(crictl.json("pods", "--state", "ready")),
            lambda: container_output.running(crictl.json("ps", "-o", "json")),
        )
        live = live_configuration(service.socket)
    except CrioSocketError:
        live = {}
    except NodeError as error:
        raise TransactionError(
            "refused", f"the containers of the runtime cannot be listed: {error}"
        ) from error
    of_pod: dict[str | None, list[str]] = {}
    without_note = {each["id"] for each in unknown}
    for each in running:
        of_pod.setdefault(each.get("pod"), []).append(each["id"])
    runroot, driver = (handlers.value_of(live.get(f"crio.{name}")) for name in ("runroot", "storage_driver"))
    for pod in listed:
        identity = pod["id"]
        if identity in pods or identity not in of_pod or without_note.intersection(of_pod[identity]):
            continue
        reported = {
            "name": pod.get("name", identity[:12]),
            "namespace": pod.get("namespace", ""),
            "handler": pod.get("handler") or "",
        }
        found = sandboxes.noted(f"{runroot}/{driver}-containers", identity) or reported
        pods[identity] = {
            "name": found["name"],
            "namespace": found["namespace"],
            "handler": found["handler"],
            "containers": of_pod[identity],
        }
    return live


def kill_mode_after(request: Request, service: RuntimeService) -> tuple[str, str]:
    """Return (the unit's KillMode after the change, the file that sets it), from its own file and its drop-ins.

    Drop-ins that systemd has not read yet count: a change makes it read them (systemd.kill(5), systemd.unit(5)).
    """
    own = service.properties.get("FragmentPath", "")
    # The change may replace the unit's own file, together with its programs.
    own_text = _text(programs.source_of(request, own) or own)
    texts = {path: _text(path) for path in service.drop_ins()}
    directory = f"{UNITS}{service.unit}.d/"
    for path, text in request["contents"].items():
        if path.startswith(directory):
            texts = {
                each: old for each, old in texts.items() if os.path.basename(each) != os.path.basename(path)
            }
            texts[path] = text
    for path in request["remove"]:
        texts.pop(path, None)
    kill_mode, decided_by = "control-group", own
    # Drop-ins apply in the order of their file names, wherever they lie; the unit's own file comes first.
    for path in [own, *sorted(texts, key=os.path.basename)]:
        for line in (own_text if path == own else texts[path]).splitlines():
            name, _equals, value = line.partition("=")
            if name.strip() == "KillMode":
                kill_mode, decided_by = value.strip() or "control-group", path
    return kill_mode, decided_by


def _text(path: str) -> str:
    try:
        return node_files.read_bytes(path).decode("utf-8", "replace")
    except NodeFileError:
        return ""
