# SPDX-License-Identifier: GPL-3.0-or-later
"""Classifies live values of CRI-O that differ from the expected ones: which are stale, and which something else overrides.

Plan and verification both use this module, so that a restart is planned exactly if the verification reports that one is missing.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from typing import Optional, TypedDict

from ansible_collections.cri.node.plugins.module_utils.text import shown
from ansible_collections.cri.node.plugins.plugin_utils.crio.live import HANDLERS, WORKLOADS
from ansible_collections.cri.node.plugins.plugin_utils.text import toml

Live = dict[str, Optional[str]]  # dotted key: value as CRI-O prints it, None for no line
# What `crio config` prints for a key that has no line in GET /config.
_EMPTY = ("false", '""', "0", "[]", "{}")
_TABLES = {toml.dotted(HANDLERS) + ".": "handler", toml.dotted(WORKLOADS) + ".": "workload"}


class Outranked(TypedDict):
    """A key whose live value is set by something that takes precedence; None means no value."""

    key: str
    wanted: str | None
    live: str | None


def split(
    expect: Live, live: Live, effective: Live, late: Collection[str] = ()
) -> tuple[Live, list[Outranked]]:
    """Return (stale, outranked) of the keys in `live`, {key: live value or None}, which differ from `expect`.

    effective: {key: the value in the files on the node, None if unknown}; it may be empty.
    late: dotted tables of handlers that only the next start of the daemon can load, as plan.late_handlers returns them.
    stale: {key: live value} if the files have the expected value: the daemon has not loaded it, and a restart is needed.
    outranked: [{"key", "wanted", "live"}] of all other keys, whose value is set by something that takes precedence; None means
    no value.
    """
    live = {key: value for key, value in live.items() if key in expect}  # others only name the path of a file
    known = {key: _agrees(expect.get(key), effective.get(key)) for key in live}
    entries = _verdicts(known)
    # An entry that CRI-O ignored at its start is still in the files, and CRI-O would ignore it again after a restart, unless the
    # path that was missing has been installed since.
    missing = set(missing_entries(expect, live)) - set(late)
    # `crio config` does not print all keys of an entry that a file replaces as a whole.
    stale = {
        key
        for key, agrees in known.items()
        if entry_of(key)[0] in late
        or (
            entry_of(key)[0] not in missing and (agrees or (agrees is None and entries.get(entry_of(key)[0])))
        )
    }
    outranked: list[Outranked] = [
        {"key": _as_written(key), "wanted": expect.get(key), "live": live[key]}
        for key in sorted(live)
        if key not in stale
    ]
    return {key: live[key] for key in sorted(stale)}, outranked


def _is_known(effective: str | None) -> bool:
    return effective is not None and effective.rstrip() != "["  # a list of several lines


def _agrees(expected: str | None, effective: str | None) -> bool | None:
    """Return whether the files on the node have the expected value; None if unknown."""
    if not _is_known(effective):
        return None
    return effective in _EMPTY if expected is None else effective == expected


def _verdicts(known: dict[str, bool | None]) -> dict[str, bool]:
    """Return {entry: whether all of its known keys agree}."""
    verdicts: dict[str, bool] = {}
    for key, agrees in known.items():
        entry = entry_of(key)[0]
        if entry and agrees is not None:
            verdicts[entry] = agrees and verdicts.get(entry, True)
    return verdicts


def entry_of(key: str) -> tuple[str, str]:
    """Return (dotted table, name) of the handler or workload that a dotted key belongs to; ("", "") for any other key."""
    for table in _TABLES:
        if key.startswith(table):
            quoted = _first_name(key[len(table) :])
            return table + quoted, _unquoted(quoted)
    return "", ""


def handlers_of(expect: Iterable[str]) -> dict[str, str]:
    """Return {name: dotted table} of the handlers that the expected lines belong to."""
    prefix = toml.dotted(HANDLERS) + "."
    return {name: table for table, name in map(entry_of, expect) if table.startswith(prefix)}


def missing_entries(expect: Live, live: Live) -> list[str]:
    """Return the dotted tables of handlers and workloads that the running CRI-O does not have at all."""
    lines: dict[str, set[str]] = {}
    found: dict[str, set[str]] = {}
    for key, value in expect.items():
        if value is not None:
            lines.setdefault(entry_of(key)[0], set()).add(key)
    for key, value in live.items():
        if value is None and expect.get(key) is not None:
            found.setdefault(entry_of(key)[0], set()).add(key)
    return sorted(entry for entry, keys in lines.items() if entry and found.get(entry) == keys)


def _first_name(text: str) -> str:
    """Return the first name of a dotted key, including quotes."""
    if not text.startswith('"'):
        return text.partition(".")[0]
    position = 1
    while position < len(text) and text[position] != '"':
        position += 2 if text[position] == "\\" else 1
    return text[: position + 1]


def _unquoted(name: str) -> str:
    if not name.startswith('"'):
        return name
    try:
        return json.loads(name, strict=False)
    except ValueError:
        return name.strip('"')


def _as_written(key: str) -> str:
    """Return a key as in crio.conf: GET /config prints the resources of a workload with the names of Go fields."""
    table, _name = entry_of(key)
    if table and key.startswith(f"{table}.resources."):
        return f"{table}.resources.{key[len(table) + 11 :].lower()}"
    return key


def of_stale(stale: Live, effective: Live, late: dict[str, str] | None = None) -> list[str]:
    """Return a sentence for each key that the daemon has not loaded yet, and each handler of `late` (see plan.late_handlers)."""
    late = late or {}
    return [of_late(table, path) for table, path in sorted(late.items())] + [
        f"{_as_written(key)}: the running CRI-O uses {_value(value)}, but its files now set"
        f" {effective[key] if _is_known(effective.get(key)) else 'the expected value'}: it has not been restarted since"
        for key, value in sorted(stale.items())
        if entry_of(key)[0] not in late
    ]


def of_late(table: str, path: str) -> str:
    """Return a sentence for a handler that CRI-O ignored and whose missing `path` has been installed since."""
    return (
        f"{table} is not in the configuration of the running CRI-O, which checks handlers only when it starts; {path} was"
        " installed or changed later"
    )


def of_outranked(outranked: list[Outranked], expect: Live) -> list[str]:
    """Return a sentence for each key, and for each handler or workload, that something else overrides."""
    live = {each["key"]: each["live"] for each in outranked}
    as_expected = {_as_written(key): value for key, value in expect.items()}
    missing = missing_entries(as_expected, live)
    sentences = []
    replaced: dict[str, list[Outranked]] = {}
    for each in outranked:
        entry, _name = entry_of(each["key"])
        if entry:
            replaced.setdefault(entry, []).append(each)
        else:
            sentences.append(of_key(each))
    for entry, keys in sorted(replaced.items()):
        sentences.append(_of_missing(entry) if entry in missing else _of_replaced(entry, keys))
    return sentences


def of_key(entry: Outranked) -> str:
    """Return a sentence for a key that another file or an option of the daemon overrides."""
    live = "no value" if entry["live"] is None else entry["live"]
    return shown(
        f"{entry['key']} is set to {entry['wanted']}, but the running CRI-O uses {live}: a file of crio.conf.d"
        " that is read later, or an option of the daemon, outranks it"
    )


def _of_missing(entry: str) -> str:
    kind = next(word for table, word in _TABLES.items() if entry.startswith(table))
    if kind == "handler":
        return (
            f"{entry} is not in the configuration of the running CRI-O: CRI-O ignores a handler whose program or"
            ' values it does not accept, and logs the reason after "is being ignored due to"; it tries again at its next start'
        )
    return f"{entry} is not in the configuration of the running CRI-O"


def _of_replaced(entry: str, keys: list[Outranked]) -> str:
    # `crio config` does not print all keys of an entry, so that it is unknown whether the file still exists.
    names = [(each["key"][len(entry) + 1 :], each) for each in keys]
    wanted = ", ".join(f"{name} = {_value(each['wanted'])}" for name, each in names)
    live = ", ".join(f"{name} = {_value(each['live'])}" for name, each in names)
    return (
        f"{entry} is set with {wanted}, but the running CRI-O uses {live}: a file of crio.conf.d that is read later replaces"
        " the whole table, or did so when the daemon started"
    )


def _value(text: str | None) -> str:
    return "no value" if text is None else text
