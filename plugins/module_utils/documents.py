# SPDX-License-Identifier: GPL-3.0-or-later
"""The documents on a node's disk: the number of each format, and how each is read.

They may be damaged or written by another version of the collection: the `read_` functions return a document of the current
format, in the shape that contract.py declares, or raise DamagedDocument with a sentence that says why they cannot.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, cast

from .errors import NodeError

if TYPE_CHECKING:
    from .contract import (
        Before,
        BundleRecord,
        CommittedEntries,
        CommittedFile,
        Container,
        FileIdentity,
        Generation,
        Intent,
        KeptFile,
        Origin,
        Outcome,
        PlanSummary,
        Preparation,
        ProbeRecord,
        State,
    )

INTENT_FORMAT = 2
STATE_FORMAT = 2
GENERATION_FORMAT = 2
PREPARATION_FORMAT = 1
PROBES_FORMAT = 1
BUNDLE_FORMAT = 2
RESULT_FORMAT = 1
LARGEST = 16 * 1024 * 1024  # bytes of one document; a fleet's largest state has some 50 KiB
_MODE = re.compile(r"[0-7]{3,4}", re.ASCII)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
LARGEST_SHOWN = 64 * 1024  # bytes of a present file that a report contains


class DamagedDocument(NodeError):
    """A document on the node's disk cannot be used; the message says which one and why."""

    kind = "damaged"


class UnknownFormat(DamagedDocument):
    """A document was written by another version of the collection, in a format that this one does not know."""


def empty_state() -> State:
    """Return the state of a node that no transaction has changed."""
    return {
        "format": STATE_FORMAT,
        "generation": 0,
        "transaction": "",
        "owners": {},
        "acknowledged": {"invocation_id": "", "files": {}},
        "binary": {},
    }


def read_state(text: str, path: str) -> State:
    """Return the state in the text of `path`; format 1 is migrated. Raises DamagedDocument."""
    data = read_object(text, path)
    refuse_other_format(data.get("format", 1), (1, STATE_FORMAT), path)
    state = empty_state()
    state["generation"] = _of(data, "generation", int, 0, path)
    state["transaction"] = _of(data, "transaction", str, "", path)
    if state["generation"] < 0:
        raise DamagedDocument(f"{path}: generation is negative")
    for owner, entries in _of(data, "owners", dict, {}, path).items():
        if not isinstance(entries, dict):
            raise DamagedDocument(f"{path}: owners.{owner:.40} is not an object")
        state["owners"][owner] = {name: _entry(entry, name, path) for name, entry in entries.items()}
    shared = _shared(data, path)
    if shared:
        state["shared"] = shared
    origin = _origin(data.get("origin"))
    if origin:
        state["origin"] = origin
    acknowledged = _of(data, "acknowledged", dict, {}, path)
    state["acknowledged"]["invocation_id"] = _of(acknowledged, "invocation_id", str, "", path)
    for name, identity in _of(acknowledged, "files", dict, {}, path).items():
        # Format 1 knew the hash alone; without inode and time it is compared by the hash and the daemon's start.
        identity = {"sha256": identity} if isinstance(identity, str) else identity
        if not isinstance(identity, dict) or not isinstance(identity.get("sha256"), str):
            raise DamagedDocument(f"{path}: acknowledged.files.{name:.80} has no SHA-256")
        state["acknowledged"]["files"][name] = cast("FileIdentity", identity)
    binary = _of(data, "binary", dict, {}, path)
    if isinstance(binary.get("identity"), list):
        state["binary"] = {"identity": binary["identity"], "version": _of(binary, "version", str, None, path)}
    return state


def _entry(entry: Any, name: str, path: str) -> CommittedFile:
    if not isinstance(entry, dict) or not name.startswith("/"):
        raise DamagedDocument(f"{path}: the entry {name:.80} is not a file entry")
    return {
        "sha256": _of(entry, "sha256", str, "", path),
        "mode": _of(entry, "mode", str, "0644", path),
        "secret": _of(entry, "secret", bool, True, path),
        "disruption": _of(entry, "disruption", str, "restart", path),
        "key_hashes": _key_hashes(entry.get("key_hashes")),
    }


def _key_hashes(data: Any) -> dict[str, str] | None:
    """Return recorded hashes of keys, None for anything else: without them, the file counts as a whole."""
    is_mapping = isinstance(data, dict) and all(isinstance(each, str) for each in data.values())
    return data if is_mapping else None


def _origin(data: Any) -> Origin | None:
    """Return the recorded origin, None for anything else: without it, a removal leaves what it cannot know as it is."""
    if not isinstance(data, dict) or not isinstance(data.get("files"), dict):
        return None
    directories = data.get("directories")
    if not isinstance(directories, list) or not all(isinstance(each, str) for each in directories):
        return None
    if not all(_is_original(each) for each in data["files"].values()):
        return None
    return {
        "enabled": data["enabled"] if isinstance(data.get("enabled"), bool) else None,
        "first_unit_change": data.get("first_unit_change") is True,
        "directories": directories,
        "files": data["files"],
        "restored": data.get("restored") is True,
    }


def _is_original(entry: Any) -> bool:
    texts = ("owner", "disruption", "mode")
    return (
        isinstance(entry, dict)
        and all(isinstance(entry.get(name), str) for name in texts)
        and bool(_MODE.fullmatch(entry["mode"]))
        and all(isinstance(entry.get(name), int) for name in ("uid", "gid"))
        and (entry.get("content") is None or isinstance(entry["content"], str))
    )


def _shared(data: dict[str, Any], path: str) -> dict[str, dict[str, CommittedEntries]]:
    found = {}
    for owner, sets in _of(data, "shared", dict, {}, path).items():
        if not isinstance(sets, dict):
            raise DamagedDocument(f"{path}: shared.{owner:.40} is not an object")
        found[owner] = {name: _committed_entries(each, name, path) for name, each in sets.items()}
    return found


def _committed_entries(data: Any, name: str, path: str) -> CommittedEntries:
    if not isinstance(data, dict) or not name.startswith("/"):
        raise DamagedDocument(f"{path}: the entry {name:.80} is not an entry of a shared file")
    if not _are_hashes(data.get("entries"), str):
        raise DamagedDocument(f"{path}: the entries of {name:.80} have no hashes")
    found: CommittedEntries = {
        "entries": data["entries"],
        "created": _of(data, "created", bool, False, path),
        "secret": _of(data, "secret", bool, True, path),
        "disruption": _of(data, "disruption", str, "restart", path),
    }
    # Earlier versions of the collection record none of these.
    if _are_values(data.get("values")):
        found["values"] = data["values"]
    if _are_values(data.get("replaced")):
        found["replaced"] = data["replaced"]
    if isinstance(data.get("original"), str):
        found["original"] = data["original"]
    required = data.get("required")
    if isinstance(required, list) and all(isinstance(each, list) and len(each) == 2 for each in required):
        found["required"] = required
    return found


def _are_values(entries: Any) -> bool:
    return isinstance(entries, dict) and all(isinstance(names, dict) for names in entries.values())


def _are_hashes(entries: Any, *types: type) -> bool:
    return isinstance(entries, dict) and all(
        isinstance(names, dict) and all(isinstance(each, types) for each in names.values())
        for names in entries.values()
    )


def read_intent(text: str, path: str) -> Intent:
    """Return the intent in the text of `path`; format 1 (saved copies, no stages) is migrated. Raises DamagedDocument."""
    data = read_object(text, path)
    refuse_other_format(data.get("format", 1), (1, INTENT_FORMAT), path)
    expected = {"id": str, "unit": str, "undo": list, "activate": str}
    for name, its_type in expected.items():
        if not isinstance(data.get(name), its_type):
            raise DamagedDocument(f"{path} has no usable {name}")
    undo = data["undo"]
    for entry in undo:
        if not isinstance(entry, dict) or not str(entry.get("path", "")).startswith("/"):
            raise DamagedDocument(f"{path}: an entry of undo has no path")
        if entry.get("kind") == "file" and not isinstance(entry.get("saved"), str):
            raise DamagedDocument(f"{path}: undo of {entry['path']:.80} has no saved file")
        if "entries" in entry and not (
            _are_hashes(entry["entries"], str, type(None)) and isinstance(entry.get("stage"), str)
        ):
            raise DamagedDocument(f"{path}: undo of {entry['path']:.80} has no usable entries")
    before = data.get("before")
    if before is not None:
        before = _before(before, path)
    return {
        "format": INTENT_FORMAT,
        "id": data["id"],
        "runtime": _of(data, "runtime", str, "crio", path),
        "unit": data["unit"],
        "activate": data["activate"],
        "undo": undo,
        "stages": [each for each in _of(data, "stages", list, [], path) if isinstance(each, str)],
        "directories": [each for each in _of(data, "directories", list, [], path) if isinstance(each, str)],
        "before": before,
        "program": _of(data, "program", str, "", path),
    }


def read_preparation(text: str, path: str) -> Preparation:
    """Return the preparation in the text of `path`. Raises DamagedDocument."""
    data = read_object(text, path)
    refuse_other_format(data.get("format"), (PREPARATION_FORMAT,), path)
    return {
        "format": PREPARATION_FORMAT,
        "id": _of(data, "id", str, "", path),
        "runtime": _of(data, "runtime", str, "crio", path),
        "stages": [
            each
            for each in _of(data, "stages", list, [], path)
            if isinstance(each, str) and each.startswith("/")
        ],
    }


def read_probe_record(text: str, path: str) -> ProbeRecord:
    """Return the record of probes in the text of `path`. Raises DamagedDocument."""
    data = read_object(text, path)
    refuse_other_format(data.get("format"), (PROBES_FORMAT,), path)
    pods = _of(data, "pods", list, [], path)
    for each in pods:
        if not isinstance(each, dict) or not all(
            isinstance(each.get(name), str) and each[name] for name in ("name", "namespace", "uid")
        ):
            raise DamagedDocument(f"{path}: an entry of pods does not identify a pod")
    return {
        "format": PROBES_FORMAT,
        "runtime": _of(data, "runtime", str, "crio", path),
        "unit": _of(data, "unit", str, "", path),
        "pods": pods,
        "images": [each for each in _of(data, "images", list, [], path) if isinstance(each, str)],
        "present": [each for each in _of(data, "present", list, [], path) if isinstance(each, str)],
    }


def read_bundle_record(text: str, path: str) -> BundleRecord:
    """Return the record of an installed bundle in the text of `path`. Raises DamagedDocument.

    Format 1 does not list the files: `files` is None then.
    """
    data = read_object(text, path)
    refuse_other_format(data.get("format", 1), (1, BUNDLE_FORMAT), path)
    for name in ("sha256", "version"):
        if not isinstance(data.get(name), str):
            raise DamagedDocument(f"{path} has no usable {name}")
    files = data.get("files") if data.get("format") == BUNDLE_FORMAT else None
    if data.get("format") == BUNDLE_FORMAT and not _are_paths(files):
        raise DamagedDocument(f"{path}: files is not an object of paths and their SHA-256")
    return {
        "sha256": data["sha256"],
        "version": data["version"],
        "binary": _of(data, "binary", list, [], path),
        "files": files,
        "directories": _paths(data, "directories", path),
        "replaced": _paths(data, "replaced", path),
    }


def _are_paths(files: Any) -> bool:
    return isinstance(files, dict) and all(
        name.startswith("/") and isinstance(digest, str) for name, digest in files.items()
    )


def _paths(data: dict[str, Any], name: str, path: str) -> list[str]:
    """Return a list of absolute paths; what is not one of them is left out, since it would be removed."""
    return [
        each for each in _of(data, name, list, [], path) if isinstance(each, str) and each.startswith("/")
    ]


def _before(data: Any, path: str) -> Before:
    if not isinstance(data, dict):
        raise DamagedDocument(f"{path}: before is not an object")
    running = [
        cast("Container", {"id": each} if isinstance(each, str) else each)
        for each in _of(data, "running", list, [], path)
        if isinstance(each, str) or (isinstance(each, dict) and isinstance(each.get("id"), str))
    ]
    return {
        "aim": data["aim"] if data.get("aim") in ("up", "down") else ("up" if data.get("active") else "down"),
        "enabled": bool(data.get("enabled")),
        "invocation_id": _of(data, "invocation_id", str, "", path),
        "running": running,
        "network_ready": bool(data.get("network_ready")),
        "live": _live(data.get("live")),
    }


def _live(data: Any) -> dict[str, str | None]:
    """Return recorded live values, none for anything else: earlier versions of the collection record none."""
    is_mapping = isinstance(data, dict) and all(
        each is None or isinstance(each, str) for each in data.values()
    )
    return data if is_mapping else {}


def read_generation(text: str, path: str) -> Generation:
    """Return the list of a generation in the text of `path`; format 1 (only files) is migrated. Raises DamagedDocument."""
    data = read_object(text, path)
    refuse_other_format(data.get("format", 1), (1, GENERATION_FORMAT), path)
    former = "format" not in data  # format 1 is the mapping of files itself
    files = data if former else data.get("files")
    if not isinstance(files, dict):
        raise DamagedDocument(f"{path} has no list of files")
    created_at = None if former else _of(data, "created_at", str, None, path)
    return {
        "files": {name: _kept_file(entry, name, path) for name, entry in files.items()},
        "shared": {} if former else _shared(data, path),
        "created_at": created_at if created_at and _TIME.fullmatch(created_at) else None,
        "plan": None if former else _plan_summary(data.get("plan")),
    }


def _kept_file(entry: Any, name: str, path: str) -> KeptFile:
    file = _entry(entry, name, path)
    owner, saved = _of(entry, "owner", str, "", path), _of(entry, "saved", str, None, path)
    if not owner:
        raise DamagedDocument(f"{path}: the entry {name:.80} has no owner")
    if not _MODE.fullmatch(file["mode"]):
        raise DamagedDocument(f"{path}: the entry {name:.80} has no file mode")
    return {**file, "owner": owner, "saved": saved}


def _plan_summary(data: Any) -> PlanSummary | None:
    """Return a recorded plan, None for anything else: without it, a generation can still be restored."""
    if not isinstance(data, dict) or data.get("disruption") not in ("none", "reload", "restart", "drain"):
        return None
    reasons, files = data.get("reasons"), data.get("files")
    if not isinstance(reasons, list) or not isinstance(files, dict):
        return None
    if not all(isinstance(each, str) for each in [*reasons, *files.values()]):
        return None
    return {"disruption": data["disruption"], "reasons": reasons, "files": files}


def read_outcome(text: str, path: str) -> Outcome:
    """Return the outcome in the text of `path`. Raises DamagedDocument."""
    data = read_object(text, path)
    if not (data.get("committed") or data.get("failed")):
        raise DamagedDocument(f"{path} does not contain the outcome of the change")
    return cast("Outcome", data)


def refuse_other_format(number: Any, known: tuple[int, ...], path: str) -> None:
    """Raise UnknownFormat for a document in a format that is not known."""
    if number not in known:
        raise UnknownFormat(
            f"{path} has format {number!r:.40}, which this version of cri.node does not support"
        )


def read_object(text: str, path: str) -> dict[str, Any]:
    """Return the JSON object in the text of `path`. Raises DamagedDocument."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DamagedDocument(f"{path} is not JSON: {str(error)[:100]}") from None
    if not isinstance(data, dict):
        raise DamagedDocument(f"{path} contains {type(data).__name__} instead of an object")
    return data


def _of(data: dict[str, Any], name: str, expected: type, default: Any, path: str) -> Any:
    """Return a value of this type; the default where there is none. Raises DamagedDocument for a value of another type."""
    value = data.get(name, default)
    if value is None or value is default:
        return default
    if not isinstance(value, expected) or (expected is int and isinstance(value, bool)):
        raise DamagedDocument(f"{path}: {name} is {type(value).__name__}, not {expected.__name__}")
    return value
