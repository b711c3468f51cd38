# SPDX-License-Identifier: GPL-3.0-or-later
"""What crosses between controller, node and disk: the shape of each document, and the number of its format.

The request and the report live as long as one task. The intent, the state, a generation's list and a result are on the node's
disk and may have been written by another version of the collection, or damaged: `read` gives back a document of this
format, or says in one sentence why it cannot.
"""

from __future__ import annotations

import json
from typing import Any, TypedDict

from .errors import NodeError

INTENT_FORMAT = 2
STATE_FORMAT = 2
GENERATION_FORMAT = 2
PREPARATION_FORMAT = 1
RESULT_FORMAT = 1
LARGEST = 16 * 1024 * 1024  # bytes of one document; a fleet's largest state has some 50 KiB


class File(TypedDict, total=False):
    """One managed file as the controller describes it."""

    path: str
    owner: str  # crio, registries, crictl, ...
    sha256: str  # of the content; of a secret file it travels in `secret_hashes` alone
    mode: str  # four octal digits
    secret: bool
    disruption: str  # none, reload or restart: what a running daemon needs to load it


class Request(TypedDict, total=False):
    """What the controller asks of a node: `read` needs the first part, `apply` all of it."""

    unit: str
    owners: list[str]
    files: list[File]
    unwanted: list[dict[str, str]]  # {path, owner}: files of these owners that are not wanted
    expect: dict[str, str | None]  # dotted key: the value as GET /config prints it, None for no line
    paths: list[str]  # that settings name and CRI-O can do without
    asks_for_crictl: bool
    ready_timeout: int  # seconds

    contents: dict[str, str]
    remove: list[str]
    activate: str  # none, reload, start or restart
    concerns_daemon: bool
    daemon_reload: bool
    id: str
    fingerprint: str


class Before(TypedDict):
    """The daemon before a change: what must not be worse afterwards."""

    aim: str  # up or down: what systemd was aiming at
    enabled: bool
    invocation_id: str
    version: str | None
    running: list[dict[str, Any]]  # see crio.containers.snapshot
    network_ready: bool


class Undo(TypedDict, total=False):
    """How one path is brought back."""

    path: str
    kind: str  # absent or file
    saved: str  # the old file itself, kept beside by a hard link (or a copy where there are none)
    stage: str
    sha256: str
    mode: str
    uid: int
    gid: int


class Preparation(TypedDict):
    """What a change writes beside the configuration: on disk before the first of it, removed after the last of it.

    Whoever finds it without an intent removes all of that; the change had not begun, or has ended.
    """

    format: int
    id: str
    stages: list[str]


class Intent(TypedDict):
    """A change that has begun: on disk before the first rename, with all that going back needs."""

    format: int
    id: str
    unit: str
    activate: str
    undo: list[Undo]
    stages: list[str]
    directories: list[str]  # that the change makes, deepest first
    before: Before | None  # None where no daemon is concerned
    program: str


class State(TypedDict):
    """What is committed. The rename of its file is the point of commit."""

    format: int
    generation: int
    transaction: str
    owners: dict[str, dict[str, dict[str, Any]]]  # owner: {path: {sha256, mode, secret, disruption}}
    acknowledged: dict[str, Any]  # invocation_id, files: {path: {sha256, inode, mtime}}
    binary: dict[str, Any]


class Outcome(TypedDict, total=False):
    """How a transaction ended."""

    format: int
    id: str
    unit: str  # of a change that was interrupted
    committed: bool
    generation: int
    invocation_id: str
    outranked: dict[str, str | None]
    failed: bool
    phase: str
    message: str
    detail: str
    rolled_back: bool
    as_before: bool
    problem: str
    warnings: list[str]


class DamagedDocument(NodeError):
    """A document on the node's disk cannot be used; the message says which and why."""

    kind = "damaged"


def empty_state() -> State:
    """The state of a node that no transaction has changed."""
    return {
        "format": STATE_FORMAT,
        "generation": 0,
        "transaction": "",
        "owners": {},
        "acknowledged": {"invocation_id": "", "files": {}},
        "binary": {},
    }


def read_state(text: str, path: str) -> State:
    """The state in the text of `path`; format 1 is migrated. Raises DamagedDocument."""
    data = _document(text, path)
    _refuse_other_format(data.get("format", 1), (1, STATE_FORMAT), path)
    state = empty_state()
    state["generation"] = _of(data, "generation", int, 0, path)
    state["transaction"] = _of(data, "transaction", str, "", path)
    if state["generation"] < 0:
        raise DamagedDocument(f"{path}: generation is negative")
    for owner, entries in _of(data, "owners", dict, {}, path).items():
        if not isinstance(entries, dict):
            raise DamagedDocument(f"{path}: owners.{owner:.40} is not an object")
        state["owners"][owner] = {name: _entry(entry, name, path) for name, entry in entries.items()}
    acknowledged = _of(data, "acknowledged", dict, {}, path)
    state["acknowledged"]["invocation_id"] = _of(acknowledged, "invocation_id", str, "", path)
    for name, identity in _of(acknowledged, "files", dict, {}, path).items():
        # Format 1 knew the hash alone; without inode and time it is compared by the hash and the daemon's start.
        identity = {"sha256": identity} if isinstance(identity, str) else identity
        if not isinstance(identity, dict) or not isinstance(identity.get("sha256"), str):
            raise DamagedDocument(f"{path}: acknowledged.files.{name:.80} has no SHA-256")
        state["acknowledged"]["files"][name] = identity
    binary = _of(data, "binary", dict, {}, path)
    if isinstance(binary.get("identity"), list):
        state["binary"] = {"identity": binary["identity"], "version": _of(binary, "version", str, None, path)}
    return state


def _entry(entry, name, path):
    if not isinstance(entry, dict) or not name.startswith("/"):
        raise DamagedDocument(f"{path}: the entry {name:.80} is not that of a file")
    return {
        "sha256": _of(entry, "sha256", str, "", path),
        "mode": _of(entry, "mode", str, "0644", path),
        "secret": _of(entry, "secret", bool, True, path),
        "disruption": _of(entry, "disruption", str, "restart", path),
    }


def read_intent(text: str, path: str) -> Intent:
    """The intent in the text of `path`; format 1 (saved copies, no stages) is migrated. Raises DamagedDocument."""
    data = _document(text, path)
    _refuse_other_format(data.get("format", 1), (1, INTENT_FORMAT), path)
    for name, kind in (("id", str), ("unit", str), ("undo", list), ("activate", str)):
        if not isinstance(data.get(name), kind):
            raise DamagedDocument(f"{path} has no usable {name}")
    undo = data["undo"]
    for entry in undo:
        if not isinstance(entry, dict) or not str(entry.get("path", "")).startswith("/"):
            raise DamagedDocument(f"{path}: an entry of undo has no path")
        if entry.get("kind") == "file" and not isinstance(entry.get("saved"), str):
            raise DamagedDocument(f"{path}: undo of {entry['path']:.80} has no saved file")
    before = data.get("before")
    if before is not None:
        before = _before(before, path)
    return {
        "format": INTENT_FORMAT,
        "id": data["id"],
        "unit": data["unit"],
        "activate": data["activate"],
        "undo": undo,
        "stages": [each for each in _of(data, "stages", list, [], path) if isinstance(each, str)],
        "directories": [each for each in _of(data, "directories", list, [], path) if isinstance(each, str)],
        "before": before,
        "program": _of(data, "program", str, "", path),
    }


def read_preparation(text: str, path: str) -> Preparation:
    """The preparation in the text of `path`. Raises DamagedDocument."""
    data = _document(text, path)
    _refuse_other_format(data.get("format"), (PREPARATION_FORMAT,), path)
    return {
        "format": PREPARATION_FORMAT,
        "id": _of(data, "id", str, "", path),
        "stages": [
            each
            for each in _of(data, "stages", list, [], path)
            if isinstance(each, str) and each.startswith("/")
        ],
    }


def _before(data, path) -> Before:
    if not isinstance(data, dict):
        raise DamagedDocument(f"{path}: before is not an object")
    running = [
        {"id": each} if isinstance(each, str) else each
        for each in _of(data, "running", list, [], path)
        if isinstance(each, str) or (isinstance(each, dict) and isinstance(each.get("id"), str))
    ]
    return {
        "aim": data["aim"] if data.get("aim") in ("up", "down") else ("up" if data.get("active") else "down"),
        "enabled": bool(data.get("enabled")),
        "invocation_id": _of(data, "invocation_id", str, "", path),
        "version": _of(data, "version", str, None, path),
        "running": running,
        "network_ready": bool(data.get("network_ready")),
    }


def read_generation(text: str, path: str) -> dict[str, dict[str, Any]]:
    """The files of one generation: {path: {sha256, mode, secret, disruption, owner, saved}}. Raises DamagedDocument."""
    data = _document(text, path)
    files = data.get("files") if data.get("format") == GENERATION_FORMAT else data
    if not isinstance(files, dict):
        raise DamagedDocument(f"{path} has no list of files")
    return {name: entry for name, entry in files.items() if isinstance(entry, dict)}


def read_outcome(text: str, path: str) -> Outcome:
    """The outcome in the text of `path`. Raises DamagedDocument."""
    data = _document(text, path)
    if not (data.get("committed") or data.get("failed")):
        raise DamagedDocument(f"{path} does not say how the change ended")
    return data


def _refuse_other_format(number, known, path):
    if number not in known:
        raise DamagedDocument(
            f"{path} has format {number!r:.40}, which this version of cri.node does not know"
        )


def _document(text, path):
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DamagedDocument(f"{path} is not JSON: {str(error)[:100]}") from None
    if not isinstance(data, dict):
        raise DamagedDocument(f"{path} holds {type(data).__name__} where an object belongs")
    return data


def _of(data, name, kind, default, path):
    value = data.get(name, default)
    if value is None or value is default:
        return default
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise DamagedDocument(f"{path}: {name} is {type(value).__name__}, not {kind.__name__}")
    return value
