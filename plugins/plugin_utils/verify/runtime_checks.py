# SPDX-License-Identifier: GPL-3.0-or-later
"""Judges of the daemon and of what it reports about itself: the service, conditions, CNI plugins and metrics."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ansible_collections.cri.node.plugins.plugin_utils.text.table import count
from ansible_collections.cri.node.plugins.plugin_utils.verify.evidence import (
    NOT_REPORTED,
    NOT_RUNNING,
    Evidence,
)
from ansible_collections.cri.node.plugins.plugin_utils.verify.verdict import (
    Verdict,
    failed,
    passed,
    skipped,
    warning,
)

if TYPE_CHECKING:
    from ansible_collections.cri.node.plugins.module_utils.contract import Metrics


# How CRI-O and other runtimes report that no network has been set up yet.
_NO_CNI = re.compile(
    r"no CNI configuration file|cni config uninitialized|cni plugin not initialized", re.IGNORECASE
)


def service(evidence: Evidence) -> list[Verdict]:
    """Judge whether CRI-O's unit is running and enabled."""
    unit = evidence.unit
    name = unit["name"]
    if not evidence.state["crio"]["installed"]:
        return evidence.fixable("CRI-O is not installed")
    if unit["masked"]:
        return failed(f"{name} is masked")
    if unit["phase"] == "between":
        return failed(f"{name} is {unit['state']}, neither running nor stopped")
    if not unit["active"]:
        hint = "it would be started" if evidence.options.check_mode else f"see journalctl -u {name}"
        return evidence.fixable(f"{name} is not running; {hint}")
    if evidence.changes.enable:
        return warning(f"{name} is running, but not enabled: it will not start at boot")
    return passed(f"{name} is running")


def runtime(evidence: Evidence) -> list[Verdict]:
    """Judge the runtime's condition RuntimeReady."""
    if not evidence.answers:
        return skipped(NOT_RUNNING)
    if "conditions" not in evidence.observation:
        return failed(evidence.observation["conditions_error"])
    is_true, reason = _condition(evidence, "RuntimeReady")
    return passed("RuntimeReady is true") if is_true else failed(reason)


def network(evidence: Evidence) -> list[Verdict]:
    """Judge the runtime's condition NetworkReady, and the CNI configuration files if it is false."""
    if "conditions" not in evidence.observation:
        return skipped(NOT_REPORTED)
    is_true, reason = _condition(evidence, "NetworkReady")
    if is_true:
        return passed("NetworkReady is true")
    files = evidence.observation["cni_files"]
    if evidence.options.network == "optional" and _NO_CNI.search(reason) and not files:
        return passed(f"no CNI configuration yet, which is accepted: {reason}")
    # CRI-O also reports that there is no configuration if the plugin of an existing one is missing.
    existing = f"; existing CNI configuration: {', '.join(files)}" if files else ""
    return failed(f"{reason}{existing}")


def _condition(evidence: Evidence, name: str) -> tuple[bool, str]:
    """Return (whether the condition is true, why it is not)."""
    conditions = evidence.observation["conditions"]
    found = next((each for each in conditions if each["type"] == name), None)
    if found is None:
        return False, f"the runtime does not report the condition {name}"
    return found["status"], ": ".join(
        part for part in (f"{name} is false", found["reason"], found["message"]) if part
    )


def cni_plugins(evidence: Evidence) -> list[Verdict]:
    """Judge whether any directory of CNI plugins has an executable."""
    directories = evidence.observation.get("plugin_dirs")
    if not directories:
        return skipped(NOT_REPORTED)
    errors = evidence.observation.get("plugin_dir_errors", {})
    places = ", ".join(f"{path} ({errors[path]})" if path in errors else path for path in directories)
    found = sum(directories.values())
    if not found:
        return warning(f"no executable in crio.network.plugin_dirs: {places}")
    return passed(f"{count(found, 'executable')} in {places}")


def metrics(evidence: Evidence) -> list[Verdict]:
    """Judge whether CRI-O's metrics are served on the port where they are expected."""
    found: Metrics = evidence.observation.get("metrics") or {}
    if not found:
        return skipped(NOT_REPORTED)
    if not found["enabled"]:
        return skipped("crio.metrics.enable_metrics is false")
    note = f"; the socket {found['socket']} was not queried" if found["socket"] else ""
    if not found["port"]:
        return skipped(f"crio.metrics.metrics_port is 0 (any free port){note}")
    if "error" in found:
        return failed(f"GET {found['url']}: {found['error']}{note}")
    if not found["lines"]:
        return failed(f"{found['url']} returns no metrics of CRI-O{note}")
    return passed(f"{count(found['lines'], 'metric')} at {found['url']}{note}")
