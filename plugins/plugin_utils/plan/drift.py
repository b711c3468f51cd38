# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds how a node differs from its desired state, and why; pure functions over data.

A node has drifted exactly if a run would change it. The reason of a file follows from the node's record of its last change: the
file is no longer as it was committed, or it still is and the variables have changed since.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, TypedDict

from ansible_collections.cri.node.plugins.module_utils.text import shown
from ansible_collections.cri.node.plugins.plugin_utils.crio import live_values
from ansible_collections.cri.node.plugins.plugin_utils.plan import plan

if TYPE_CHECKING:
    from ansible_collections.cri.node.plugins.module_utils.contract import Report, ReportedFile
    from ansible_collections.cri.node.plugins.plugin_utils.plan.desired import DesiredFiles
    from ansible_collections.cri.node.plugins.plugin_utils.plan.keys import KeyChange

# changed: the node is not as the last change committed it. missing: something that it committed is gone. not_live: the files
# have the desired state, but not the running daemon. unmanaged: a file of a role that no change of the node recorded. settings:
# the node is as committed, and the variables have changed since. outranked: something takes precedence, which no run changes.
KINDS = ("changed", "missing", "not_live", "unmanaged", "settings", "outranked")
INFORMATIONAL = ("outranked",)

_EDITED = {
    "change": "has another value in the file",
    "add": "is not in the file",
    "remove": "is in the file, but no variable sets it",
}
_MOVED_ON = {
    "change": "the variables set another value than the last change",
    "add": "was not set by the last change",
    "remove": "is no longer set by a variable",
}
_TYPES = {"symlink": "a symbolic link", "directory": "a directory", "other": "not a regular file"}


class Difference(TypedDict):
    """One difference of a node: of a file, of a key, or of the service."""

    kind: str  # one of KINDS
    path: str  # of the file; "" for the service, and for a key that no desired file sets
    key: str  # dotted; "" for a whole file and for the service
    variable: str  # that sets the key; "" if none does
    detail: str  # a sentence without path and key


def differences(wanted: DesiredFiles, report: Report) -> list[Difference]:
    """Return the differences of one node. report: what node_state.read returned."""
    made = plan.make(wanted, report)
    found = list(_of_files(made, report))
    if report["interrupted"]:
        found.append(_of_node("changed", "an earlier change was interrupted; the next run undoes it first"))
    if not made.concerns_daemon:
        return found
    if not report["crio"]["installed"]:
        return [*found, _of_node("missing", f"{report.get('runtime', 'CRI-O')} is not installed")]
    return [*found, *_of_service(made, report), *_of_live_values(wanted, report)]


def counted(found: Iterable[Difference], ignored: Iterable[str] = ()) -> list[Difference]:
    """Return the differences that count as drift: neither informational nor of an ignored kind."""
    without = {*INFORMATIONAL, *ignored}
    return [each for each in found if each["kind"] not in without]


def _of_files(made: plan.Plan, report: Report) -> Iterator[Difference]:
    for path, file in sorted({**report["files"], **report["orphans"]}.items()):
        if path in made.files:
            kind, detail = _kind(file, path in report["orphans"])
            keys = [change for change in made.keys if change["path"] == path]
            with_keys = (
                file["file_type"] == "file" and kind in ("changed", "settings") and "as_committed" in file
            )
            yield from _of_keys(kind, keys) if keys and with_keys else [_of_file(kind, path, detail)]
        elif plan.is_unloaded(file) and report["unit"]["active"]:
            yield _of_file("not_live", path, "the running daemon has not loaded it")


def _kind(file: ReportedFile, is_orphan: bool) -> tuple[str, str]:
    """Return (kind, detail) of a file that a run would create, change or remove."""
    if "as_committed" not in file:
        if is_orphan:
            return "unmanaged", "a role wrote it, but no change of this node is recorded for it"
        if file["file_type"] == "absent":
            return "settings", "it has not been applied to this node"
        return "settings", "it exists, but no change of this node is recorded for it"
    if file["as_committed"]:
        if is_orphan:
            return "settings", "the variables no longer require it"
        return "settings", "the variables have changed since the last change"
    if file["file_type"] == "absent":
        return "missing", "it was removed from the node"
    if file["file_type"] != "file":
        return "changed", f"it is now {_TYPES.get(file['file_type'], 'not a regular file')}"
    if file.get("same_content") and not file.get("shared"):
        owner = f"{file.get('uid')}:{file.get('gid')}"
        return "changed", f"its mode or owner was changed on the node, to {file.get('mode')} and {owner}"
    return "changed", "it was changed on the node"


def _of_keys(kind: str, changes: Iterable[KeyChange]) -> Iterator[Difference]:
    details = _EDITED if kind == "changed" else _MOVED_ON
    for change in changes:
        yield {
            "kind": kind,
            "path": change["path"],
            "key": change["key"],
            "variable": change["variable"],
            "detail": details[change["change"]],
        }


def _of_service(made: plan.Plan, report: Report) -> Iterator[Difference]:
    """Yield what a run would start, restart or enable although the files are right."""
    name = report["unit"]["name"]
    if report["unit"]["binary_replaced"]:
        binary = shown(report["crio"]["binary"] or "")
        yield _of_node("not_live", f"the running daemon was started from a different binary than {binary}")
    if made.activate == "start":
        yield _of_node("not_live", f"{name} is not running")
    if made.enable:
        yield _of_node("changed" if report["generation"] else "settings", f"{name} is not enabled")


def _of_live_values(wanted: DesiredFiles, report: Report) -> Iterator[Difference]:
    """Yield the keys for which the running daemon uses another value."""
    origins = {each["key"]: (each["path"], each["variable"]) for each in wanted.settings()}
    late = plan.late_handlers(wanted, report)
    stale, _outranked = live_values.split(wanted.expect, report["live"], report["effective"], late)
    for table, path in sorted(late.items()):
        yield _of_key("not_live", table, origins, live_values.of_late(table, path))
    for key, value in stale.items():
        if live_values.entry_of(key)[0] not in late:
            used = "no value" if value is None else value
            yield _of_key(
                "not_live", key, origins, f"the running CRI-O uses {used}, not the value in its files"
            )
    for each in plan.outranked(wanted, report) if plan.is_settled(report) else []:
        live = "no value" if each["live"] is None else each["live"]
        detail = f"it is set to {each['wanted']}, but the running CRI-O uses {live}"
        yield _of_key("outranked", each["key"], origins, detail)


def _of_key(kind: str, key: str, origins: dict[str, tuple[str, str]], detail: str) -> Difference:
    path, variable = origins.get(key, ("", ""))
    return {
        "kind": kind,
        "path": path,
        "key": shown(key, 500),
        "variable": variable,
        "detail": shown(detail, 1000),
    }


def _of_file(kind: str, path: str, detail: str) -> Difference:
    return {"kind": kind, "path": path, "key": "", "variable": "", "detail": shown(detail)}


def _of_node(kind: str, detail: str) -> Difference:
    return _of_file(kind, "", detail)
