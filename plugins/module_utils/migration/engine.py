# SPDX-License-Identifier: GPL-3.0-or-later
"""One container engine on a node: whether it is there and serves, what runs in it, its images, and its cgroup driver.

What is known of each engine is data of the controller. An engine with CRI is asked by crictl; Docker by its own command, since
cri-dockerd shows neither the containers that no kubelet has started nor all images.
"""

from __future__ import annotations

import json
import re
import shutil
import socket
import time

from .. import image_reference, program
from ..crictl import container_output, info, pod_output
from ..crictl.call import Crictl
from ..crictl.image_output import bare_id
from ..errors import CrictlError, NodeError
from ..image import store, ways
from ..text import shown
from . import units

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Container = dict[str, str]  # name, pod ("NAMESPACE/NAME", "" for none), image; where known

_LIMIT = 60  # seconds for one question
_STOP_LIMIT = 600  # seconds until all containers have stopped
_POLL = 0.5  # seconds
_PARTS = 6  # of a container's name in Docker: k8s_CONTAINER_POD_NAMESPACE_UID_ATTEMPT
_SANDBOX = "POD"  # the container that holds a pod's namespaces


class EngineError(NodeError):
    """An engine cannot be used; the message says which one and why."""


def of(name: str, known: dict[str, Any]) -> Engine:
    """Return an engine of the node. known: what the controller knows of it, see plugin_utils/migration/engines.py."""
    return (DockerEngine if known["kind"] == "docker" else Engine)(name, known)


class Engine:
    """An engine with CRI: CRI-O, containerd, ..."""

    def __init__(self, name: str, known: dict[str, Any]) -> None:
        self.name = name
        self.title = str(known["title"])
        self.endpoint = str(known["endpoint"])
        self.known = known
        self.units = units.states(known["units"])

    @property
    def crictl(self) -> Crictl:
        """crictl for its socket. Raises CrictlError without crictl, which a node of Docker need not have."""
        return Crictl(self.endpoint, timeout=_LIMIT)

    @property
    def missing(self) -> list[str]:
        """The units without which it cannot serve and that do not exist."""
        return [unit for unit in self.known["main"] if unit not in self.units]

    @property
    def serves(self) -> bool:
        """Whether its units run."""
        return not self.missing and all(self.units[unit]["active"] for unit in self.known["main"])

    def running(self) -> tuple[list[Container], list[Container]]:
        """Return (the containers of pods, all others) that run, whoever started them. Raises NodeError."""
        if not self.serves:
            return [], []
        pods = {
            each["id"]: f"{each.get('namespace', '')}/{each.get('name') or each['id'][:12]}"
            for each in pod_output.sandboxes(self.crictl.json("pods", "--state", "ready"))
        }
        listed = container_output.containers(self.crictl.json("ps"))
        found = [
            {
                "name": str(each.get("name", each["id"][:12])),
                "pod": pods.get(each["pod"].get("id", ""), ""),
                "image": str(each["image"].get("requested") or each["image"].get("name", "")),
            }
            for each in listed
        ]
        with_containers = {each["pod"] for each in found}
        found += [
            {"name": "", "pod": pod, "image": ""}
            for pod in sorted(set(pods.values()))
            if pod not in with_containers
        ]
        return found, [*self._of_namespaces()]

    def _of_namespaces(self) -> list[Container]:
        """Return the tasks that run in namespaces of containerd other than the engine's own."""
        ctr = shutil.which("ctr", path=program.PATH) if self.known["namespace"] else None
        if not ctr or not units.states(["containerd.service"]).get("containerd.service", {}).get("active"):
            return []
        found = []
        for namespace in _lines([ctr, "namespaces", "list", "--quiet"]):
            if namespace == self.known["namespace"]:
                continue
            for line in _lines([ctr, "--namespace", namespace, "tasks", "list"])[1:]:
                fields = line.split()
                if fields and fields[-1] == "RUNNING":
                    name = shown(f"{namespace}/{fields[0][:12]}", 200)
                    found.append(
                        {"name": name, "pod": "", "image": "", "namespace": namespace, "id": fields[0]}
                    )
        return found

    def restartable(self) -> list[str]:
        """Return the containers that `start_containers` can start again: those of Docker that no kubelet has started."""
        return []

    def stop_containers(self) -> None:
        """Stop what runs, since most engines leave it running when they stop. Raises NodeError."""
        for pod in pod_output.sandboxes(self.crictl.json("pods", "--state", "ready")):
            try:
                self.crictl.within(_STOP_LIMIT).text("stopp", pod["id"])
            except CrictlError as error:
                if error.kind != "not_found":
                    raise
        self._stop_tasks()

    def _stop_tasks(self) -> None:
        for each in self._of_namespaces():
            _said(["ctr", "--namespace", each["namespace"], "tasks", "delete", "--force", each["id"]])

    def start_containers(self, names: list[str]) -> None:
        """Start again what `restartable` has returned. The pods of a kubelet are the kubelet's. Raises NodeError."""

    def images(self) -> list[dict[str, Any]]:
        """Return all images, as store.listed does. Raises NodeError."""
        return store.listed(self.crictl)

    def way(self) -> ways.Way:
        """Return what exports and imports images. Raises NodeError."""
        return ways.of(self.crictl, set())

    @property
    def archive_kind(self) -> str:
        """The kind of archive that it imports: with an oci-archive, a manifest keeps its digest."""
        return "oci-archive"

    def driver(self) -> str:
        """Return its cgroup driver, "" if it does not say. Raises NodeError."""
        try:
            found = info.cgroup_driver(self.crictl.text("runtime-config"))
        except CrictlError as error:
            if error.kind in ("unreachable", "timeout", "missing"):
                raise
            found = None  # CRI without RuntimeConfig: containerd before 2.0
        return found or _driver_of_containerd(self.crictl.json("info"))

    def wait_until_ready(self, seconds: int) -> None:
        """Wait until it serves and its condition RuntimeReady is true. Raises EngineError."""
        deadline = time.monotonic() + seconds
        while True:
            reason = self.fault()
            if not reason:
                return
            if time.monotonic() >= deadline:
                raise EngineError(f"{self.title} is not ready after {seconds} s: {reason}")
            time.sleep(_POLL)

    def fault(self) -> str:
        """Return why it is not ready, "" if it is."""
        try:
            found = info.info(self.crictl.within(10).json("info"))
        except NodeError as error:
            return str(error)
        conditions = [each for each in found["conditions"] if each["type"] == "RuntimeReady"]
        if found["runtime_ready"]:
            return ""
        return f"RuntimeReady is false: {conditions[0].get('message', '') if conditions else 'not reported'}"


class DockerEngine(Engine):
    """Docker with cri-dockerd, which only a kubelet needs."""

    @property
    def serves(self) -> bool:
        """Whether the daemon runs."""
        return self.units.get("docker.service", {}).get("active", False)

    def running(self) -> tuple[list[Container], list[Container]]:
        """List what docker ps does. The name of a container that a kubelet has started begins with k8s_."""
        if not self.serves:
            return [], []
        pods, others = [], []
        for each in self._listed("ps", "--no-trunc"):
            name, image = str(each.get("Names", "")), str(each.get("Image", ""))
            parts = name.split("_")
            if parts[0] == "k8s" and len(parts) >= _PARTS:
                if parts[1] != _SANDBOX:
                    pods.append({"name": parts[1], "pod": f"{parts[3]}/{parts[2]}", "image": image})
            else:
                others.append({"name": shown(name, 200), "pod": "", "image": shown(image, 300)})
        return pods, [*others, *self._of_namespaces()]

    def restartable(self) -> list[str]:
        """List the IDs of those that no kubelet has started."""
        listed = self._listed("ps", "--no-trunc")
        return [str(each["ID"]) for each in listed if not str(each.get("Names", "")).startswith("k8s_")]

    def stop_containers(self) -> None:
        """Stop all containers, also with live-restore, with which they would outlive the daemon."""
        names = [str(each["ID"]) for each in self._listed("ps", "--no-trunc")]
        if names:
            _said([self._docker(), "stop", *names], _STOP_LIMIT)
        self._stop_tasks()

    def start_containers(self, names: list[str]) -> None:
        """Start those that still exist: one that was started with --rm does not."""
        there = {str(each["ID"]) for each in self._listed("ps", "--all", "--no-trunc")}
        names = [name for name in names if name in there]
        if names:
            _said([self._docker(), "start", *names], _STOP_LIMIT)

    def images(self) -> list[dict[str, Any]]:
        """List the images with full names; one without a name has none."""
        found: dict[str, dict[str, Any]] = {}
        for each in self._listed("images", "--no-trunc", "--digests"):
            identity = bare_id(str(each.get("ID", "")))
            image = found.setdefault(identity, {"id": identity, "tags": [], "digests": []})
            repository, tag, digest = (str(each.get(key, "")) for key in ("Repository", "Tag", "Digest"))
            for kind, text in (("tags", f"{repository}:{tag}"), ("digests", f"{repository}@{digest}")):
                name = _full_name(text)
                if name and name not in image[kind]:
                    image[kind].append(name)
        return list(found.values())

    def way(self) -> ways.Way:
        """Return docker save and docker load."""
        return ways.of_docker()

    @property
    def archive_kind(self) -> str:
        """An archive that all versions of Docker load."""
        return "docker-archive"

    def driver(self) -> str:
        """Ask docker info."""
        found = _said([self._docker(), "info", "--format", "{{.CgroupDriver}}"]).strip()
        return found if found in ("cgroupfs", "systemd") else ""

    def fault(self) -> str:
        """Ask the daemon, and connect to the socket of cri-dockerd."""
        try:
            _said([self._docker(), "info", "--format", "{{.ServerVersion}}"])
        except EngineError as error:
            return str(error)
        path = self.endpoint[len("unix://") :]
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(10)
                connection.connect(path)
        except OSError as error:
            return f"{path}: {error.strerror or error}"
        return ""

    def _docker(self) -> str:
        found = shutil.which("docker", path=program.PATH)
        if not found:
            raise EngineError(
                f"{self.title} cannot be asked without its command, docker, which this node does not have"
            )
        return found

    def _listed(self, *arguments: str) -> list[dict[str, Any]]:
        """Return what docker prints as one JSON object on each line."""
        found = []
        for line in _lines([self._docker(), *arguments, "--format", "{{json .}}"]):
            try:
                found.append(dict(json.loads(line)))
            except (ValueError, TypeError, RecursionError):
                raise EngineError(
                    f"docker {arguments[0]} printed what is not JSON: {shown(line, 200)}"
                ) from None
        return found


def _full_name(text: str) -> str:
    if "<none>" in text:
        return ""
    try:
        return image_reference.full_name(text)
    except ValueError:
        return ""


def _driver_of_containerd(document: Any) -> str:
    """Return the cgroup driver of containerd's default handler, from crictl info; "" if it is not there."""
    found = document.get("config") if isinstance(document, dict) else None
    found = found.get("containerd") if isinstance(found, dict) else None
    if not isinstance(found, dict) or not isinstance(found.get("runtimes"), dict):
        return ""
    handler = found["runtimes"].get(str(found.get("defaultRuntimeName")))
    options = handler.get("options") if isinstance(handler, dict) else None
    if not isinstance(options, dict):
        return ""
    return "systemd" if options.get("SystemdCgroup") is True else "cgroupfs"


def _lines(command: list[str]) -> list[str]:
    return [line for line in _said(command).splitlines() if line.strip()]


def _said(command: list[str], limit: float = _LIMIT) -> str:
    """Return the output of an engine's own program. Raises EngineError with its last line."""
    status, output, errors = program.run(command, limit)
    if status:
        lines = [line.strip() for line in (errors.strip() or output).splitlines() if line.strip()]
        words = re.sub(r"\s+", " ", lines[-1]) if lines else f"exit status {status}"
        raise EngineError(f"{' '.join(command[:2])} failed: {shown(words, 300)}")
    return output
