# SPDX-License-Identifier: GPL-3.0-or-later
"""The images of pods, built from one static busybox and pushed through the registry's HTTP API.

| image | what it does |
| --- | --- |
| pause | sleeps, reaps children, ends on TERM |
| hello-world | prints one line and ends |
| log-writer | writes LINES (10) lines to both streams, SIZE (32) bytes each, INTERVAL (0) seconds apart |
| long-running | prints one line and sleeps; ends on TERM with 0 |
"""

import gzip
import hashlib
import http.client
import io
import json
import platform
import tarfile
from dataclasses import dataclass, field

from testbed.source import ARCHITECTURES

SLEEP = "trap 'exit 0' TERM INT; while :; do sleep 3600 & wait $!; done"
LOG = """
line=$(printf "%${SIZE:-32}s" "" | tr " " x); number=0
while [ $number -lt ${LINES:-10} ]; do
  number=$((number + 1))
  echo "out $number $line"; echo "err $number $line" >&2
  [ "${INTERVAL:-0}" = 0 ] || sleep "$INTERVAL"
done
"""
SCRIPTS = {
    "pause": SLEEP,
    "hello-world": "echo 'Hello from a container'",
    "log-writer": LOG,
    "long-running": f"echo started; {SLEEP}",
}
APPLETS = ("sh", "sleep", "cat", "echo", "printf", "tr", "ls", "id", "env", "mount", "wget", "true", "false")


@dataclass(frozen=True)
class Image:
    """An OCI image: its manifest and the blobs that the manifest names."""

    name: str
    tag: str
    manifest: bytes
    blobs: dict[str, bytes] = field(repr=False)


def sha256(content: bytes) -> str:
    """Return a digest in OCI format."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def layer(busybox: bytes) -> bytes:
    """Return a root file system: busybox, its applets and mount points. The bytes are always equal."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for folder, mode in (
            ("bin", 0o755),
            ("dev", 0o755),
            ("etc", 0o755),
            ("proc", 0o555),
            ("sys", 0o555),
            ("tmp", 0o1777),
        ):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, mode
            tar.addfile(entry)
        for name, content in (("bin/busybox", busybox), ("etc/passwd", b"root:x:0:0:root:/:/bin/sh\n")):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o755
            tar.addfile(entry, io.BytesIO(content))
        for applet in APPLETS:
            entry = tarfile.TarInfo(f"bin/{applet}")
            entry.type, entry.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(entry)
    return buffer.getvalue()


def make_images(busybox: bytes) -> list[Image]:
    """Return all images of the test bed, which share one layer."""
    plain = layer(busybox)
    packed = gzip.compress(plain, compresslevel=6, mtime=0)
    images = []
    for name, script in SCRIPTS.items():
        config = json.dumps(
            {
                "architecture": ARCHITECTURES.get(platform.machine(), platform.machine()),
                "os": "linux",
                "config": {"Entrypoint": ["/bin/sh", "-c", script, name], "Env": ["PATH=/bin"]},
                "rootfs": {"type": "layers", "diff_ids": [sha256(plain)]},
                "history": [{"created_by": "testbed"}],
            }
        ).encode()
        manifest = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": {
                    "mediaType": "application/vnd.oci.image.config.v1+json",
                    "digest": sha256(config),
                    "size": len(config),
                },
                "layers": [
                    {
                        "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
                        "digest": sha256(packed),
                        "size": len(packed),
                    }
                ],
            }
        ).encode()
        images.append(Image(name, "1", manifest, {sha256(packed): packed, sha256(config): config}))
    return images


class PushError(Exception):
    """The registry refused something."""


def push(address: str, image: Image, port: int = 5000) -> None:
    """Push an image to a plain-HTTP registry. Raises PushError with the registry's answer."""
    connection = http.client.HTTPConnection(address, port, timeout=20)

    def ask(method: str, path: str, body: bytes = b"", kind: str = "application/octet-stream"):
        connection.request(method, path, body, {"Content-Type": kind})
        answer = connection.getresponse()
        said = answer.read()
        if answer.status >= 400 and method != "HEAD":
            raise PushError(f"{method} {path}: {answer.status} {said[:300]!r}")
        return answer

    for digest, content in image.blobs.items():
        if ask("HEAD", f"/v2/{image.name}/blobs/{digest}").status == 200:
            continue
        where = ask("POST", f"/v2/{image.name}/blobs/uploads/").headers["Location"]
        path = where.partition(f"{address}:{port}")[2] or where
        ask("PUT", f"{path}{'&' if '?' in path else '?'}digest={digest}", content)
    ask(
        "PUT",
        f"/v2/{image.name}/manifests/{image.tag}",
        image.manifest,
        "application/vnd.oci.image.manifest.v1+json",
    )
    connection.close()
