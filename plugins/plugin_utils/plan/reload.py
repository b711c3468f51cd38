# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a daemon can be trusted to reload: what SIGHUP does to CRI-O, and whether anyone would see it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.cri.node.plugins.plugin_utils.crio.catalogue import CATALOGUE

if TYPE_CHECKING:
    from ansible_collections.cri.node.plugins.module_utils.contract import Report

# CRI-O tells of a reload that went well at level info, and of nothing else that proves it: `systemctl reload` always succeeds.
_TELLING_LEVELS = ('"info"', '"debug"', '"trace"')


def unreliable(report: Report) -> str:
    """Why a reload will not do on the node of this report (see node_state.read), as a clause; "" where it will."""
    unit, live = report["unit"], report["reload"]
    if not unit["reloads"]:
        return f"{unit['name']} has no ExecReload"
    if live["log_level"] not in _TELLING_LEVELS:
        return (
            f"CRI-O would not tell how it went, since the running daemon's log_level is {live['log_level']}"
        )
    if live["log_filter"] not in (None, '""'):
        return (
            f"CRI-O may not tell how it went, since the running daemon's log_filter is {live['log_filter']}"
        )
    if live.get("invisible"):
        return f"nobody could see how it went: {live['invisible']}"
    lost = sorted(set(live["options"]) & _reloaded_options())
    if lost:
        # cri-o#7586: SIGHUP reads the files alone.
        return f"CRI-O would forget its {', '.join(lost)}, which outrank the files until then"
    return ""


def _reloaded_options() -> set[str]:
    """The daemon's options, and variables of its environment, for keys that SIGHUP reads anew from the files."""
    names = [key.key.rpartition(".")[2] for key in CATALOGUE.keys if key.reload]
    options = {f"--{name.replace('_', '-')}" for name in names} | {"-l"}
    return options | {f"CONTAINER_{name.upper()}" for name in names}
