# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Gathers the facts of crictl_info_facts."""

from __future__ import annotations

from typing import Any

from . import info as cri_info
from .call import Crictl, CrictlError


def read(crictl: Crictl) -> dict[str, Any]:
    """Return the fact crictl_info. Raises CrictlError and UnexpectedOutput."""
    facts = cri_info.info(crictl.json("info"))
    facts.update(endpoint=crictl.endpoint, version=cri_info.version(crictl.text("version")))
    if facts["version"]["runtime_name"] == "cri-o":
        _complete_from_crio(facts, crictl)
    if "cgroup_driver" not in facts:
        driver = _cgroup_driver(crictl)
        facts.update({"cgroup_driver": driver} if driver else {})
    return facts


def _complete_from_crio(facts: dict[str, Any], crictl: Crictl) -> None:
    """Add cgroup driver and default handler, which CRI-O before 1.33 reports only by HTTP on its socket."""
    unnamed = any("name" not in handler for handler in facts.get("handlers", ()))
    if "cgroup_driver" in facts and not unnamed:
        return
    # Not at the top: newer runtimes do not need it, and an HTTP client takes longer to load than everything else.
    from ..crio import live as crio_live

    try:
        live = crio_live.live_configuration(crictl.socket_path, crictl.timeout)
    except crio_live.CrioSocketError:
        return
    driver = live.get("crio.runtime.cgroup_manager", "").strip('"')
    if driver:
        facts.setdefault("cgroup_driver", driver)
    if unnamed:
        default = live.get("crio.runtime.default_runtime", "").strip('"')
        facts["handlers"] = cri_info.with_default_handler(facts["handlers"], default)


def _cgroup_driver(crictl: Crictl) -> str | None:
    """Return the cgroup driver; None if the runtime or crictl is too old to report it (before 1.28)."""
    try:
        return cri_info.cgroup_driver(crictl.text("runtime-config"))
    except CrictlError:
        return None
