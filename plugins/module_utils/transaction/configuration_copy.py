# SPDX-License-Identifier: GPL-3.0-or-later
"""A copy of the node's configuration as a change would leave it, for the node's own crio to check.

Other people's files are included as CRI-O reads them; a file that would stop it from reading is refused by name.
"""

from __future__ import annotations

import os
import stat

from .. import node_files
from ..crio.service import CrioService
from ..errors import TransactionError
from ..layout import Layout
from ..node_files import NodeFileError
from ..text import shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..contract import Request


_STORAGE_VARIABLE = "CONTAINERS_STORAGE_CONF"
_DEEPEST = 8  # folders below crio.conf.d
_MOST = 1000  # files there


class ConfigurationCopy:
    """A copy of crio.conf and crio.conf.d as the change would leave them, and of other files of containers/* that change."""

    def __init__(self, request: Request, service: CrioService, directory: str, layout: Layout) -> None:
        self._service = service
        self.config = os.path.join(directory, "crio.conf")
        self.config_directory = os.path.join(directory, "crio.conf.d")
        self.registries = os.path.join(directory, "registries.conf")
        self.registries_directory = os.path.join(directory, "registries.conf.d")
        self.storage = os.path.join(directory, "storage.conf")
        self._places = [
            (service.config_path, self.config),
            (service.config_directory, self.config_directory),
            (layout.registries, self.registries),
            (layout.registries_directory, self.registries_directory),
            (layout.storage, self.storage),
        ]
        self.judges_registries = False
        if os.path.islink(service.config_directory):
            raise TransactionError(
                "refused",
                f"{service.config_directory} is a symbolic link; CRI-O does not follow it and does not start",
            )
        copy_configuration(service.config_directory, self.config_directory)
        copy(service.config_path, self.config)
        touched = [*request["contents"], *request["remove"]]
        # The variables that name the copy instead of the node's files, where no option does.
        self.environment: dict[str, str] = {}
        if layout.storage in touched:
            _refuse_unread(layout.storage, service)
            # Without the file, containers/storage reads the one of its package, and without that it uses its defaults.
            write_private(self.storage, "")
            copy(layout.vendor_storage, self.storage)
            self.environment[_STORAGE_VARIABLE] = self.storage
        if any(self._place(path, self._places[2:4]) for path in touched) and not os.path.exists(
            layout.root_registries
        ):
            self.judges_registries = True
            copy_configuration(layout.registries_directory, self.registries_directory, deep=False)
            # A file that is named must exist, where the node's own need not.
            write_private(self.registries, "")
            copy(layout.registries, self.registries)
        for path, content in request["contents"].items():
            place = self._place(path, self._places)
            if place:
                node_files.make_directories(os.path.dirname(place))
                write_private(place, content)
        for path in request["remove"]:
            place = self._place(path, self._places)
            if place and place != self.storage:
                node_files.remove(place)

    @staticmethod
    def _place(path: str, places: list[tuple[str, str]]) -> str | None:
        for real, copied in places:
            if path == real:
                return copied
            if real and path.startswith(real + "/"):
                return copied + path[len(real) :]
        return None

    @property
    def arguments(self) -> list[str]:
        """The options that name the copy instead of the node's files."""
        named = ["--config", self.config if os.path.exists(self.config) else ""]
        return [*named, "--config-dir", self.config_directory]

    @property
    def registries_arguments(self) -> list[str]:
        """The options that name the copy of the registries' files; [] if they do not change."""
        if not self.judges_registries:
            return []
        return ["--registries-conf", self.registries, "--registries-conf-dir", self.registries_directory]

    def real_names(self, text: str) -> str:
        """Replace paths of the copy in a message by those of the node's files."""
        for real, copied in sorted(self._places, key=lambda each: -len(each[1])):
            text = text.replace(copied, real or '""')
        return text


def _refuse_unread(path: str, service: CrioService) -> None:
    """Raise TransactionError if the daemon reads another storage.conf."""
    named = service.environment.get(_STORAGE_VARIABLE)
    if named and named != path:
        raise TransactionError(
            "refused",
            f"{service.unit} has {_STORAGE_VARIABLE}={shown(named, 200)}, so this daemon does not read {path};"
            " remove that variable",
        )


def copy_configuration(source: str, target: str, deep: bool = True) -> None:
    """Copy a folder as its reader sees it, with links resolved. Raises TransactionError for what would stop the reader.

    deep: as CRI-O reads crio.conf.d (every file, recursively, whatever its name); else as containers/image reads
    registries.conf.d (*.conf at the top).
    """
    node_files.make_directories(target)
    if not source or not os.path.isdir(source):
        return
    pending, count = [(source, target, 0)], 0
    while pending:
        here, there, depth = pending.pop()
        with node_files.doing("reading a directory", here):
            names = sorted(os.listdir(here))
        for name in names:
            path, copied = os.path.join(here, name), os.path.join(there, name)
            if not deep and not name.endswith(".conf"):
                continue
            file_type = _type_for_reader(path, deep)
            if file_type == "directory":
                if deep:
                    _refuse_depth(path, depth)
                    os.mkdir(copied, 0o700)
                    pending.append((path, copied, depth + 1))
                continue
            count += 1
            if count > _MOST:
                raise TransactionError(
                    "refused", f"{source} has more than {_MOST} files; CRI-O reads all of them"
                )
            copy(path, copied)


def _refuse_depth(path: str, depth: int) -> None:
    if depth >= _DEEPEST:
        raise TransactionError(
            "refused", f"{path} is more than {_DEEPEST} directories deep; CRI-O reads all of them"
        )


def _type_for_reader(path: str, deep: bool) -> str:
    """Return file or directory. Raises TransactionError for anything that makes a start of CRI-O fail or hang."""
    reader = (
        "CRI-O reads every file in that directory"
        if deep
        else "containers/image reads every *.conf in that directory"
    )
    link = f", a symbolic link to {os.readlink(path)}," if os.path.islink(path) else ""
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        raise TransactionError(
            "refused",
            f"{path}{link} cannot be read: {error.strerror}; {reader}, and does not start if one cannot be read",
        ) from None
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode) and not link:
        return "directory"
    what = "a directory" if stat.S_ISDIR(mode) else "not a regular file"
    raise TransactionError(
        "refused", f"{path}{link} is {what}; {reader}, and does not start because of this one"
    )


def copy(source: str, target: str) -> None:
    """Copy a file, if it exists. Raises TransactionError for one that cannot be read."""
    if not os.path.exists(source):
        return
    try:
        content = node_files.read_bytes(source)
    except NodeFileError as error:
        raise TransactionError("refused", str(error)) from error
    write_private(target, content)


def write_private(path: str, content: str | bytes) -> None:
    """Write a file that only root can read."""
    content = content.encode() if isinstance(content, str) else content
    with node_files.doing("writing a file", path):
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
