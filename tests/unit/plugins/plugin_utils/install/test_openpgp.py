# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests the reader of OpenPGP keys against gpg, and with input that is not a key."""

import base64
import contextlib
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cri.node.plugins.plugin_utils.install import openpgp

GPG = shutil.which("gpg")
needs_gpg = pytest.mark.skipif(
    GPG is None, reason="gpg is not installed on this controller, so no keys can be made"
)
# A packet of a key of version 4 (RSA, small and useless), with a known fingerprint of the format: SHA-1 of 99 LL LL body.
BODY = bytes.fromhex("04 5e0be100 01 0010 c001 0011 010001")


def packet(body, tag=6, old=True):
    """Return a packet with a header of the old format with two bytes of length, or of the new format."""
    if old:
        return bytes([0x80 | tag << 2 | 1]) + len(body).to_bytes(2, "big") + body
    return bytes([0xC0 | tag, 255]) + len(body).to_bytes(4, "big") + body


class Home:
    """A folder with keys that gpg has made."""

    def __init__(self, folder):
        self.folder = folder

    def call(self, *arguments, stdin=b""):
        command = [GPG, "--homedir", str(self.folder), "--batch", "--no-tty", *arguments]
        return subprocess.run(command, input=stdin, capture_output=True, check=True).stdout

    def make(self, name, algorithm):
        self.call("--passphrase", "", "--quick-generate-key", name, algorithm, "default", "never")

    def fingerprints(self, exported):
        lines = self.call("--show-keys", "--with-colons", stdin=exported).decode().splitlines()
        primary = [index for index, line in enumerate(lines) if line.startswith("pub:")]
        return [lines[index + 1].split(":")[9] for index in primary]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gnupg")
    folder.chmod(0o700)
    made = Home(folder)
    for algorithm in ("rsa2048", "rsa3072", "ed25519", "nistp256"):
        made.make(f"{algorithm}@example.com", algorithm)
    yield made
    subprocess.run(["gpgconf", "--homedir", str(folder), "--kill", "all"], check=False)


@needs_gpg
@pytest.mark.parametrize("algorithm", ["rsa2048", "rsa3072", "ed25519", "nistp256"])
@pytest.mark.parametrize(
    "options", [(), ("--armor",), ("--armor", "--comment", "a: b"), ("--armor", "--emit-version")]
)
def test_the_fingerprint_is_that_of_gpg(home, algorithm, options):
    exported = home.call(*options, "--export", f"{algorithm}@example.com")
    key = openpgp.read(exported)
    assert [key.fingerprint] == home.fingerprints(exported)
    assert home.fingerprints(key.armored().encode()) == [key.fingerprint]
    # What is written is what gpg writes, but for headers.
    plain = home.call("--armor", "--export", f"{algorithm}@example.com").decode()
    assert key.armored() == plain


@needs_gpg
def test_several_keys_are_listed_and_refused(home):
    both = [home.call("--armor", "--export", f"{name}@example.com") for name in ("rsa2048", "ed25519")]
    for exported in (b"".join(both), home.call("--export", "rsa2048@example.com", "ed25519@example.com")):
        with pytest.raises(openpgp.KeyFileError, match="contains 2 keys") as error:
            openpgp.read(exported)
        assert all(fingerprint in str(error.value) for fingerprint in home.fingerprints(exported))


@needs_gpg
@pytest.mark.parametrize("options", [(), ("--armor",)])
def test_a_private_key_is_refused(home, options):
    exported = home.call(
        *options,
        "--pinentry-mode",
        "loopback",
        "--passphrase",
        "",
        "--export-secret-keys",
        "ed25519@example.com",
    )
    with pytest.raises(openpgp.KeyFileError, match="private key"):
        openpgp.read(exported)


@needs_gpg
@given(st.data())
def test_a_damaged_key_is_refused_or_has_another_fingerprint_and_never_crashes(home, data):
    exported = exported_once(home)
    position = data.draw(st.integers(0, len(exported) - 1))
    value = data.draw(st.integers(0, 255))
    damaged = exported[:position] + bytes([value]) + exported[position + 1 :]
    try:
        key = openpgp.read(damaged)
    except openpgp.KeyFileError:
        return
    assert openpgp.read(key.armored().encode()) == key
    body_of_key = range(2, 2 + exported[1])  # one byte of length, as gpg writes short packets
    if position in body_of_key and damaged != exported:
        assert key.fingerprint != openpgp.read(exported).fingerprint


EXPORTED = {}  # by the folder of the keys


def exported_once(home):
    if home.folder not in EXPORTED:
        EXPORTED[home.folder] = home.call("--export", "ed25519@example.com")
    return EXPORTED[home.folder]


@given(st.binary(max_size=300))
def test_any_bytes_are_a_key_or_an_error(content):
    with contextlib.suppress(openpgp.KeyFileError):
        openpgp.read(content)


@given(st.binary(min_size=1, max_size=500))
def test_a_key_survives_armor_and_both_formats_of_headers(rest):
    body = b"\x04" + rest
    keys = [openpgp.read(packet(body, old=old)) for old in (True, False)]
    assert len({key.fingerprint for key in keys}) == 1
    for key in keys:
        assert openpgp.read(key.armored().encode()) == key
        assert openpgp.read(key.armored().replace("\n", "\r\n").encode()) == key


ARMORED = openpgp.PublicKey("", packet(BODY)).armored()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "is not an OpenPGP key"),
        (b"<html>404</html>", "is not an OpenPGP key"),
        (packet(BODY)[:-1], "is cut"),
        (packet(BODY[:0]), "empty key"),
        (packet(b"\x03" + BODY[1:]), "version 3"),
        (packet(b"\x06" + BODY[1:]), "version 6"),
        (packet(BODY, tag=5), "private key"),
        (packet(BODY, tag=2), "does not contain an OpenPGP public key"),
        (b"\xc6\xe1" + BODY, "unknown length"),
        (b"\x9b" + BODY, "unknown length"),
        (ARMORED.replace("-----END", "").encode(), "without its end"),
        (ARMORED.replace("PUBLIC KEY BLOCK", "PRIVATE KEY BLOCK").encode(), "private key"),
        (ARMORED.replace("PUBLIC KEY BLOCK", "MESSAGE").encode(), "contains a message"),
        (ARMORED.replace("\nm", "\n!").encode(), "damaged"),
        (b"\x99" + b"\0" * openpgp.LARGEST, "more than"),
    ],
)  # fmt: skip
def test_what_is_not_one_public_key_is_refused(content, expected):
    with pytest.raises(openpgp.KeyFileError, match=expected):
        openpgp.read(content)


def test_a_wrong_checksum_is_refused():
    line = next(line for line in ARMORED.splitlines() if line.startswith("="))
    wrong = base64.b64encode(b"\0\0\0").decode()
    with pytest.raises(openpgp.KeyFileError, match="checksum"):
        openpgp.read(ARMORED.replace(line, f"={wrong}").encode())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("DE15B14486CD377B9E876E1A234654DA9A296436", True),
        ("de15 b144 86cd 377b 9e87  6e1a 2346 54da 9a29 6436", True),
        ("9A296436", False),
        ("0xDE15B14486CD377B9E876E1A234654DA9A296436", False),
        ("", False),
    ],
)
def test_only_a_full_fingerprint_is_one(text, expected):
    assert openpgp.is_fingerprint(text) is expected
