# SPDX-License-Identifier: GPL-3.0-or-later
"""CRI-O's static bundle: fetched, checked against its SHA-256, and put where the bundle's own installer puts it.

The layout is that of cri-o/packaging's bundle (top directory cri-o/). Nothing in the archive is executed but `crio --version`.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import tarfile
import tempfile
import urllib.request

from . import crio_service, node_files, node_state

RECORD = node_state.STATE_DIRECTORY + "/bundle.json"
CRIO = "/usr/local/bin/crio"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}  # uname -m to the bundle's names; the others are the same
_TOP = "cri-o/"
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


class BundleError(Exception):
    """The bundle cannot be installed; the message is for people. Nothing was changed on the node."""


def read():
    """{"architecture", "installed" (version or None), "binary", "sha256" of the bundle installed here or None}."""
    service = crio_service.CrioService()
    record = node_files.read_json(RECORD) or {}
    intact = service.binary is not None and record.get("binary") == node_state.binary_identity(service.binary)
    return {
        "architecture": _ARCHITECTURES.get(platform.machine(), platform.machine()),
        "binary": service.binary,
        "installed": crio_service.version_of(service.binary) if service.binary and not intact else record.get("version"),
        "sha256": record.get("sha256") if intact else None,
    }


def install(source, sha256):
    """Install the bundle at `source`, a path or a URL, whose SHA-256 is `sha256`. Returns its version."""
    node_files.make_private_directory(node_state.STATE_DIRECTORY)
    with tempfile.TemporaryDirectory(dir=node_state.STATE_DIRECTORY, prefix="bundle-") as directory:
        archive = os.path.join(directory, "bundle.tar.gz")
        _bring(source, archive, sha256)
        members = _unpack(archive, os.path.join(directory, "content"))
        version = _version_in(members)
        _refuse_another_crio(version)
        for target, content, mode in _placements(members):
            _place(content, target, mode)
        status, _output, error = crio_service.run(["systemctl", "daemon-reload"])
        if status != 0:
            raise BundleError(f"systemctl daemon-reload failed: {error.strip()}")
    record = {"sha256": sha256, "version": version, "binary": node_state.binary_identity(CRIO)}
    node_files.write_json(RECORD, record)
    return version


def _bring(source, target, sha256):
    try:
        opened = urllib.request.urlopen(source, timeout=60) if "://" in source else open(source, "rb")
    except (OSError, ValueError) as error:
        raise BundleError(f"the bundle {source} cannot be read: {getattr(error, 'reason', None) or error}") from error
    found = hashlib.sha256()
    with opened as incoming, open(target, "wb") as file:
        try:
            for block in iter(lambda: incoming.read(_BLOCK), b""):
                found.update(block)
                file.write(block)
        except OSError as error:
            raise BundleError(f"the bundle {source} did not arrive whole: {error}") from error
    if found.hexdigest() != sha256:
        raise BundleError(f"the bundle {source} has the SHA-256 {found.hexdigest()}, not the {sha256} that crio_bundle asks for")


def _unpack(archive, directory):
    """Unpack the regular files below cri-o/. Returns {name below cri-o/: path}. Links and odd names are left out."""
    members = {}
    try:
        with tarfile.open(archive) as opened:
            for member in opened:
                name = member.name[len(_TOP) :]
                if not member.isreg() or not member.name.startswith(_TOP) or ".." in name.split("/"):
                    continue
                path = os.path.join(directory, name)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with opened.extractfile(member) as content, open(path, "wb") as file:
                    shutil.copyfileobj(content, file, _BLOCK)
                os.chmod(path, 0o755 if member.mode & 0o100 else 0o644)
                members[name] = path
    except (tarfile.TarError, EOFError, OSError) as error:
        raise BundleError(f"the bundle is no tar archive that can be read: {error}") from error
    lacking = [name for name in ("bin/crio", "bin/crictl", "bin/pinns", "contrib/crio.service") if name not in members]
    if lacking:
        raise BundleError(f"the bundle lacks {', '.join(_TOP + name for name in lacking)}")
    return members


def _version_in(members):
    os.chmod(members["bin/crio"], 0o755)
    version = crio_service.version_of(members["bin/crio"])
    if version is None:
        raise BundleError(f"the bundle's crio does not run on this {platform.machine()} node")
    return version


def _refuse_another_crio(version):
    here = read()
    if here["binary"] is None:
        return
    if here["binary"] != CRIO:
        raise BundleError(
            f"CRI-O {here['installed']} is installed as {here['binary']}, not from a bundle (which goes to {CRIO});"
            " use crio_install: preinstalled"
        )
    if str(here["installed"]).split(".")[:2] != version.split(".")[:2]:
        raise BundleError(
            f"CRI-O {here['installed']} is installed and the bundle has {version}: another minor version removes every pod of the"
            " node when it starts. Drain the node and remove the old CRI-O first"
        )


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


def _place(content, target, mode):
    """Copy beside the target and rename over it: a program that runs keeps the file it was started from."""
    if not os.path.isdir(os.path.dirname(target)):
        node_files.make_directories(os.path.dirname(target))
    directory = os.path.dirname(target)
    # crio.conf.d is read whole, whatever its files' suffix is: the copy waits one level up.
    waiting_room = os.path.dirname(directory) if directory.endswith(".d") else directory
    beside = os.path.join(waiting_room, f".cri-node-{os.path.basename(target)}")
    shutil.copyfile(content, beside)
    os.chmod(beside, mode)
    os.rename(beside, target)
