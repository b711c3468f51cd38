# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node's runtime does when it is asked for what it is there for: looked at, not judged.

Nothing on the node stays changed but for the images that a pull leaves there.
"""

from __future__ import annotations

import contextlib
import glob
import http.client
import itertools
import json
import os
import ssl
import threading
import time

from . import node_state
from .crictl import info as cri_info
from .crictl.call import Crictl, CrictlError
from .crictl.fields import UnexpectedOutput
from .crio.service import CrioService
from .errors import NodeError, PodError, os_reason
from .layout import NODE
from .pod import host as pod_host
from .pod import present as cri_pod
from .pod.marks import VERIFICATION
from .transaction import state as committed

_NAMESPACE = "default"
_METRICS = "crio.metrics."
_METRIC = "container_runtime_crio_"
# Where to reach a daemon that listens everywhere.
_REACHABLE = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}
_METRICS_LIMIT = 8 * 1024 * 1024  # bytes that are read of an answer
_METRICS_SECONDS = 15  # for all of an answer, however slowly it comes
_FOLDER_SECONDS = 10  # for a look into directories, which may be on a file system that does not answer
_SETTLE_SECONDS = 30  # for a unit that is starting, stopping or reloading
_MOST_ENTRIES = 10_000  # of one directory that are looked at
_MOST_FILES = 50  # CNI configurations that are named
_ERRORS = (NodeError, OSError)


def observe(request):
    """Look at the node for `request`: what node_state.read takes, and {"pods", "pull", "metrics_port", "timeout"}.

    pods: what pod.manifest.convert made of the hello-world pod, each with another name, so that the next can be tried where
    a kubelet has taken one away; [] for none. pull: images. metrics_port: the one to ask, 0 for the live one. timeout:
    seconds for a pod and for each pull.

    Returns a dictionary of plain data:
    state: what node_state.read reports
    configuration_error: why the daemon does not tell its configuration, or empty
    plugin_dirs: the live directories of CNI plugins, each with its number of programs
    plugin_dir_errors: {directory: why it cannot be looked into}
    cni_files: the CNI configurations that the daemon can see, whether it takes them or not
    conditions: the runtime's, as cri_info.conditions has them; absent where conditions_error says why
    handlers: the names of the runtime's handlers; absent where crictl does not list them (before 1.30), or handlers_error
        says why
    metrics: enabled, port, url, socket (a further one, not asked), and lines (of CRI-O's own) or error; empty where the
        daemon does not tell
    pod: log_lines, or error and kubelet (whether one runs); empty where none was asked for
    pulls: {image: why it cannot be pulled, or empty}
    owners: those whose files a run has brought to this node
    Only `state` and `owners` are told of a daemon that does not run. Raises CrioServiceError.
    """
    service = CrioService(request["unit"]).settled(_SETTLE_SECONDS)
    live, problem = node_state.ask_live(service)
    state = node_state.read(request, service=service, live=live)
    seen = {
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
        metrics = _metrics(live, request["metrics_port"])
        return dict(seen, conditions_error=str(error), metrics=metrics, pod={}, pulls={})
    pulls = [lambda image=image: _pull(crictl, image, request["timeout"]) for image in request["pull"]]
    found, seen["metrics"], seen["pod"], *pulled = crictl.together(
        lambda: _conditions(crictl),
        lambda: _metrics(live, request["metrics_port"]),
        lambda: _hello_world(crictl, request["pods"], request["timeout"]),
        *pulls,
    )
    return {**seen, **found, "pulls": dict(zip(request["pull"], pulled))}


def _within(seconds, call):
    """The result of `call`, or TimeoutError after so many seconds: a lookup, a handshake or a file system may never answer."""
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


def _outcome(call):
    try:
        return call(), None
    except Exception as error:  # re-raised by the caller, in its own thread
        return None, error


def _value(text):
    """A value of one line as CRI-O prints it in TOML, which is then JSON but for rare escapes; None for anything else."""
    try:
        return json.loads(text or "null")
    except (ValueError, RecursionError):
        return None


def _text(value):
    return value if isinstance(value, str) else ""


def _network_folders(live):
    """What the daemon's directories of CNI plugins and configurations hold."""
    named = _value(live.get("crio.network.plugin_dirs"))
    seen = {"plugin_dirs": {}, "plugin_dir_errors": {}, "cni_files": []}
    for path in named if isinstance(named, list) else []:
        if isinstance(path, str):
            seen["plugin_dirs"][path], problem = _look_into(lambda path=path: _programs_in(path), 0)
            if problem:
                seen["plugin_dir_errors"][path] = problem
    network = _text(_value(live.get("crio.network.network_dir")))
    if network:
        seen["cni_files"] = _look_into(lambda: _cni_files(network), [])[0]
    return seen


def _look_into(call, otherwise):
    """(what `call` found, why it could not look)"""
    try:
        return _within(_FOLDER_SECONDS, call), ""
    except OSError as error:  # TimeoutError is one
        return otherwise, os_reason(error)
    except ValueError as error:  # a path with a NUL
        return otherwise, str(error)


def _programs_in(directory):
    with os.scandir(directory) as entries:
        return sum(
            os.path.isfile(entry.path) and os.access(entry.path, os.X_OK)
            for entry in itertools.islice(entries, _MOST_ENTRIES)
        )


def _cni_files(directory):
    """What libcni takes for a configuration, by its name's end."""
    with os.scandir(directory) as entries:
        names = sorted(entry.name for entry in itertools.islice(entries, _MOST_ENTRIES))
    files = [name for name in names if name.endswith((".conf", ".conflist", ".json"))]
    return [os.path.join(directory, name) for name in files[:_MOST_FILES]]


def _conditions(crictl):
    """The runtime's conditions and handlers, which one command shows."""
    try:
        document = crictl.json("info", "-q")
        found = {"conditions": cri_info.conditions(document)}
    except _ERRORS as error:
        return {"conditions_error": str(error)}
    try:
        names = cri_info.handler_names(document)
    except UnexpectedOutput as error:
        return dict(found, handlers_error=str(error))
    return found if names is None else dict(found, handlers=names)


def _pull(crictl, image, seconds):
    try:
        crictl.within(seconds).text("pull", image)
    except _ERRORS as error:
        return str(error)
    return ""


def _metrics(live, port):
    """Ask for the metrics where the daemon serves them; a daemon that does not tell is asked nothing."""
    settings = {
        key.rpartition(".")[2]: _value(text) for key, text in live.items() if key.startswith(_METRICS)
    }
    if settings.get("enable_metrics") is not True:
        return {"enabled": False} if settings else {}
    host, live_port = _text(settings.get("metrics_host")), settings.get("metrics_port")
    port = port or (live_port if type(live_port) is int else 0)
    secure = bool(settings.get("metrics_cert") and settings.get("metrics_key"))
    address = f"[{host}]" if ":" in host else host
    seen = {
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


def _metric_lines(host, port, secure):
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


def _hello_world(crictl, pods, seconds):
    """Run one pod to its end. A kubelet removes pods that are not its own, and may come before the end."""
    seen = {}
    for pod in pods:
        seen = _run(crictl, pod, seconds)
        if "error" not in seen:
            break
        seen["kubelet"] = pod_host.kubelet_is_active()
        if not seen["kubelet"]:
            break
    return seen


def _run(crictl, pod, seconds):
    """Run the pod, read its log, and take it away again whatever happened."""
    seen = {}
    try:
        _sweep(crictl, seconds)
        limits = {"wait_timeout": seconds, "pull_timeout": seconds}
        made = cri_pod.present(crictl, pod, wait="completed", keyed=False, **limits)
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


def _sweep(crictl, seconds):
    """Remove what a verification left that was killed, known by its logs; one that may still run keeps its pod."""
    for folder in glob.glob(f"{pod_host.LOGS}/{_NAMESPACE}_{VERIFICATION}*"):
        parts = os.path.basename(folder).split("_")
        if len(parts) != 3 or os.path.islink(folder):
            continue  # no folder of a pod's logs
        _namespace, name, uid = parts
        # Another run may have been faster, or the pod is somebody else's who likes the name.
        with contextlib.suppress(FileNotFoundError, PodError):
            if os.stat(folder).st_mtime < time.time() - 4 * seconds:
                cri_pod.absent(crictl, name, _NAMESPACE)
                pod_host.remove_logs(_NAMESPACE, name, uid)
