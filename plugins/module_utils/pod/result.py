# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The reported state of a pod: typed, and without the values of its environment."""

from __future__ import annotations

from ..errors import PodError
from ..text import CUT, printable, shown
from . import host as pod_host

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..contract import Pod, PodContainer

    # pods as crictl lists them, each with its containers
    Found = list[tuple[dict[str, Any], list[dict[str, Any]]]]


_MASK = "********"
_LIMIT = 4000  # characters of a message beside the lines of a log
_REPORTED = ("id", "state", "exit_code", "reason", "message", "started_at", "finished_at", "log_path")


def all_containers(pod: Pod) -> list[PodContainer]:
    """Return the requested containers in the order of their starts."""
    return [*pod["init_containers"], *pod["containers"]]


def of(pod: Pod, here: dict[str, Any]) -> dict[str, Any]:
    """Return the result for an existing pod."""
    told = {key: here[key] for key in here if key not in ("containers", "labels", "annotations", "attempt")}
    containers = []
    for wanted in all_containers(pod):
        seen = here["containers"].get(wanted["name"], {})
        item = {"name": wanted["name"], "image": wanted["config"]["image"]["image"]}
        item.update((key, seen[key]) for key in _REPORTED if key in seen)
        if "message" in item:
            item["message"] = _redacted(item["message"], pod)
        containers.append(item)
    return {"changed": False, "pod": told, "containers": containers, "pulled": [], "removed": []}


def former(found: Found) -> list[dict[str, Any]]:
    """Describe pods that are removed, or would be: pairs of a sandbox and its containers."""
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


def _image_of(container: dict[str, Any]) -> str:
    image = container["image"]
    return image.get("requested") or image.get("name") or image.get("ref") or ""


def failure(pod: Pod, error: Exception, ending: str, log: list[str], changed: bool = False) -> PodError:
    """Return the error to raise: what happened, how it ended, and the last lines of the container's log."""
    log = [_redacted(line, pod) for line in log]
    what, ending = _redacted(str(error), pod), _redacted(ending, pod)
    message = shown(f"the pod {pod['namespace']}/{pod['name']} did not come up: {what}. {ending}.", _LIMIT)
    said = "".join(f"\n  {shown(line)}" for line in log)
    message += f" The last lines of the container's log:{said}" if said else ""
    return PodError(
        message,
        getattr(error, "container", None),
        getattr(error, "exit_code", None),
        getattr(error, "reason", None),
        log or None,
        changed=changed,
    )


def last_lines(pod: Pod, error: Exception) -> list[str]:
    """Return the last log lines of the container that an error is about."""
    container = getattr(error, "container", None)
    if not container:
        return []
    return pod_host.last_lines(f"{pod['sandbox']['log_directory']}/{container}/0.log")


def _redacted(text: str, pod: Pod) -> str:
    """Mask the values of the environment; values of less than four characters are not secrets."""
    values = {each["value"] for container in all_containers(pod) for each in container["config"]["envs"]}
    secrets = {line for value in values for line in (value, *value.splitlines())}
    secrets |= {printable(secret, len(secret)) for secret in secrets}  # as a message of crictl has them
    longest_first = sorted((each for each in secrets if len(each) > 3), key=len, reverse=True)
    for secret in longest_first:
        text = text.replace(secret, _MASK)
    if text.endswith(CUT):
        text = text[: -len(CUT)]
        beginning = max((_length_of_beginning(text, secret) for secret in longest_first), default=0)
        text = (f"{text[:-beginning]}{_MASK}" if beginning else text) + CUT
    return text


def _length_of_beginning(text: str, secret: str) -> int:
    """Return how many characters of the secret's beginning the text ends with."""
    tail = text[-len(secret) :]
    position = tail.find(secret[0])
    while position >= 0:
        if secret.startswith(tail[position:]):
            return len(tail) - position
        position = tail.find(secret[0], position + 1)
    return 0
