# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the fingerprints of OpenPGP public keys, and writes a key as armored text, without gpg.

Format: RFC 4880, sections 4.2 (packet headers), 6.2 (armor) and 12.2 (fingerprints). Only fingerprints are read: whether a
signature is valid, and whether a key has expired, is decided by the package manager of the node.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from typing import NamedTuple

LARGEST = 1024 * 1024  # bytes of a file with keys; one with many signatures has some 100 KiB
_BEGIN = "-----BEGIN PGP "
_BLOCK = re.compile(
    r"^-----BEGIN PGP ([A-Z ]+)-----[ \t]*$(.*?)^-----END PGP \1-----[ \t]*$", re.MULTILINE | re.DOTALL
)
_PUBLIC_KEY, _SECRET_KEY, _SECRET_SUBKEY = 6, 5, 7
_PACKET = 0x80  # set in the first byte of each packet
_NEW_FORMAT = 0x40
_LINE = 64  # characters of a line of armor
_CRC_START, _CRC_POLYNOMIAL = 0xB704CE, 0x1864CFB


class KeyFileError(ValueError):
    """A file with keys cannot be read; the message is the end of a sentence about it."""


class PublicKey(NamedTuple):
    """A file with one public key: its fingerprint, 40 hexadecimal digits in upper case, and its packets."""

    fingerprint: str
    packets: bytes

    def armored(self) -> str:
        """Return the key as armored text, the same for equal packets."""
        text = base64.b64encode(self.packets).decode("ascii")
        lines = [text[start : start + _LINE] for start in range(0, len(text), _LINE)]
        checksum = base64.b64encode(_crc24(self.packets).to_bytes(3, "big")).decode("ascii")
        kind = "PGP PUBLIC KEY BLOCK"
        return "\n".join([f"-----BEGIN {kind}-----", "", *lines, f"={checksum}", f"-----END {kind}-----", ""])


def read(content: bytes) -> PublicKey:
    """Return the only key in an armored or binary file. Raises KeyFileError for none, several, or a private one."""
    if len(content) > LARGEST:
        raise KeyFileError(f"has more than {LARGEST} bytes")
    packets = _dearmored(content)
    found = fingerprints(packets)
    if not found:
        raise KeyFileError("does not contain an OpenPGP public key")
    if len(found) > 1:
        raise KeyFileError(f"contains {len(found)} keys, {', '.join(found[:10])}, but must contain one")
    return PublicKey(found[0], packets)


def fingerprints(packets: bytes) -> list[str]:
    """Return the fingerprints of all primary public keys in these packets. Raises KeyFileError."""
    found = []
    for tag, body in _packets(packets):
        if tag in (_SECRET_KEY, _SECRET_SUBKEY):
            raise KeyFileError("contains a private key, which must not be copied to nodes")
        if tag == _PUBLIC_KEY:
            found.append(_fingerprint(body))
    return found


def is_fingerprint(text: str) -> bool:
    """Return whether a text is a full fingerprint of version 4, optionally in groups with blanks between them."""
    return re.fullmatch(r"[0-9A-F]{40}", normalised(text), re.ASCII) is not None


def normalised(fingerprint: str) -> str:
    """Return a fingerprint without blanks and in upper case."""
    return "".join(fingerprint.split()).upper()


def _fingerprint(body: bytes) -> str:
    if not body:
        raise KeyFileError("contains an empty key")
    if body[0] != 4:
        raise KeyFileError(f"contains a key of version {body[0]}; only version 4 is supported")
    if len(body) > 0xFFFF:
        raise KeyFileError("contains a key that is longer than its fingerprint can cover")
    # SHA-1 is part of the format of version 4.
    return (
        hashlib.sha1(b"\x99" + len(body).to_bytes(2, "big") + body, usedforsecurity=False).hexdigest().upper()
    )


def _dearmored(content: bytes) -> bytes:
    """Return the packets of a file. Several armored blocks are joined."""
    if content[:1] and content[0] & _PACKET:
        return content
    text = content.decode("utf-8", "replace").replace("\r\n", "\n").lstrip("\ufeff")
    blocks = _BLOCK.findall(text)
    if not blocks:
        cut = "contains armored text without its end" if _BEGIN in text else "is not an OpenPGP key"
        raise KeyFileError(cut)
    return b"".join(_decoded(kind, body) for kind, body in blocks)


def _decoded(kind: str, body: str) -> bytes:
    if kind == "PRIVATE KEY BLOCK":
        raise KeyFileError("contains a private key, which must not be copied to nodes")
    if kind != "PUBLIC KEY BLOCK":
        raise KeyFileError(f"contains a {kind.lower()}, not a public key")
    lines = [line.strip() for line in body.strip("\n").split("\n")]
    while lines and (
        lines[0] == "" or ":" in lines[0]
    ):  # headers such as Version, and the blank line after them
        lines.pop(0)
    checksum = lines.pop()[1:] if lines and lines[-1].startswith("=") else None
    try:
        packets = base64.b64decode("".join(lines), validate=True)
        expected = base64.b64decode(checksum, validate=True) if checksum else None
    except (binascii.Error, ValueError):
        raise KeyFileError("contains armored text that is damaged") from None
    if expected is not None and expected != _crc24(packets).to_bytes(3, "big"):
        raise KeyFileError("contains armored text whose checksum does not match")
    return packets


def _packets(content: bytes) -> list[tuple[int, bytes]]:
    """Return [(tag, body), ...]. Raises KeyFileError for what is not a sequence of whole packets."""
    found = []
    position = 0
    while position < len(content):
        head = content[position]
        if not head & _PACKET:
            raise KeyFileError("is not an OpenPGP key")
        if head & _NEW_FORMAT:
            tag, start, length = head & 0x3F, *_new_length(content, position + 1)
        else:
            tag, start, length = (head >> 2) & 0x0F, *_old_length(content, position + 1, head & 3)
        if start + length > len(content):
            raise KeyFileError("is cut: it ends within a packet")
        found.append((tag, content[start : start + length]))
        position = start + length
    return found


def _new_length(content: bytes, position: int) -> tuple[int, int]:
    """Return (where the body starts, its length) for a header of the new format."""
    first = _number(content, position, 1)
    if first < 192:
        return position + 1, first
    if first < 224:
        return position + 2, ((first - 192) << 8) + _number(content, position + 1, 1) + 192
    if first < 255:
        raise KeyFileError("contains a packet of unknown length, which a key cannot have")
    return position + 5, _number(content, position + 1, 4)


def _old_length(content: bytes, position: int, kind: int) -> tuple[int, int]:
    """Return (where the body starts, its length) for a header of the old format."""
    if kind == 3:
        raise KeyFileError("contains a packet of unknown length, which a key cannot have")
    size = 1 << kind
    return position + size, _number(content, position, size)


def _number(content: bytes, position: int, size: int) -> int:
    part = content[position : position + size]
    if len(part) < size:
        raise KeyFileError("is cut: it ends within a packet")
    return int.from_bytes(part, "big")


def _crc24(content: bytes) -> int:
    crc = _CRC_START
    for byte in content:
        crc ^= byte << 16
        for _bit in range(8):
            crc <<= 1
            if crc & 0x1000000:
                crc ^= _CRC_POLYNOMIAL
    return crc & 0xFFFFFF
