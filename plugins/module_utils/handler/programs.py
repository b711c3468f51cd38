# SPDX-License-Identifier: GPL-3.0-or-later
"""Provides the programs of handlers on a node, and removes those that are not desired any more.

Everything is read, fetched and judged first. Packages are installed before files, since only files can be put back; the files are
replaced together (file_swap). A file is removed last, and only if it is ours, unchanged, and CRI-O's configuration does not
name it.
"""

from __future__ import annotations

import os

from .. import download, node_files, selinux_labels
from ..architecture import architecture
from ..errors import NodeError
from ..file_swap import FileSwap, SwapError
from ..host.commands import family_of
from ..layout import NODE
from ..os_errors import os_error
from ..text import shown
from . import files, packages, record, versions
from .versions import CrioOfNode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..layout import Layout
    from .record import Installed

    # A file to install: the file of the request, its SHA-256 and the path of its content.
    Fetched = tuple[dict[str, Any], str, str]

_MOST_PROBLEMS = 20  # in one message


class HandlerError(NodeError):
    """The handlers cannot be provided; the message says why, and whether anything was changed."""


def provide(request: dict[str, Any], folder: str, check: bool, layout: Layout = NODE) -> dict[str, Any]:
    """Give the node the programs of its handlers. folder: for fetched files. check: only report what a run would do.

    request: handlers, files, families; see plugin_utils/handlers/request.py. A file whose source is on the controller has `sent`,
    the path of its copy on the node. If one that is needed does not, only {"needed": paths, "architecture"} is returned.
    Raises HandlerError and other NodeErrors; nothing is changed then, unless the message says otherwise.
    """
    interrupted = os.path.lexists(layout.handlers_intent)
    if interrupted and not check:
        _recover(layout)
    job = _Job(request, layout, record.read(layout))
    if job.needed and not job.problems:
        return {"changed": False, "needed": job.needed, "architecture": job.architecture}
    job.fetch(folder)
    job.judge(refresh=not check)
    if job.problems:
        raise HandlerError(_message(job.problems))
    if not check:
        job.change()
    return job.result(interrupted)


class _Job:
    """What one call has to do on the node, as it was read."""

    def __init__(self, request: dict[str, Any], layout: Layout, installed: Installed) -> None:
        self.layout, self.handlers = layout, request["handlers"]
        self.architecture = architecture()
        self.crio = CrioOfNode()
        self.problems: list[str] = []
        self.notes: list[str] = []
        self.before = installed
        self.family = family_of(layout, request["families"])
        self.fetched: list[Fetched] = []
        self.versions: dict[str, str] = {}  # of programs, by handler
        self.packages: dict[str, tuple[str, str | None]] = {}  # name and version before, by handler
        self.to_install: dict[str, str] = {}  # the version of each missing package
        self._desired = {each["path"] for each in request["files"]}
        self._todo = self._missing(request["files"])
        self.needed = [
            each["path"]
            for each, _digest in self._todo
            if not each["source"] and not each["sent"] and each["content"] is None
        ]
        self._plan_removals()

    def _missing(self, wanted: list[dict[str, Any]]) -> list[tuple[dict[str, Any], str]]:
        """Return the files that have to be installed, with their SHA-256."""
        todo = []
        for each in wanted:
            file = {**each, "source": each["source"].replace("{arch}", self.architecture)}
            try:
                digest = files.wanted(file, self.architecture)
                if files.differs(self.layout, file, digest, self.before):
                    todo.append((file, digest))
            except NodeError as error:
                self.problems.append(str(error))
        return todo

    def _plan_removals(self) -> None:
        """Decide which recorded files that are not desired are removed, forgotten, or wait until CRI-O does not name them."""
        unwanted = sorted(self.before.keys() - self._desired)
        self.pending = sorted(files.references(self.crio, unwanted))
        self.removed: list[str] = []
        for path in unwanted:
            if path not in self.pending:
                is_ours, note = files.removable(self.layout, path, self.before[path])
                self.removed += [path] if is_ours else []
                self.notes += [note] if note else []
        self.after = {
            path: entry
            for path, entry in self.before.items()
            if path in self._desired or path in self.pending
        }

    def fetch(self, folder: str) -> None:
        """Fetch the contents of the files, and check them."""
        for number, (file, digest) in enumerate(self._todo):
            try:
                content = files.fetched(file, digest, folder, number)
                node_files.refuse_unwritable(self.layout.at(file["path"]), os.path.getsize(content))
                self.fetched.append((file, digest, content))
            except download.DownloadError as error:
                self.problems.append(f"{file['handler']}: {error}")
            except NodeError as error:
                self.problems.append(str(error))

    def judge(self, refresh: bool) -> None:
        """Check the version and the presence of each program. refresh: whether lists of packages may be read again."""
        contents = {file["path"]: content for file, _digest, content in self.fetched}
        coming = {file["path"] for file, _digest in self._todo}
        for handler in self.handlers:
            self._judge_crio(handler)
            if handler["install"] == "package":
                self._judge_package(handler, refresh)
                continue
            if handler["path"] in contents:
                self._judge_program(handler, contents[handler["path"]])
            elif handler["path"] not in coming:
                self._judge_present(handler)
            self._judge_needs(handler, coming)

    def _judge_crio(self, handler: dict[str, Any]) -> None:
        since = handler["crio_since"]
        if since and self.crio.is_before(since):
            self.problems.append(
                f"{handler['name']}: requires CRI-O {since} or later, but {self.crio.version} is installed"
            )

    def _judge_present(self, handler: dict[str, Any]) -> None:
        path = handler["path"]
        place = self.layout.at(path)
        if os.path.isfile(place) and os.access(place, os.X_OK):
            self._judge_program(handler, place)
        elif handler["comes_with_crio"] and not self.crio.is_installed:
            self.notes.append(f"{handler['name']}: {path} will come with CRI-O, which is not installed yet")
        else:
            self.problems.append(
                f"{handler['name']}: {path} does not exist or is not executable; set install or source to install it, or path"
                " if it is elsewhere"
            )

    def _judge_needs(self, handler: dict[str, Any], coming: set[str]) -> None:
        for path in handler["needs"]:
            if path not in coming and not os.path.exists(self.layout.at(path)):
                self.problems.append(
                    f"{handler['name']}: {path} does not exist, but its settings name it, so CRI-O would ignore the handler"
                )

    def _judge_program(self, handler: dict[str, Any], path: str) -> None:
        if not handler["prints_version"]:
            return
        version, fault = versions.printed(path)
        self.versions[handler["name"]] = version
        if fault:
            self.problems.append(f"{handler['name']}: {fault}")
        self.problems += versions.faults(handler, version, self.crio)

    def _judge_package(self, handler: dict[str, Any], refresh: bool) -> None:
        name = handler["package"] or handler["packages"].get(self.family)
        if not name or not self.family:
            known = ", ".join(sorted(handler["packages"])) or "none"
            self.problems.append(
                f"{handler['name']}: no package is known for this distribution (known: {known}); set package, or install: file"
            )
            return
        version = packages.installed(self.family, name)
        self.packages[handler["name"]] = (name, version)
        if version is None:
            version = self._candidate(handler, name, refresh)
            self.to_install[name] = version
        elif not os.access(self.layout.at(handler["path"]), os.X_OK):
            self.problems.append(
                f"{handler['name']}: the package {name} is installed, but {handler['path']} does not exist; set path"
            )
        self.versions[handler["name"]] = versions.of_package(version)
        self.problems += versions.faults(handler, self.versions[handler["name"]], self.crio)

    def _candidate(self, handler: dict[str, Any], name: str, refresh: bool) -> str:
        version = packages.candidate(self.family, name)
        if version is None and refresh:
            packages.refresh(self.family)
            version = packages.candidate(self.family, name)
        if version is None and refresh:
            self.problems.append(f"{handler['name']}: no repository of this node has the package {name}")
        elif version is None:
            self.notes.append(
                f"{handler['name']}: the package {name} is not in the lists of this node, which a run would update"
            )
        return version or ""

    def change(self) -> None:
        """Install packages and files, and remove what is not desired. Raises HandlerError."""
        node_files.make_private_directory(self.layout.state_directory)
        if self.to_install:
            packages.install(self.family, sorted(self.to_install))
            self._refuse_incomplete_packages()
        if self.fetched:
            self._swap()
        for path in self.removed:
            node_files.remove(self.layout.at(path))
        if self.after != record.read(self.layout):
            record.write(self.layout, self.after)

    def _refuse_incomplete_packages(self) -> None:
        for handler in self.handlers:
            name = self.packages.get(handler["name"], ("", None))[0]
            if name in self.to_install and not os.access(self.layout.at(handler["path"]), os.X_OK):
                raise HandlerError(
                    f"{handler['name']}: the package {name} was installed, but it does not contain {handler['path']}; set path."
                    " Nothing else was changed"
                )

    def _swap(self) -> None:
        swap = FileSwap(self.layout.handlers_intent)
        placements = [
            (self.layout.at(file["path"]), content, int(file["mode"], 8))
            for file, _digest, content in self.fetched
        ]
        try:
            staged = swap.stage(placements, self.layout.handlers_record)
            for file, digest, _content in self.fetched:
                identity = record.identity(staged[self.layout.at(file["path"])])
                self.after[file["path"]] = {
                    "sha256": digest,
                    "handler": file["handler"],
                    "identity": identity,
                }
            during = {**self.before, **self.after}
            swap.stage_record(record.content(during))
            swap.swap()
            selinux_labels.restore(swap.new_paths)
            swap.commit()
        except (OSError, NodeError) as error:
            if not swap.is_committed():
                _undo(
                    swap, os_error(error, "installing a file") if isinstance(error, OSError) else str(error)
                )
        swap.finish()

    def result(self, interrupted: bool) -> dict[str, Any]:
        """Return what was done, or would be."""
        changed = {file["path"]: digest for file, digest, _content in self.fetched}
        return {
            "changed": bool(changed or self.to_install or self.removed or interrupted),
            "handlers": {each["name"]: self._described(each, changed) for each in self.handlers},
            "files": {
                **{path: [self._former(path), digest] for path, digest in changed.items()},
                **{path: [self.before[path]["sha256"], None] for path in self.removed},
            },
            "packages": sorted(self.to_install),
            "removed": self.removed,
            "pending": self.pending,
            "notes": self.notes,
        }

    def _former(self, path: str) -> str | None:
        return self.before[path]["sha256"] if path in self.before else None

    def _described(self, handler: dict[str, Any], changed: dict[str, str]) -> dict[str, Any]:
        name, before = self.packages.get(handler["name"], ("", None))
        return {
            "path": handler["path"],
            "install": handler["install"],
            "version": self.versions.get(handler["name"]) or None,
            "package": name or None,
            "changed": handler["path"] in changed or bool(name and before is None),
        }


def _recover(layout: Layout) -> None:
    """End an installation of files that was interrupted. Raises HandlerError."""
    try:
        FileSwap(layout.handlers_intent).recover()
    except (OSError, SwapError) as error:
        words = os_error(error, "undoing it") if isinstance(error, OSError) else str(error)
        raise HandlerError(f"an installation of handlers was interrupted, and {words}") from error


def _undo(swap: FileSwap, reason: str) -> None:
    try:
        swap.undo()
    except SwapError as error:
        raise HandlerError(
            f"{reason}. Undoing the installation also failed: {error}; the next run continues"
        ) from None
    raise HandlerError(f"{reason}. The previous files were restored") from None


def _message(problems: list[str]) -> str:
    problems = [shown(each, 1000).rstrip(".") for each in problems]
    if len(problems) == 1:
        return f"{problems[0]}. Nothing was changed"
    more = len(problems) - _MOST_PROBLEMS
    listed = [f"({number}) {each}" for number, each in enumerate(problems[:_MOST_PROBLEMS], 1)]
    return f"{len(problems)} problems, and nothing was changed: {'; '.join(listed)}{f'; and {more} more' if more > 0 else ''}"
