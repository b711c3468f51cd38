# SPDX-License-Identifier: GPL-3.0-or-later
"""Decides whether a reload is reliable: what SIGHUP does in CRI-O, and whether its outcome can be observed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.cri.node.plugins.plugin_utils.crio import option_names
from ansible_collections.cri.node.plugins.plugin_utils.crio.catalogue import CATALOGUE
from ansible_collections.cri.node.plugins.plugin_utils.crio.versions import Version
from ansible_collections.cri.node.plugins.plugin_utils.plan.disruption import version_of

if TYPE_CHECKING:
    from ansible_collections.cri.node.plugins.module_utils.contract import Report
    from ansible_collections.cri.node.plugins.plugin_utils.layers import Setting

# CRI-O logs a successful reload at level info, and this is the only evidence: `systemctl reload` always succeeds. It reads the
# names of levels in any case (logrus.ParseLevel).
_TELLING_LEVELS = ('"info"', '"debug"', '"trace"')
_LEVEL, _FILTER = "crio.runtime.log_level", "crio.runtime.log_filter"
_LOGGED_SINCE = Version(1, 30, 6)  # the first release that logs it (server/server.go)
_AUTH_FILE = "crio.image.pause_image_auth_file"


def unreliable(report: Report, settings: list[Setting]) -> str:
    """Return why a reload is not enough on the node of this report (see node_state.read), as a clause; "" if it is.

    settings: those of the desired file set.
    """
    unit, live = report["unit"], report["reload"]
    if "runtime" in report:
        return f"{report['runtime']} reads its configuration when it starts"
    if not unit["reloads"]:
        return f"{unit['name']} has no ExecReload"
    version = version_of(report)
    if version and version < _LOGGED_SINCE:
        return f"CRI-O {version} does not log its outcome, as {_LOGGED_SINCE} and later do"
    if (live["log_level"] or "").lower() not in _TELLING_LEVELS:
        return f"CRI-O does not log its outcome, because the log_level of the running daemon is {live['log_level']}"
    if live["log_filter"] not in (None, '""'):
        return f"CRI-O may not log its outcome, because the log_filter of the running daemon is {live['log_filter']}"
    if live.get("invisible"):
        return f"its outcome cannot be observed: {live['invisible']}"
    reloaded = _reloaded_options()
    lost = sorted(option for option in set(live["options"]) if _long(option) in reloaded)
    if lost:
        return f"CRI-O would discard {', '.join(lost)}, which it was started with"
    return _missing_auth_file(report, settings)


def is_logged(keys: list[str], expect: dict[str, str | None]) -> bool:
    """Return whether a daemon that reloads these keys is sure to log the outcome: it uses a new level and filter at once.

    expect: the expected live values. A level or a filter that is no longer set may become anything.
    """
    if _LEVEL in keys and (expect.get(_LEVEL) or "").lower() not in _TELLING_LEVELS:
        return False
    return _FILTER not in keys or expect.get(_FILTER) == '""'


def not_shown(report: Report, keys: list[str]) -> str:
    """Return why live values do not show a reload that may not be logged, as a clause; "" if they do.

    keys: those of crio.conf that the reload makes live.
    """
    others = [
        path
        for path, found in {**report["files"], **report["orphans"]}.items()
        if found["disruption"] == "reload" and not found["loaded"]
    ]
    if others:
        return f"CRI-O might not log whether it has read {others[0]}, because log_level or log_filter changes too"
    for key in keys:
        entry = CATALOGUE.lookup(key)
        if entry is None or entry.unprinted or entry.secret:
            return f"CRI-O might not log its outcome, because log_level or log_filter changes, and shows no value of {key}"
    return ""


def _missing_auth_file(report: Report, settings: list[Setting]) -> str:
    """Return why a new pause_image_auth_file makes a reload fail: only a start does without the file."""
    for setting in settings:
        path = setting["value"]
        # Live values are reported if they differ; CRI-O only looks for the file if the key changes.
        if setting["key"] == _AUTH_FILE and path in report["missing_paths"] and _AUTH_FILE in report["live"]:
            return f"CRI-O would refuse it, because {path}, the {_AUTH_FILE}, does not exist on this node"
    return ""


def _reloaded_options() -> set[str]:
    """Return the daemon's options and environment variables for keys that SIGHUP reads again from the files."""
    reloaded = [option for option in option_names.options().values() if option_names.is_missed(option.key)]
    variables = {variable for option in reloaded for variable in option.variables}
    handlers = {f"--{option_names.RUNTIMES}", "CONTAINER_RUNTIMES"}
    return variables | handlers | {f"--{option.name}" for option in reloaded} | {"--l"}


def _long(option: str) -> str:
    """Return an option with two dashes: CRI-O takes one dash for the same (urfave/cli)."""
    return f"--{option.lstrip('-')}" if option.startswith("-") else option
