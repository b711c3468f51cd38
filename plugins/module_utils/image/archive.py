# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reads which images a docker-archive or an oci-archive contains: their names and IDs. Nothing is unpacked.

The formats are those of `docker save` (manifest.json) and of an OCI image layout (index.json), in a tar file that may be
compressed. An archive with both is a docker-archive, as newer versions of Docker write it. Whatever the file contains, reading it
takes bounded memory, and its documents are only compared and printed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from typing import IO, Any

from ..archive import BLOCK, COUNT_LIMIT, ArchiveError, Forward, decompressed
from ..image_reference import full_name
from ..os_errors import os_reason, size
from ..text import shown

LIMIT = 32 * 1024 * 1024 * 1024  # bytes of an archive, unpacked
_TEMPORARY = "/var/tmp"  # where skopeo and podman put large files, too
_BLOCK = 1024 * 1024
_DOCUMENT = 4 * 1024 * 1024  # bytes of one document, as registries limit a manifest
_DOCUMENTS = 64 * 1024 * 1024  # bytes of all documents
_MOST = 1000  # images of an archive, and manifests of an index
_DOCKER = "manifest.json"
_OCI = "index.json"
_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")
_BLOBS = "blobs/sha256/"
_NAMED = "io.containerd.image.name"
_REFERENCE = "org.opencontainers.image.ref.name"


def read(file: IO[bytes]) -> dict[str, Any]:
    """Return {"kind": docker-archive or oci-archive, "images": [...]} of an open file, whose position is changed.

    An image has source (what the kind of archive calls it, "" for the only one), names (full ones, in the archive's order; may be
    empty) and ids (of its configuration, 64 hexadecimal digits; several if it is for several platforms). Raises ArchiveError.
    """
    documents = _members(file, lambda name: name in (_DOCKER, _OCI))
    if _DOCKER in documents:
        return {"kind": "docker-archive", "images": _of_docker(file, documents[_DOCKER])}
    if _OCI in documents:
        return {"kind": "oci-archive", "images": _of_oci(file, documents[_OCI])}
    raise ArchiveError(f"it is not an archive of images: it contains neither {_DOCKER} nor {_OCI}")


@contextlib.contextmanager
def uncompressed(file: IO[bytes]) -> Iterator[IO[bytes]]:
    """Yield the archive, or a copy of a compressed one that is removed again. Raises ArchiveError.

    ctr 1.6 reads no compressed archive, and skopeo 1.9 not every one.
    """
    file.seek(0)
    source = decompressed(file)
    if source is file:
        yield file
        return
    with tempfile.NamedTemporaryFile(dir=_TEMPORARY) as copy:  # skopeo asks what its standard input is called
        try:
            _copy(source, copy)
        except ArchiveError:
            raise
        except Exception as error:  # gzip and lzma meet a damaged file with many types
            reason = os_reason(error, _TEMPORARY) if isinstance(error, OSError) else shown(error)
            raise ArchiveError(f"it cannot be uncompressed into {_TEMPORARY}: {reason}") from None
        yield copy


def _copy(source: IO[bytes], target: IO[bytes]) -> None:
    count = 0
    for block in iter(lambda: source.read(_BLOCK), b""):
        count += len(block)
        if count > LIMIT:
            raise ArchiveError(f"it is larger than {size(LIMIT)} when unpacked")
        target.write(block)
    target.flush()


def _of_docker(file: IO[bytes], text: bytes) -> list[dict[str, Any]]:
    entries = _checked(_parsed(text, _DOCKER), list, _DOCKER)
    if not 0 < len(entries) <= _MOST:
        raise ArchiveError(f"its {_DOCKER} lists {len(entries)} images; it must have 1 to {_MOST}")
    configurations = [
        _checked(_checked(entry, dict, _DOCKER).get("Config"), str, _DOCKER) for entry in entries
    ]
    contents = _members(file, lambda name: name in configurations)
    missing = next((name for name in configurations if name not in contents), None)
    if missing is not None:
        raise ArchiveError(f"it does not contain {shown(missing, 100)}, which its {_DOCKER} lists")
    return [
        {
            "source": f"@{index}" if len(entries) > 1 else "",
            "names": _names(_checked(entry.get("RepoTags") or [], list, _DOCKER)),
            "ids": [hashlib.sha256(contents[name]).hexdigest()],
        }
        for index, (entry, name) in enumerate(zip(entries, configurations))
    ]


def _of_oci(file: IO[bytes], text: bytes) -> list[dict[str, Any]]:
    descriptors = _descriptors(_parsed(text, _OCI), _OCI)
    if not descriptors:
        raise ArchiveError(f"its {_OCI} lists no image")
    manifests = _manifests(file, {_digest(each) for each in descriptors})
    below = {digest: _below(document) for digest, document in manifests.items()}
    manifests.update(
        _manifests(file, {each for several in below.values() for each in several}, required=False)
    )
    images = []
    for descriptor in descriptors:
        digest = _digest(descriptor)
        documents = [manifests[each] for each in below[digest] or [digest] if each in manifests]
        reference = _reference(descriptor)
        images.append(
            {
                "source": reference if len(descriptors) > 1 else "",
                "names": _names(_written(descriptor)),
                "ids": [
                    _digest(_checked(document["config"], dict, "a manifest"))
                    for document in documents
                    if "config" in document
                ],
            }
        )
    if len({image["source"] for image in images}) < len(images):
        raise ArchiveError(f"its {_OCI} lists several images that {_REFERENCE} does not distinguish")
    return images


def _reference(descriptor: dict[str, Any]) -> str:
    annotations = _checked(descriptor.get("annotations") or {}, dict, _OCI)
    return _checked(annotations.get(_REFERENCE, ""), str, _OCI)


def _written(descriptor: dict[str, Any]) -> list[str]:
    """Return the names of a descriptor. A reference that is only a tag is not a name."""
    annotations = _checked(descriptor.get("annotations") or {}, dict, _OCI)
    reference = _reference(descriptor)
    return [
        name
        for name in (annotations.get(_NAMED), reference if re.search("[/:]", reference) else "")
        if isinstance(name, str) and name
    ][:1]


def _manifests(file: IO[bytes], digests: set[str], required: bool = True) -> dict[str, dict[str, Any]]:
    """Return the parsed manifests and indexes with these digests. An archive may leave out those of other platforms."""
    if not digests:
        return {}
    contents = _members(file, lambda name: name.startswith(_BLOBS) and name[len(_BLOBS) :] in digests)
    found = {}
    for digest in digests:
        content = contents.get(_BLOBS + digest)
        if content is None and required:
            raise ArchiveError(f"it does not contain the manifest sha256:{digest}, which its {_OCI} lists")
        if content is not None:
            if hashlib.sha256(content).hexdigest() != digest:
                raise ArchiveError(f"its manifest sha256:{digest} has another digest")
            found[digest] = _checked(_parsed(content, "a manifest"), dict, "a manifest")
    return found


def _below(document: dict[str, Any]) -> list[str]:
    """Return the digests of the manifests of an index; none for the manifest of one image."""
    return [_digest(each) for each in _descriptors(document, "an index")] if "manifests" in document else []


def _descriptors(document: Any, where: str) -> list[dict[str, Any]]:
    found = _checked(_checked(document, dict, where).get("manifests") or [], list, where)
    if len(found) > _MOST:
        raise ArchiveError(f"{where} lists more than {_MOST} manifests")
    return [_checked(each, dict, where) for each in found]


def _digest(descriptor: dict[str, Any]) -> str:
    match = _DIGEST.fullmatch(_checked(descriptor.get("digest"), str, "a descriptor"))
    if not match:
        raise ArchiveError("a descriptor has a digest that is not a SHA-256")
    return match.group(1)


def _names(written: list[Any]) -> list[str]:
    """Return full names, each once. Raises ArchiveError."""
    found: dict[str, None] = {}
    for text in written[:_MOST]:
        try:
            found[full_name(_checked(text, str, "a list of names"))] = None
        except ValueError as error:
            raise ArchiveError(f"it has an image with the name {shown(text, 100)}: {error}") from None
    return [name for name in found if "@" not in name]


def _checked(value: Any, kind: type, where: str) -> Any:
    if not isinstance(value, kind):
        raise ArchiveError(f"{where} has {type(value).__name__} where {kind.__name__} is expected")
    return value


def _parsed(text: bytes, where: str) -> Any:
    try:
        # No number matters, and Python takes very long for one with millions of digits.
        return json.loads(text.decode("utf-8"), parse_int=str, parse_float=str, parse_constant=str)
    except (ValueError, RecursionError):
        raise ArchiveError(f"{where} is not valid JSON") from None


def _members(file: IO[bytes], is_wanted: Callable[[str], bool]) -> dict[str, bytes]:
    """Return the contents of the wanted regular files of a tar archive by their names. Raises ArchiveError."""
    try:
        return _read_members(file, is_wanted)
    except ArchiveError:
        raise
    except Exception as error:  # tarfile and gzip meet a damaged archive with many types
        reason = shown(error) or type(error).__name__
    raise ArchiveError(f"it is not a readable tar archive: {reason}")


def _read_members(file: IO[bytes], is_wanted: Callable[[str], bool]) -> dict[str, bytes]:
    file.seek(0)
    source = decompressed(file)
    forward = Forward(source, LIMIT, skips=source is file)
    found: dict[str, bytes] = {}
    room = _DOCUMENTS
    with tarfile.TarFile(fileobj=forward) as opened:  # type: ignore[arg-type]  # typeshed asks for more methods
        for count, member in enumerate(iter(opened.next, None)):
            if count >= COUNT_LIMIT:
                raise ArchiveError(f"it has more than {COUNT_LIMIT} entries")
            opened.members = []  # type: ignore[attr-defined]  # tarfile keeps all that it has seen
            name = member.name[2:] if member.name.startswith("./") else member.name
            if not is_wanted(name):
                continue
            if not member.isreg() or member.issparse() or name in found:
                raise ArchiveError(f"its entry {shown(name, 100)} is not one regular file")
            room -= member.size
            if not 0 <= member.size <= _DOCUMENT or room < 0:
                raise ArchiveError(f"its entry {shown(name, 100)} is larger than {size(_DOCUMENT)}")
            content: Any = opened.extractfile(member)  # not None: the member is a regular file
            found[name] = b"".join(iter(lambda: content.read(BLOCK), b""))  # noqa: B023  # called at once
            if len(found[name]) != member.size:
                raise ArchiveError(f"its entry {shown(name, 100)} ends too early")
    return found
