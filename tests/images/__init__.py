# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives of small images, as `docker save`, `skopeo copy` and `docker buildx` write them, for tests."""

import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path

# The last one is what a tool writes that copies an index and the images of one platform only.
KINDS = (
    "docker-archive",
    "oci-archive",
    "oci-archive of two platforms",
    "oci-archive of two platforms without the other one",
)


def docker_archive(path: Path, *images: tuple[str, list[str]], compressed: bool = False) -> list[str]:
    """Write a docker-archive of images, each with its content and its names; return their IDs."""
    members, manifest, ids = {}, [], []
    for content, names in images:
        layer = _tar({"content.txt": content.encode()})
        configuration = _configuration(layer, content)
        identity = _digest(configuration)
        members[f"{identity}.json"] = configuration
        members[f"{_digest(layer)}.tar"] = layer
        manifest.append(
            {"Config": f"{identity}.json", "RepoTags": names or None, "Layers": [f"{_digest(layer)}.tar"]}
        )
        ids.append(identity)
    members["manifest.json"] = json.dumps(manifest).encode()
    _write(path, members, compressed)
    return ids


def archive_of_one(path: Path, kind: str, name: str) -> str:
    """Write an archive of one image with a name, of one of KINDS; return the ID of its image for amd64."""
    if kind == "docker-archive":
        return docker_archive(path, ("a", [name]), compressed=True)[0]
    image = ("a", {"org.opencontainers.image.ref.name": name})
    if kind == "oci-archive":
        return oci_archive(path, image)[0]
    absent = () if kind == "oci-archive of two platforms" else ("arm64",)
    return oci_archive(path, image, platforms=("arm64", "amd64"), absent=absent)[1]


def oci_archive(
    path: Path,
    *images: tuple[str, dict[str, str]],
    platforms: tuple[str, ...] = (),
    absent: tuple[str, ...] = (),
    compressed: bool = False,
) -> list[str]:
    """Write an oci-archive of images, each with its content and the annotations of its descriptor; return their IDs.

    platforms: architectures, for images that are an index; their IDs are returned one after the other.
    absent: those that the index lists, but that the archive does not contain.
    """
    members: dict[str, bytes] = {}
    descriptors, ids = [], []
    for content, annotations in images:
        made = [
            _oci_image({} if architecture in absent else members, content, architecture)
            for architecture in platforms or ("amd64",)
        ]
        ids += [identity for identity, _descriptor in made]
        descriptor = made[0][1]
        if platforms:
            below = [
                {**each, "platform": {"os": "linux", "architecture": architecture}}
                for (_identity, each), architecture in zip(made, platforms, strict=True)
            ]
            descriptor = _blob(members, "application/vnd.oci.image.index.v1+json", {"manifests": below})
        descriptors.append({**descriptor, "annotations": annotations})
    members["oci-layout"] = b'{"imageLayoutVersion": "1.0.0"}'
    members["index.json"] = json.dumps({"schemaVersion": 2, "manifests": descriptors}).encode()
    _write(path, members, compressed)
    return ids


def _oci_image(members: dict[str, bytes], content: str, architecture: str) -> tuple[str, dict]:
    layer = _tar({"content.txt": content.encode()})
    configuration = _configuration(layer, content, architecture)
    manifest = {
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": _blob(members, "application/vnd.oci.image.config.v1+json", configuration),
        "layers": [_blob(members, "application/vnd.oci.image.layer.v1.tar", layer)],
    }
    return _digest(configuration), _blob(members, manifest["mediaType"], manifest)


def _blob(members: dict[str, bytes], kind: str, document: bytes | dict) -> dict:
    content = document
    if isinstance(document, dict):
        content = json.dumps({"schemaVersion": 2, **document}).encode()
    members[f"blobs/sha256/{_digest(content)}"] = content
    return {"mediaType": kind, "digest": f"sha256:{_digest(content)}", "size": len(content)}


def _configuration(layer: bytes, comment: str, architecture: str = "amd64") -> bytes:
    document = {
        "architecture": architecture,
        "os": "linux",
        "created": "2026-01-31T08:00:00Z",
        "config": {"Cmd": ["/bin/true"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{_digest(layer)}"]},
        "history": [{"created": "2026-01-31T08:00:00Z", "comment": comment}],
    }
    return json.dumps(document).encode()


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _write(path: Path, members: dict[str, bytes], compressed: bool) -> None:
    content = _tar(members)
    path.write_bytes(gzip.compress(content, 1) if compressed else content)


def _tar(members: dict[str, bytes]) -> bytes:
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return output.getvalue()
