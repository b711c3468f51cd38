# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the runtime offers the handlers that are asked for: CRI-O ignores a faulty one with one line in its log.

One whose program went missing after the start is still offered, and no pod can be started with it.
"""

from __future__ import annotations

from typing import NamedTuple

from ansible_collections.cri.node.plugins.plugin_utils.crio import fallbacks, live_values
from ansible_collections.cri.node.plugins.plugin_utils.plan import plan


class Verdict(NamedTuple):
    """The check's status and sentence, and the keys that the sentence names because of what the node lacks."""

    status: str
    detail: str
    keys: frozenset = frozenset()


def judge(wanted, state, seen, check_mode=False):
    """Compare the handlers of the wanted configuration with those that the runtime offers.

    wanted, state, seen: as checks.judge has them. None where no handler is asked for. In check mode a handler that the
    next run loads by a restart is no fault.
    """
    tables = live_values.handlers_of(wanted.expect)
    if not tables:
        return None
    if not state["unit"]["active"]:
        return Verdict("skipped", "CRI-O does not run")
    if not plan.is_settled(state):
        return Verdict("skipped", "not compared: the daemon has not loaded the wanted files")
    offered, lacking = _offered(wanted, state, seen, tables), _lacking(wanted, state, tables)
    if offered is None and not lacking:
        return Verdict("skipped", seen.get("handlers_error") or "the runtime does not report its handlers")
    late, pending, faults = plan.late_handlers(wanted, state), [], []
    for name in sorted(tables):
        if offered is not None and name not in offered:
            if tables[name] in late:
                reason = live_values.of_late(tables[name], late[tables[name]])
            elif name in lacking:
                reason = _told(lacking[name], wanted)
            else:
                reason = _guess(name, tables[name], wanted)
            told = f"CRI-O does not offer the handler {name}: {reason}"
            (pending if tables[name] in late else faults).append(told)
        elif name in lacking:
            faults.append(f"the handler {name} cannot be used: {_told(lacking[name], wanted)}")
    keys = frozenset(entry["key"] for entries in lacking.values() for entry in entries)
    if faults or pending:
        status = "skipped" if check_mode and not faults else "failed"
        return Verdict(status, "; ".join([*faults, *pending]), keys)
    return Verdict("passed", f"CRI-O offers {', '.join(sorted(tables))}", keys)


def _offered(wanted, state, seen, tables):
    """The names of the handlers that the runtime offers; None where neither crictl nor the daemon says."""
    if "handlers" in seen:
        return seen["handlers"]
    if seen.get("configuration_error") != "":
        return None
    missing = live_values.missing_entries(wanted.expect, state["live"])
    return [name for name, table in tables.items() if table not in missing]


def _lacking(wanted, state, tables):
    """{handler: entries of crio_fallbacks} of handlers that need what is not on the node."""
    names, lacking = {table: name for name, table in tables.items()}, {}
    for entry in fallbacks.of_paths(wanted.settings(), state["missing_paths"], state):
        name = names.get(live_values.entry_of(entry["key"])[0])
        if name:
            lacking.setdefault(name, []).append(entry)
    return lacking


def _told(entries, wanted):
    variables = {each["key"]: each["variable"] for each in wanted.settings()}
    return ", ".join(f"{_named(each['key'], variables[each['key']])}: {each['reason']}" for each in entries)


def _guess(name, table, wanted):
    """What is known where the node shows no reason: the entry's most telling key, and where CRI-O says more."""
    settings = [each for each in wanted.settings() if live_values.entry_of(each["key"])[0] == table]
    settings.sort(key=lambda each: not each["key"].endswith(".runtime_path"))
    place = _named(settings[0]["key"], settings[0]["variable"]) if settings else table
    return (
        f"{place}; CRI-O ignores a handler whose program or values it does not accept, and logs the reason after"
        f' "Runtime handler "{name}" is being ignored due to"'
    )


def _named(key, variable):
    return f"{key} (from {variable})" if variable else key
