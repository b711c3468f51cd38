# SPDX-License-Identifier: GPL-3.0-or-later
"""Values that the running CRI-O uses in place of the expected ones: which are old, and which something else decides.

Planning and verification ask here alone, so that a restart is planned exactly where the verification says that one is missing.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from typing import Optional, TypedDict

from ansible_collections.cri.node.plugins.plugin_utils.crio.live import HANDLERS, WORKLOADS
from ansible_collections.cri.node.plugins.plugin_utils.plan import messages
from ansible_collections.cri.node.plugins.plugin_utils.text import toml

Live = dict[str, Optional[str]]  # dotted key: value as CRI-O prints it, None for no line
# What `crio config` prints for a key that has no line in GET /config.
_EMPTY = ("false", '""', "0", "[]", "{}")
_TABLES = {toml.dotted(HANDLERS) + ".": "handler", toml.dotted(WORKLOADS) + ".": "workload"}


class Outranked(TypedDict):
    """A key whose live value something of a higher rank decides; None is no value."""

    key: str
    wanted: str | None
    live: str | None


def split(
    expect: Live, live: Live, effective: Live, late: Collection[str] = ()
) -> tuple[Live, list[Outranked]]:
    """Return (stale, outranked) of the keys in `live`, {key: live value or None}, all of which differ from `expect`.

    effective: {key: what the files on the node say now, None where unknown}; it may be empty.
    late: dotted tables of handlers that only the next start of the daemon can load, as plan.late_handlers returns them.
    stale: {key: live value} where the files say what is expected: the daemon is only old, and a restart makes them count.
    outranked: [{"key", "wanted", "live"}] of all others, whose value something of a higher rank decides; None is no value.
    """
    known = {key: _agrees(expect.get(key), effective.get(key)) for key in live}
    entries = _verdicts(known)
    # What CRI-O has left out at its start is in the files all the same, and a restart makes it leave it out again, unless what
    # it lacked was installed since.
    missing = set(missing_entries(expect, live)) - set(late)
    # Of an entry that a file replaces whole, `crio config` does not print every key.
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
    """Whether the files on the node say what is expected; None where that is not known."""
    if not _is_known(effective):
        return None
    return effective in _EMPTY if expected is None else effective == expected


def _verdicts(known: dict[str, bool | None]) -> dict[str, bool]:
    """{entry: whether all of its keys that are known agree}"""
    verdicts: dict[str, bool] = {}
    for key, agrees in known.items():
        entry = entry_of(key)[0]
        if entry and agrees is not None:
            verdicts[entry] = agrees and verdicts.get(entry, True)
    return verdicts


def entry_of(key: str) -> tuple[str, str]:
    """(dotted table, name) of the handler or workload that a dotted key belongs to; ("", "") for any other key."""
    for table in _TABLES:
        if key.startswith(table):
            quoted = _first_name(key[len(table) :])
            return table + quoted, _unquoted(quoted)
    return "", ""


def handlers_of(expect: Iterable[str]) -> dict[str, str]:
    """{name: dotted table} of the handlers that the expected lines are about."""
    prefix = toml.dotted(HANDLERS) + "."
    return {name: table for table, name in map(entry_of, expect) if table.startswith(prefix)}


def missing_entries(expect: Live, live: Live) -> list[str]:
    """Dotted tables of handlers and workloads of which the running CRI-O has no line at all."""
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
    """The first name of a dotted key, quotes and all."""
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
    """A key as crio.conf has it: GET /config prints the resources of a workload under the names of Go's fields."""
    table, _name = entry_of(key)
    if table and key.startswith(f"{table}.resources."):
        return f"{table}.resources.{key[len(table) + 11 :].lower()}"
    return key


def of_stale(stale: Live, effective: Live, late: dict[str, str] | None = None) -> list[str]:
    """A sentence for each key of an old daemon, and one for each handler of `late`, as plan.late_handlers returns it."""
    late = late or {}
    return [of_late(table, path) for table, path in sorted(late.items())] + [
        f"{_as_written(key)}: the running CRI-O uses {_value(value)}, while its files now say"
        f" {effective[key] if _is_known(effective.get(key)) else 'what is expected'}: it was not restarted since"
        for key, value in sorted(stale.items())
        if entry_of(key)[0] not in late
    ]


def of_late(table: str, path: str) -> str:
    """A sentence for a handler that CRI-O has left out and for which `path` was installed since."""
    return (
        f"{table} is not in the configuration of the running CRI-O, which checks handlers at its start only; {path} was installed"
        " or changed after that"
    )


def of_outranked(outranked: list[Outranked], expect: Live) -> list[str]:
    """A sentence for each key, and one for each handler or workload, that something of a higher rank decides."""
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
            sentences.append(messages.outranked(each))
    for entry, keys in sorted(replaced.items()):
        sentences.append(_of_missing(entry) if entry in missing else _of_replaced(entry, keys))
    return sentences


def _of_missing(entry: str) -> str:
    kind = next(word for table, word in _TABLES.items() if entry.startswith(table))
    if kind == "handler":
        return (
            f"{entry} is not in the configuration of the running CRI-O: it ignores a handler whose program or values it does"
            ' not accept, and logs "is being ignored due to" with the reason; it tries again at its next start'
        )
    return f"{entry} is not in the configuration of the running CRI-O"


def _of_replaced(entry: str, keys: list[Outranked]) -> str:
    # `crio config` does not print every key of an entry, so that the file may be gone by now.
    names = [(each["key"][len(entry) + 1 :], each) for each in keys]
    wanted = ", ".join(f"{name} = {_value(each['wanted'])}" for name, each in names)
    live = ", ".join(f"{name} = {_value(each['live'])}" for name, each in names)
    return (
        f"{entry} is set with {wanted}, but the running CRI-O uses {live}: a file of crio.conf.d that is read later outranks it,"
        " or did when the daemon started, and such a table is replaced whole"
    )


def _value(text: str | None) -> str:
    return "no value" if text is None else text
