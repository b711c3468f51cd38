# SPDX-License-Identifier: GPL-3.0-or-later
"""Exercises a node's runtime for a verification: collects what it sees and judges nothing.

Nothing on the node stays changed, except for images that were pulled.
"""

from __future__ import annotations

import contextlib
import functools
import glob
import http.client
import itertools
import json
import os
import ssl
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from . import node_state
from .crictl import info as cri_info
from .crictl.call import Crictl, CrictlError
from .crictl.fields import UnexpectedOutput
from .crio.service import CrioService
from .errors import PodError
from .layout import NODE
from .os_errors import os_reason
from .pod import host as pod_host
from .pod import once as pod_once
from .pod import present as cri_pod
from .pod.marks import LOGS, VERIFICATION
from .transaction import state as committed

_T = TypeVar("_T")
if TYPE_CHECKING:  # Python 3.8, which node_host refuses, cannot evaluate it
    from .contract import HelloWorld, Metrics, Observation, ObservationRequest, Pod

    # How the pod ended; image: why it cannot be pulled, or empty.
    Exercised = tuple[HelloWorld, dict[str, str]]

_NAMESPACE = "default"
_METRICS = "crio.metrics."
_METRIC = "container_runtime_crio_"
# Where to reach a daemon that listens everywhere.
_REACHABLE = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}
_METRICS_LIMIT = 8 * 1024 * 1024  # bytes of an answer that are read
_METRICS_SECONDS = 15  # for all of an answer, however slowly it comes
_FOLDER_SECONDS = 10  # for reading directories, which may be on a file system that does not answer
_SETTLE_SECONDS = 30  # for a unit that is starting, stopping or reloading
_MOST_ENTRIES = 10_000  # of one directory that are read
_MOST_FILES = 50  # CNI configurations that are named
_ERRORS = pod_once.ERRORS


class Exercise:
    """Runs the pod and the pulls of a request in the background, for a caller that waits in the meantime."""

    def __init__(self, request: ObservationRequest) -> None:
        self._request = request
        self._thread: threading.Thread | None = None
        self._done: list[Exercised] = []

    def start(self, socket: str) -> None:
        """Begin, with the runtime that listens on this socket."""
        self._thread = threading.Thread(target=self._run, args=(socket,), daemon=True)
        self._thread.start()

    def _run(self, socket: str) -> None:
        # Without a result `observed` exercises the runtime itself, and reports what is wrong.
        with contextlib.suppress(Exception):
            self._done.append(_exercise(Crictl(socket), self._request))

    def observed(self) -> Observation:
        """Wait for the end, and inspect the node. Returns what `observe` does, and raises the same."""
        if self._thread:
            self._thread.join()
        return observe(self._request, self._done[0] if self._done else None)

    def undo(self) -> None:
        """Wait for the end, and remove what a daemon that stopped in between could not remove."""
        if self._thread is None:
            return
        self._thread.join()
        with contextlib.suppress(*_ERRORS):
            crictl = Crictl(CrioService(self._request["unit"]).socket)
            for pod in self._request["pods"]:
                cri_pod.discard(crictl, pod["name"], pod["namespace"], pod["uid"])


def observe(request: ObservationRequest, exercised: Exercised | None = None) -> Observation:
    """Inspect the node for `request`, which node_state.read takes as well, and exercise its runtime.

    pods: the hello-world pod as pod.manifest.convert returns it, several times with different names: the next one is tried
    if a kubelet removed the former; [] for none. pull: images to pull. metrics_port: the port to ask, 0 for the live one.
    timeout: seconds for a pod and for each pull.

    exercised: how the pod and the pulls ended, if the runtime has been exercised for this request already.

    Returns a contract.Observation:
    state: what node_state.read reports
    configuration_error: why the daemon does not report its configuration, or empty
    plugin_dirs: the live directories of CNI plugins, each with its number of programs
    plugin_dir_errors: {directory: why it cannot be read}
    cni_files: the CNI configurations that the daemon can see, whether it uses them or not
    conditions: the runtime's, see cri_info.conditions; absent if conditions_error says why
    handlers: the names of the runtime's handlers; absent if crictl does not list them (before 1.30) or handlers_error says why
    metrics: enabled, port, url, socket (a further one, not asked), and lines (of CRI-O's own metrics) or error; empty if
        the daemon does not report its configuration
    pod: log_lines, or error and kubelet (whether one is running); empty without pods
    pulls: {image: why it cannot be pulled, or empty}
    owners: the owners whose files were applied to this node
    Of a daemon that is not running only `state` and `owners` are reported. Raises CrioServiceError.
    """
    service = CrioService(request["unit"]).settled(_SETTLE_SECONDS)
    live, problem = node_state.ask_live(service)
    state = node_state.read(request, service=service, live=live)
    seen: Observation = {
        "state": state,
        "owners": sorted(committed.load(NODE)[0]["owners"]),
    }
    if not state["crio"]["installed"] or not state["unit"]["active"]:
        return seen
    seen["configuration_error"] = problem
    seen.update(_network_folders(live))
    try:
        crictl = Crictl(state["crio"]["socket"])
    except CrictlError as error:
        seen["conditions_error"] = str(error)
        seen["metrics"] = _metrics(live, request["metrics_port"])
        seen["pod"], seen["pulls"] = {}, {}
        return seen
    found, seen["metrics"], (seen["pod"], seen["pulls"]) = crictl.together(
        lambda: _conditions(crictl),
        lambda: _metrics(live, request["metrics_port"]),
        lambda: exercised or _exercise(crictl, request),
    )
    seen.update(found)
    return seen


def _exercise(crictl: Crictl, request: ObservationRequest) -> Exercised:
    """Run the pod, and pull the images at the same time. Returns how both ended."""
    pulls = [functools.partial(_pull, crictl, image, request["timeout"]) for image in request["pull"]]
    pod, *pulled = crictl.together(lambda: _hello_world(crictl, request["pods"], request["timeout"]), *pulls)
    return pod, dict(zip(request["pull"], pulled))


def _within(seconds: float, call: Callable[[], _T]) -> _T:
    """Return the result of `call`. Raises TimeoutError: a lookup, a handshake or a file system may never answer."""
    done = []
    thread = threading.Thread(target=lambda: done.append(_outcome(call)), daemon=True)
    thread.start()
    thread.join(seconds)
    if not done:
        raise TimeoutError(f"no answer within {seconds} s")
    result, error = done[0]
    if error:
        raise error
    return result


def _outcome(call: Callable[[], Any]) -> tuple[Any, Exception | None]:
    try:
        return call(), None
    except Exception as error:  # re-raised by the caller, in its own thread
        return None, error


def _value(text: str | None) -> Any:
    """Parse a value of one line of CRI-O's TOML, which is JSON except for rare escapes; None for anything else."""
    try:
        return json.loads(text or "null")
    except (ValueError, RecursionError):
        return None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _network_folders(live: dict[str, str]) -> Observation:
    """Read the daemon's directories of CNI plugins and configurations."""
    named = _value(live.get("crio.network.plugin_dirs"))
    seen: Observation = {"plugin_dirs": {}, "plugin_dir_errors": {}, "cni_files": []}
    for path in named if isinstance(named, list) else []:
        if isinstance(path, str):
            seen["plugin_dirs"][path], problem = _try_to_read(functools.partial(_programs_in, path), 0)
            if problem:
                seen["plugin_dir_errors"][path] = problem
    network = _text(_value(live.get("crio.network.network_dir")))
    if network:
        nothing: list[str] = []
        seen["cni_files"] = _try_to_read(functools.partial(_cni_files, network), nothing)[0]
    return seen


def _try_to_read(call: Callable[[], _T], otherwise: _T) -> tuple[_T, str]:
    """Return (result of `call`, why it failed)."""
    try:
        return _within(_FOLDER_SECONDS, call), ""
    except OSError as error:  # TimeoutError is one
        return otherwise, os_reason(error)
    except ValueError as error:  # a path with a NUL
        return otherwise, str(error)


def _programs_in(directory: str) -> int:
    with os.scandir(directory) as entries:
        return sum(
            os.path.isfile(entry.path) and os.access(entry.path, os.X_OK)
            for entry in itertools.islice(entries, _MOST_ENTRIES)
        )


def _cni_files(directory: str) -> list[str]:
    """Return the files that libcni takes for configurations, by the end of their names."""
    with os.scandir(directory) as entries:
        names = sorted(entry.name for entry in itertools.islice(entries, _MOST_ENTRIES))
    files = [name for name in names if name.endswith((".conf", ".conflist", ".json"))]
    return [os.path.join(directory, name) for name in files[:_MOST_FILES]]


def _conditions(crictl: Crictl) -> Observation:
    """Return the runtime's conditions and handlers, which one command prints."""
    try:
        document = crictl.json("info", "-q")
        found: Observation = {"conditions": cri_info.conditions(document)}
    except _ERRORS as error:
        return {"conditions_error": str(error)}
    try:
        names = cri_info.handler_names(document)
    except UnexpectedOutput as error:
        return {**found, "handlers_error": str(error)}
    return found if names is None else {**found, "handlers": names}


def _pull(crictl: Crictl, image: str, seconds: float) -> str:
    try:
        crictl.within(seconds).text("pull", image)
    except _ERRORS as error:
        return str(error)
    return ""


def _metrics(live: dict[str, str], port: int) -> Metrics:
    """Request the metrics, if the daemon serves them and reports its configuration."""
    settings = {
        key.rpartition(".")[2]: _value(text) for key, text in live.items() if key.startswith(_METRICS)
    }
    if settings.get("enable_metrics") is not True:
        return {"enabled": False} if settings else {}
    host, live_port = _text(settings.get("metrics_host")), settings.get("metrics_port")
    if not port and isinstance(live_port, int) and not isinstance(live_port, bool):
        port = live_port
    secure = bool(settings.get("metrics_cert") and settings.get("metrics_key"))
    address = f"[{host}]" if ":" in host else host
    seen: Metrics = {
        "enabled": True,
        "port": port,
        "url": f"{'https' if secure else 'http'}://{address}:{port}/metrics",
        "socket": _text(settings.get("metrics_socket")),
    }
    if port:
        try:
            reachable = _REACHABLE.get(host, host)
            seen["lines"] = _within(_METRICS_SECONDS, lambda: _metric_lines(reachable, port, secure))
        except Exception as error:  # http.client meets a garbage answer with many types
            seen["error"] = str(error) or type(error).__name__
    return seen


def _metric_lines(host: str, port: int, secure: bool) -> int:
    connection = http.client.HTTPConnection(host, port, timeout=10)
    if secure:
        # CRI-O makes its own certificate where there is none, so there is nothing to verify it with.
        unverified = ssl._create_unverified_context()
        connection = http.client.HTTPSConnection(host, port, timeout=10, context=unverified)
    try:
        connection.request("GET", "/metrics")
        answer = connection.getresponse()
        if answer.status != 200:
            raise ValueError(f"HTTP status {answer.status}")
        text = answer.read(_METRICS_LIMIT).decode("utf-8", "replace")
    finally:
        connection.close()
    return sum(line.startswith(_METRIC) for line in text.splitlines())


def _hello_world(crictl: Crictl, pods: list[Pod], seconds: int) -> HelloWorld:
    """Run one pod to its end, read its log, and remove it in any case."""
    if not pods:
        return {}
    try:
        _sweep(crictl, seconds)
        return {"log_lines": pod_once.run(crictl, pods, "completed", seconds, _log_lines)}
    except _ERRORS as error:
        return {"error": str(error), "kubelet": pod_host.kubelet_is_active()}


def _log_lines(made: dict[str, Any]) -> int:
    path = made["containers"][0].get("log_path")
    return len(pod_host.last_lines(path)) if path else 0


def _sweep(crictl: Crictl, seconds: float) -> None:
    """Remove what a killed verification left, found by its logs. A verification that may still run keeps its pod."""
    for folder in glob.glob(f"{LOGS}/{_NAMESPACE}_{VERIFICATION}*"):
        parts = os.path.basename(folder).split("_")
        if len(parts) != 3 or os.path.islink(folder):
            continue  # no folder of a pod's logs
        _namespace, name, uid = parts
        # Another run may have been faster, or the pod is somebody else's who likes the name.
        with contextlib.suppress(FileNotFoundError, PodError):
            if os.stat(folder).st_mtime < time.time() - 4 * seconds:
                cri_pod.discard(crictl, name, _NAMESPACE, uid)
