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
from typing import Any, TypeVar

from . import node_state
from .contract import HelloWorld, Metrics, Observation, ObservationRequest, Pod
from .crictl import info as cri_info
from .crictl.call import Crictl, CrictlError
from .crictl.fields import UnexpectedOutput
from .crio.service import CrioService
from .errors import NodeError, PodError
from .layout import NODE
from .os_errors import os_reason
from .pod import host as pod_host
from .pod import present as cri_pod
from .pod.marks import LOGS, VERIFICATION
from .transaction import state as committed

_T = TypeVar("_T")
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
_ERRORS = (NodeError, OSError)


def observe(request: ObservationRequest) -> Observation:
    """Inspect the node for `request`, which node_state.read takes as well, and exercise its runtime.

    pods: the hello-world pod as pod.manifest.convert returns it, several times with different names: the next one is tried
    if a kubelet removed the former; [] for none. pull: images to pull. metrics_port: the port to ask, 0 for the live one.
    timeout: seconds for a pod and for each pull.

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
    pulls = [functools.partial(_pull, crictl, image, request["timeout"]) for image in request["pull"]]
    found, seen["metrics"], seen["pod"], *pulled = crictl.together(
        lambda: _conditions(crictl),
        lambda: _metrics(live, request["metrics_port"]),
        lambda: _hello_world(crictl, request["pods"], request["timeout"]),
        *pulls,
    )
    seen.update(found)
    seen["pulls"] = dict(zip(request["pull"], pulled))
    return seen


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
    """Run one pod to its end. A kubelet removes pods that are not its own, possibly before the end."""
    seen: HelloWorld = {}
    for pod in pods:
        seen = _run(crictl, pod, seconds)
        if "error" not in seen:
            break
        seen["kubelet"] = pod_host.kubelet_is_active()
        if not seen["kubelet"]:
            break
    return seen


def _run(crictl: Crictl, pod: Pod, seconds: int) -> HelloWorld:
    """Run the pod, read its log, and remove it in any case."""
    seen: HelloWorld = {}
    try:
        _sweep(crictl, seconds)
        made = cri_pod.present(
            crictl, pod, wait="completed", wait_timeout=seconds, pull_timeout=seconds, keyed=False
        )
        path = made["containers"][0].get("log_path")
        seen["log_lines"] = len(pod_host.last_lines(path)) if path else 0
    except _ERRORS as error:
        seen["error"] = str(error)
    try:
        cri_pod.absent(crictl, pod["name"], pod["namespace"])
    except _ERRORS as error:
        if seen.get("error") != str(error):  # else nothing could be asked, neither before nor now
            seen["error"] = f"{seen.get('error', '')} The pod could not be removed: {error}".strip()
    return seen


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
                cri_pod.absent(crictl, name, _NAMESPACE)
                pod_host.remove_logs(_NAMESPACE, name, uid)
