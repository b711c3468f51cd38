# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of a node for a plan: what node_state reads, and the images that a change of registries may concern."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import node_state
from .layout import Layout, is_registries_file

if TYPE_CHECKING:
    from .contract import Report, Request


def read(request: Request, layout: Layout) -> Report:
    """Return what node_state.read returns. crictl is only called if a run would change the registries of a running daemon."""
    found = node_state.read(request, layout)
    if _changes_registries(found):
        from .crio import registries_in_use
        from .crio.service import CrioService

        found["registries"] = registries_in_use.read(CrioService(request["unit"]), layout)
    return found


def _changes_registries(found: Report) -> bool:
    """Return whether a run would write or remove a file of registries that a running daemon reads."""
    every = {**found["files"], **found["orphans"]}
    return found["unit"]["active"] and any(
        is_registries_file(path) and not file["as_wanted"] for path, file in every.items()
    )
