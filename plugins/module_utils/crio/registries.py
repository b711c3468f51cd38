# SPDX-License-Identifier: GPL-3.0-or-later
"""The node's part of registry_resolve: the files of registries, the keys of the auth files, and CRI-O's settings for names."""

from __future__ import annotations

import os

from ..layout import Layout
from . import effective, registries_files
from .service import CrioService

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..contract import RegistriesReport, RegistriesRequest


_SETTLE_SECONDS = 10  # for a unit between two states


def read(request: RegistriesRequest, layout: Layout) -> RegistriesReport:
    """Read what decides where CRI-O on this node pulls an image from. Raises CrioServiceError."""
    service = CrioService(request["unit"]).settled(_SETTLE_SECONDS)
    home = service.environment.get("HOME") or "/root"
    places = registries_files.Places(layout, home, *service.registries_options)
    settings = effective.present(service)
    notes = registries_files.notes(places, layout)
    if not settings:
        notes.append("crio config prints nothing on this node: the defaults of CRI-O are assumed")
    if os.geteuid() != 0:
        notes.append("files that only root can read are missing; run as root")
    named = _text(settings, "crio.image.global_auth_file")
    return {
        "main": places.main,
        "folders": places.folders,
        "files": registries_files.read(places, layout),
        "aliases": registries_files.read_aliases(layout),
        "hidden": places.hidden,
        "auth": registries_files.read_auth_keys(registries_files.auth_paths(named, home), layout),
        "short_name_mode": _text(settings, "crio.image.short_name_mode"),
        "pause_image": _text(settings, "crio.image.pause_image"),
        "notes": notes,
    }


def _text(settings: dict[str, str], key: str) -> str:
    """Return the text that `crio config` printed for a key, without its quotes."""
    return (effective.value(settings, key) or "").strip('"')
