# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs a pod once, to try a runtime with it: until it has reached a state, and removes it in any case."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from ..crictl.call import Crictl
from ..errors import NodeError, PodError
from . import host as pod_host
from . import present as cri_pod

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeVar

    from ..contract import Pod

    T = TypeVar("T")

ERRORS = (NodeError, OSError)


def run(
    crictl: Crictl, pods: Iterable[Pod], wait: str, seconds: float, read: Callable[[dict[str, Any]], T]
) -> T:
    """Run a pod until it has reached the state, read what is needed of it, and remove it.

    pods: the same pod with different names. A kubelet removes pods that are not its own, possibly before that; so the next one
    is tried if one fails within `seconds` and a kubelet is running. wait: as for present.present. seconds: for the images of a
    pod, and again for the pod. read: is called with the result of present.present while the pod exists; its result is returned.

    Raises the error of the last pod that was tried, see ERRORS. Its cause is the runtime's own message if the pod did not come
    up. A pod that cannot be removed is an error.
    """
    failure: Exception = PodError("there is no pod to run")
    deadline = time.monotonic() + seconds
    for pod in pods:
        try:
            return _run(crictl, pod, wait, seconds, read)
        except ERRORS as error:
            failure = error
        if time.monotonic() > deadline or not pod_host.kubelet_is_active():
            break
    raise failure


def _run(crictl: Crictl, pod: Pod, wait: str, seconds: float, read: Callable[[dict[str, Any]], T]) -> T:
    try:
        # Its pods have no secrets, so they need no key, which would be left on the node.
        made = cri_pod.present(
            crictl, pod, wait=wait, wait_timeout=seconds, pull_timeout=int(seconds), keyed=False
        )
        found = read(made)
    except ERRORS as error:
        _remove(crictl, pod, error)
        raise
    _remove(crictl, pod)
    return found


def _remove(crictl: Crictl, pod: Pod, earlier: Exception | None = None) -> None:
    """Remove the pod. Raises PodError with both errors if that fails after an earlier one."""
    try:
        cri_pod.discard(crictl, pod["name"], pod["namespace"], pod["uid"])
    except ERRORS as error:
        if earlier is None:
            raise PodError(f"The pod could not be removed: {error}") from error
        if str(earlier) != str(error):  # else nothing could be asked, neither before nor now
            raise PodError(f"{earlier} The pod could not be removed: {error}") from earlier
