# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Creates, replaces and removes a pod on a node, through any CRI runtime.

A pod is what plugin_utils/pod/manifest.py returns for a manifest. It is recognised by namespace, name and an annotation
with a keyed hash of everything that was requested from the runtime (config_hash). A pod without that annotation is never
touched.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable

from ..crictl import container_output, pod_output, queries
from ..crictl.call import Crictl, CrictlError
from ..crictl.fields import POD_LABELS
from ..errors import NodeError, PodError
from . import config_hash
from . import host as pod_host
from . import images as pod_images
from . import result as pod_result
from .marks import DEFAULT_GRACE, GRACE, HASH

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..contract import Pod, PodContainer
    from .result import Found

_REMOVAL = 60  # seconds that a runtime may take for a pod without running containers
_POLL = (0.05, 1.0)  # seconds between two polls: at first, at most


def present(
    crictl: Crictl,
    pod: Pod,
    wait: str = "ready",
    wait_timeout: float = 120,
    pull_timeout: int = 300,
    check: bool = False,
    keyed: bool = True,
) -> dict[str, Any]:
    """Make the pod run, if no pod like it runs yet; one of ours that differs is replaced.

    wait: ready (each container runs or has ended with 0), completed (each has ended with 0) or none.
    wait_timeout: seconds from its start to that state; pull_timeout: seconds for the images, which are pulled in parallel.
    check: change nothing, and report what would change.
    keyed: whether the hash in the pod's annotation is keyed, which creates a key on a node without one. False is for a
    pod without secrets on a node that must not change.

    Returns changed, pod, containers, pulled (images that were requested from their registry), removed (former pods).
    Raises PodError, CrictlError, UnexpectedOutput, UnfitPathError; then nothing is left of what this call created.
    """
    pod_host.refuse_unfit(pod["host_paths"])
    found = _find(crictl, pod["name"], pod["namespace"])
    here = _like(crictl, pod, found)
    if here:
        return pod_result.of(pod, here if check else _wait_for(crictl, pod, here, wait, wait_timeout))
    images = pod_images.missing(crictl, pod)
    told = {"changed": True, "pulled": images, "removed": pod_result.former(found)}
    if check:
        named = {"name": pod["name"], "namespace": pod["namespace"], "uid": pod["uid"]}
        return {**told, "pod": named, "containers": []}
    pod = config_hash.keyed(pod) if keyed else pod
    pod_images.pull(crictl.within(pull_timeout), pod, images)
    for sandbox, containers in found:
        _remove(crictl, sandbox, containers)
    try:
        here = _start(crictl, pod, wait, time.monotonic() + wait_timeout)
    except NodeError as error:
        raise _undone(crictl, pod, error, bool(found)) from error
    return {**pod_result.of(pod, here), **told}


def _wait_for(
    crictl: Crictl, pod: Pod, here: dict[str, Any], wait: str, wait_timeout: float
) -> dict[str, Any]:
    """Wait for a pod that existed before, and is not removed if it does not reach the state."""
    try:
        return _wait(crictl, here, wait, time.monotonic() + wait_timeout)
    except PodError as error:
        lines = pod_result.last_lines(pod, error)
        raise pod_result.failure(pod, error, "The pod was not changed", lines) from error


def absent(crictl: Crictl, name: str, namespace: str, check: bool = False) -> dict[str, Any]:
    """Remove our pod of that name with its logs. Its containers are stopped with their grace period.

    Returns changed and removed (pods). Raises PodError for a pod that is not ours; CrictlError, UnexpectedOutput.
    """
    found = _find(crictl, name, namespace)
    if not check:
        for sandbox, containers in found:
            _remove(crictl, sandbox, containers)
    return {"changed": bool(found), "removed": pod_result.former(found)}


def discard(crictl: Crictl, name: str, namespace: str, uid: str) -> None:
    """Remove our pod of that name, and the logs of this one: its creation may have been cut short before the runtime had it.

    Raises the same as `absent`.
    """
    absent(crictl, name, namespace)
    pod_host.remove_logs(namespace, name, uid)


def _find(crictl: Crictl, name: str, namespace: str) -> Found:
    """Return our pods of that name, each with its containers; at most one, unless a call was interrupted."""
    labels = {POD_LABELS["name"]: name, POD_LABELS["namespace"]: namespace}
    by_label = [word for label, value in labels.items() for word in ("--label", f"{label}={value}")]
    by_name = ("--name", f"^{re.escape(name)}$", "--namespace", f"^{re.escape(namespace)}$")
    pods, containers = crictl.together(
        lambda: pod_output.sandboxes(crictl.json("pods", *by_name)),
        lambda: container_output.containers(crictl.json("ps", "-a", *by_label)),
    )
    pods = [each for each in pods if (each.get("name"), each.get("namespace")) == (name, namespace)]
    for stranger in (each for each in pods if HASH not in each["annotations"]):
        raise PodError(
            f"the pod {namespace}/{name} ({stranger['id'][:12]}) was not created by this module and is not changed"
        )
    return [
        (each, [item for item in containers if item["pod"].get("id") == each["id"]])
        for each in sorted(pods, key=lambda each: each.get("created_at", ""), reverse=True)
    ]


def _like(crictl: Crictl, pod: Pod, found: Found) -> dict[str, Any] | None:
    """Return the existing pod if it matches the request and none of its containers has failed; else None."""
    if len(found) != 1:
        return None
    sandbox, containers = found[0]
    ids = {item.get("name", ""): item["id"] for item in containers}
    if not config_hash.is_of(sandbox["annotations"][HASH], pod):
        return None
    if sorted(ids) != sorted(each["name"] for each in pod_result.all_containers(pod)):
        return None
    here = _state_of(crictl, sandbox["id"], ids)
    states = [each["state"] for each in here["containers"].values()]
    fine = len(states) == len(ids) and not _failed(here) and set(states) <= {"running", "exited"}
    return here if fine and (here["state"] == "ready" or "running" not in states) else None


def _state_of(crictl: Crictl, pod_id: str, ids: dict[str, str]) -> dict[str, Any]:
    """Return the pod with its address and the details of its containers by name."""
    sandbox, details = crictl.together(
        lambda: pod_output.sandbox_status(crictl.json("inspectp", "-q", pod_id)),
        lambda: _details(crictl, ids),
    )
    return {**sandbox, "containers": details}


def _details(crictl: Crictl, ids: dict[str, str]) -> dict[str, Any]:
    """Return details by name, which is the one that the container was created with. Containers that are gone are left out."""
    details = queries.container_details(crictl, ids.values())
    return {
        name: {**details[identity], "name": name} for name, identity in ids.items() if identity in details
    }


def _failed(here: dict[str, Any]) -> list[dict[str, Any]]:
    return [each for each in here["containers"].values() if each.get("exit_code")]


def _start(crictl: Crictl, pod: Pod, wait: str, deadline: float) -> dict[str, Any]:
    """Start the sandbox, each init container to its end, then all containers in parallel."""
    pod_host.make_paths(pod["host_paths"])
    # Logs of a pod that disappeared by itself, as at a boot: the runtime would append to them.
    pod_host.remove_logs(pod["namespace"], pod["name"], pod["uid"])
    names = [each["name"] for each in pod_result.all_containers(pod)]
    pod_host.make_log_folders(pod["sandbox"]["log_directory"], names)
    crictl = crictl.within(_remaining(deadline))
    handler = ("--runtime", pod["handler"]) if pod["handler"] else ()
    pod_id = pod_output.printed_identity(crictl.text("runp", *handler, pod["sandbox"]))
    ids = {}
    for container in pod["init_containers"]:
        first = _start_containers(crictl, pod, pod_id, [container])
        _wait(crictl, {"containers": _details(crictl, first)}, "completed", deadline)
        ids.update(first)
    ids.update(_start_containers(crictl, pod, pod_id, pod["containers"]))
    return _wait(crictl, _state_of(crictl, pod_id, ids), wait, deadline)


def _start_containers(
    crictl: Crictl, pod: Pod, pod_id: str, containers: list[PodContainer]
) -> dict[str, str]:
    """Create the containers in parallel, start them with one call, and return their ids by name."""
    created = crictl.together(*(_create(crictl, pod, pod_id, each) for each in containers))
    ids = {each["name"]: identity for each, identity in zip(containers, created)}
    try:
        crictl.text("start", *ids.values())
    except CrictlError as error:
        message = str(error)
        failed = next((name for name, identity in ids.items() if identity in message), None)
        for name, identity in ids.items():
            message = message.replace(identity, name)
        raise PodError(message, failed) from error
    return ids


def _create(crictl: Crictl, pod: Pod, pod_id: str, container: PodContainer) -> Callable[[], str]:
    config = dict(container["config"])
    linux = config["linux"]
    resources = dict(linux["resources"], oom_score_adj=pod_host.oom_score_adj(container["oom"]))
    config["linux"] = dict(linux, resources=resources)

    def create() -> str:
        try:
            return pod_output.printed_identity(crictl.text("create", pod_id, config, pod["sandbox"]))
        except CrictlError as error:
            raise PodError(f"container {container['name']}: {error}", container["name"]) from error

    return create


def _wait(crictl: Crictl, here: dict[str, Any], wait: str, deadline: float) -> dict[str, Any]:
    """Poll until the pod has reached the state. Raises PodError if it cannot reach it any more or is too late."""
    pause, longest = _POLL
    ids = {name: each["id"] for name, each in here["containers"].items()}
    while wait != "none":
        for container in _failed(here):
            raise _ended(container)
        enough = {"exited"} if wait == "completed" else {"exited", "running"}
        late = [each for each in here["containers"].values() if each["state"] not in enough]
        if not late:
            break
        if time.monotonic() >= deadline:
            states = ", ".join(f"container {each['name']} is {each['state']}" for each in late)
            raise PodError(f"the pod was not {wait} in time: {states}", late[0]["name"])
        time.sleep(pause)
        pause = min(pause * 1.5, longest)
        details = _details(crictl, ids)
        for name in ids.keys() - details.keys():
            raise PodError(f"container {name} was removed while the module waited for it")
        here = {**here, "containers": details}
    return here


def _ended(container: dict[str, Any]) -> PodError:
    name, code, reason = container["name"], container["exit_code"], container.get("reason")
    message = f": {container['message']}" if container.get("message") else ""
    return PodError(
        f"container {name} exited with code {code} ({reason or 'no reason given'}){message}",
        *(name, code, reason),
    )


def _remaining(deadline: float) -> int:
    return max(math.ceil(deadline - time.monotonic()), 1)


def _remove(crictl: Crictl, sandbox: dict[str, Any], containers: list[dict[str, Any]]) -> None:
    running = [each for each in containers if each["state"] == "running"]
    crictl.together(*(_stop(crictl, each) for each in running))
    try:
        crictl.within(_REMOVAL).text("rmp", "-f", sandbox["id"])
    except CrictlError as error:
        if error.kind != "not_found":
            raise
    pod_host.remove_logs(str(sandbox.get("namespace")), str(sandbox.get("name")), str(sandbox.get("uid")))


def _stop(crictl: Crictl, container: dict[str, Any]) -> Callable[[], str]:
    given = container["annotations"].get(GRACE, "")
    grace = int(given) if re.fullmatch("[0-9]{1,9}", given) else DEFAULT_GRACE
    patient = crictl.within(grace + crictl.timeout)
    return lambda: patient.text("stop", "--timeout", str(grace), container["id"])


def _undone(crictl: Crictl, pod: Pod, error: NodeError, replaced: bool) -> PodError:
    """Remove what was created of a pod that did not come up. Returns the error to raise."""
    lines = pod_result.last_lines(pod, error)
    ending = "The pod was removed again" + ("; the previous pod had already been removed" if replaced else "")
    try:
        discard(crictl, pod["name"], pod["namespace"], pod["uid"])
    except NodeError as problem:
        ending = f"The pod still exists, because it could not be removed: {problem}"
    return pod_result.failure(pod, error, ending, lines, changed=replaced)
