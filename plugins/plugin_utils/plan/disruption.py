# SPDX-License-Identifier: GPL-3.0-or-later
"""What a running daemon needs to load the change of one file: none of it, a reload, or a restart. Pure functions over data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.cri.node.plugins.plugin_utils.crio.catalogue import CATALOGUE
from ansible_collections.cri.node.plugins.plugin_utils.crio.versions import Version, parse_version
from ansible_collections.cri.node.plugins.plugin_utils.text.table import listed

if TYPE_CHECKING:
    from ansible_collections.cri.node.plugins.module_utils.contract import Report, ReportedFile

DISRUPTIONS = ("none", "reload", "restart")  # the most disruptive last
_MOST_KEYS = 5  # in a reason
_TOUCHED = "a reload is enough, in case the running daemon has loaded an edit of the file"


def of_file(found: ReportedFile, version: Version | None) -> tuple[str, str]:
    """Return (disruption, a sentence about the keys that require it, or "") of a file that the daemon has not loaded.

    The keys of a file are known if the node has recorded what its daemon loaded. A file that was only touched needs a reload: the
    daemon may have read in between what is undone now.
    """
    keys = found.get("unloaded_keys")
    if keys is None:
        return found["disruption"], ""
    if not keys:
        return ("none", "") if found.get("same_content") else ("reload", _TOUCHED)
    restarting = [key for key in keys if of_key(key, version) != "reload"]
    if restarting:
        return "restart", f"{listed(restarting, _MOST_KEYS)} {_needs(restarting)} a restart"
    return "reload", f"a reload is enough for {listed(keys, _MOST_KEYS)}"


def of_key(key: str, version: Version | None) -> str:
    """Return reload or restart: what makes a daemon of this version use a changed key. A version that is not known restarts."""
    entry = CATALOGUE.lookup(key)
    live = entry.live_in(version) if entry and version else "restart"
    return "reload" if live == "reload" else "restart"


def version_of(report: Report) -> Version | None:
    """Return the version of CRI-O on the node, or None if it cannot be read."""
    try:
        return parse_version(report["crio"]["version"] or "")
    except ValueError:
        return None


def _needs(keys: list[str]) -> str:
    return "needs" if len(keys) == 1 else "need"
