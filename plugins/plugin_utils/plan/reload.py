# SPDX-License-Identifier: GPL-3.0-or-later
"""Decides whether a reload is reliable: what SIGHUP does in CRI-O, and whether its outcome can be observed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.cri.node.plugins.plugin_utils.crio.catalogue import CATALOGUE

if TYPE_CHECKING:
    from ansible_collections.cri.node.plugins.module_utils.contract import Report
    from ansible_collections.cri.node.plugins.plugin_utils.layers import Setting

# CRI-O logs a successful reload at level info, and this is the only evidence: `systemctl reload` always succeeds. It reads the
# names of levels in any case (logrus.ParseLevel).
_TELLING_LEVELS = ('"info"', '"debug"', '"trace"')
# Keys that SIGHUP reads from the files too (pkg/config/reload.go, ReloadRuntimes), although no new pod gets a changed handler.
_ALSO_READ = ("default_runtime", "runtimes")
_AUTH_FILE = "crio.image.pause_image_auth_file"


def unreliable(report: Report, settings: list[Setting]) -> str:
    """Return why a reload is not enough on the node of this report (see node_state.read), as a clause; "" if it is.

    settings: those of the desired file set.
    """
    unit, live = report["unit"], report["reload"]
    if not unit["reloads"]:
        return f"{unit['name']} has no ExecReload"
    if (live["log_level"] or "").lower() not in _TELLING_LEVELS:
        return f"CRI-O does not log its outcome, because the log_level of the running daemon is {live['log_level']}"
    if live["log_filter"] not in (None, '""'):
        return f"CRI-O may not log its outcome, because the log_filter of the running daemon is {live['log_filter']}"
    if live.get("invisible"):
        return f"its outcome cannot be observed: {live['invisible']}"
    reloaded = _reloaded_options()
    lost = sorted(option for option in set(live["options"]) if _long(option) in reloaded)
    if lost:
        # cri-o#7586: SIGHUP only reads the files.
        return f"CRI-O would discard {', '.join(lost)}, which it was started with"
    return _missing_auth_file(report, settings)


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
    names = [key.key.rpartition(".")[2] for key in CATALOGUE.keys if key.reload] + [*_ALSO_READ]
    options = {f"--{name.replace('_', '-')}" for name in names} | {"--l"}
    return options | {f"CONTAINER_{name.upper()}" for name in names}


def _long(option: str) -> str:
    """Return an option with two dashes: CRI-O takes one dash for the same (urfave/cli)."""
    return f"--{option.lstrip('-')}" if option.startswith("-") else option
