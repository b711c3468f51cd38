# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The programs that can import an image into the store of a runtime, and export one of it.

Sources: containers-storage and docker-archive references of skopeo(1) and containers-transports(5), ctr's own help. CRI-O reports
root, runroot, driver and options of its store in GET /config; they may differ from those in storage.conf.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterable
from typing import IO, Any

from ..crictl import info as cri_info
from ..crictl.call import Crictl
from ..crictl.image_output import bare_id
from ..crio.live import CrioSocketError, live_configuration
from ..errors import ImageError
from ..program import PATH, run
from ..text import shown

_ARCHIVE = "/proc/self/fd/0"  # the standard input; unlike "-", a path that can be opened more than once
# What an image is called meanwhile, if its archive has only a tag for it.
_NOWHERE = "cri-node.invalid/import"
_NAMESPACE = "k8s.io"  # of containerd's CRI
# What separates the parts of a reference to a store.
_SPECIAL = re.compile(r"[\[\]+:@,\s]")
# Only for the mount of a container's file system; its value contains commas.
_FOR_MOUNTS = re.compile(r"(?:\w+\.)?mountopt=")


class Way:
    """A program that imports images. intended: the names that the images of an archive are to have, all of them."""

    def __init__(self, intended: set[str]) -> None:
        self.intended = intended

    def add(self, file: IO[bytes], kind: str, image: dict[str, Any], timeout: int) -> None:
        """Import one image of an archive of this kind, which is not compressed, under its names. Raises ImageError."""
        raise NotImplementedError

    def take(self, image: dict[str, Any], kind: str, path: str, timeout: int) -> None:
        """Write an image, as store.listed has it, to a new archive of this kind. Raises ImageError."""
        raise NotImplementedError


def of(crictl: Crictl, intended: set[str]) -> Way:
    """Return the way for this runtime. Raises ImageError if there is none, CrictlError and UnexpectedOutput."""
    runtime = cri_info.version(crictl.text("version"))["runtime_name"]
    path = crictl.image_endpoint[len("unix://") :]
    if runtime == "cri-o":
        return _of_crio(path, crictl.timeout, intended)
    if runtime == "containerd":
        ctr = _program("ctr")
        if ctr:
            return Ctr(intended, ctr, path)
        raise ImageError(
            "an archive can only be imported into containerd with ctr, which this node does not have",
            "missing",
        )
    raise ImageError(
        f"how to import an archive into the runtime {shown(runtime, 80)} is not known", "missing"
    )


class Skopeo(Way):
    """skopeo, which writes to the store of CRI-O under each name."""

    def __init__(self, intended: set[str], program: str, live: dict[str, str]) -> None:
        super().__init__(intended)
        driver, root, runroot, options = _store(live)
        for text in (driver, root, runroot, *options):
            if _SPECIAL.search(text):
                raise ImageError(
                    f"skopeo does not accept the setting {shown(text, 200)} of CRI-O's store; podman does"
                )
        suffix = f":{','.join(options)}" if options else ""
        policy = _text(live, "crio.image.signature_policy")
        self._command = [program, *(("--policy", policy) if policy else ()), "copy", "--quiet"]
        self._store = f"containers-storage:[{driver}@{root}+{runroot}{suffix}]"

    def add(self, file: IO[bytes], kind: str, image: dict[str, Any], timeout: int) -> None:
        """Copy the image once for each name; layers are only copied the first time."""
        source = f"{kind}:{_ARCHIVE}{':' if image['source'] else ''}{image['source']}"
        for name in image["names"]:
            _run([*self._command, source, self._store + name], timeout, file)

    def take(self, image: dict[str, Any], kind: str, path: str, timeout: int) -> None:
        """Copy the image by its ID. Its layers are stored unpacked, so that the manifest, and its digest, is a new one."""
        _run([*self._command, f"{self._store}@{bare_id(image['id'])}", f"{kind}:{path}"], timeout)


class Podman(Way):
    """podman, which loads a whole archive, with the names in it."""

    def __init__(self, intended: set[str], program: str, live: dict[str, str]) -> None:
        super().__init__(intended)
        driver, root, runroot, options = _store(live)
        self._command = [program, "--root", root, "--runroot", runroot, "--storage-driver", driver]
        for option in options:
            self._command += ["--storage-opt", option]
        policy = _text(live, "crio.image.signature_policy")
        self._policy = ("--signature-policy", policy) if policy else ()
        self._former: set[str] | None = None  # the names in the store before the archive was loaded

    def add(self, file: IO[bytes], kind: str, image: dict[str, Any], timeout: int) -> None:
        """Load the archive once, give the image its names, and remove those that it has from the archive."""
        if kind == "oci-archive" and image["source"]:
            raise ImageError("podman cannot load an oci-archive with several images; skopeo can")
        if self._former is None:
            self._former = self._names()
            load = [*self._command, "load", "--quiet", *self._policy, "--input", _ARCHIVE]
            _run(load, timeout, file)
        loaded = self._names([f"--filter=id={identity}" for identity in image["ids"]])
        identity = self._loaded(image)
        _run([*self._command, "tag", identity, *image["names"]], timeout)
        for name in sorted(loaded - self._former - self.intended):
            _run([*self._command, "untag", identity, name], timeout)

    def take(self, image: dict[str, Any], kind: str, path: str, timeout: int) -> None:
        """Save the image by its ID, with a manifest that has a new digest, as with skopeo."""
        save = [*self._command, "save", "--quiet", "--format", kind, "--output", path]
        _run([*save, bare_id(image["id"])], timeout)

    def _names(self, filters: Iterable[str] = ()) -> set[str]:
        listed = _run([*self._command, "images", "--all", "--format={{.Repository}}:{{.Tag}}", *filters], 60)
        return {line.strip() for line in listed.splitlines() if line.strip() and "<none>" not in line}

    def _loaded(self, image: dict[str, Any]) -> str:
        """Return the ID of the image: of several platforms, the node's own was loaded."""
        listed = _run([*self._command, "images", "--all", "--quiet", "--no-trunc"], 60)
        there = {line.strip().rpartition(":")[2] for line in listed.splitlines()}
        identity = next((each for each in image["ids"] if each in there), None)
        if identity is None:
            raise ImageError(f"podman did not load the image {shown(image['names'][0], 300)}")
        return str(identity)


class Ctr(Way):
    """ctr, which gives an image its names as records of their own."""

    def __init__(self, intended: set[str], program: str, socket: str) -> None:
        super().__init__(intended)
        self._command = [program, "--address", socket, "--namespace", _NAMESPACE, "images"]
        self._is_loaded = False

    def add(self, file: IO[bytes], kind: str, image: dict[str, Any], timeout: int) -> None:
        """Import the archive once; name its only image, or rely on the names in an archive with several."""
        first, *others = image["names"]
        if not self._is_loaded:
            self._is_loaded = True
            named = () if image["source"] else ("--index-name", first, "--base-name", _NOWHERE)
            former = self._records()
            _run([*self._command, "import", *named, "-"], timeout, file)
            for name in sorted(self._records() - former - self.intended):
                _run([*self._command, "remove", name], 60)
        for name in others:
            _run([*self._command, "tag", "--force", first, name], timeout)

    def take(self, image: dict[str, Any], kind: str, path: str, timeout: int) -> None:
        """Export the image of the node's platform with its own manifest, so that the digest is kept in an oci-archive."""
        only = ("--skip-manifest-json",) if kind == "oci-archive" else ()
        name = next(iter([*image["tags"], *image["digests"]]))
        _run([*self._command, "export", *only, path, name], timeout)

    def _records(self) -> set[str]:
        """Return the names in containerd's store, without the IDs that its CRI adds."""
        lines = _run([*self._command, "list", "--quiet"], 60).split()
        return {name for name in lines if not name.startswith("sha256:")}


class Docker(Way):
    """docker, whose store is not containerd's of CRI, and which has a command for each direction."""

    def __init__(self, intended: set[str], program: str) -> None:
        super().__init__(intended)
        self._command = [program]

    def add(self, file: IO[bytes], kind: str, image: dict[str, Any], timeout: int) -> None:
        """Load a docker-archive of one image, which has no name in it, and give the image its names."""
        _run([*self._command, "load", "--quiet", "--input", _ARCHIVE], timeout, file)
        for name in image["names"]:
            _run([*self._command, "tag", f"sha256:{image['ids'][0]}", name], timeout)

    def take(self, image: dict[str, Any], kind: str, path: str, timeout: int) -> None:
        """Save the image by its ID: a docker-archive, whose manifest is a new one."""
        _run([*self._command, "save", "--output", path, f"sha256:{bare_id(image['id'])}"], timeout)


def of_docker() -> Docker:
    """Return the way for Docker, which is not reached by its CRI socket. Raises ImageError."""
    docker = _program("docker")
    if not docker:
        raise ImageError(
            "images of Docker need its command, docker, which this node does not have", "missing"
        )
    return Docker(set(), docker)


def _of_crio(socket: str, timeout: float, intended: set[str]) -> Way:
    try:
        live = live_configuration(socket, timeout)
    except CrioSocketError as error:
        raise ImageError(f"CRI-O does not report where its images are: {error}", error.kind) from None
    imagestore = _text(live, "crio.imagestore")
    if imagestore:
        raise ImageError(
            f"CRI-O keeps its images in {shown(imagestore, 200)} (crio.imagestore), where no archive can be imported"
        )
    for name, way in (("skopeo", Skopeo), ("podman", Podman)):
        program = _program(name)
        if program:
            return way(intended, program, live)
    raise ImageError(
        "an archive can only be imported into CRI-O with skopeo or podman, and this node has neither; install one of them",
        "missing",
    )


def _store(live: dict[str, str]) -> tuple[str, str, str, list[str]]:
    """Return driver, root, run directory and options of CRI-O's store."""
    driver, root, runroot = (_text(live, f"crio.{key}") for key in ("storage_driver", "root", "runroot"))
    if not (driver and root and runroot):
        raise ImageError(
            "CRI-O does not report where its images are: storage_driver, root or runroot is missing"
        )
    try:
        options = json.loads(live.get("crio.storage_option", "[]"))
    except ValueError:
        options = None
    if not isinstance(options, list) or not all(isinstance(each, str) for each in options):
        raise ImageError("CRI-O does not report the options of its store: storage_option is not a list")
    return driver, root, runroot, [each for each in options if not _FOR_MOUNTS.match(each)]


def _text(live: dict[str, str], key: str) -> str:
    """Return a string of CRI-O's configuration; "" if it is absent."""
    try:
        value = json.loads(live.get(key, '""'))
    except ValueError:
        value = None
    if not isinstance(value, str):
        raise ImageError(f"CRI-O does not report the value of {key}")
    return value


def _program(name: str) -> str | None:
    return shutil.which(name, path=os.pathsep.join(filter(None, (os.environ.get("PATH"), PATH))))


def _run(command: list[str], timeout: int, file: IO[bytes] | None = None) -> str:
    """Run a program with a file as its standard input; return its output. Raises ImageError with the last line of it."""
    name = os.path.basename(command[0])
    if file is None:
        status, output, errors = run(command, timeout)
    else:
        os.lseek(file.fileno(), 0, os.SEEK_SET)  # the position is shared with the program
        status, output, errors = run(command, timeout, stdin=file)
    if status == 0:
        return output
    lines = [line.strip() for line in f"{output}\n{errors}".splitlines() if line.strip()]
    said = shown(lines[-1]) if lines else f"exit status {status}"
    kind = "timeout" if status == 124 else "failed"
    raise ImageError(f"{name}: {said}", kind)
