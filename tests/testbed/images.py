# SPDX-License-Identifier: GPL-3.0-or-later
"""The images of the nodes, each tagged with a hash of all its inputs."""

import fcntl
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from testbed import engine
from testbed.paths import FILES, STANDIN, STATE
from testbed.source import Source, add_file

REPOSITORY = "cri-node-testbed"
SUITE = "trixie"
PACKAGES = (
    "systemd systemd-sysv dbus openssh-server python3 crun conmon containernetworking-plugins iproute2 "
    "iptables nftables ca-certificates procps kmod curl docker-registry busybox-static"
).split()
# Nobody reads manuals in a node, and a node lives too short for its disk to matter.
DPKG_OPTIONS = (
    "force-unsafe-io",
    "path-exclude=/usr/share/doc/*",
    "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/locale/*",
)
NODE_FILES = ("entry", "crun", "reduced-bundle", "sshd.conf", "registry.yml")
STANDIN_UNIT = "crio-standin-containerd.service"
CRIO_FILES = ("10-testbed.conf", "50-testbed.conf", "10-testbed.conflist", "policy.json", "crictl.yaml")
CONTAINERD_FILES = ("containerd.toml", "hosts.toml", "10-testbed.conflist")
ENGINE_FILES = ("containerd.toml", "hosts.toml", "docker.json")
# In crictl.yaml: that of CRI-O, and what replaces it.
SOCKETS = (b"/var/run/crio/crio.sock", b"/run/containerd/containerd.sock")


def say(text: str) -> None:
    """Print what is being done, for users who wait."""
    print(f"testbed: {text}", file=sys.stderr, flush=True)


def digest(*parts: bytes) -> str:
    """Return a short hash of some bytes, for a tag."""
    total = hashlib.sha256()
    for part in parts:
        total.update(hashlib.sha256(part).digest())
    return total.hexdigest()[:12]


@contextmanager
def one_builder() -> Iterator[None]:
    """Lock the build, so that other test beds of this checkout wait instead of building the same image."""
    STATE.mkdir(parents=True, exist_ok=True)
    with (STATE / "images.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def exists(image: str) -> bool:
    """Return whether the engine has this image."""
    return bool(engine.call("images", "--quiet", image))


def _build(image: str, dockerfile: str, files: Mapping[str, bytes], arguments: Mapping[str, str]) -> None:
    options = [f"--build-arg={name}={value}" for name, value in arguments.items()]
    with tempfile.TemporaryDirectory(prefix="testbed-") as folder:
        for name, content in {"Dockerfile": (FILES / dockerfile).read_bytes(), **files}.items():
            (Path(folder) / name).write_bytes(content)
            (Path(folder) / name).chmod(0o644)
        # The host's network, because only the host is sure to reach Debian's packages.
        engine.call(
            "build", "--quiet", "--force-rm", "--network=host", f"--tag={image}", *options, folder, limit=1200
        )


def _debian_mirror() -> list[str]:
    """Return the mirror that this machine uses for Debian packages; empty for the default."""
    try:
        lines = subprocess.run(
            ["apt-get", "indextargets", "--format", "$(ORIGIN)|$(LABEL)|$(REPO_URI)"],
            capture_output=True,
            text=True,
            check=False,
        ).stdout.splitlines()
    except OSError:
        return []
    found = [line.split("|")[2] for line in lines if line.startswith("Debian|Debian|")]
    return found[:1]


def _bootstrap(image: str) -> None:
    """Build the base image from Debian packages. Raises EngineError if that fails."""
    if not shutil.which("mmdebstrap"):
        if os.geteuid():
            raise engine.EngineError(
                "the node's base image is made with mmdebstrap. Type: sudo apt-get install --yes mmdebstrap"
            )
        engine.install_packages("mmdebstrap")
    say(f"making a Debian {SUITE} base from Debian's packages (a minute or two, once)")
    with tempfile.TemporaryDirectory() as folder:
        tarball = Path(folder) / "base.tar"
        command = ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(PACKAGES)}"]
        command += [f"--dpkgopt={option}" for option in DPKG_OPTIONS]
        command += ['--aptopt=APT::Install-Recommends "false"', SUITE, str(tarball), *_debian_mirror()]
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd=folder, check=False
        )
        if done.returncode:
            raise engine.EngineError(f"mmdebstrap: {(done.stdout + done.stderr).strip()[-3000:]}")
        engine.call("import", str(tarball), image, limit=600)


def _base() -> str:
    """Return a Debian base image: pulled if a registry answers, else built from packages."""
    pulled = f"debian:{SUITE}"
    image = f"{REPOSITORY}/base:{digest(SUITE.encode(), *map(str.encode, PACKAGES + list(DPKG_OPTIONS)))}"
    if exists(image):
        return image
    if exists(pulled):
        return pulled
    try:
        engine.call("pull", "--quiet", pulled, limit=120)
    except engine.EngineError:
        _bootstrap(image)
        return image
    return pulled


def node_image() -> str:
    """Return the image of a node without CRI-O; build it if necessary."""
    files = {name: (FILES / name).read_bytes() for name in NODE_FILES}
    inputs = [(FILES / "Dockerfile.node").read_bytes(), " ".join(PACKAGES).encode(), *files.values()]
    image = f"{REPOSITORY}/node:{digest(*inputs)}"
    with one_builder():
        if not exists(image):
            base = _base()
            say("building the node image (once)")
            _build(image, "Dockerfile.node", files, {"BASE": base, "PACKAGES": " ".join(PACKAGES)})
    return image


def _standin_library() -> bytes:
    """Return a tar of the stand-in's modules and data, for /usr/local/lib/standin."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as out:
        for path in sorted(STANDIN.iterdir()):
            if path.is_file():
                add_file(out, path.name, 0o644, path.read_bytes())
    return buffer.getvalue()


def standin_image() -> str:
    """Return the image of a node for the stand-in's programs; build it if necessary."""
    node = node_image()
    files = {
        STANDIN_UNIT: (FILES / STANDIN_UNIT).read_bytes(),
        "skopeo": (STANDIN / "bin" / "skopeo").read_bytes(),
        "standin.tar": _standin_library(),
    }
    return _on_top_of(node, "standin", files, "building the node image for the stand-in (once)")


def bare_image(source: Source) -> str:
    """Return the image of a node without CRI-O for this source's programs; build it if necessary."""
    return standin_image() if source.standin else node_image()


def crio_image(source: Source, beneath: str = "") -> str:
    """Return the image of a node with this CRI-O; build it if necessary. beneath: another base image."""
    node = beneath or bare_image(source)
    files = {name: (FILES / name).read_bytes() for name in CRIO_FILES}
    inputs = [(FILES / "Dockerfile.crio").read_bytes(), node.encode(), source.key().encode(), *files.values()]
    image = f"{REPOSITORY}/crio:{digest(*inputs)}"
    with one_builder():
        if not exists(image):
            say(f"building the node image with {source} (once)")
            conmon = "/usr/libexec/crio/conmon" if source.has("conmon") else "/usr/bin/conmon"
            files["10-testbed.conf"] = files["10-testbed.conf"].replace(b"@CONMON@", conmon.encode())
            _build(image, "Dockerfile.crio", {**files, "crio.tar": source.tree()}, {"NODE": node})
    return image


def containerd_image(source: Source) -> str:
    """Return the image of a node with Debian's containerd and this source's crictl; build it if necessary."""
    node = bare_image(source)
    files = {name: (FILES / name).read_bytes() for name in CONTAINERD_FILES}
    files["crictl"] = source.read("crictl")
    files["crictl.yaml"] = (FILES / "crictl.yaml").read_bytes().replace(*SOCKETS)
    return _on_top_of(node, "containerd", files, "building the node image with containerd (once)")


def engines_image(source: Source) -> str:
    """Return the image of a node with CRI-O and, beside it, Debian's containerd and Docker; build it if necessary."""
    files = {name: (FILES / name).read_bytes() for name in ENGINE_FILES}
    return _on_top_of(crio_image(source), "engines", files, "building the node image with Docker (once)")


def dnf_image(source: Source) -> str:
    """Return the image of a node without CRI-O, with dnf and what makes a repository of rpm packages; build it if necessary."""
    return _on_top_of(bare_image(source), "dnf", {}, "building the node image with dnf (once)")


def _on_top_of(node: str, kind: str, files: dict[str, bytes], announced: str) -> str:
    """Return the image of a kind with these files, on top of the image `node`; build it if necessary."""
    dockerfile = f"Dockerfile.{kind}"
    image = f"{REPOSITORY}/{kind}:{digest((FILES / dockerfile).read_bytes(), node.encode(), *files.values())}"
    with one_builder():
        if not exists(image):
            say(announced)
            _build(image, dockerfile, files, {"NODE": node})
    return image


def remove_images() -> None:
    """Remove all images of the test bed, including those of older inputs."""
    for kind in ("engines", "crio", "containerd", "dnf", "standin", "node", "base"):
        listed = engine.call("images", "--format", "{{.Repository}}:{{.Tag}}", f"{REPOSITORY}/{kind}").split()
        if listed:
            engine.call("rmi", "--force", *listed)
