# SPDX-License-Identifier: GPL-3.0-or-later
"""Selects the CRI-O of the nodes: the first source that exists."""

import contextlib
import hashlib
import io
import os
import platform
import re
import shutil
import subprocess
import tarfile
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from testbed.paths import FILES, STANDIN, STATE

PINNED_VERSION = "1.36.0"
OFFICIAL = "https://storage.googleapis.com/cri-o/artifacts/cri-o.{arch}.v{version}.tar.gz"
CONNECT_LIMIT = 5  # seconds; most machines without network answer at once, a few only by silence
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "ppc64le": "ppc64le", "s390x": "s390x"}
STANDIN_VERSION = "1.37.0"  # what the stand-in says it is: the version its data was recorded from
NAME = re.compile(r"cri-o\.(?P<arch>\w+)\.v?(?P<version>\d+\.\d+\.\d+[^/]*?)\.tar\.gz$")

# For a CRI-O that comes without its unit.
UNIT = (FILES / "crio.service").read_bytes()


class SourceError(Exception):
    """A source of CRI-O was named but cannot be used."""


@dataclass(frozen=True)
class Source:
    """A CRI-O for nodes.

    `origin` says in words where it comes from; exactly one of `bundle` (a tarball in the layout of
    CRI-O's official static bundle) and `programs` (name -> path) is set. The stand-in is no CRI-O: its
    programs need a node that images.standin_image() made.
    """

    origin: str
    version: str
    bundle: Path | None = None
    programs: Mapping[str, Path] = field(default_factory=dict)
    standin: bool = False

    def __str__(self) -> str:
        return f"CRI-O {self.version} from {self.origin}"

    def key(self) -> str:
        """Return a hash of the source's bytes."""
        digest = hashlib.sha256(UNIT)
        for path in [self.bundle] if self.bundle else [self.programs[name] for name in sorted(self.programs)]:
            with path.open("rb") as file:
                while block := file.read(1 << 20):
                    digest.update(block)
        return digest.hexdigest()

    def read(self, program: str) -> bytes:
        """Return the content of crio, crictl or pinns."""
        target = f"usr/local/bin/{program}"
        return next(content for path, _mode, content in self._files() if path == target)

    def tree(self) -> bytes:
        """Return an uncompressed tar for a node's root, with the layout of an installed bundle."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as out:
            seen = set()
            for path, mode, content in self._files():
                seen.add(path)
                add_file(out, path, mode, content)
            if "usr/local/lib/systemd/system/crio.service" not in seen:
                add_file(out, "usr/local/lib/systemd/system/crio.service", 0o644, UNIT)
        return buffer.getvalue()

    def has(self, program: str) -> bool:
        """Return whether the source contains this program (conmon, crun, ...)."""
        if not self.bundle:
            return program in self.programs
        with tarfile.open(self.bundle) as tar:
            return any(name.endswith(f"/bin/{program}") for name in tar.getnames())

    def _files(self):
        for name, path in self.programs.items():
            yield f"usr/local/bin/{name}", 0o755, path.read_bytes()
        if not self.bundle:
            return
        with tarfile.open(self.bundle) as tar:
            for member in tar:
                target = destination(member.name)
                if member.isfile() and target:
                    yield target, member.mode & 0o777, tar.extractfile(member).read()


def add_file(tar: tarfile.TarFile, path: str, mode: int, content: bytes) -> None:
    """Add a file to a tar, owned by root and without a time, so that equal content has equal bytes."""
    entry = tarfile.TarInfo(path)
    entry.size, entry.mode = len(content), mode
    tar.addfile(entry, io.BytesIO(content))


def destination(name: str) -> str | None:
    """Return where the bundle's installer puts a file; None for a file that nodes do not need."""
    parts = name.removeprefix("./").split("/")[1:]
    match parts:
        case ["bin", ("crio" | "pinns" | "crictl") as program]:
            return f"usr/local/bin/{program}"
        case ["bin", program]:
            return f"usr/libexec/crio/{program}"
        case ["cni-plugins", program]:
            return f"opt/cni/bin/{program}"
        case ["contrib", "crio.service"]:
            return "usr/local/lib/systemd/system/crio.service"
        case ["contrib", "policy.json"]:
            return "etc/crio/policy.json"
        case ["contrib", "registries.conf"]:
            return "etc/containers/registries.conf.d/crio.conf"
        case ["etc", "crio"]:
            return "etc/sysconfig/crio"
        case ["etc", "10-crio.conf"]:
            return "etc/crio/crio.conf.d/10-crio.conf"
    return None


def _version(path: Path) -> str:
    if found := NAME.search(path.name):
        return found["version"]
    with tarfile.open(path) as tar:
        for member in tar:
            if member.name.endswith("/bin/crio"):
                program = STATE / "crio-asked-for-its-version"
                program.parent.mkdir(parents=True, exist_ok=True)
                program.write_bytes(tar.extractfile(member).read())
                program.chmod(0o755)
                try:
                    return program_version(program)
                finally:
                    program.unlink()
    raise SourceError(f"{path}: no bin/crio in it; expected CRI-O's official static bundle")


def program_version(program: Path) -> str:
    """Return the version that a crio program prints."""
    said = subprocess.run(
        [program, "--version"], capture_output=True, text=True, timeout=20, check=False
    ).stdout
    found = re.search(r"(?:crio version|Version:)\s*v?(\S+)", said)
    return found[1] if found else "of unknown version"


def _newest(paths: list[Path]) -> Path:
    def order(path: Path):
        return [int(part) for part in re.findall(r"\d+", NAME.search(path.name)["version"])]

    return max(paths, key=order)


def fetch(url: str, folder: Path) -> Path:
    """Download a bundle, verify its published SHA-256, and return its path.

    Raises SourceError when it cannot be reached within CONNECT_LIMIT seconds, or the hash differs.
    """
    target = folder / url.rsplit("/", 1)[-1]
    if target.exists():
        return target
    try:
        with urllib.request.urlopen(f"{url}.sha256sum", timeout=CONNECT_LIMIT) as answer:
            wanted = answer.read().decode().split()[0]
        with urllib.request.urlopen(url, timeout=CONNECT_LIMIT) as answer:
            content = answer.read()
    except (urllib.error.URLError, OSError, IndexError) as error:
        raise SourceError(f"{url}: {error}") from error
    if hashlib.sha256(content).hexdigest() != wanted:
        raise SourceError(f"{url}: its SHA-256 is not {wanted}")
    folder.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".partial")
    partial.write_bytes(content)
    partial.rename(target)
    return target


def cache_folder(environment: Mapping[str, str]) -> Path:
    """Return the directory that caches bundles for all checkouts."""
    base = environment.get("XDG_CACHE_HOME") or Path(environment.get("HOME", "/root")) / ".cache"
    return Path(base) / "cri-node"


def standin_source() -> Source:
    """Return the stand-in, which does not need CRI-O."""
    programs = {name: STANDIN / "bin" / name for name in ("crio", "crictl", "pinns")}
    return Source(
        "the stand-in (no CRI-O, but a layer over Debian's containerd that looks like it)",
        STANDIN_VERSION,
        programs=programs,
        standin=True,
    )


def pick_source(environment: Mapping[str, str] | None = None, download: bool = True) -> Source:
    """Return the CRI-O for nodes, or the stand-in if none is available.

    Looks at CRIO_BUNDLE (a file, a URL, or the word standin), the cache folder, the PATH, the official
    download. `environment` is by default that of this process. Raises SourceError when CRIO_BUNDLE names something that
    cannot be used.
    """
    environment = os.environ if environment is None else environment
    arch = ARCHITECTURES.get(platform.machine(), platform.machine())
    cache = cache_folder(environment)
    named = environment.get("CRIO_BUNDLE")
    if named == "standin":
        return standin_source()
    if named:
        path = fetch(named, STATE / "downloads") if "://" in named else Path(named).expanduser()
        if not path.is_file():
            raise SourceError(f"CRIO_BUNDLE={named}: no such file")
        return Source(f"CRIO_BUNDLE ({path.name})", _version(path), bundle=path)

    cached = [
        path for path in cache.glob("cri-o.*.tar.gz") if (m := NAME.search(path.name)) and m["arch"] == arch
    ]
    if cached:
        path = _newest(cached)
        return Source(f"the cache folder ({path.name})", _version(path), bundle=path)

    where = {name: shutil.which(name, path=environment.get("PATH")) for name in ("crio", "crictl", "pinns")}
    if all(where.values()):
        programs = {name: Path(path).resolve() for name, path in where.items()}
        return Source(f"the PATH ({where['crio']})", program_version(programs["crio"]), programs=programs)

    if download:
        with contextlib.suppress(SourceError):
            path = fetch(OFFICIAL.format(arch=arch, version=PINNED_VERSION), cache)
            return Source("the official download", PINNED_VERSION, bundle=path)
    return standin_source()
