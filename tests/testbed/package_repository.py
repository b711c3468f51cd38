# SPDX-License-Identifier: GPL-3.0-or-later
"""A signed package repository with CRI-O, served over HTTP by the process of the tests.

Its packages contain the files of the CRI-O at hand below /usr, as the official packages do. All of them contain the same
programs, whatever the version of the package is: crio prints the version of the source. Packages are made with dpkg-deb and
rpmbuild, indexes by this module and createrepo_c, signatures with gpg.
"""

import base64
import email.utils
import functools
import gzip
import hashlib
import io
import os
import shutil
import subprocess
import tarfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import BinaryIO

from testbed.node import Node
from testbed.paths import FILES
from testbed.source import Source, add_file

# What an official package does after its installation, and more: it also starts the service.
POSTINST = """\
#!/bin/sh
set -e
if [ "$1" = configure ]; then
    deb-systemd-helper enable crio.service >/dev/null
    systemctl --system daemon-reload >/dev/null
    if [ -n "$2" ]; then action=restart; else action=start; fi
    deb-systemd-invoke $action crio.service >/dev/null || echo "crio.service: no $action"
fi
"""
CONFFILES = ("etc/crio/crio.conf.d/10-crio.conf", "etc/crictl.yaml")
CRICTL_YAML = b"runtime-endpoint: unix:///var/run/crio/crio.sock\n"
# Of the source's tree; the plugins of a pod network are Debian's in a node.
_LEFT_OUT = (
    "usr/local/bin/crictl",
    "opt/cni/bin/",
    "usr/libexec/crio/crio-credential-provider",
    "usr/libexec/crio/conmonrs",
)


def files_of(source: Source) -> dict[str, tuple[int, bytes]]:
    """Return {path: (mode, content)} of a package of CRI-O from this source."""
    found = {}
    with tarfile.open(fileobj=io.BytesIO(source.tree())) as tar:
        for member in tar:
            if member.name.startswith(_LEFT_OUT):
                continue
            content = tar.extractfile(member).read()
            if member.name.endswith("crio.service"):
                content = content.replace(b"/usr/local/bin/", b"/usr/bin/").replace(
                    b"/etc/sysconfig/", b"/etc/default/"
                )
            found[member.name.replace("usr/local/", "usr/")] = (member.mode, content)
    # For a source without them: as the official package has them.
    settings = b'[crio.image]\nsignature_policy = "/etc/crio/policy.json"\n'
    found.setdefault("etc/crio/crio.conf.d/10-crio.conf", (0o644, settings))
    found.setdefault("etc/crio/policy.json", (0o644, (FILES / "policy.json").read_bytes()))
    found["etc/crictl.yaml"] = (0o644, CRICTL_YAML)
    return found


class Signer:
    """A key of gpg, in a folder of its own."""

    def __init__(self, folder: Path, name: str = "cri.node test"):
        folder.mkdir(mode=0o700, parents=True)
        self.folder = folder
        self.name = name
        self.call("--passphrase", "", "--quick-generate-key", name, "rsa3072", "sign", "never")
        self.key = self.call("--armor", "--export", name)
        listed = self.call("--with-colons", "--list-keys", name).decode().splitlines()
        self.fingerprint = next(line.split(":")[9] for line in listed if line.startswith("fpr:"))

    def call(self, *arguments: str, stdin: bytes = b"") -> bytes:
        """Run gpg, and return its output."""
        command = ["gpg", "--homedir", str(self.folder), "--batch", "--no-tty", "--quiet", *arguments]
        return subprocess.run(command, input=stdin, capture_output=True, check=True).stdout

    def signed(self, text: bytes) -> bytes:
        """Return a text with a signature in it."""
        return self.call("--pinentry-mode", "loopback", "--passphrase", "", "--clear-sign", stdin=text)

    def signature(self, content: bytes) -> bytes:
        """Return a detached signature, armored."""
        return self.call(
            "--pinentry-mode", "loopback", "--passphrase", "", "--armor", "--detach-sign", stdin=content
        )

    def close(self) -> None:
        """End gpg's own processes."""
        subprocess.run(["gpgconf", "--homedir", str(self.folder), "--kill", "all"], check=False)


class DebRepository:
    """A folder with deb packages and their signed index."""

    def __init__(self, folder: Path, signer: Signer | None):
        folder.mkdir(parents=True)
        self.folder = folder
        self.signer = signer
        self.valid_until: float | None = None
        self._entries: list[str] = []

    def add(self, package: Path) -> None:
        """Add a package to the index; `write` signs it."""
        shutil.copy(package, self.folder / package.name)
        control = subprocess.run(
            ["dpkg-deb", "--field", package], capture_output=True, check=True, text=True
        ).stdout
        content = package.read_bytes()
        more = f"Filename: ./{package.name}\nSize: {len(content)}\nSHA256: {hashlib.sha256(content).hexdigest()}\n"
        self._entries.append(control + more)

    def write(self) -> None:
        """Write the index and sign it."""
        index = "\n".join(self._entries).encode()
        lines = [
            "Origin: testbed",
            "Suite: /",
            f"Date: {email.utils.formatdate(time.time() - 60, usegmt=True)}",
        ]
        if self.valid_until is not None:
            lines.append(f"Valid-Until: {email.utils.formatdate(self.valid_until, usegmt=True)}")
        lines.append("SHA256:")
        for name, content in (("Packages", index), ("Packages.gz", gzip.compress(index, mtime=0))):
            (self.folder / name).write_bytes(content)
            lines.append(f" {hashlib.sha256(content).hexdigest()} {len(content)} {name}")
        release = "\n".join([*lines, ""]).encode()
        (self.folder / "Release").write_bytes(release)
        (self.folder / "InRelease").unlink(missing_ok=True)
        if self.signer:
            (self.folder / "InRelease").write_bytes(self.signer.signed(release))
            (self.folder / "Release.key").write_bytes(self.signer.key)


def deb(
    folder: Path, name: str, version: str, files: dict[str, tuple[int, bytes]], postinst: str = ""
) -> Path:
    """Make a deb package, and return its path. version: with the revision of the package, as 1.37.0-1.1."""
    architecture = subprocess.run(
        ["dpkg", "--print-architecture"], capture_output=True, check=True, text=True
    ).stdout.strip()
    target = folder / f"{name}_{version}_{architecture}.deb"
    root = folder / f"{name}_{version}"
    for path, (mode, content) in files.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        place.chmod(mode)
    control = {
        "Package": name,
        "Version": version,
        "Architecture": architecture,
        "Maintainer": "Test bed <testbed@example.com>",
        "Description": "made by the test bed from the CRI-O at hand",
    }
    metadata = {"control": "".join(f"{key}: {value}\n" for key, value in control.items())}
    if postinst:
        metadata["postinst"] = postinst
    conffiles = "".join(f"/{path}\n" for path in CONFFILES if path in files)
    if conffiles:
        metadata["conffiles"] = conffiles
    (root / "DEBIAN").mkdir(parents=True)
    for key, text in metadata.items():
        (root / "DEBIAN" / key).write_text(text)
        (root / "DEBIAN" / key).chmod(0o755 if key == "postinst" else 0o644)
    command = ["dpkg-deb", "--build", "--root-owner-group", "-Zgzip", "-z1", str(root), str(target)]
    subprocess.run(command, capture_output=True, check=True)
    shutil.rmtree(root)
    return target


# What makes the packages and the index, on a node with rpm. $1: the folder of the repository.
BUILD = """\
set -e
cd /root/rpm
export GNUPGHOME=/root/rpm/gnupg
mkdir -p -m 700 $GNUPGHOME "$1"
gpg --batch --quiet --import key.asc
for spec in *.spec; do
    rpmbuild -bb --quiet --define '_rpmdir /root/rpm/out' --define '_build_id_links none' --define '_topdir /root/rpm' \\
        --define '_binary_payload w1.gzdio' --define '__os_install_post %{nil}' $spec
done
find out -name '*.rpm' | while read -r package; do
    rpmsign --define "_gpg_name $2" --addsign "$package" >/dev/null 2>&1
    mv "$package" "$1"
done
createrepo_c --quiet "$1"
rm -rf /root/rpm
"""
# As the official package does after an upgrade, in both ways that systemd's macros have had; and it is also started.
_RPM_SCRIPTS = """\
%post
systemctl daemon-reload
systemctl preset crio.service || :
systemctl start crio.service || :
%postun
if [ $1 -ge 1 ]; then
    systemctl try-restart crio.service || :
    systemctl set-property --runtime crio.service Markers=+needs-restart || :
    systemctl reload-or-restart --marked || :
fi
"""


def rpm_spec(name: str, version: str, files: dict[str, tuple[int, bytes]]) -> str:
    """Return the specification of a package with these files, which are in /root/rpm/files of the node."""
    lines = [
        f"Name: {name}",
        f"Version: {version}",
        "Release: 1.1",
        "Summary: made by the test bed",
        "License: Apache-2.0",
    ]
    # The database of rpm does not know that Debian has a shell, which the scripts of packages need.
    provides = ["Provides: /bin/sh"] if name == "container-selinux" else []
    lines += [
        "AutoReqProv: no",
        *provides,
        "%description",
        "made by the test bed from the CRI-O at hand",
        "%install",
    ]
    listed = []
    for path, (mode, _content) in files.items():
        lines.append(f"install -D -m {mode:o} /root/rpm/files/{path} %{{buildroot}}/{path}")
        listed.append(f"%config(noreplace) /{path}" if path in CONFFILES else f"/{path}")
    scripts = _RPM_SCRIPTS if name == "cri-o" else ""
    return "\n".join([*lines, scripts, "%files", *listed, ""])


def make_rpms(
    node: Node, folder: str, signer: Signer, packages: dict[tuple[str, str], dict[str, tuple[int, bytes]]]
) -> None:
    """Make a signed repository in a folder of a node with rpm. packages: {(name, version): files}."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        secret = signer.call(
            "--pinentry-mode", "loopback", "--passphrase", "", "--armor", "--export-secret-keys", signer.name
        )
        add_file(tar, "key.asc", 0o600, secret)
        for (name, version), files in packages.items():
            add_file(tar, f"{name}-{version}.spec", 0o644, rpm_spec(name, version, files).encode())
        for path, (mode, content) in {
            path: each for files in packages.values() for path, each in files.items()
        }.items():
            add_file(tar, f"files/{path}", mode, content)
    node.check("mkdir -p /root/rpm && tar -x -C /root/rpm", stdin=buffer.getvalue())
    node.check(["sh", "-c", BUILD, "sh", folder, signer.name], limit=300)


class Served:
    """A folder that is served over HTTP. requests: the paths that were asked for.

    fails: beginnings of paths with status 503. ends_early: beginnings of paths of which only the first half is sent.
    """

    def __init__(self, port: int):
        self.port = port
        self.requests: list[str] = []
        self.fails: tuple[str, ...] = ()
        self.ends_early: tuple[str, ...] = ()
        self.password = ""  # with the user ops; empty: nobody is asked for one

    def url(self, address: str, path: str, credentials: str = "") -> str:
        """Return the URL of a path for a node that has this gateway address."""
        return f"http://{f'{credentials}@' if credentials else ''}{address}:{self.port}/{path}"


class _Handler(SimpleHTTPRequestHandler):
    def __init__(self, served: Served, *arguments: object, **more: object):
        self.served = served
        super().__init__(*arguments, **more)

    def do_GET(self) -> None:  # the name is that of http.server
        served = self.served
        expected = "Basic " + base64.b64encode(f"ops:{served.password}".encode()).decode()
        if served.password and self.headers.get("Authorization") != expected:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="mirror"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        served.requests.append(self.path)
        if served.fails and self.path.startswith(served.fails):
            self.send_error(503)
            return
        super().do_GET()

    def copyfile(self, source: BinaryIO, outputfile: BinaryIO) -> None:
        """Send the content, or only its first half."""
        if not (self.served.ends_early and self.path.startswith(self.served.ends_early)):
            super().copyfile(source, outputfile)
            return
        outputfile.write(source.read(os.fstat(source.fileno()).st_size // 2))
        self.close_connection = True

    def log_message(self, *_arguments: object) -> None:
        pass


@contextmanager
def serve(folder: Path) -> Iterator[Served]:
    """Serve a folder on all addresses of this machine, which the nodes reach by their gateway."""
    served = Served(0)
    handler = functools.partial(_Handler, served, directory=str(folder))
    with ThreadingHTTPServer(("0.0.0.0", 0), handler) as server:
        served.port = server.server_port
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield served
        finally:
            server.shutdown()
