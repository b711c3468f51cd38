# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that archives of any kind are unpacked within limits, or are one clear error."""

import bz2
import contextlib
import gzip
import io
import lzma
import os
import re
import tarfile
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.cri.node.plugins.module_utils import archive


def entry(name, content=b"x", **more):
    made = tarfile.TarInfo(name)
    made.size = len(content)
    for key, value in more.items():
        setattr(made, key, value)
    return made, content


def packed(*entries, format=tarfile.PAX_FORMAT):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=format) as tar:
        for made, content in entries:
            tar.addfile(made, io.BytesIO(content) if made.isreg() else None)
    return file.getvalue()


def unpack(tmp_path, content, is_wanted=lambda _name: True):
    (tmp_path / "a").write_bytes(content)
    (tmp_path / "out").mkdir(exist_ok=True)
    found = archive.unpack(str(tmp_path / "a"), str(tmp_path / "out"), "top", is_wanted)
    for path in found.values():
        assert os.path.realpath(path).startswith(f"{tmp_path}/out/")
    return {name: open(path, "rb").read() for name, path in found.items()}


def refusal(tmp_path, content):
    with pytest.raises(archive.ArchiveError) as caught:
        unpack(tmp_path, content)
    assert str(caught.value).isprintable()
    return str(caught.value)


@pytest.mark.parametrize("compress", [bytes, gzip.compress, bz2.compress, lzma.compress])
@pytest.mark.parametrize("format", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
def test_regular_files_are_unpacked_whatever_the_format(tmp_path, compress, format):
    big = os.urandom(300_000)
    content = packed(
        entry("top/bin/a", big),
        entry("top/b", b""),
        entry("top/c" * 12, b"deep"),
        entry("top/d", b"x" * 512),
        format=format,
    )
    found = unpack(tmp_path, compress(content))
    assert found == {"bin/a": big, "b": b"", "ctop/" * 11 + "c": b"deep", "d": b"x" * 512}


@pytest.mark.parametrize(
    "name",
    [
        "/top/a",
        "top/../a",
        "top//a",
        "top/./a",
        "other/a",
        "top",
        "top/a\0b",
        "top/\x1b[2J",
        "top/-rf",
        "top/.a",
        "top/\udcff",
        "top/a b",
    ],
)
def test_an_unusual_name_is_omitted(tmp_path, name):
    odd = entry("replaced", pax_headers={"path": name})
    assert unpack(tmp_path, packed(odd, entry("top/a"))) == {"a": b"x"}


@pytest.mark.parametrize(
    "kind",
    [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE],
)
def test_anything_but_a_regular_file_is_omitted(tmp_path, kind):
    odd = entry("top/out", b"", type=kind, linkname="/etc/passwd")
    assert unpack(tmp_path, packed(odd, entry("top/a"))) == {"a": b"x"}
    # Nor is it written through.
    link = entry("top/dir", b"", type=tarfile.SYMTYPE, linkname="/tmp")
    assert unpack(tmp_path, packed(link, entry("top/dir/a"))) == {"dir/a": b"x"}


def test_a_duplicate_name_has_its_last_content(tmp_path):
    assert unpack(tmp_path, packed(entry("top/a", b"long one"), entry("top/a", b"2"))) == {"a": b"2"}


def test_too_many_entries_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "COUNT_LIMIT", 50)
    assert (
        refusal(tmp_path, packed(*(entry(f"x/{number}") for number in range(51))))
        == "it has more than 50 entries"
    )


def test_a_bomb_is_refused_before_it_fills_the_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "SIZE_LIMIT", 2**20)
    assert "unpacked" in refusal(
        tmp_path, gzip.compress(packed(*(entry(f"top/{n}", bytes(400_000)) for n in range(4))))
    )
    assert "has a size of 2000000 bytes" in refusal(
        tmp_path, gzip.compress(packed(entry("other/a", bytes(2_000_000))))
    )
    assert sum(path.stat().st_size for path in (tmp_path / "out").rglob("*") if path.is_file()) <= 2**20


@pytest.mark.parametrize("size", ["-1", "-99999999999", "1" + "0" * 30, "99999999999", "x", ""])
@pytest.mark.parametrize("format", [tarfile.PAX_FORMAT])
def test_a_false_size_is_an_immediate_error(tmp_path, size, format):
    began = time.monotonic()
    odd = entry("top/a", b"x" * 100, pax_headers={"size": size})
    content = packed(odd, entry("top/b"), format=format)
    with contextlib.suppress(archive.ArchiveError):
        assert unpack(tmp_path, content)["a"] in (b"x" * 100, b"")
    assert time.monotonic() - began < 5


def test_a_header_of_gigabytes_is_refused_without_reading_it(tmp_path):
    header = tarfile.TarInfo("././@LongLink")
    header.type, header.size = tarfile.GNUTYPE_LONGNAME, 2**32
    assert "header of an entry has 4 GiB" in refusal(
        tmp_path, packed(entry("top/a"))[:1024] + header.tobuf(tarfile.GNU_FORMAT) + bytes(4096)
    )


def test_sparse_files_are_refused(tmp_path):
    headers = {
        "GNU.sparse.major": "0",
        "GNU.sparse.minor": "1",
        "GNU.sparse.map": "0,1",
        "GNU.sparse.size": "1000000000",
    }
    assert "is a sparse file" in refusal(tmp_path, packed(entry("top/a", pax_headers=headers)))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>",
        gzip.compress(b"no tar"),
        b"\x1f\x8b\x08",
        b"BZh91",
        b"\xfd7zXZ\0",
        b"\xff" * 2000,
        bytes(300),
    ],
)
def test_a_file_that_is_not_an_archive_is_one_error(tmp_path, content):
    assert re.match("it is not a readable tar archive: .", refusal(tmp_path, content))


def test_a_missing_file_is_one_error(tmp_path):
    for path in ("/nowhere", "/no\0where"):
        with pytest.raises(archive.ArchiveError, match="it is not a readable tar archive"):
            archive.unpack(path, str(tmp_path), "top", bool)


def test_a_full_disk_is_reported_with_its_file_system(tmp_path, monkeypatch):
    def full(path, flags, mode=0, real=os.open, **more):
        return (
            real("/dev/full", os.O_WRONLY) if str(path).endswith("out/a") else real(path, flags, mode, **more)
        )

    monkeypatch.setattr(archive.os, "open", full)
    message = refusal(tmp_path, packed(entry("top/a", b"x" * 5000)))
    assert message.startswith(
        f"unpacking top/a failed ({tmp_path}/out/a): No space left on device; free at least 4.88 KiB on the file"
    )


WHOLE = gzip.compress(
    packed(
        entry("top/a", b"a" * 3000),
        entry("top/" + "long" * 60, b"b"),
        entry("top/c", b"", type=tarfile.DIRTYPE),
    )
)
PLAIN = gzip.decompress(WHOLE)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from([WHOLE, PLAIN]),
    st.lists(st.tuples(st.integers(0, len(PLAIN)), st.binary(min_size=1, max_size=12)), max_size=4),
    st.integers(0, len(PLAIN)),
)
def test_a_damaged_archive_yields_files_or_one_error(tmp_path_factory, content, changes, end):
    damaged = bytearray(content)
    for place, replacement in changes:
        damaged[place : place + len(replacement)] = replacement
    with contextlib.suppress(archive.ArchiveError):
        unpack(tmp_path_factory.mktemp("a"), bytes(damaged[:end]))
