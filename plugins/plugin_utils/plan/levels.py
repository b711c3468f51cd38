# SPDX-License-Identifier: GPL-3.0-or-later
"""The disruptions of a change, the least disruptive first."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ansible_collections.cri.node.plugins.plugin_utils.crio.catalogue import Key
    from ansible_collections.cri.node.plugins.plugin_utils.crio.versions import Version

DISRUPTIONS = ("none", "reload", "restart")  # what a change of a file can need by itself
DRAIN = "drain"  # a restart before which the node has to be drained
LEVELS = (*DISRUPTIONS, DRAIN)


def most(levels: Iterable[str]) -> str:
    """Return the most disruptive of LEVELS."""
    return max(levels, key=LEVELS.index)


def of_entry(entry: Key, version: Version) -> str:
    """Return reload or restart: what a change of a key of the catalogue needs. The node decides whether pods survive it."""
    return "reload" if entry.live_in(version) == "reload" else "restart"
