# SPDX-License-Identifier: GPL-3.0-or-later
"""Decides whether a reload is reliable: what SIGHUP does in CRI-O, and whether its outcome can be observed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.cri.node.plugins.plugin_utils.crio import option_names
from ansible_collections.cri.node.plugins.plugin_utils.crio.versions import Version, parse_version

if TYPE_CHECKING:
    from ansible_collections.cri.node.plugins.module_utils.contract import Report

# CRI-O logs a successful reload at level info, and this is the only evidence: `systemctl reload` always succeeds.
_TELLING_LEVELS = ('"info"', '"debug"', '"trace"')
_LOGGED_SINCE = Version(1, 30, 6)  # the first release that logs it (server/server.go)


def unreliable(report: Report) -> str:
    """Return why a reload is not enough on the node of this report (see node_state.read), as a clause; "" if it is."""
    unit, live = report["unit"], report["reload"]
    if not unit["reloads"]:
        return f"{unit['name']} has no ExecReload"
    version = _version(report)
    if version and version < _LOGGED_SINCE:
        return f"CRI-O {version} does not log its outcome, as {_LOGGED_SINCE} and later do"
    if live["log_level"] not in _TELLING_LEVELS:
        return f"CRI-O does not log its outcome, because the log_level of the running daemon is {live['log_level']}"
    if live["log_filter"] not in (None, '""'):
        return f"CRI-O may not log its outcome, because the log_filter of the running daemon is {live['log_filter']}"
    if live.get("invisible"):
        return f"its outcome cannot be observed: {live['invisible']}"
    lost = sorted(set(live["options"]) & _reloaded_options())
    if lost:
        # cri-o#7586: SIGHUP only reads the files.
        return f"CRI-O would discard {', '.join(lost)}, which it was started with"
    return ""


def _version(report: Report) -> Version | None:
    """Return the version of CRI-O on the node, or None if it cannot be read."""
    try:
        return parse_version(report["crio"]["version"] or "")
    except ValueError:
        return None


def _reloaded_options() -> set[str]:
    """Return the daemon's options and environment variables for keys that SIGHUP reads again from the files."""
    reloaded = [option for option in option_names.options().values() if option.key.reloads]
    variables = {variable for option in reloaded for variable in option.variables}
    return variables | {f"--{option.name}" for option in reloaded} | {"-l"}
