# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests what is read of an archive of images, and that a hostile one is only an error."""

import io
import json
import tarfile
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.cri.node.plugins.module_utils.archive import ArchiveError
from ansible_collections.cri.node.plugins.module_utils.image import archive as image_archive
from images import docker_archive, oci_archive

APP = "example.com/app:1"
REFERENCE, NAMED = "org.opencontainers.image.ref.name", "io.containerd.image.name"


def read(path):
    with open(path, "rb") as file:
        return image_archive.read(file)


def tar(*members):
    """Return a tar archive of (name, content) pairs."""
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w") as archive:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return output.getvalue()


def refusal(content):
    """Return why an archive with this content is refused."""
    with pytest.raises(ArchiveError) as error:
        image_archive.read(io.BytesIO(content))
    assert str(error.value).isprintable()
    assert len(str(error.value)) < 1000
    return str(error.value)


class TestDocker:
    @pytest.mark.parametrize("compressed", [False, True])
    def test_one_image_has_its_names_completed(self, tmp_path, compressed):
        ids = docker_archive(tmp_path / "a", ("a", ["hello", "hello:2", APP]), compressed=compressed)
        names = ["docker.io/library/hello:latest", "docker.io/library/hello:2", APP]
        assert read(tmp_path / "a") == {
            "kind": "docker-archive",
            "images": [{"source": "", "names": names, "ids": ids}],
        }

    def test_several_images_are_distinguished_by_their_places(self, tmp_path):
        ids = docker_archive(tmp_path / "a", ("a", [APP]), ("b", []))
        found = read(tmp_path / "a")["images"]
        assert [(each["source"], each["names"]) for each in found] == [("@0", [APP]), ("@1", [])]
        assert [each["ids"] for each in found] == [[ids[0]], [ids[1]]]

    def test_an_archive_of_both_formats_is_a_docker_archive(self, tmp_path):
        ids = docker_archive(tmp_path / "a", ("a", [APP]))
        with tarfile.open(tmp_path / "a", "a") as archive:
            archive.addfile(tarfile.TarInfo("index.json"))
        assert read(tmp_path / "a")["images"][0]["ids"] == ids


class TestOci:
    @pytest.mark.parametrize(
        ("annotations", "names"),
        [
            ({REFERENCE: APP}, [APP]),
            ({REFERENCE: "hello:1"}, ["docker.io/library/hello:1"]),
            ({REFERENCE: "1", NAMED: APP}, [APP]),
            ({REFERENCE: "1.0"}, []),
            ({}, []),
        ],
    )
    def test_the_names_are_those_of_the_annotations(self, tmp_path, annotations, names):
        ids = oci_archive(tmp_path / "a", ("a", annotations))
        assert read(tmp_path / "a") == {
            "kind": "oci-archive",
            "images": [{"source": "", "names": names, "ids": ids}],
        }

    def test_an_image_of_several_platforms_has_several_ids(self, tmp_path):
        ids = oci_archive(tmp_path / "a", ("a", {REFERENCE: APP}), platforms=("amd64", "arm64"))
        assert read(tmp_path / "a")["images"] == [{"source": "", "names": [APP], "ids": ids}]
        assert len(set(ids)) == 2

    def test_several_images_are_distinguished_by_their_references(self, tmp_path):
        oci_archive(tmp_path / "a", ("a", {REFERENCE: APP}), ("b", {REFERENCE: "b"}), compressed=True)
        assert [each["source"] for each in read(tmp_path / "a")["images"]] == [APP, "b"]
        oci_archive(tmp_path / "a", ("a", {}), ("b", {}))
        assert "does not distinguish" in refusal((tmp_path / "a").read_bytes())

    def test_manifests_of_other_platforms_may_be_missing(self, tmp_path):
        ids = oci_archive(tmp_path / "a", ("a", {REFERENCE: APP}), platforms=("amd64", "arm64"))
        with tarfile.open(tmp_path / "a") as archive:
            members = {each.name: archive.extractfile(each).read() for each in archive}
        gone = next(name for name, content in members.items() if ids[1].encode() in content)
        del members[gone]
        assert image_archive.read(io.BytesIO(tar(*members.items())))["images"][0]["ids"] == ids[:1]

    def test_a_manifest_that_was_changed_is_refused(self, tmp_path):
        oci_archive(tmp_path / "a", ("a", {REFERENCE: APP}))
        content = (tmp_path / "a").read_bytes().replace(b'"layers"', b'"lxyers"')
        assert "has another digest" in refusal(content)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "it is not a readable tar archive: empty file"),
        (b"no archive" * 100, "it is not a readable tar archive"),
        (b"\x1f\x8b" + b"no gzip" * 100, "it is not a readable tar archive"),
        (tar(("other.json", b"[]")), "neither manifest.json nor index.json"),
        (tar(("manifest.json", b"[")), "manifest.json is not valid JSON"),
        (tar(("manifest.json", b"[" * 100_000)), "manifest.json is not valid JSON"),
        (tar(("manifest.json", b"\xff\xfe")), "manifest.json is not valid JSON"),
        (tar(("manifest.json", b"{}")), "manifest.json has dict where list is expected"),
        (tar(("manifest.json", b"[]")), "lists 0 images"),
        (tar(("manifest.json", b"[1]")), "manifest.json has str where dict is expected"),
        (tar(("manifest.json", b'[{"Config": "../../etc/shadow"}]')), "does not contain ../../etc/shadow"),
        (
            tar(("manifest.json", b'[{"Config": "c", "RepoTags": ["UPPER"]}]'), ("c", b"{}")),
            "an image with the name UPPER: invalid reference format: repository name must be lowercase",
        ),
        (
            tar(("manifest.json", b'[{"Config": "c", "RepoTags": "x"}]'), ("c", b"{}")),
            "has str where list is expected",
        ),
        (tar(("manifest.json", b"[]"), ("manifest.json", b"[]")), "is not one regular file"),
        (tar(("manifest.json", b" " * (4 * 1024 * 1024 + 1))), "is larger than 4 MiB"),
        (tar(("index.json", b"{}")), "lists no image"),
        (tar(("index.json", b'{"manifests": [{"digest": "md5:1"}]}')), "a digest that is not a SHA-256"),
        (
            tar(("index.json", json.dumps({"manifests": [{"digest": f"sha256:{'a' * 64}"}]}).encode())),
            "does not contain the manifest sha256:aaaa",
        ),
        (
            tar(("index.json", json.dumps({"manifests": [{}] * 1001}).encode())),
            "lists more than 1000 manifests",
        ),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)  # fmt: skip
def test_anything_else_is_refused_with_the_reason(content, words):
    assert words in refusal(content)


def test_a_link_in_place_of_a_document_is_refused():
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w") as archive:
        member = tarfile.TarInfo("manifest.json")
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/shadow"
        archive.addfile(member)
    assert "is not one regular file" in refusal(output.getvalue())


def test_a_number_with_millions_of_digits_takes_no_time():
    content = tar(("manifest.json", b'[{"Config": "c", "x": ' + b"9" * 4_000_000 + b"}]"), ("c", b"{}"))
    started = time.process_time()
    assert len(image_archive.read(io.BytesIO(content))["images"]) == 1
    assert time.process_time() - started < 2


def test_layers_of_an_archive_on_disk_are_skipped(tmp_path):
    """A sparse file stands for large layers: it takes no space, and reading it would take long."""
    docker_archive(tmp_path / "small", ("a", [APP]))
    layer = tarfile.TarInfo("layer.tar")
    layer.size = 20 * 1024 * 1024 * 1024
    with open(tmp_path / "large", "wb") as file:
        file.write(layer.tobuf())
        file.seek(layer.size, io.SEEK_CUR)
        file.write((tmp_path / "small").read_bytes())
    started = time.process_time()
    assert read(tmp_path / "large")["images"][0]["names"] == [APP]
    assert time.process_time() - started < 1


def test_an_archive_that_claims_to_be_larger_than_the_limit_is_refused():
    layer = tarfile.TarInfo("layer.tar")
    layer.size = 40 * 1024 * 1024 * 1024
    assert "it is larger than 32 GiB when unpacked" in refusal(layer.tobuf() + bytes(1024))


def test_an_archive_with_too_many_entries_is_refused(monkeypatch):
    monkeypatch.setattr(image_archive, "COUNT_LIMIT", 10)
    assert "more than 10 entries" in refusal(tar(*((f"f{number}", b"") for number in range(11))))


def test_a_compressed_archive_is_uncompressed_and_removed_again(tmp_path, monkeypatch):
    monkeypatch.setattr(image_archive, "_TEMPORARY", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    docker_archive(tmp_path / "a.gz", ("a", [APP]), compressed=True)
    with open(tmp_path / "a.gz", "rb") as file, image_archive.uncompressed(file) as plain:
        assert len(list((tmp_path / "tmp").iterdir())) == 1
        assert image_archive.read(plain)["images"][0]["names"] == [APP]
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_damaged_compressed_archive_is_an_error_when_it_is_uncompressed(tmp_path, monkeypatch):
    monkeypatch.setattr(image_archive, "_TEMPORARY", str(tmp_path))
    docker_archive(tmp_path / "a.gz", ("a", [APP]), compressed=True)
    content = (tmp_path / "a.gz").read_bytes()
    for damaged in (content[: len(content) // 2], content[:200] + bytes(50) + content[250:]):
        with (
            pytest.raises(ArchiveError, match="it cannot be uncompressed into"),
            image_archive.uncompressed(io.BytesIO(damaged)),
        ):
            pass


@pytest.fixture(scope="module")
def valid(tmp_path_factory):
    """Return archives of both formats."""
    path = tmp_path_factory.mktemp("archives") / "a"
    found = []
    for compressed in (False, True):
        docker_archive(path, ("a", [APP]), ("b", ["hello:1"]), compressed=compressed)
        found.append(path.read_bytes())
        oci_archive(path, ("a", {REFERENCE: APP}), platforms=("amd64", "arm64"), compressed=compressed)
        found.append(path.read_bytes())
    return found


@settings(max_examples=300)
@given(st.data())
def test_a_damaged_archive_is_read_or_refused(valid, data):
    content = bytearray(data.draw(st.sampled_from(valid)))
    for _change in range(data.draw(st.integers(1, 8))):
        place = data.draw(st.integers(0, len(content) - 1))
        kind = data.draw(st.sampled_from(("byte", "cut", "repeat")))
        if kind == "byte":
            content[place] = data.draw(st.integers(0, 255))
        elif kind == "cut" and place:
            del content[place : place + data.draw(st.integers(1, 2000))]
        else:
            content[place:place] = content[place : place + 600]
        if not content:
            break
    try:
        found = image_archive.read(io.BytesIO(bytes(content)))
    except ArchiveError:
        return
    for image in found["images"]:
        assert all(name.isprintable() and ":" in name for name in image["names"])
        assert all(len(identity) == 64 for identity in image["ids"])
