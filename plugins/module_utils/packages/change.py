# SPDX-License-Identifier: GPL-3.0-or-later
"""Installs CRI-O from a package repository: reads what is there, predicts, and makes a change that can be interrupted.

Everything that can be refused is refused before the node is touched: the index of the repository is read into a temporary folder,
with the files that would be written. What is written then is put back if a later step fails. An intent on disk names it, so that
the next run puts it back after a kill. Packages themselves are not removed again: an installation that was cut short is
completed by the next run.
"""

from __future__ import annotations

import base64
import contextlib
import os
import platform
from collections.abc import Iterator, Sequence

from .. import node_files
from ..crio import service as crio_service
from ..errors import NodeError
from ..host import os_release
from ..os_errors import os_error
from ..transaction import lock
from . import held_service
from .apt import Apt
from .dnf import Dnf
from .manager import Manager, PackageError
from .versions import fits, minor, newest
from .zypper import Zypper

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..layout import Layout
    from .manager import Installed

MANAGERS: dict[str, type[Manager]] = {each.name: each for each in (Apt, Dnf, Zypper)}
_FORMAT = 1
_LONGEST_WAIT = 60  # seconds for another change of this node
_MOST_VERSIONS = 10  # of a repository in a message
_IDENTITY = ("ID", "ID_LIKE", "VERSION_ID", "VARIANT_ID", "PRETTY_NAME")


def read(layout: Layout, request: dict[str, Any], check: bool) -> dict[str, Any]:
    """Return what is on the node, after the end of an installation that was interrupted. check: only report that there is one.

    request: names (of packages; the first one is CRI-O's), families ({ID of os-release(5): method}), methods ({method: files as
    {path, mode, sha256}}; a file without sha256 is one from a URL, and as recorded if the digest is), digests ({method: of what
    the record has to be about}). Raises NodeError.
    """
    with (
        lock.held(layout, _LONGEST_WAIT, "crio_packages")
        if _is_interrupted(layout)
        else contextlib.nullcontext()
    ):
        interrupted = _is_interrupted(layout) if check else _recover(layout)
    values = os_release.read(layout)
    method = _method(values, request["families"])
    found: dict[str, Any] = {
        "interrupted": interrupted,
        "identity": {name: values.get(name, "") for name in _IDENTITY},
        "machine": platform.machine(),
        "method": method,
        "read_only": bool(os.statvfs(layout.at("/usr")).f_flag & os.ST_RDONLY),
        "ostree": os.path.exists(layout.at("/run/ostree-booted")),
    }
    if not method or not _is_there(method):
        return {**found, "manager": False}
    manager = MANAGERS[method](layout)
    record = _record(layout)
    recorded = record.get("digest") == request["digests"][method]
    files = request["methods"][method]
    return {
        **found,
        "manager": True,
        "packages": {name: each._asdict() for name, each in manager.installed(request["names"]).items()},
        "crio": _crio(manager, record),
        "as_desired": recorded and all(_is_as_desired(layout, each, record) for each in files),
        "unavailable": record.get("unavailable", []) if recorded else [],
        "held": record.get("held", []),
        "others": manager.other_repositories(files[0]["path"]),
    }


def _method(values: dict[str, str], families: dict[str, str]) -> str:
    names = [values.get("ID", ""), *values.get("ID_LIKE", "").split()]
    return next((families[name] for name in names if name in families), "")


def _is_there(method: str) -> bool:
    """Return whether the node has the program of a method."""
    from ..program import PATH

    program = {"apt": "apt-get"}.get(method, method)
    return any(os.access(f"{folder}/{program}", os.X_OK) for folder in PATH.split(":"))


def _crio(manager: Manager, record: dict[str, Any]) -> dict[str, Any]:
    """Return the program of CRI-O, None if there is none, the package that owns it, and its version if no package does."""
    binary = crio_service.CrioService().binary
    if binary is None:
        return {"binary": None, "owner": "", "version": None}
    if record.get("binary") == crio_service.binary_identity(binary):
        return {"binary": binary, "owner": record.get("owner", ""), "version": None}
    owner = manager.owner(os.path.realpath(binary)) or manager.owner(binary)
    return {"binary": binary, "owner": owner, "version": None if owner else crio_service.version_of(binary)}


def _is_as_desired(layout: Layout, wanted: dict[str, Any], record: dict[str, Any]) -> bool:
    """Return whether a file has its desired content and mode; one without content must be absent."""
    found = node_files.describe(layout.at(wanted["path"]))
    expected = wanted["sha256"]
    if expected is None:  # its source is a URL, and was recorded
        expected = record.get("key_sha256", "none")
    if not expected:
        return found["file_type"] == "absent"
    return found.get("sha256") == expected and found.get("mode") == wanted["mode"]


def _record(layout: Layout) -> dict[str, Any]:
    found = node_files.read_json(layout.packages_record)
    return found if isinstance(found, dict) and found.get("format") == _FORMAT else {}


# Installing


def install(layout: Layout, request: dict[str, Any], folder: str, check: bool) -> dict[str, Any]:
    """Install packages from a repository, or predict it. folder: an empty one that only root can read.

    request: method, names (the first one is CRI-O's), required (how many of them must be in the repository), dependencies (names
    of packages of the distribution), version (a minor, a release or ""), files ([{path, mode, secret, content}]; no content: no
    file), hold, lock_timeout (seconds), digest. Returns changed, versions, installed, unavailable, files and completed. Raises
    NodeError; then the node is as before, but for packages.
    """
    manager = MANAGERS[request["method"]](layout, request["lock_timeout"])
    with lock.held(layout, _LONGEST_WAIT, "crio_packages"):
        if check:
            return _Change(layout, manager, request, folder).predicted()
        _recover(layout)
        with _undone_on_failure(layout, manager):
            return _Change(layout, manager, request, folder).made()


class _Change:
    """One installation from its request."""

    def __init__(self, layout: Layout, manager: Manager, request: dict[str, Any], folder: str) -> None:
        self.layout, self.manager, self.request, self.folder = layout, manager, request, folder
        self.names: list[str] = request["names"]
        self.contents = {
            each["path"]: each["content"].encode() for each in request["files"] if each["content"]
        }
        self.repository: str = request["files"][0]["path"]
        self.files = self._texts()

    def _texts(self) -> dict[str, list[str | None]]:
        """Return {path: [text before, text after]} of the files that change; None for no file, "" for a secret one."""
        found: dict[str, list[str | None]] = {}
        for each in self.request["files"]:
            path = self.layout.at(each["path"])
            node_files.refuse_untouchable(path)
            before = node_files.read_text(path)
            after = each["content"] or None
            mode = node_files.describe(path).get("mode")
            if before != after or (after is not None and mode != each["mode"]):
                texts = (before, after)
                found[each["path"]] = [text if not each["secret"] or text is None else "" for text in texts]
        return found

    def predicted(self) -> dict[str, Any]:
        """Return what a run would do."""
        completed = self.manager.interruption()
        versions, unavailable = self._prepared()
        present = self.manager.installed(self.names)
        return self._result(present, versions, unavailable, completed)

    def made(self) -> dict[str, Any]:
        """Make the change. The caller undoes what is in the intent if this raises."""
        completed = self.manager.interruption()
        if completed:
            self.manager.finish_interrupted()
        versions, unavailable = self._prepared()
        present = self.manager.installed(self.names)
        if self.files:
            _announce(self.layout, [self.layout.at(path) for path in self.files])
            self._write()
            self.manager.refresh(self.repository)
        if not versions:
            versions, unavailable = self._chosen(self.manager.available(self.names))
        result = self._result(present, versions, unavailable, completed)
        wanted = {name: versions.get(name, "") for name in result["installed"]}
        if wanted:
            self._install(wanted, present)
        self._adjust_hold(versions, present)
        self._commit(unavailable, versions)
        return result

    def _install(self, wanted: dict[str, str], before: dict[str, Installed]) -> None:
        """Install packages. If that fails, hold those again that were held before, which apt forgets with its first step."""
        try:
            self.manager.install(wanted, downgrade=True)
        except PackageError as error:
            try:
                now = self.manager.installed([name for name, each in before.items() if each.held])
                lost = [name for name, each in now.items() if not each.held]
                if lost:
                    self.manager.hold(lost)
            except PackageError as second:
                raise PackageError(f"{error}; and afterwards {second}") from error
            raise

    def _prepared(self) -> tuple[dict[str, str], list[str]]:
        """Return the versions to install, and the optional packages that the repository does not have; ({}, []) if unknown."""
        prepared = self.manager.prepare(self.folder, self.contents, self.names)
        if prepared is None:
            return {}, []
        versions, unavailable = self._chosen(prepared.available)
        present = self.manager.installed(self.names)
        missing = {
            name: version for name, version in versions.items() if _differs(present.get(name), version)
        }
        if missing:
            self.manager.simulate(self.folder, missing)
        return versions, unavailable

    def _chosen(self, available: dict[str, list[str]]) -> tuple[dict[str, str], list[str]]:
        present = self.manager.installed(self.names)
        main, wanted = self.names[0], self.request["version"]
        versions = {main: _version_of(main, present.get(main), available.get(main, []), wanted)}
        unavailable = []
        for index, name in enumerate(self.names[1:], 1):
            offered = available.get(name, [])
            found = newest(offered, minor(versions[main])) or newest(offered)
            if name in present and present[name].complete:
                versions[name] = present[name].version
            elif found:
                versions[name] = found
            elif index < self.request["required"]:
                raise PackageError(f"the repository has no package {name}")
            else:
                unavailable.append(name)
        return versions, unavailable

    def _result(
        self, present: dict[str, Installed], versions: dict[str, str], unavailable: list[str], completed: str
    ) -> dict[str, Any]:
        installed = [name for name, version in versions.items() if _differs(present.get(name), version)]
        dependencies = self.request["dependencies"]
        there = self.manager.installed(dependencies)
        installed += [name for name in dependencies if name not in there]
        hold = self.request["hold"]
        recorded = _record(self.layout).get("held", [])
        held = {name for name, each in present.items() if each.held}
        changes_hold = bool(set(versions) - held if hold else held & set(recorded))
        return {
            "changed": bool(installed or self.files or completed or changes_hold),
            "versions": versions,
            "installed": installed,
            "unavailable": unavailable,
            "files": self.files,
            "completed": completed,
        }

    def _write(self) -> None:
        """Put our files in place, and remove those that are no longer desired."""
        for each in self.request["files"]:
            path = self.layout.at(each["path"])
            if each["path"] not in self.files:
                continue
            if not each["content"]:
                node_files.remove(path)
                continue
            node_files.make_directories(os.path.dirname(path))
            node_files.write_durably(path, each["content"].encode(), int(each["mode"], 8))

    def _adjust_hold(self, versions: dict[str, str], before: dict[str, Installed]) -> None:
        """Hold the packages, or release those that an earlier run has held. before: as they were before this run."""
        held = {name for name, each in self.manager.installed(list(versions)).items() if each.held}
        if self.request["hold"]:
            names = [name for name in versions if name not in held]
            if names:
                self.manager.hold(names)
            return
        # dnf locks a version, so that a package with another one does not count as held.
        held |= {name for name, each in before.items() if each.held}
        ours = [name for name in _record(self.layout).get("held", []) if name in held]
        if ours:
            self.manager.release(ours)

    def _commit(self, unavailable: list[str], versions: dict[str, str]) -> None:
        """Verify that CRI-O is there, and write the record."""
        main = self.names[0]
        present = self.manager.installed([main])
        binary = crio_service.CrioService().binary
        if main not in present or not present[main].complete or binary is None:
            state = "is not installed completely" if main in present else "is not installed"
            raise PackageError(f"the package manager reported success, but {main} {state}")
        key = next((each["content"] for each in self.request["files"] if each.get("key")), "")
        record = {
            "format": _FORMAT,
            "digest": self.request["digest"],
            "key_sha256": node_files.digest(key.encode()),
            "unavailable": unavailable,
            "held": list(versions) if self.request["hold"] else [],
            "binary": crio_service.binary_identity(binary),
            "owner": self.manager.owner(os.path.realpath(binary)) or self.manager.owner(binary),
        }
        node_files.make_private_directory(self.layout.state_directory)
        node_files.write_json(self.layout.packages_record, record)


def _differs(present: Installed | None, version: str) -> bool:
    return present is None or not present.complete or present.version != version


def _version_of(name: str, present: Installed | None, offered: Sequence[str], wanted: str) -> str:
    """Return the version of CRI-O's package to install: the installed one if it fits, else the newest one that does."""
    if present and present.complete and fits(present.version, wanted):
        return present.version
    found = newest(offered, wanted)
    if found:
        return found
    listed = ", ".join(sorted(offered, reverse=True)[:_MOST_VERSIONS]) or "none"
    raise PackageError(f"the repository has no {name}{f' {wanted}' if wanted else ''}; it has: {listed}")


# What an interrupted run leaves, and how it is undone


@contextlib.contextmanager
def _undone_on_failure(layout: Layout, manager: Manager) -> Iterator[None]:
    """Keep packages from starting CRI-O in the block, and put our files back if it raises."""
    _announce(layout, [])
    try:
        held_service.hold(layout)
        yield
    except (NodeError, OSError) as error:
        words = os_error(error, "installing packages") if isinstance(error, OSError) else str(error)
        manager.end_scripts()  # before CRI-O may be started again, which a script that is left might do
        failed = _undo_saying_why_not(layout)
        raise PackageError(
            f"{words.rstrip('.')}. {failed or 'The files of repositories are as before'}"
        ) from error
    held_service.release(layout)
    node_files.remove(layout.packages_intent)


def _undo_saying_why_not(layout: Layout) -> str:
    try:
        _recover(layout)
    except (NodeError, OSError) as error:
        words = os_error(error, "putting files back") if isinstance(error, OSError) else str(error)
        return f"Putting the files of repositories back failed too: {words}; the next run tries it again"
    return ""


def _announce(layout: Layout, paths: Sequence[str]) -> None:
    """Write the intent: what is at these paths now, and which folders above them are missing."""
    files = []
    for path in paths:
        there = node_files.describe(path)
        content = node_files.read_bytes(path) if there["file_type"] == "file" else None
        before = None if content is None else base64.b64encode(content).decode("ascii")
        files.append({"path": path, "before": before, "mode": there.get("mode", "0600")})
    folders = node_files.missing_directories(os.path.dirname(path) for path in paths)
    node_files.make_private_directory(layout.state_directory)
    node_files.write_json(layout.packages_intent, {"format": _FORMAT, "files": files, "directories": folders})


def _is_interrupted(layout: Layout) -> bool:
    return os.path.lexists(layout.packages_intent)


def _recover(layout: Layout) -> bool:
    """Put back what an interrupted or failed run has written. Returns whether there was something to end. Raises NodeError."""
    if not _is_interrupted(layout):
        return False
    document = node_files.read_json(layout.packages_intent)
    if not _is_valid(document):
        node_files.set_aside(layout.packages_intent)
        document = {"files": [], "directories": []}
    for each in document["files"]:
        if each["before"] is None:
            node_files.remove(each["path"])
        else:
            node_files.write_durably(each["path"], base64.b64decode(each["before"]), int(each["mode"], 8))
    for directory in reversed(document["directories"]):
        node_files.remove_empty_directory(directory)
    held_service.release(layout)
    node_files.remove(layout.packages_intent)
    return True


def _is_valid(document: Any) -> bool:
    return (
        isinstance(document, dict)
        and document.get("format") == _FORMAT
        and isinstance(document.get("files"), list)
        and all(
            isinstance(each, dict)
            and str(each.get("path", "")).startswith("/")
            and isinstance(each.get("before"), (str, type(None)))
            and isinstance(each.get("mode"), str)
            for each in document["files"]
        )
        and isinstance(document.get("directories"), list)
        and all(isinstance(each, str) for each in document["directories"])
    )
