# SPDX-License-Identifier: GPL-3.0-or-later
"""Installs CRI-O's static bundle: fetches it, checks its SHA-256, and puts its files where its own installer puts them.

The layout is that of cri-o/packaging's bundle (top directory cri-o/). The only program of the archive that is executed
before the installation is `crio --version`. However a run ends, all programs are those of one bundle, the former or the new
one; see file_swap.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import stat
import time
from collections.abc import Iterator

from . import archive as tar_archive
from . import documents, download, node_files, selinux_labels
from .architecture import architecture
from .crio import service as crio_service
from .errors import NodeError
from .file_removal import FileRemoval
from .file_swap import FileSwap, SwapError, beside
from .layout import CRIO_CONFIG, CRIO_CONFIG_DIRECTORY, NODE
from .os_errors import os_error, os_reason, size
from .program import run
from .text import shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from .contract import Bundle, BundleRecord
    from .file_swap import Placement

RECORD = NODE.bundle_record
INTENT = NODE.state_directory + "/bundle-install.json"
REMOVAL = NODE.state_directory + "/bundle-remove.json"
CRIO = "/usr/local/bin/crio"
_TOP = "cri-o"
_NEEDED = ("bin/crio", "bin/crictl", "bin/pinns", "contrib/crio.service")
_BLOCK = 1024 * 1024
_LONGEST_WAIT = 60  # seconds for another installation to end
_LONGEST_VERSION = 100  # characters
_ROOM_TO_SPARE = 1024 * 1024  # bytes on each file system, for directories and rounding

# The target of each program and file of the unit; a directory receives everything below it in the archive.
_PROGRAMS = {
    "bin/crio": CRIO,
    "bin/pinns": "/usr/local/bin/pinns",
    "bin/crictl": "/usr/local/bin/crictl",
    "bin/": "/usr/libexec/crio/",
    "cni-plugins/": "/opt/cni/bin/",
}
_DATA = {
    "contrib/crio.service": "/usr/local/lib/systemd/system/crio.service",
    "contrib/10-crio-bridge.conflist.disabled": "/etc/cni/net.d/10-crio-bridge.conflist.disabled",
    "completions/bash/crio": "/usr/local/share/bash-completion/completions/crio",
    "man/crio.conf.5": "/usr/local/share/man/man5/crio.conf.5",
    "man/crio.conf.d.5": "/usr/local/share/man/man5/crio.conf.d.5",
    "man/crio.8": "/usr/local/share/man/man8/crio.8",
}
# Existing configuration belongs to the administrator.
_ONLY_WHERE_ABSENT = {
    "etc/crictl.yaml": "/etc/crictl.yaml",
    "etc/10-crio.conf": "/etc/crio/crio.conf.d/10-crio.conf",
    "contrib/policy.json": "/etc/crio/policy.json",
    "contrib/registries.conf": "/etc/containers/registries.conf.d/registries.conf",
}
# What an installation before format 2 of its record created in any case, as far as nobody else uses it.
_OWN_DIRECTORIES = (os.path.dirname(CRIO_CONFIG), CRIO_CONFIG_DIRECTORY, "/usr/libexec/crio")
_LONGEST_INSTALLATION = 900  # seconds from its first file to its record
# Folders that CRI-O creates when it starts with the bundle's configuration. Those that did not exist belong to the bundle.
_OF_CRIO = (
    "/etc/crio/auth",
    "/etc/crio/policies",
    "/usr/share/containers/oci/hooks.d",
    "/var/lib/containers/storage",
    "/var/lib/crio",
    "/var/log/crio/pods",
)


class BundleError(NodeError):
    """The bundle cannot be installed or removed; the message is a sentence for the user."""


def read() -> dict[str, str | None]:
    """Return {"architecture", "installed" (version or None), "sha256" (of the bundle it came from, or None)}.

    Raises BundleError if the installed CRI-O must not be replaced by a bundle.
    """
    service = crio_service.CrioService()
    record = _record()
    if service.binary is None:
        return {"architecture": architecture(), "installed": None, "sha256": None}
    if record.get("binary") == crio_service.binary_identity(service.binary):
        return {"architecture": architecture(), "installed": record["version"], "sha256": record["sha256"]}
    installed = crio_service.version_of(service.binary)
    if service.binary != CRIO:
        raise BundleError(
            f"CRI-O {installed or 'of unknown version'} is installed as {shown(service.binary)}, not from a bundle,"
            f" which would be {CRIO}; use crio_install: preinstalled"
        )
    # A crio that no longer runs is replaced if a bundle installed it: the file may be damaged.
    installed = installed or record.get("version")
    if installed is None:
        raise BundleError(
            f"{CRIO} exists, but does not print its version with --version; remove it to install the bundle"
        )
    return {"architecture": architecture(), "installed": installed, "sha256": None}


def _record() -> dict[str, Any]:
    """Return what the last installation recorded: {"sha256", "version", "binary"}; {} without a valid record.

    The record may have been changed by anyone, so its version is made safe to show.
    """
    found = None
    with contextlib.suppress(RecursionError):
        found = node_files.read_json(RECORD)
    if isinstance(found, dict) and all(isinstance(found.get(key), str) for key in ("sha256", "version")):
        return dict(found, version=shown(found["version"], _LONGEST_VERSION))
    return {}


def is_interrupted() -> bool:
    """Whether an installation or a removal was interrupted, so that `recover` has something to do."""
    installs = os.path.lexists(INTENT) or os.path.lexists(INTENT + ".new")
    return installs or FileRemoval(REMOVAL).is_announced()


def recover() -> bool:
    """Finish or undo an interrupted installation, and finish a removal. Returns whether there was one.

    Raises BundleError if that is not possible.
    """
    if not is_interrupted():
        return False
    with locked():
        return recover_locked()


def recover_locked() -> bool:
    """Do what `recover` does, for a caller that holds the lock."""
    undone = _end_installation()
    removal = FileRemoval(REMOVAL)
    if not removal.is_announced():
        return undone
    try:
        if removal.load():
            complete_removal(removal)
    except NodeError as error:
        raise BundleError(
            f"a removal of a bundle was interrupted and cannot be completed yet: {error}. The next run continues"
        ) from error
    return True


def complete_removal(removal: FileRemoval) -> None:
    """Remove what an announced removal lists, and make systemd forget the unit. Raises NodeError; the next run continues."""
    removal.remove()
    status, _output, error = run(["systemctl", "daemon-reload"])
    if status != 0:
        raise BundleError(f"systemctl daemon-reload failed: {shown(error)}")
    removal.end()


def _end_installation() -> bool:
    try:
        ended = FileSwap(INTENT).recover()
        if ended == "damaged":
            # Which programs are in place is not known: with no record the next installation replaces them all.
            with contextlib.suppress(FileNotFoundError):
                os.unlink(RECORD)
    except (OSError, SwapError) as error:
        raise BundleError(f"an installation of a bundle was interrupted, and {_cannot_end(error)}") from error
    if ended == "undone":
        run(["systemctl", "daemon-reload"])
    return ended is not None


def _cannot_end(error: OSError | SwapError) -> str:
    told = os_error(error, "undoing it") if isinstance(error, OSError) else str(error)
    return f"{told}. Programs of both bundles may be in place until crio_bundle runs again and can undo it"


@contextlib.contextmanager
def locked() -> Iterator[None]:
    """Hold the lock of installations and removals, which ends with the process."""
    try:
        node_files.make_private_directory(NODE.state_directory)
        handle = os.open(NODE.state_directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except node_files.NodeFileError as error:
        raise BundleError(f"{error}. Nothing was changed") from error
    except OSError as error:
        doing = f"preparing {NODE.state_directory}"
        raise BundleError(f"{os_error(error, doing)}. Nothing was changed") from error
    try:
        deadline = time.monotonic() + _LONGEST_WAIT
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise BundleError(
                        "another run is installing or removing a bundle on this node; run again when it has finished"
                    ) from None
                time.sleep(0.2)
        yield
    finally:
        os.close(handle)


def prepare(
    source: str, sha256: str, directory: str, other_minor: bool = False
) -> tuple[str, list[Placement]]:
    """Fetch the bundle at `source`, a path or a URL, and check everything that may refuse it, using `directory` only.

    other_minor: accept the next or the previous minor version of the installed one.
    Returns (its CRI-O version, [(target, path of the content, mode), ...]), the input of `install`. Raises BundleError.
    """
    archive = source
    if download.is_url(source):
        archive = os.path.join(directory, "fetched.tar.gz")
        try:
            download.fetch(source, archive)
        except download.DownloadError as error:
            raise BundleError(f"the bundle {error}") from None
    name = download.redacted(source) if download.is_url(source) else shown(source)
    _refuse_another_hash(name, archive, sha256)
    members = _unpack(archive, os.path.join(directory, "content"))
    version = _version_in(members)
    _refuse_other_version(read()["installed"], version, other_minor)
    placements = list(_placements(members))
    for target, _content, _mode in placements:
        try:
            node_files.refuse_untouchable(target)
        except node_files.NodeFileError as error:
            raise BundleError(str(error)) from error
    _refuse_unfit_file_systems(placements)
    return version, placements


def _refuse_other_version(installed: str | None, version: str, other_minor: bool) -> None:
    """Raise BundleError for a minor version that must not, or not yet, replace the installed one."""
    if not installed or _minor(installed) == _minor(version):
        return
    if not other_minor:
        raise BundleError(
            f"CRI-O {installed} is installed, but the bundle contains {version}: a different minor version removes"
            " all pods of the node when it starts. The playbook cri.node.upgrade changes the minor version"
        )
    (major, minor), (new_major, new_minor) = _minor(installed), _minor(version)
    if major != new_major or abs(minor - new_minor) > 1:
        raise BundleError(
            f"CRI-O {installed} is installed, but the bundle contains {version}: an upgrade changes the minor version by one"
            f" at a time, as Kubernetes requires; use a bundle of {major}.{minor + (1 if new_minor > minor else -1)} first"
        )


def _minor(version: str) -> tuple[int, int]:
    """Return the first two numbers of a version, zeros for missing ones."""
    numbers = [int(each) for each in re.findall(r"\d{1,9}", version)[:2]]
    return (*numbers, 0, 0)[0], (*numbers, 0, 0)[1]


def stage(source: str, sha256: str, directory: str, other_minor: bool) -> tuple[str, Bundle]:
    """Fetch and unpack a bundle that a change of the node's configuration will install, in `directory` only.

    Returns its version and what the request of the change has of it. Raises BundleError.
    """
    version, placements = prepare(source, sha256, directory, other_minor)
    missing = node_files.missing_directories(
        os.path.dirname(target) for target, _content, _mode in placements
    )
    return version, {
        "programs": [
            {"path": target, "source": content, "mode": f"{mode:04o}"} for target, content, mode in placements
        ],
        "crio": CRIO,
        "record": RECORD,
        "recorded": {
            "format": documents.BUNDLE_FORMAT,
            "sha256": sha256,
            "version": version,
            **_owned(former_record(), placements, missing),
        },
    }


def install(version: str, placements: list[Placement], sha256: str) -> list[str]:
    """Install what `prepare` returned for the bundle with this SHA-256. Returns warnings. Raises BundleError."""
    with locked():
        recover_locked()
        return _install(version, _still_wanted(placements), sha256)


def _install(version: str, placements: list[Placement], sha256: str) -> list[str]:
    swap = FileSwap(INTENT)
    try:
        former, missing = former_record(), node_files.missing_directories(_OF_CRIO)
        staged = swap.stage(placements, RECORD)
        binary = [CRIO, *crio_service.binary_identity(staged[CRIO])[1:]] if CRIO in staged else []
        record = {"format": documents.BUNDLE_FORMAT, "sha256": sha256, "version": version, "binary": binary}
        record.update(_owned(former, placements, [*missing, *swap.new_directories]))
        swap.stage_record(json.dumps(record, sort_keys=True).encode())
        swap.swap()
        selinux_labels.restore(swap.new_paths)
        status, _output, error = run(["systemctl", "daemon-reload"])
        if status != 0:
            raise BundleError(f"systemctl daemon-reload failed: {shown(error)}")
        swap.commit()
    except Exception as error:
        # After the record's rename the new files are in place, whatever could not be synced.
        if not swap.is_committed():
            reason = os_error(error, "installing the bundle") if isinstance(error, OSError) else str(error)
            _undo(swap, reason)
    try:
        swap.finish()
    except OSError as error:
        return [
            f"the bundle is installed; {os_error(error, 'removing the temporary files of the installation')};"
            " the next run removes them"
        ]
    return []


def former_record() -> BundleRecord | None:
    """Return what an earlier installation recorded, with its files derived if it has format 1; None without a usable record."""
    text = node_files.read_text(RECORD)
    try:
        record = documents.read_bundle_record(text, RECORD) if text is not None else None
    except documents.DamagedDocument:
        return None
    if record is not None and record["files"] is None:
        record["files"], record["directories"] = _derived(os.lstat(RECORD).st_mtime)
    return record


def _derived(installed_at: float) -> tuple[dict[str, str], list[str]]:
    """Return ({path: SHA-256}, directories) of what an installation that ended at `installed_at` probably created.

    Its files are in the known places and as old as its record: it writes all of them anew, and then the record.
    """
    places = [*_PROGRAMS.values(), *_DATA.values(), *_ONLY_WHERE_ABSENT.values()]
    for folder in [path for path in places if path.endswith("/")]:
        with contextlib.suppress(OSError):
            places += [folder + name for name in os.listdir(folder)]
    files = {}
    for path in places:
        if node_files.file_type_of(path) == "file" and not path.endswith("/"):
            age = installed_at - os.lstat(path).st_mtime
            if 0 <= age <= _LONGEST_INSTALLATION:
                files[path] = node_files.hash_of(path)
    return files, [folder for folder in _OWN_DIRECTORIES if os.path.isdir(folder)]


def _owned(
    former: BundleRecord | None, placements: list[Placement], directories: list[str]
) -> dict[str, Any]:
    """Return what the record has of the node's paths: those of this installation, and what is left of a former one."""
    files = (former["files"] or {}) if former else {}
    existed = [target for target, _content, _mode in placements if os.path.lexists(target)]
    replaced = [*(former["replaced"] if former else []), *(path for path in existed if path not in files)]
    folders = {*(former["directories"] if former else []), *directories}
    return {
        "files": {**files, **{target: node_files.hash_of(content) for target, content, _mode in placements}},
        "directories": sorted(folders),
        "replaced": sorted(set(replaced)),
    }


def _undo(swap: FileSwap, reason: str) -> NoReturn:
    """Put the previous files back, if possible, and raise BundleError."""
    try:
        swap.undo()
    except SwapError as error:
        raise BundleError(f"{reason}. Undoing the installation also failed: {_cannot_end(error)}") from None
    run(["systemctl", "daemon-reload"])
    raise BundleError(f"{reason}. The previous files were restored; nothing was changed") from None


def _still_wanted(placements: list[Placement]) -> list[Placement]:
    """Return the placements without configuration files that somebody else has created since `prepare`."""
    only_where_absent = set(_ONLY_WHERE_ABSENT.values())
    return [each for each in placements if each[0] not in only_where_absent or not os.path.lexists(each[0])]


def _refuse_another_hash(name: str, archive: str, sha256: str) -> None:
    found = hashlib.sha256()
    try:
        with os.fdopen(os.open(archive, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise BundleError(f"the bundle {name} is not a regular file")
            if status.st_size > download.LIMIT:
                raise BundleError(
                    f"the bundle {name} has {size(status.st_size)}; at most {size(download.LIMIT)} are accepted"
                )
            for block in iter(lambda: file.read(_BLOCK), b""):
                found.update(block)
    except (OSError, ValueError) as error:
        reason = os_reason(error, archive) if isinstance(error, OSError) else shown(str(error))
        raise BundleError(f"the bundle {name} cannot be read: {reason}") from error
    if found.hexdigest() != sha256:
        raise BundleError(
            f"the bundle {name} has the SHA-256 {found.hexdigest()}, but crio_bundle specifies {sha256}"
        )


def _unpack(archive: str, directory: str) -> dict[str, str]:
    """Unpack the files that are installed on this node: {name below cri-o/: path}."""
    try:
        members = tar_archive.unpack(archive, directory, _TOP, _has_place)
    except tar_archive.ArchiveError as error:
        raise BundleError(f"the bundle cannot be unpacked: {error}") from error
    lacking = [name for name in _NEEDED if name not in members]
    if lacking:
        raise BundleError(f"the bundle lacks {', '.join(f'{_TOP}/{name}' for name in lacking)}")
    return members


def _has_place(name: str) -> bool:
    return (
        name in _PROGRAMS
        or name.rpartition("/")[0] + "/" in _PROGRAMS
        or name in _DATA
        or name in _ONLY_WHERE_ABSENT
    )


def _version_in(members: dict[str, str]) -> str:
    os.chmod(members["bin/crio"], 0o755)
    version = crio_service.version_of(members["bin/crio"])
    if version is None:
        _status, _output, error = run([members["bin/crio"], "--version"])
        said = shown(error) or "it prints no version"
        raise BundleError(f"the bundle's crio does not run on this {architecture()} node: {said}")
    return version


def _placements(members: dict[str, str]) -> Iterator[Placement]:
    """Yield (target, path of the content, mode) for every file of the bundle that is installed on this node."""
    for name, content in sorted(members.items()):
        directory = name.rpartition("/")[0] + "/"
        if name in _PROGRAMS:
            yield _PROGRAMS[name], content, 0o755
        elif directory in _PROGRAMS:
            yield _PROGRAMS[directory] + os.path.basename(name), content, 0o755
        elif name in _DATA:
            yield _DATA[name], content, 0o644
        elif name in _ONLY_WHERE_ABSENT and not os.path.lexists(_ONLY_WHERE_ABSENT[name]):
            yield _ONLY_WHERE_ABSENT[name], content, 0o644


def _refuse_unfit_file_systems(placements: list[Placement]) -> None:
    """Raise BundleError for what would fail half-way: no space, a read-only file system, or a target on another one."""
    needed: dict[int, int] = {}
    places: dict[int, str] = {}
    for target, content, _mode in placements:
        waiting_room, directory = (
            node_files.nearest_directory(beside(target)),
            node_files.nearest_directory(target),
        )
        device = os.stat(waiting_room).st_dev
        if os.stat(directory).st_dev != device:
            raise BundleError(
                f"{directory} is on a different file system than {waiting_room}, where {target} is staged, so the staged file"
                f" cannot be renamed into place; unmount {directory}"
            )
        places[device] = waiting_room
        needed[device] = needed.get(device, _ROOM_TO_SPARE) + os.stat(content).st_size
    for device, place in sorted(places.items()):
        found = os.statvfs(place)
        if found.f_flag & os.ST_RDONLY:
            raise BundleError(
                f"the file system of {place} is mounted read-only; the bundle cannot be installed"
            )
        room = found.f_bfree * found.f_frsize
        if found.f_blocks and room < needed[device]:
            raise BundleError(
                f"the bundle needs {size(needed[device])} on the file system of {place}, which has {size(room)} left"
            )
