# SPDX-License-Identifier: GPL-3.0-or-later
"""Judges whether the runtime offers the configured handlers: CRI-O ignores a faulty one, with one line in its log.

A handler whose binary was removed after CRI-O's start is still offered, but no pod can be started with it.
"""

from __future__ import annotations

from typing import Any

from ansible_collections.cri.node.plugins.plugin_utils.crio import fallbacks, live_values
from ansible_collections.cri.node.plugins.plugin_utils.plan import plan
from ansible_collections.cri.node.plugins.plugin_utils.verify.evidence import (
    NOT_LOADED,
    NOT_RUNNING,
    Evidence,
)
from ansible_collections.cri.node.plugins.plugin_utils.verify.verdict import Verdict, failed, passed, skipped


def judge(evidence: Evidence) -> list[Verdict]:
    """Compare the configured handlers with those that the runtime offers; no verdict if none is configured.

    In check mode a handler that the next run loads by a restart is not a fault.
    """
    desired, state = evidence.desired, evidence.state
    tables = live_values.handlers_of(desired.expect)
    if not tables:
        return []
    if not evidence.unit["active"]:
        return skipped(NOT_RUNNING)
    if not evidence.is_settled:
        return skipped(NOT_LOADED)
    offered, lacking = _offered(evidence, tables), _lacking(evidence)
    if offered is None and not lacking:
        reason = evidence.observation.get("handlers_error") or "the runtime does not report its handlers"
        return skipped(reason)
    late = plan.late_handlers(desired, state)
    faults, pending = [], []
    for name, table in sorted(tables.items()):
        if offered is None or name in offered:
            if name in lacking:
                faults.append(f"the handler {name} cannot be used: {_reasons(lacking[name], evidence)}")
        elif table in late:
            pending.append(_not_offered(name, live_values.of_late(table, late[table])))
        elif name in lacking:
            faults.append(_not_offered(name, _reasons(lacking[name], evidence)))
        else:
            faults.append(_not_offered(name, _unknown_reason(name, table, evidence)))
    if faults:
        return failed("; ".join([*faults, *pending]))
    if pending:
        return evidence.unapplied("; ".join(pending))
    return passed(f"CRI-O offers {', '.join(sorted(tables))}")


def reported_keys(evidence: Evidence) -> frozenset[str]:
    """Return the keys whose missing paths `judge` reports, so that no other check repeats them."""
    if not evidence.is_settled:
        return frozenset()
    return frozenset(entry["key"] for entries in _lacking(evidence).values() for entry in entries)


def _offered(evidence: Evidence, tables: dict[str, str]) -> list[str] | None:
    """Return the names of the offered handlers; None if neither crictl nor the daemon reports them."""
    if "handlers" in evidence.observation:
        return evidence.observation["handlers"]
    if evidence.observation.get("configuration_error") != "":
        return None
    missing = live_values.missing_entries(evidence.desired.expect, evidence.state["live"])
    return [name for name, table in tables.items() if table not in missing]


def _lacking(evidence: Evidence) -> dict[str, list[dict[str, Any]]]:
    """Return {handler: entries of crio/fallbacks} of the configured handlers that need a path missing on the node."""
    tables = live_values.handlers_of(evidence.desired.expect)
    names = {table: name for name, table in tables.items()}
    settings, missing = evidence.desired.settings(), evidence.state["missing_paths"]
    lacking: dict[str, list[dict[str, Any]]] = {}
    for entry in fallbacks.of_paths(settings, missing, evidence.state):
        name = names.get(live_values.entry_of(entry["key"])[0])
        if name:
            lacking.setdefault(name, []).append(entry)
    return lacking


def _not_offered(name: str, reason: str) -> str:
    return f"CRI-O does not offer the handler {name}: {reason}"


def _reasons(entries: list[dict[str, Any]], evidence: Evidence) -> str:
    variables = {setting["key"]: setting["variable"] for setting in evidence.desired.settings()}
    return ", ".join(
        f"{_with_variable(entry['key'], variables[entry['key']])}: {entry['reason']}" for entry in entries
    )


def _unknown_reason(name: str, table: str, evidence: Evidence) -> str:
    """Describe a handler that CRI-O ignores for a reason only its log has: its most important key, and what to search for."""
    settings = [
        setting for setting in evidence.desired.settings() if live_values.entry_of(setting["key"])[0] == table
    ]
    settings.sort(key=lambda setting: not setting["key"].endswith(".runtime_path"))
    place = _with_variable(settings[0]["key"], settings[0]["variable"]) if settings else table
    return (
        f"{place}; CRI-O ignores a handler if it does not accept its binary or values, and logs the reason after"
        f' "Runtime handler "{name}" is being ignored due to"'
    )


def _with_variable(key: str, variable: str) -> str:
    return f"{key} (from {variable})" if variable else key
