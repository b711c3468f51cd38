# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Containers as crictl tells them, which may take several of its calls."""

from __future__ import annotations

from . import cri_output
from .cri_error import CrictlError

_BATCH = 50  # containers per crictl inspect: up to 100 KiB of JSON each, and 3 KiB of arguments


def listed(crictl, call):
    """All containers, typed, with their pods' names (which takes another call if labels do not tell).

    call: what start_containers() gave.
    """
    found = cri_output.containers(call.json())
    if all("name" in container["pod"] for container in found):
        return found
    pods = cri_output.pods(crictl.json("pods"))
    return [cri_output.with_pod(container, pods) for container in found]


def details(crictl, ids, started=None):
    """Typed details by id. One call for many containers; those that vanish while it runs are left out.

    started: what start_details() gave for the first 50, where that was done beforehand.
    """
    ids, found = list(ids), {}
    for start in range(0, len(ids), _BATCH):
        found.update(_details(crictl, ids[start : start + _BATCH], None if start else started))
    return found


def _details(crictl, ids, started):
    for attempt in range(3):
        if not ids:
            return {}
        try:
            return _inspected(crictl, ids, None if attempt else started)
        except CrictlError as error:  # one id that is not there fails the whole call
            if error.kind != "not_found":
                raise
        present = {item["id"] for item in cri_output.containers(crictl.json("ps", "-a"))}
        ids = [each for each in ids if each in present]
    found = {}
    for each in ids:
        try:
            found.update(_inspected(crictl, [each]))
        except CrictlError as error:
            if error.kind != "not_found":
                raise
    return found


def _inspected(crictl, ids, started=None):
    with started or crictl.start_details(ids) as call:
        return cri_output.details(call.json())
