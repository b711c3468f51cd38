# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes one path of a node: a file that we manage completely, or our entries in a file that other tools also write.

Both kinds keep the old file, stage the new one beside it, and return how to undo the change. A whole file is restored completely.
In a shared file, only the entries that the change wrote are restored, unless another tool has changed them later.

A shared file is a JSON document of objects. An entry is identified by its section, which is the dotted path of an object
("auths", "" for the document itself), and by its name in that object. Its value is recorded as a hash, and itself only in a file
without secrets, so that records never contain one.
"""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Iterator

from . import node_files
from .documents import LARGEST_SHOWN
from .node_files import NodeFileError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional, TypeVar

    from .contract import ChangedEntry, CommittedEntries, EntrySet, FoundFile, Request, State, Undo

    Document = dict[str, Any]
    Values = dict[str, dict[str, Any]]  # section: name: value
    Hashes = dict[str, dict[str, str]]
    Changes = dict[str, dict[str, Optional[str]]]  # None: the entry is removed
    _T = TypeVar("_T")


class SharedFileError(NodeFileError):
    """Entries cannot be written to a shared file. The file is not changed. kind: shared."""

    kind = "shared"


# Documents and their entries: no I/O


def parse(content: bytes, path: str) -> Document:
    """Return the document in `content`, the bytes of `path`. Raises SharedFileError without quoting the content."""
    try:
        data = json.loads(content.decode("utf-8"), parse_constant=_refuse_number, parse_float=_finite)
    except UnicodeDecodeError:
        raise SharedFileError(f"{path} is not UTF-8 text, so no entry can be {_WRITTEN}") from None
    except json.JSONDecodeError as error:
        place = f"{error.msg} at line {error.lineno}, column {error.colno}"
        raise SharedFileError(f"{path} is not JSON ({place}), so no entry can be {_WRITTEN}") from None
    except (ValueError, RecursionError):
        raise SharedFileError(
            f"{path} is not JSON that other programs can read, so no entry can be {_WRITTEN}"
        ) from None
    if not isinstance(data, dict):
        raise SharedFileError(f"{path} does not contain a JSON object, so no entry can be {_WRITTEN}")
    return data


_WRITTEN = "written to it; repair or remove the file. It was not changed"


def _refuse_number(name: str) -> None:
    raise ValueError(name)


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError("a number that is not valid JSON when it is written again")
    return number


def render(data: Document) -> bytes:
    """Return the document as bytes, indented by tabs as podman and docker write it; the order of names is kept."""
    return (json.dumps(data, indent="\t", allow_nan=False) + "\n").encode("ascii")


def entry_hash(value: Any) -> str:
    """Return the hash of the value of an entry. It does not depend on the order of names."""
    return node_files.digest(json.dumps(value, sort_keys=True, separators=(",", ":")).encode("ascii"))


def hashes_of(values: Values) -> Hashes:
    """Return the hash of each entry."""
    return {
        section: {name: entry_hash(value) for name, value in names.items()}
        for section, names in values.items()
    }


def each_of(entries: dict[str, dict[str, _T]]) -> Iterator[tuple[str, str, _T]]:
    """Yield (section, name, value) for each entry, sorted."""
    for section in sorted(entries):
        for name in sorted(entries[section]):
            yield section, name, entries[section][name]


def changes(
    data: Document, desired: Hashes, recorded: Hashes, path: str, replaced: Values | None = None
) -> Changes:
    """Return the entries that must be written to or removed from a document.

    `recorded` are the entries that an earlier change wrote. One that is no longer desired is removed, unless another tool has
    changed it since; if it had `replaced` a value of another tool, that is written back. Raises SharedFileError if a section is
    not an object.
    """
    replaced = replaced or {}
    found: Changes = {}
    for section, name, digest in each_of(desired):
        if _hash_at(data, section, name, path) != digest:
            found.setdefault(section, {})[name] = digest
    for section, name, digest in each_of(recorded):
        if name not in desired.get(section, {}) and _hash_at(data, section, name, path) == digest:
            before = replaced.get(section, {})
            found.setdefault(section, {})[name] = entry_hash(before[name]) if name in before else None
    return found


def merged(data: Document, written: Changes, values: Values, path: str) -> Document:
    """Return a copy of the document with the changes. A section is removed together with its last entry."""
    data = copy.deepcopy(data)
    for section, name, digest in each_of(written):
        if digest is None:
            _remove(data, section, name, path)
        else:
            _section(data, section, path, create=True)[name] = values[section][name]
    return data


def undone(data: Document, before: Document, written: Changes, path: str) -> Document:
    """Return a copy of the current document without the changes, except for entries that another tool has changed since.

    `before` is the document before the changes; its entries are restored.
    """
    data = copy.deepcopy(data)
    for section, name, digest in each_of(written):
        if _hash_at(data, section, name, path) != digest:
            continue  # another tool has changed it since, or it has already been restored
        former = _section(before, section, path)
        if name in former:
            _section(data, section, path, create=True)[name] = former[name]
        else:
            _remove(data, section, name, path, down_to=before)
    return data


def _section(data: Document, section: str, path: str, create: bool = False) -> Document:
    """Return the object of a section. If it does not exist, create it, or without `create` return a separate empty one."""
    here = data
    done = ""
    for part in section.split(".") if section else []:
        done = f"{done}.{part}" if done else part
        if here.get(part) is None:  # these programs treat null like a missing name
            if not create:
                return {}
            here[part] = {}
        here = here[part]
        if not isinstance(here, dict):
            raise SharedFileError(f"{path}: {done} is not a JSON object, so no entry can be {_WRITTEN}")
    return here


def _hash_at(data: Document, section: str, name: str, path: str) -> str | None:
    here = _section(data, section, path)
    return entry_hash(here[name]) if name in here else None


def _remove(data: Document, section: str, name: str, path: str, down_to: Document | None = None) -> None:
    """Remove an entry, and the objects that contain it if they become empty. down_to: a document whose objects are kept."""
    _section(data, section, path).pop(name, None)
    parts = section.split(".") if section else []
    while parts:
        above = _section(data, ".".join(parts[:-1]), path)
        stays = down_to is not None and parts[-1] in _section(down_to, ".".join(parts[:-1]), path)
        if stays or above.get(parts[-1]) != {}:
            return
        del above[parts[-1]]
        parts.pop()


# Files


class ManagedFile:
    """One path of a change.

    content: the bytes of the new file; None if there will be no file.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.content: bytes | None = None

    @property
    def is_written(self) -> bool:
        """Whether there will be a file."""
        return self.content is not None

    def keep(self, stage: str, number: int) -> Undo:
        """Keep the old file in `stage`, a directory on its file system. Return how to restore it. Raises NodeFileError."""
        found = node_files.describe(self.path)
        entry: Undo = {"path": self.path, "kind": found["file_type"], "stage": stage}
        if found["file_type"] == "file":
            entry["saved"] = f"{stage}/old-{number}"
            node_files.keep(self.path, entry["saved"])
            entry.update(
                {"sha256": found["sha256"], "mode": found["mode"], "uid": found["uid"], "gid": found["gid"]}
            )
        return entry

    def stage(self, staged: str) -> None:
        """Write the new file as `staged`, ready to be renamed. Raises NodeFileError."""
        raise NotImplementedError

    def refuse_lost_edit(self) -> None:
        """Raise NodeFileError if the swap would overwrite a change that was made after the file was read."""

    def is_in_place(self) -> bool:
        """Return whether the path is still as this change left it. Raises NodeFileError."""
        raise NotImplementedError


class WholeFile(ManagedFile):
    """A file that we manage completely: its content and its mode; its owner is root."""

    def __init__(self, path: str, content: bytes | None, mode: str = "", sha256: str | None = None) -> None:
        """sha256: the hash of the content from the controller; None if there will be no file."""
        super().__init__(path)
        self.content = content
        self._mode, self._sha256 = mode, sha256

    def stage(self, staged: str) -> None:
        """Write the content, with root as its owner."""
        node_files.write_durably(staged, self.content or b"", int(self._mode, 8))
        node_files.give(staged, 0, 0)

    def is_in_place(self) -> bool:
        """Return whether the file has the content, or does not exist if it was removed."""
        return node_files.describe(self.path).get("sha256") == self._sha256


class SharedFile(ManagedFile):
    """Our entries in a JSON file that other tools also write.

    The file keeps its owner, and its mode unless it must be restricted to protect a secret.
    written: the entries that must change, see `changes`.
    """

    def __init__(self, path: str, desired: EntrySet | None, recorded: CommittedEntries | None) -> None:
        """Read the file. Raises SharedFileError if it cannot be parsed, NodeFileError if it cannot be read.

        desired: None if no entry is desired any longer. recorded: the entries of the last commit, None if there are none.
        """
        super().__init__(path)
        self._desired, self._recorded = desired, recorded
        self.found = node_files.describe(path)
        self._data: Document = {}
        self._text: str | None = None
        if self.found["file_type"] == "file":
            content = node_files.read_bytes(path)
            self.found["sha256"] = node_files.digest(content)
            self._data = parse(content, path)
            self._text = content.decode("utf-8") if len(content) <= LARGEST_SHOWN else None
        self._replaced: Values = recorded.get("replaced", {}) if recorded else {}
        self._merged = self._data
        before = recorded["entries"] if recorded else {}
        self.written = changes(self._data, self._wanted, before, path, self._replaced)
        self._keep_required(recorded.get("required", []) if recorded else [])
        self.mode = self._new_mode()

    def _keep_required(self, required: list[list[str]]) -> None:
        """Do not remove required entries from a file in which others have entries, too."""
        removed = [(s, n) for s, n in required if n in self.written.get(s, {}) and self.written[s][n] is None]
        if not removed or not merged(self._data, self.written, self._returned(), self.path):
            return
        for section, name in removed:
            del self.written[section][name]
            if not self.written[section]:
                del self.written[section]

    def _returned(self) -> Values:
        """Return the values of other tools that are written back, by the entries that change; None for all others."""
        return {
            section: {name: self._replaced.get(section, {}).get(name) for name in names}
            for section, names in self.written.items()
        }

    @property
    def _wanted(self) -> Hashes:
        return self._desired["entries"] if self._desired else {}

    @property
    def disruption(self) -> str:
        """What is required for a running daemon to load the entries."""
        known = self._desired or self._recorded
        return known["disruption"] if known else "restart"

    @property
    def secret(self) -> bool:
        """Whether an entry may be a secret."""
        return bool(
            (self._desired and self._desired["secret"]) or (self._recorded and self._recorded["secret"])
        )

    def _new_mode(self) -> str:
        if self.found["file_type"] != "file":
            return self._desired["mode"] if self._desired else "0600"
        if self._desired is None or not self.secret:
            return self.found["mode"]
        return f"{int(self.found['mode'], 8) & int(self._desired['mode'], 8):04o}"

    def matches(self) -> bool:
        """Return whether the file matches the desired state."""
        return not self.written and (self.found["file_type"] != "file" or self.mode == self.found["mode"])

    def is_as_committed(self) -> bool | None:
        """Return whether the file still has all entries of the last commit; None if there are none."""
        if self._recorded is None:
            return None
        return all(
            _hash_at(self._data, section, name, self.path) == digest
            for section, name, digest in each_of(self._recorded["entries"])
        )

    def words(self) -> list[list[str]]:
        """Return [section, name, "present" or "absent"] for each entry to change: a secret could be guessed from a hash."""
        return [
            [section, name, "present" if name in _section(self._data, section, self.path) else "absent"]
            for section, name, _digest in each_of(self.written)
        ]

    @property
    def needed(self) -> list[tuple[str, str]]:
        """The (section, name) of each entry whose value `prepare` needs: what is only written back, it has itself."""
        return [
            (section, name)
            for section, name, digest in each_of(self.written)
            if digest and name in self._wanted.get(section, {})
        ]

    def changed_entries(self) -> list[ChangedEntry]:
        """Return how each entry to change would change, with its present value unless it may be a secret."""
        found: list[ChangedEntry] = []
        for section, name, digest in each_of(self.written):
            here = _section(self._data, section, self.path)
            change = "remove" if digest is None else "change" if name in here else "add"
            entry: ChangedEntry = {"section": section, "name": name, "change": change}
            if name in here and not self.secret:
                entry["before"] = _shown(here[name])
            if digest and name not in self._wanted.get(section, {}):
                entry["after"] = _shown(self._replaced[section][name])
            found.append(entry)
        return found

    def prepare(self, values: Values) -> None:
        """Create the new content, with the values of the entries that are written."""
        every = {section: {**names, **values.get(section, {})} for section, names in self._returned().items()}
        data = self._merged = merged(self._data, self.written, every, self.path)
        self.content = None if self._goes_with(data) else self._rendered(data)

    def _rendered(self, data: Document) -> bytes:
        """Return the document as bytes; without our entries as it was written by others, if they have not changed it since."""
        original = self._recorded.get("original") if self._recorded and self._desired is None else None
        if original is not None and parse(original.encode(), self.path) == data:
            return original.encode()
        return render(data)

    def _goes_with(self, data: Document) -> bool:
        """Return whether the file is removed if its new content is `data`: it was ours, and nobody has an entry in it."""
        ours = self._desired is None and self._recorded is not None and self._recorded["created"]
        return ours and not data

    def is_removed(self) -> bool:
        """Return whether the change removes the whole file, not only our entries."""
        return self._goes_with(merged(self._data, self.written, self._returned(), self.path))

    def keep(self, stage: str, number: int) -> Undo:
        """Keep the old file, which may have values of other tools for our entries. Only return their hashes."""
        entry = super().keep(stage, number)
        entry["entries"] = self.written
        entry["staged"] = None if self.content is None else node_files.digest(self.content)
        return entry

    def stage(self, staged: str) -> None:
        """Write the content, with the owner of the file."""
        node_files.write_durably(staged, self.content or b"", int(self.mode, 8))
        node_files.give(staged, self.found.get("uid", 0), self.found.get("gid", 0))

    def refuse_lost_edit(self) -> None:
        """Raise NodeFileError if the file has changed since the entries were merged into it."""
        if _same(self.found) != _same(node_files.describe(self.path)):
            raise NodeFileError(f"another process changed {self.path} during the change; run again")

    def is_in_place(self) -> bool:
        """Return whether the file has all entries of the change. Other entries may have changed since."""
        data = _read(self.path)[1]
        return all(
            _hash_at(data, section, name, self.path) == digest
            for section, name, digest in each_of(self.written)
        )

    def record(self) -> CommittedEntries | None:
        """Return the entries to commit: desired ones that this or an earlier change wrote. None if there are none."""
        if self._desired is None:
            return None
        before = self._recorded["entries"] if self._recorded else {}
        entries: Hashes = {}
        for section, name, digest in each_of(self._wanted):
            if name in self.written.get(section, {}) or name in before.get(section, {}):
                entries.setdefault(section, {})[name] = digest
        if not entries:
            return None
        created = self.found["file_type"] == "absent" or bool(self._recorded and self._recorded["created"])
        secret, disruption = self._desired["secret"], self._desired["disruption"]
        record: CommittedEntries = {
            "entries": entries,
            "created": created,
            "secret": secret,
            "disruption": disruption,
        }
        if self._desired.get("required"):
            record["required"] = self._desired["required"]
        if not self.secret:
            record["values"] = {
                section: {name: _section(self._merged, section, self.path)[name] for name in names}
                for section, names in entries.items()
            }
            replaced = self._replaced_by(entries, before)
            if replaced:
                record["replaced"] = replaced
            original = self._recorded.get("original") if self._recorded else self._text
            if original is not None:
                record["original"] = original
        return record

    def _replaced_by(self, entries: Hashes, before: Hashes) -> Values:
        """Return the values of other tools that `entries` have replaced. before: the entries that were ours already."""
        found: Values = {}
        for section, name, _digest in each_of(entries):
            values = self._replaced if name in before.get(section, {}) else {}
            if name not in before.get(section, {}):
                values = {section: _section(self._data, section, self.path)}
            if name in values.get(section, {}):
                found.setdefault(section, {})[name] = values[section][name]
        return found


def _shown(value: Any) -> str:
    """Return a value as JSON, for people."""
    return json.dumps(value, sort_keys=True)[:LARGEST_SHOWN]


def _same(found: FoundFile) -> tuple[str, str | None]:
    return found["file_type"], found.get("sha256")


def shared_files(request: Request, state: State) -> list[SharedFile]:
    """Return the shared files of a request's owners, sorted by path: desired ones, and those that have entries of an earlier
    change.

    Raises SharedFileError, NodeFileError.
    """
    desired = {each["path"]: each for each in request.get("shared") or []}
    recorded = _recorded(request, state)
    return [SharedFile(path, desired.get(path), recorded.get(path)) for path in shared_paths(request, state)]


def shared_paths(request: Request, state: State) -> list[str]:
    """Return the paths of shared_files without reading the files."""
    return sorted({each["path"] for each in request.get("shared") or []} | set(_recorded(request, state)))


def _recorded(request: Request, state: State) -> dict[str, CommittedEntries]:
    recorded: dict[str, CommittedEntries] = {}
    for owner in request["owners"]:
        for path, entries in state.get("shared", {}).get(owner, {}).items():
            recorded[path] = _joined(recorded[path], entries) if path in recorded else entries
    return recorded


def _joined(one: CommittedEntries, other: CommittedEntries) -> CommittedEntries:
    """Join the entries of two owners in one file."""
    joined: CommittedEntries = {
        "entries": _together(one["entries"], other["entries"]),
        "created": one["created"] or other["created"],
        "secret": one["secret"] or other["secret"],
        "disruption": one["disruption"],
    }
    replaced = _together(one.get("replaced", {}), other.get("replaced", {}))
    if replaced:
        joined["replaced"] = replaced
    required = one.get("required", []) + other.get("required", [])
    if required:
        joined["required"] = required
    return joined


def _together(one: dict[str, dict[str, _T]], other: dict[str, dict[str, _T]]) -> dict[str, dict[str, _T]]:
    entries = {section: dict(names) for section, names in one.items()}
    for section, name, value in each_of(other):
        entries.setdefault(section, {})[name] = value
    return entries


def of_request(request: Request, shared: list[SharedFile]) -> list[ManagedFile]:
    """Return the files that the change of a request writes or removes, sorted by path."""
    files: dict[str, ManagedFile] = {}
    entries = {entry["path"]: entry for entry in request["files"]}
    for path, content in request["contents"].items():
        files[path] = WholeFile(path, content.encode(), entries[path]["mode"], entries[path]["sha256"])
    for path in request["remove"]:
        files[path] = WholeFile(path, None)
    for file in shared:
        if not file.matches():
            file.prepare(request.get("entries", {}).get(file.path, {}))
            files[file.path] = file
    return [files[path] for path in sorted(files)]


# Undo by entry


def restore_entries(entry: Undo) -> None:
    """Restore the entries of a shared file. May run twice. Raises NodeFileError.

    If the file has not been changed since, the old one is restored with a rename, which needs no space.
    """
    path = entry["path"]
    found, data = _read(path)
    if not _may_hold_ours(entry, found):
        return
    if _is_as_staged(entry, found):
        if entry["kind"] == "file":
            _refuse_lost_copy(entry)
            node_files.make_directories(os.path.dirname(path))
            node_files.swap_in(entry["saved"], path)
        else:
            node_files.remove(path)
        return
    back = _undone(entry, data)
    if back == data:
        return
    if not back and entry["kind"] == "absent":
        node_files.remove(path)
        return
    owned = found if found["file_type"] == "file" else entry
    staged = f"{entry['stage']}/undo-{os.path.basename(path)}"
    node_files.write_durably(staged, render(back), int(owned["mode"], 8))
    node_files.give(staged, owned["uid"], owned["gid"])
    node_files.make_directories(os.path.dirname(path))
    node_files.swap_in(staged, path)


def entries_are_back(entry: Undo) -> bool:
    """Return whether nothing of the change is left in a shared file. Raises NodeFileError."""
    found, data = _read(entry["path"])
    return not _may_hold_ours(entry, found) or (
        not _is_as_staged(entry, found) and _undone(entry, data) == data
    )


def _may_hold_ours(entry: Undo, found: FoundFile) -> bool:
    """Return whether there may be something to restore.

    A link or directory that was created in its place has no entry of ours. If the file system was lost together with the copy,
    such as /run after a boot, there is nothing to restore.
    """
    if found["file_type"] == "absent":
        return entry["kind"] != "file" or os.path.lexists(entry["saved"])
    return found["file_type"] == "file"


def _is_as_staged(entry: Undo, found: FoundFile) -> bool:
    """Return whether the file is exactly the one that the change wrote, and not the one before it."""
    now = (found.get("sha256"), found.get("mode"))
    return now[0] == entry["staged"] and now != (entry.get("sha256"), entry.get("mode"))


def _undone(entry: Undo, data: Document) -> Document:
    if not any(
        _hash_at(data, section, name, entry["path"]) == digest
        for section, name, digest in each_of(entry["entries"])
    ):
        return data  # the file was already restored, from its copy
    before: Document = {}
    if entry["kind"] == "file":
        _refuse_lost_copy(entry)
        before = parse(node_files.read_bytes(entry["saved"]), entry["saved"])
    return undone(data, before, entry["entries"], entry["path"])


def _refuse_lost_copy(entry: Undo) -> None:
    if not os.path.lexists(entry["saved"]):
        raise NodeFileError(f"{entry['path']} is not as it was, and its copy {entry['saved']} does not exist")


def _read(path: str) -> tuple[FoundFile, Document]:
    found = node_files.describe(path)
    if found["file_type"] != "file":
        return found, {}
    content = node_files.read_bytes(path)
    found["sha256"] = node_files.digest(content)
    return found, parse(content, path)
