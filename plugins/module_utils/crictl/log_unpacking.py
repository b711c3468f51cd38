# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Unpacks a gzipped log file, as far as that is possible and the limits of the caller permit."""

from __future__ import annotations

import tempfile
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO

from ..os_errors import os_error
from ..text import shown

_BLOCK = 64 * 1024
_GZIP = 16 + zlib.MAX_WBITS  # for zlib: with gzip's header and checksum


def unpack(
    file: BinaryIO, path: str, target: BinaryIO, is_too_much: Callable[[int], bool]
) -> tuple[bool, str]:
    """Unpack a file into another one. Return whether what was written can be used, and what went wrong, or "".

    path: of the file, for messages. is_too_much: whether so many bytes are more than the caller wants; nothing is used then.
    """
    size, place = 0, shown(path)
    try:
        for block in _unpacked(file):
            if is_too_much(size + len(block)):
                return False, ""
            size += len(block)
            try:
                target.write(block)
                target.flush()
            except OSError as error:
                folder = tempfile.gettempdir()
                return False, os_error(error, f"unpacking the log {place} in {folder}", folder)
    except (EOFError, zlib.error, OSError) as error:
        problem = f"{place} is damaged or cannot be unpacked, and was only partly read: {shown(str(error))}"
        return size > 0, problem
    return True, ""


def _unpacked(file: BinaryIO) -> Iterator[bytes]:
    """Yield the blocks of a gzip file, some of them empty, so that a caller can stop between any two reads.

    Python's gzip module does not return from a long name in a header, from zeros after the end or from empty members. Raises
    EOFError and zlib.error for a damaged file.
    """
    decoder, is_begun, is_padding = zlib.decompressobj(_GZIP), False, False
    while True:
        packed = file.read(_BLOCK)
        if not packed:
            if is_begun:
                raise EOFError("the file is truncated: its last block is incomplete")
            return
        while packed:
            if is_padding:
                packed = packed.lstrip(b"\0")
                if not packed:
                    break
                decoder, is_begun, is_padding = zlib.decompressobj(_GZIP), False, False
            is_begun = True
            yield decoder.decompress(packed, _BLOCK)
            packed = decoder.unconsumed_tail
            if decoder.eof:
                packed, is_begun, is_padding = decoder.unused_data, False, True
        yield b""
