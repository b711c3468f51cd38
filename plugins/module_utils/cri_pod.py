# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Brings a pod onto a node, and takes it away, through any CRI runtime.

A pod is what plugin_utils/pod_manifest.py makes of a manifest. It is known again by namespace, name and an
annotation with the hash of all that was asked of the runtime; the hash stays in the runtime, for it covers the
environment. A pod without that annotation is somebody else's and is never touched.
"""

from __future__ import annotations

import math
import re
import time

from . import cri_output, pod_host
from .cri_output import UnexpectedOutput
from .crictl import CrictlError

HASH = "cri.node/config-sha256"
GRACE = "io.kubernetes.pod.terminationGracePeriod"

_DEFAULT_GRACE = 30  # seconds, Kubernetes' own
_REMOVAL = 60  # seconds that a runtime may take for a pod without running containers
_POLL = (0.05, 1.0)  # seconds between two looks: at first, at most
_TOLD = ("id", "state", "exit_code", "reason", "message", "started_at", "finished_at", "log_path")


class PodError(Exception):
    """Why a pod is not as it was wanted. container, exit_code, reason and log (lines) are None where unknown."""

    def __init__(self, message, container=None, exit_code=None, reason=None, log=None):
        super().__init__(message)
        self.container, self.exit_code, self.reason, self.log = container, exit_code, reason, log


def present(crictl, pod, wait="ready", wait_timeout=120, pull_timeout=300, check=False):
    """Make the pod run, where one like it does not yet; a pod of ours that differs is replaced.

    wait: ready (each container runs or has ended with 0), completed (each has ended with 0) or none.
    wait_timeout: seconds from its start to that; pull_timeout: seconds for all images together.
    check: change nothing, and tell what would be.

    Returns changed, pod, containers, pulled (images asked of their registry), removed (former pods).
    Raises PodError, CrictlError, UnexpectedOutput, UnfitPathError; then nothing that this call made is left.
    """
    pod_host.refuse_unfit(pod["host_paths"])
    found = _find(crictl, pod["name"], pod["namespace"])
    here = _like(crictl, pod, found)
    if here:
        here = here if check else _wait(crictl, pod, here, wait, time.monotonic() + wait_timeout)
        return _result(pod, here)
    images = _missing_images(crictl, pod)
    told = {"changed": True, "pulled": images, "removed": _former(found)}
    if check:
        named = {key: pod[key] for key in ("name", "namespace", "uid")}
        return {**told, "pod": named, "containers": []}
    patient = crictl.within(pull_timeout)
    patient.together(*(_pull(patient, pod, image) for image in images))
    for sandbox, containers in found:
        _remove(crictl, sandbox, containers)
    try:
        here = _start(crictl, pod, wait, time.monotonic() + wait_timeout)
    except (CrictlError, UnexpectedOutput, PodError, OSError) as error:
        raise _undone(crictl, pod, error, bool(found)) from error
    return {**_result(pod, here), **told}


def absent(crictl, name, namespace, check=False):
    """Remove our pod of that name with its logs, its containers stopped with their grace period.

    Returns changed and removed (pods). Raises PodError for a pod that is not ours; CrictlError, UnexpectedOutput.
    """
    found = _find(crictl, name, namespace)
    if not check:
        for sandbox, containers in found:
            _remove(crictl, sandbox, containers)
    return {"changed": bool(found), "removed": _former(found)}


def _find(crictl, name, namespace):
    """Our pods of that name, each with its containers; one at most, unless a call was interrupted."""
    labels = {"io.kubernetes.pod.name": name, "io.kubernetes.pod.namespace": namespace}
    by_label = [word for label, value in labels.items() for word in ("--label", f"{label}={value}")]
    by_name = ("--name", f"^{re.escape(name)}$", "--namespace", f"^{re.escape(namespace)}$")
    pods, containers = crictl.together(
        lambda: cri_output.sandboxes(crictl.json("pods", *by_name)),
        lambda: cri_output.containers(crictl.json("ps", "-a", *by_label)),
    )
    pods = [each for each in pods if (each.get("name"), each.get("namespace")) == (name, namespace)]
    for stranger in (each for each in pods if HASH not in each["annotations"]):
        raise PodError(
            f"the pod {namespace}/{name} ({stranger['id'][:12]}) was not made by this module, and is not touched"
        )
    return [
        (each, [item for item in containers if item["pod"].get("id") == each["id"]])
        for each in sorted(pods, key=lambda each: each.get("created_at", ""), reverse=True)
    ]


def _like(crictl, pod, found):
    """The pod as it is, where it is what was asked for and no container of it has failed; else None."""
    if len(found) != 1:
        return None
    sandbox, containers = found[0]
    ids = {item.get("name"): item["id"] for item in containers}
    if sandbox["annotations"][HASH] != pod["sandbox"]["annotations"][HASH]:
        return None
    if sorted(ids) != sorted(each["name"] for each in pod["containers"]):
        return None
    here = _look(crictl, sandbox["id"], ids)
    states = [each["state"] for each in here["containers"].values()]
    fine = len(states) == len(ids) and not _failed(here) and set(states) <= {"running", "exited"}
    return here if fine and (here["state"] == "ready" or "running" not in states) else None


def _look(crictl, pod_id, ids):
    """The pod with its address, and the details of its containers by name."""
    sandbox, details = crictl.together(
        lambda: cri_output.sandbox(crictl.json("inspectp", "-q", pod_id)["status"]),
        lambda: crictl.details(ids.values()),
    )
    return {**sandbox, "containers": {name: details[each] for name, each in ids.items() if each in details}}


def _failed(here):
    return [each for each in here["containers"].values() if each.get("exit_code")]


def _missing_images(crictl, pod):
    """The images to pull, each once; PodError for one that is not there and must not be pulled."""
    policies = {}
    for container in pod["containers"]:
        policies.setdefault(container["config"]["image"]["image"], set()).add(container["pull"])
    asked = [image for image, wanted in policies.items() if "Always" not in wanted]
    present_ones = dict(zip(asked, crictl.together(*(_has_image(crictl, image) for image in asked))))
    for image in asked:
        if not present_ones[image] and policies[image] == {"Never"}:
            raise PodError(f"the image {image} is not on the node, and imagePullPolicy is Never")
    return [image for image in policies if not present_ones.get(image)]


def _has_image(crictl, image):
    def ask():
        try:
            crictl.json("inspecti", "-q", image)
        except CrictlError as error:
            if error.kind != "not_found":
                raise
            return False
        return True

    return ask


def _pull(crictl, pod, image):
    # The pod's namespace decides which policy and which credentials a runtime takes.
    return lambda: crictl.text("pull", "--pod-config", pod["sandbox"], image)


def _start(crictl, pod, wait, deadline):
    """Sandbox, containers in parallel, then all started at once."""
    pod_host.make_paths(pod["host_paths"])
    pod_host.make_log_folders(pod["sandbox"]["log_directory"], [each["name"] for each in pod["containers"]])
    crictl = crictl.within(_remaining(deadline))
    handler = ("--runtime", pod["handler"]) if pod["handler"] else ()
    pod_id = _identity(crictl.text("runp", *handler, pod["sandbox"]))
    created = crictl.together(*(_create(crictl, pod, pod_id, each) for each in pod["containers"]))
    ids = {each["name"]: identity for each, identity in zip(pod["containers"], created)}
    try:
        crictl.text("start", *ids.values())
    except CrictlError as error:
        raise PodError(_with_names(str(error), ids)) from error
    return _wait(crictl, pod, _look(crictl, pod_id, ids), wait, deadline)


def _create(crictl, pod, pod_id, container):
    config = dict(container["config"])
    linux = config["linux"]
    resources = dict(linux["resources"], oom_score_adj=pod_host.oom_score_adj(container["oom"]))
    config["linux"] = dict(linux, resources=resources)

    def create():
        try:
            return _identity(crictl.text("create", pod_id, config, pod["sandbox"]))
        except CrictlError as error:
            raise PodError(f"container {container['name']}: {error}", container["name"]) from error

    return create


def _identity(output):
    """The ID that crictl prints last."""
    words = output.split()
    if not words:
        raise UnexpectedOutput("crictl printed nothing where it should print an ID")
    return words[-1]


def _with_names(text, ids):
    for name, identity in ids.items():
        text = text.replace(identity, name)
    return text


def _wait(crictl, pod, here, wait, deadline):
    """Look again until the pod is as wanted; PodError where it cannot be any more, or is too late."""
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
        details = crictl.details(ids.values())
        if len(details) < len(ids):
            raise PodError("a container of the pod vanished while it was waited for")
        here = {**here, "containers": {name: details[identity] for name, identity in ids.items()}}
    return here


def _ended(container):
    name, code, reason = container["name"], container["exit_code"], container.get("reason")
    message = f": {container['message']}" if container.get("message") else ""
    return PodError(
        f"container {name} ended with exit code {code} ({reason or 'no reason given'}){message}",
        *(name, code, reason),
    )


def _remaining(deadline):
    return max(math.ceil(deadline - time.monotonic()), 1)


def _remove(crictl, sandbox, containers):
    running = [each for each in containers if each["state"] == "running"]
    crictl.together(*(_stop(crictl, each) for each in running))
    try:
        crictl.within(_REMOVAL).text("rmp", "-f", sandbox["id"])
    except CrictlError as error:
        if error.kind != "not_found":
            raise
    pod_host.remove_logs(sandbox.get("namespace"), sandbox.get("name"), sandbox.get("uid"))


def _stop(crictl, container):
    given = container["annotations"].get(GRACE, "")
    grace = int(given) if given.isdigit() else _DEFAULT_GRACE
    patient = crictl.within(grace + crictl.timeout)
    return lambda: patient.text("stop", "--timeout", str(grace), container["id"])


def _undone(crictl, pod, error, replaced):
    """The error to raise for a pod that did not come up, once all that was made of it is gone."""
    container = getattr(error, "container", None)
    log = []
    if container:
        log = pod_host.last_lines(f"{pod['sandbox']['log_directory']}/{container}/0.log")
    try:
        for sandbox, containers in _find(crictl, pod["name"], pod["namespace"]):
            _remove(crictl, sandbox, containers)
        pod_host.remove_logs(pod["namespace"], pod["name"], pod["uid"])
        left = "It was removed again"
        left += ", after the former one had been removed" if replaced else ""
    except (CrictlError, UnexpectedOutput, PodError, OSError) as problem:
        left = f"IT IS STILL THERE, since it could not be removed: {problem}"
    said = "".join(f"\n  {line}" for line in log)
    message = f"the pod {pod['namespace']}/{pod['name']} did not come up: {error}. {left}."
    message += f" The container's last lines:{said}" if said else ""
    return PodError(
        _redacted(message, pod),
        container,
        getattr(error, "exit_code", None),
        getattr(error, "reason", None),
        [_redacted(line, pod) for line in log],
    )


def _former(found):
    return [
        {
            **{key: sandbox[key] for key in ("id", "uid", "state") if key in sandbox},
            "containers": [
                {"name": each.get("name", ""), "image": _image_of(each), "state": each["state"]}
                for each in containers
            ],
        }
        for sandbox, containers in found
    ]


def _image_of(container):
    image = container["image"]
    return image.get("requested") or image.get("name") or image.get("ref") or ""


def _result(pod, here):
    told = {key: here[key] for key in here if key not in ("containers", "labels", "annotations", "attempt")}
    containers = []
    for wanted in pod["containers"]:
        seen = here["containers"].get(wanted["name"], {})
        item = {"name": wanted["name"], "image": wanted["config"]["image"]["image"]}
        item.update((key, seen[key]) for key in _TOLD if key in seen)
        if "message" in item:
            item["message"] = _redacted(item["message"], pod)
        containers.append(item)
    return {"changed": False, "pod": told, "containers": containers, "pulled": [], "removed": []}


def _redacted(text, pod):
    """The text without the values of the environment; shorter ones than four characters are no secrets."""
    values = {each["value"] for container in pod["containers"] for each in container["config"]["envs"]}
    lines = {line for value in values for line in (value, *value.splitlines()) if len(line) > 3}
    for line in sorted(lines, key=len, reverse=True):
        text = text.replace(line, "********")
    return text
