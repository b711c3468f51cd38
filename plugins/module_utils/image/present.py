# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Pulls images that are missing, or all of them to get what their names mean now."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ..crictl.call import Crictl
from ..errors import ImageError, NodeError
from . import store

# Of an image in check mode with `latest`: what the registry has is not known before the pull.
UNKNOWN = "whether the pull changes {} is only known after it; check mode reports a change"


def present(
    crictl: Crictl, names: list[str], latest: bool = False, pull_timeout: int = 300, check: bool = False
) -> dict[str, Any]:
    """Pull the images that the runtime does not have, in parallel; with `latest` also those that it has under a tag.

    names: full names, or short ones, which the runtime resolves; each once. pull_timeout: seconds for each pull.
    check: pull nothing, and report what would be pulled. Returns changed, images (as store.reported) and warnings. Raises
    ImageError after all pulls have ended if one of them failed; CrictlError, UnexpectedOutput.
    """
    before = store.find(crictl, names, store.listed(crictl))
    pulled = [name for name in names if name not in before or (latest and "@" not in name)]
    if check:
        return _predicted(names, before, pulled)
    patient = crictl.within(pull_timeout)
    outcomes = dict(zip(pulled, crictl.together(*(_pull(patient, name) for name in pulled))))
    after = store.find(crictl, names, store.listed(crictl)) if pulled else before
    images = [
        _outcome(name, before.get(name), after.get(name), *outcomes[name])
        if name in outcomes
        else store.reported(name, "none", False, before[name])
        for name in names
    ]
    changed = any(image["changed"] for image in images)
    failures = [image for image in images if "error" in image]
    if failures:
        raise ImageError(_message(failures, len(pulled)), images=images, changed=changed)
    return {"changed": changed, "images": images, "warnings": []}


def _predicted(names: list[str], before: dict[str, dict[str, Any]], pulled: list[str]) -> dict[str, Any]:
    images = [
        store.reported(name, "pull" if name in pulled else "none", name in pulled, before.get(name))
        for name in names
    ]
    unknown = [name for name in pulled if name in before]
    warnings = [UNKNOWN.format(", ".join(unknown))] if unknown else []
    return {"changed": bool(pulled), "images": images, "warnings": warnings}


def _pull(crictl: Crictl, name: str) -> Callable[[], tuple[float, str]]:
    def pull() -> tuple[float, str]:
        """Return the seconds that the pull took, and why it failed or ""."""
        started = time.monotonic()
        error = ""
        try:
            crictl.text("pull", name)
        except NodeError as failure:
            error = str(failure)
        return round(time.monotonic() - started, 3), error

    return pull


def _outcome(
    name: str, before: dict[str, Any] | None, after: dict[str, Any] | None, seconds: float, error: str
) -> dict[str, Any]:
    if not error and after is None:  # removed meanwhile, for example by a kubelet whose disk is full
        error = "the runtime does not have the image after the pull"
    if error:
        return store.reported(name, "pull", False, after, seconds=seconds, error=error)
    changed = before is None or after is None or _identity(before) != _identity(after)
    previous = {"previous_id": before["id"]} if before and changed else {}
    return store.reported(name, "pull", changed, after, seconds=seconds, **previous)


def _identity(image: dict[str, Any]) -> tuple[str, list[str]]:
    return image["id"], sorted(image["digests"])


def _message(failures: list[dict[str, Any]], count: int) -> str:
    if count == 1:
        return f"the image {failures[0]['name']} could not be pulled: {failures[0]['error']}"
    listed = "; ".join(f"{each['name']}: {each['error']}" for each in failures)
    return f"{len(failures)} of {count} images could not be pulled: {listed}"
