# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Makes the images of a pod available on the node, as each imagePullPolicy requires."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ..crictl.call import Crictl, CrictlError
from ..errors import PodError
from . import result as pod_result

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..contract import Pod


def missing(crictl: Crictl, pod: Pod) -> list[str]:
    """Return the images to pull, each once. Raises PodError for a missing image that must not be pulled."""
    policies: dict[str, set[str]] = {}
    for container in pod_result.all_containers(pod):
        policies.setdefault(container["config"]["image"]["image"], set()).add(container["pull"])
    asked = [image for image, wanted in policies.items() if "Always" not in wanted]
    present_ones = dict(zip(asked, crictl.together(*(has_image(crictl, image) for image in asked))))
    for image in asked:
        if not present_ones[image] and policies[image] == {"Never"}:
            raise PodError(f"the image {image} is not on the node, and imagePullPolicy is Never")
    return [image for image in policies if not present_ones.get(image)]


def has_image(crictl: Crictl, image: str) -> Callable[[], bool]:
    """Return a call that returns whether the runtime has an image of this name."""

    def ask() -> bool:
        try:
            crictl.json("inspecti", "-q", image)
        except CrictlError as error:
            if error.kind != "not_found":
                raise
            return False
        return True

    return ask


def pull(crictl: Crictl, pod: Pod, images: Iterable[str]) -> None:
    """Pull images in parallel, for this pod: its namespace decides which policy the runtime applies."""
    crictl.together(*(_pull(crictl, pod, image) for image in images))


def _pull(crictl: Crictl, pod: Pod, image: str) -> Callable[[], str]:
    return lambda: crictl.text("pull", "--pod-config", pod["sandbox"], image)
