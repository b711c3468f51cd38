# SPDX-License-Identifier: GPL-3.0-or-later
"""Tries the runtime with a pod and with pulls, after a daemon has loaded a change and before the change is committed.

Nothing of a probe stays: the pod is always removed, and an image that the node did not have is removed again, unless a
container uses it by now. What a probe may leave is on disk before it begins (`probes.json`), so that a recovery removes it after
a kill. Other pods and images are never touched.
"""

from __future__ import annotations

import time

from .. import documents, node_files, node_state
from ..crictl import image_output, info
from ..crictl.call import Crictl, CrictlError
from ..crio import handlers as crio_handlers
from ..crio.live import CrioSocketError, live_configuration
from ..crio.service import RuntimeService
from ..errors import NodeError, PodError, ProbeFailed, TransactionError
from ..layout import Layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..contract import Outcome, Pod, ProbeRecord, Probes, Request

# The package pod is imported where it is needed: few changes have probes, and Python compiles the program in every change.

_IN_USE = "in use by"  # in CRI-O's refusal to remove an image


def run(layout: Layout, request: Request, service: RuntimeService) -> list[str]:
    """Run the probes of a change that has made the daemon load its files: pulls in parallel, then a pod with each handler.

    All of them together may take `ready_timeout`. Returns sentences about what is left of them. Raises ProbeFailed and other
    errors; then a recovery must follow.
    """
    asked = request.get("probes") or {}
    if request["activate"] == "none" or not (asked.get("pods") or asked.get("pull")):
        return []
    deadline = time.monotonic() + request["ready_timeout"]
    crictl = _crictl(service)
    pods = asked.get("pods") or []
    sweep(layout)  # what an earlier change could not remove: its record would be replaced
    try:
        handlers = _handlers(asked, service, crictl) if pods else []
        missing = _record(layout, request, crictl, pods)
    except NodeError as error:
        raise TransactionError("probe", f"the runtime cannot be probed: {error}", error.detail) from error
    to_pull = dict.fromkeys([*asked.get("pull", []), *(each for each in _images(pods) if each in missing)])
    try:
        crictl.together(*(_pull(crictl, image, _remaining(deadline)) for image in to_pull))
        for handler in handlers:
            _run_pod(crictl, pods, handler, _remaining(deadline))
    except (NodeError, OSError):
        sweep(layout)  # what it cannot remove, the recovery tries again
        raise
    return sweep(layout)


def sweep(layout: Layout, last: bool = True) -> list[str]:
    """Remove what probes have left, if there is anything. Returns sentences about what is left.

    last: whether this ends it. If not, it is repeated later: a daemon may complete a pod that was requested from it
    before a kill.
    """
    try:
        text = node_files.read_text(layout.probes)
        if text is None:
            return []
        record = documents.read_probe_record(text, layout.probes)
        left = _removed(record)
        if last:
            node_files.remove(layout.probes)
    except documents.DamagedDocument as error:
        aside = node_files.set_aside(layout.probes)
        return [f"{error}; the file was renamed to {aside}, and a pod of a probe may be left"]
    except (NodeError, OSError) as error:
        return [f"what a probe of the runtime has left could not be removed yet: {error}"]
    return left


def what_failed(error: NodeError) -> Outcome:
    """Return what an outcome has of a probe that failed; {} for another error."""
    return {"probed": error.subject} if isinstance(error, ProbeFailed) else {}


def _crictl(service: RuntimeService) -> Crictl:
    return Crictl(f"unix://{service.socket}")


def _images(pods: list[Pod]) -> list[str]:
    return [each["config"]["image"]["image"] for pod in pods[:1] for each in pod["containers"]]


def _remaining(deadline: float) -> float:
    return max(deadline - time.monotonic(), 1)


def _handlers(asked: Probes, service: RuntimeService, crictl: Crictl) -> list[str]:
    """Return the handlers to probe: those that are named, whether the daemon has them or not, and optionally all that it has."""
    names = set(asked.get("handlers", []))
    if asked.get("every_handler") and not service.reports_configuration:
        names |= set(info.configured_handlers(crictl.json("info", "-q", "-o", "json")))
    elif asked.get("every_handler"):
        try:
            names |= set(crio_handlers.parse(live_configuration(service.socket))[1])
        except CrioSocketError as error:
            raise TransactionError(
                "probe", f"the daemon does not report its configuration: {error}"
            ) from None
    return sorted(names)


def _record(layout: Layout, request: Request, crictl: Crictl, pods: list[Pod]) -> list[str]:
    """Write down what the probes may leave. Returns the names of images that the node does not have."""
    from ..pod import images as pod_images

    named = dict.fromkeys([*request["probes"].get("pull", []), *_images(pods)])
    document, *there = crictl.together(
        lambda: crictl.json("images"), *(pod_images.has_image(crictl, image) for image in named)
    )
    missing = [image for image, is_there in zip(named, there) if not is_there]
    record: ProbeRecord = {
        "format": documents.PROBES_FORMAT,
        "runtime": layout.runtime,
        "unit": request["unit"],
        "pods": [{"name": pod["name"], "namespace": pod["namespace"], "uid": pod["uid"]} for pod in pods],
        "images": missing,
        "present": image_output.image_ids(document) if missing else [],
    }
    node_files.write_json(layout.probes, record)
    return missing


def _pull(crictl: Crictl, image: str, seconds: float) -> Callable[[], str]:
    def pull() -> str:
        try:
            return crictl.within(seconds).text("pull", image)
        except NodeError as error:
            message = f"the probe of the runtime failed: the image {image} cannot be pulled"
            raise ProbeFailed(message, {"image": image}, str(error)) from error

    return pull


def _run_pod(crictl: Crictl, pods: list[Pod], handler: str, seconds: float) -> None:
    from ..pod import once

    asked: list[Pod] = [{**pod, "handler": handler} for pod in pods]
    try:
        once.run(crictl, asked, "ready", seconds, lambda _made: None)
    except once.ERRORS as error:
        message = f"the probe of the runtime failed: a pod with the handler {handler} does not run"
        raise ProbeFailed(message, {"handler": handler}, str(_cause(error))) from error


def _cause(error: BaseException) -> BaseException:
    """Return the runtime's own error behind one that also describes the pod, which is gone."""
    while isinstance(error, PodError) and isinstance(error.__cause__, NodeError):
        error = error.__cause__
    return error


def _removed(record: ProbeRecord) -> list[str]:
    """Remove the pods and images of a record. Returns sentences about images that are left. Raises NodeError for pods."""
    from ..pod import present as cri_pod

    service = node_state.service_of(record)
    if not service.active:
        raise TransactionError("probe", f"{service.unit} is {service.state_words}")
    crictl = _crictl(service)
    for pod in record["pods"]:
        cri_pod.discard(crictl, pod["name"], pod["namespace"], pod["uid"])
    return [problem for image in record["images"] for problem in _remove_image(crictl, image, record)]


def _remove_image(crictl: Crictl, image: str, record: ProbeRecord) -> list[str]:
    """Remove an image by its ID, because by name crictl would also remove one that the node had under another name."""
    try:
        identity = image_output.image_id(crictl.json("inspecti", "-q", image))
        if identity not in record["present"]:
            crictl.text("rmi", identity)
    except CrictlError as error:
        if error.kind in ("timeout", "unreachable"):
            raise
        if error.kind != "not_found" and _IN_USE not in str(error):
            return [f"the image {image}, which a probe pulled, could not be removed: {error}"]
    return []
