# SPDX-License-Identifier: GPL-3.0-or-later
"""Static bundles of CRI-O, packed from what the nodes of the test bed run, and nodes that get CRI-O from one."""

import base64
import hashlib
import io
import os
import platform
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from testbed import article
from testbed.node import Node
from testbed.paths import FILES
from testbed.source import ARCHITECTURES, UNIT, Source, cache_folder

ARCHITECTURE = ARCHITECTURES.get(platform.machine(), platform.machine())


@dataclass(frozen=True)
class Bundle:
    """A static bundle on the controller."""

    path: Path
    sha256: str
    version: str

    def arguments(self, **more: Any) -> dict[str, Any]:
        """Return the value of the role's crio_bundle and the arguments of the module."""
        return {"source": str(self.path), "sha256": {ARCHITECTURE: self.sha256}, **more}


def files(source: Source, node: Callable[[], Node]) -> dict[str, bytes]:
    """Return the content of a bundle by name: CRI-O's own files, and Debian's conmon and crun of `node()` if they are missing."""
    found = {f"bin/{name}": path.read_bytes() for name, path in source.programs.items()}
    if source.bundle:
        with tarfile.open(source.bundle) as tar:
            members = [member for member in tar if member.isreg()]
            found = {member.name.partition("/")[2]: tar.extractfile(member).read() for member in members}
    found.setdefault("contrib/crio.service", UNIT)
    found.setdefault("contrib/policy.json", (FILES / "policy.json").read_bytes())
    found.setdefault("etc/10-crio.conf", b'[crio.image]\nsignature_policy = "/etc/crio/policy.json"\n')
    missing = [name for name in ("conmon", "crun") if f"bin/{name}" not in found]
    if missing:
        running = node()
        for name in missing:
            found[f"bin/{name}"] = base64.b64decode(running.check(f"base64 /usr/bin/{name}"))
    return found


def of_previous_minor(source: Source) -> Bundle | None:
    """Return a bundle of the minor version before that of the nodes' CRI-O, from the cache folder; None without one."""
    major, minor = (int(part) for part in source.version.split(".")[:2])
    name = f"cri-o.{ARCHITECTURE}.v{major}.{minor - 1}.*.tar.gz"
    paths = sorted(cache_folder(os.environ).glob(name))
    if not paths:
        return None
    version = paths[-1].name.removeprefix(f"cri-o.{ARCHITECTURE}.v").removesuffix(".tar.gz")
    return Bundle(paths[-1], hashlib.sha256(paths[-1].read_bytes()).hexdigest(), version)


def of_another_version(contents: Mapping[str, bytes], version: str, other: str) -> dict[str, bytes]:
    """Return a bundle whose crio says that it is another version, a text of the same length: the program is only data here."""
    assert len(version) == len(other)
    crio = contents["bin/crio"].replace(version.encode(), other.encode())
    assert crio != contents["bin/crio"], f"crio does not contain {version}"
    return {**contents, "bin/crio": crio}


def of_minor(version: str, difference: int) -> str:
    """Return the last patch release of another minor version (0: of the same), with the same number of digits."""
    major, minor, _patch = version.split(".")
    return f"{major}.{int(minor) + difference}.9"


def unit_that_fails(unit: bytes) -> bytes:
    """Return the unit of a CRI-O that passes its own checks and cannot be started."""
    return unit.replace(b"[Service]\n", b"[Service]\nExecStartPre=/bin/false\n")


def pack(folder: Path, contents: Mapping[str, bytes], version: str) -> Bundle:
    """Write a bundle that contains these files."""
    path = folder / f"cri-o.{ARCHITECTURE}.v{version}.tar.gz"
    with tarfile.open(path, "w:gz", compresslevel=1) as tar:
        for name, content in contents.items():
            entry = tarfile.TarInfo(f"cri-o/{name}")
            entry.size, entry.mode = len(content), 0o755 if name.startswith("bin/") else 0o644
            tar.addfile(entry, io.BytesIO(content))
    return Bundle(path, hashlib.sha256(path.read_bytes()).hexdigest(), version)


def conmon_of(source: Source) -> str:
    """Return the path of conmon on a node that a test gives CRI-O from packages: its own one, or Debian's."""
    return "/usr/libexec/crio/conmon" if source.has("conmon") else "/usr/bin/conmon"


def role_variables(bundle: Bundle, port: int = 9537) -> dict[str, Any]:
    """Return the role's variables for CRI-O from a bundle in a node that is itself a container."""
    variables = article.settings_in_a_container("/usr/libexec/crio/conmon", port)
    return {**variables, "crio_install": "bundle", "crio_bundle": bundle.arguments()}


def give_network_and_registry(node: Node) -> None:
    """Configure what CRI-O's bundle does not contain: a pod network, and the test bed's registry over plain HTTP."""
    node.copy_in("/etc/cni/net.d/10-testbed.conflist", (FILES / "10-testbed.conflist").read_bytes())
    node.copy_in(
        "/etc/containers/registries.conf.d/50-testbed.conf", (FILES / "50-testbed.conf").read_bytes()
    )
