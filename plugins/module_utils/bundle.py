# SPDX-License-Identifier: GPL-3.0-or-later
"""CRI-O's static bundle: fetched, checked against its SHA-256, and put where its own installer puts it.

The layout is that of cri-o/packaging's bundle (top directory cri-o/). Nothing in the archive is executed but
`crio --version`.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import platform
import shutil
import tarfile
import urllib.request
import zlib

from . import node_files
from .crio import service as crio_service
from .errors import NodeError
from .layout import NODE
from .program import run

RECORD = NODE.state_directory + "/bundle.json"
CRIO = "/usr/local/bin/crio"
# uname -m to the bundles' names; the others are the same.
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_TOP = "cri-o"
_NEEDED = ("bin/crio", "bin/crictl", "bin/pinns", "contrib/crio.service")
_BLOCK = 1024 * 1024

# Where each program and each of the unit's files goes; a directory takes all that the archive has below it.
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
# Configuration is the administrator's once it is there.
_ONLY_WHERE_ABSENT = {
    "etc/crictl.yaml": "/etc/crictl.yaml",
    "etc/10-crio.conf": "/etc/crio/crio.conf.d/10-crio.conf",
    "contrib/policy.json": "/etc/crio/policy.json",
    "contrib/registries.conf": "/etc/containers/registries.conf.d/registries.conf",
}


class BundleError(NodeError):
    """The bundle cannot be installed; the message is for people."""


def read():
    """{"architecture", "installed" (version or None), "sha256" of the bundle it came from, or None}.

    Raises BundleError where the CRI-O that is here is none that a bundle may replace.
    """
    service = crio_service.CrioService()
    record = node_files.read_json(RECORD) or {}
    if service.binary is None:
        return {"architecture": _architecture(), "installed": None, "sha256": None}
    if record.get("binary") == crio_service.binary_identity(service.binary):
        return {"architecture": _architecture(), "installed": record["version"], "sha256": record["sha256"]}
    installed = crio_service.version_of(service.binary)
    if service.binary != CRIO:
        raise BundleError(
            f"CRI-O {installed or 'of unknown version'} is installed as {service.binary}, not from a bundle"
            f" (which goes to {CRIO}); use crio_install: preinstalled"
        )
    # One that does not run any more is replaced where a bundle brought it: a disk may have lost it.
    installed = installed or record.get("version")
    if installed is None:
        raise BundleError(
            f"{CRIO} is there and does not tell its version when asked with --version; remove it to install"
            " the bundle"
        )
    return {"architecture": _architecture(), "installed": installed, "sha256": None}


def _architecture():
    return _ARCHITECTURES.get(platform.machine(), platform.machine())


def prepare(source, sha256, directory):
    """Fetch the bundle at `source`, a path or a URL, and check all that may refuse it, in `directory` alone.

    Returns (its version of CRI-O, [(target, path of the content, mode), ...]), what `install` takes.
    """
    archive = source
    if "://" in source:
        archive = os.path.join(directory, "fetched.tar.gz")
        _fetch(source, archive)
    _refuse_another_hash(source, archive, sha256)
    members = _unpack(archive, os.path.join(directory, "content"))
    version = _version_in(members)
    installed = read()["installed"]
    if installed and installed.split(".")[:2] != version.split(".")[:2]:
        raise BundleError(
            f"CRI-O {installed} is installed and the bundle has {version}: another minor version removes all"
            f" pods of the node when it starts. Drain the node, stop CRI-O and remove {CRIO} first"
        )
    placements = list(_placements(members))
    for target, _content, _mode in placements:
        try:
            node_files.refuse_untouchable(target)
        except node_files.NodeFileError as error:
            raise BundleError(str(error)) from error
    return version, placements


def install(version, placements, sha256):
    """Put in place what `prepare` prepared of the bundle with this SHA-256."""
    _place(placements)
    status, _output, error = run(["systemctl", "daemon-reload"])
    if status != 0:
        raise BundleError(f"systemctl daemon-reload failed: {error.strip()}")
    node_files.make_private_directory(NODE.state_directory)
    record = {"sha256": sha256, "version": version, "binary": crio_service.binary_identity(CRIO)}
    node_files.write_json(RECORD, record)


def _fetch(url, target):
    try:
        with urllib.request.urlopen(url, timeout=60) as incoming, open(target, "wb") as file:
            shutil.copyfileobj(incoming, file, _BLOCK)
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise BundleError(
            f"the bundle {url} cannot be fetched: {getattr(error, 'reason', None) or error}"
        ) from error


def _refuse_another_hash(source, archive, sha256):
    found = hashlib.sha256()
    try:
        with open(archive, "rb") as file:
            for block in iter(lambda: file.read(_BLOCK), b""):
                found.update(block)
    except OSError as error:
        raise BundleError(f"the bundle {source} cannot be read: {error}") from error
    if found.hexdigest() != sha256:
        raise BundleError(
            f"the bundle {source} has the SHA-256 {found.hexdigest()}, not the {sha256} that crio_bundle"
            " asks for"
        )


def _unpack(archive, directory):
    """Unpack the regular files below cri-o/, no links and no odd names. Returns {name below it: path}."""
    members = {}
    try:
        with tarfile.open(archive) as opened:
            for member in opened:
                parts = member.name.split("/")
                if not member.isreg() or parts[0] != _TOP or {"", ".", ".."} & set(parts):
                    continue
                path = os.path.join(directory, *parts[1:])
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with opened.extractfile(member) as content, open(path, "wb") as file:
                    shutil.copyfileobj(content, file, _BLOCK)
                members["/".join(parts[1:])] = path
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise BundleError(f"the bundle is no tar archive that can be read: {error}") from error
    lacking = [name for name in _NEEDED if name not in members]
    if lacking:
        raise BundleError(f"the bundle lacks {', '.join(f'{_TOP}/{name}' for name in lacking)}")
    return members


def _version_in(members):
    os.chmod(members["bin/crio"], 0o755)
    version = crio_service.version_of(members["bin/crio"])
    if version is None:
        _status, _output, error = run([members["bin/crio"], "--version"])
        said = error.strip() or "it tells no version"
        raise BundleError(f"the bundle's crio does not run on this {_architecture()} node: {said}")
    return version


def _placements(members):
    """(target, path of the content, mode) for all that the bundle brings to this node."""
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


def _place(placements):
    """Copy all beside the targets, then rename. A full disk changes nothing, a daemon keeps its file."""
    staged = {}
    try:
        for target, content, mode in placements:
            node_files.make_directories(os.path.dirname(target))
            staged[target] = _beside(target)
            shutil.copyfile(content, staged[target])
            with open(staged[target], "rb") as file:
                os.fchmod(file.fileno(), mode)
                os.fsync(file.fileno())
        for target, beside in staged.items():
            node_files.swap_in(beside, target)
    finally:
        for beside in staged.values():
            node_files.remove(beside)
    if os.path.exists("/sys/fs/selinux/enforce") and shutil.which("restorecon"):
        run(["restorecon", *sorted(staged)])


def _beside(target):
    directory, name = os.path.split(target)
    # crio.conf.d is read whole, whatever its files' suffix is: the copy waits one level up.
    waiting_room = os.path.dirname(directory) if directory.endswith(".d") else directory
    return os.path.join(waiting_room, f".cri-node-{name}")
