# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Finds users and passwords in a word of a text, and masks them. Each function takes linear time."""

from __future__ import annotations

import re

#: what replaces credentials
MASK = "***"
_SEPARATORS = "\"'`=<>()[]{},;"  # before a user's name where no scheme is
_TO_SPACE = str.maketrans(dict.fromkeys(_SEPARATORS, " "))
_END_OF_HOST = re.compile("[/?#\"'`<>\\\\]")
# A URL of these has nothing but a port after its host's colon, unless it was cut before the @ of its credentials.
_WITH_PORT = ("http", "https", "ftp", "socks5", "socks5h")
_PORT = re.compile(r"\d{1,5}(?!\w)|$", re.ASCII)
# What follows the @ of an image's digest: nothing before that @ is a password.
_DIGEST = re.compile(r"(?:sha(?:256|384|512):|[A-Za-z][A-Za-z0-9+._-]{0,30}:[0-9a-fA-F]{32})")


def masked(word: str) -> str:
    """Mask a word with an @ or a ://: each part after a :// begins with what may be a user and a password."""
    first, *parts = word.split("://")
    kept = [_without_bare_credentials(first)]
    for before, part in zip((first, *parts), parts):
        end = _end_of_credentials(part) or _end_of_cut_credentials(before, part)
        if end > 0:
            kept.append(f"{MASK}{part[end:]}")
        else:  # a slash too many, and what follows is a path
            kept.append(_without_bare_credentials(part) if part.startswith("/") else part)
    return "://".join(kept)


def _end_of_cut_credentials(before: str, part: str) -> int:
    """Where user:password ends in a URL without its scheme that was cut before the @; 0 where there is none."""
    if "@" in part or not before.endswith(_WITH_PORT):
        return 0
    end_of_host = _END_OF_HOST.search(part)
    host = part[: end_of_host.start()] if end_of_host else part
    _name, colon, port = host.partition(":")
    return len(host) if colon and not host.startswith("[") and not _PORT.match(port) else 0


def _end_of_credentials(part: str) -> int:
    """Where the @ is that ends the credentials of an URL without its scheme; 0 where it has none.

    A password that was not encoded may hold any character. So more than a host and a port before the first slash or quote
    means that the credentials go on behind it.
    """
    end_of_host = _END_OF_HOST.search(part)
    host = part[: end_of_host.start()] if end_of_host else part
    if "@" in host:
        return host.rfind("@")
    _name, colon, port = host.rpartition(":")
    if not colon or (host.startswith("[") and host.endswith("]")):  # an IPv6 address
        return 0
    at = part.rfind("@")
    if port.isdigit() and (_DIGEST.match(part, at + 1) or end_of_host is None or end_of_host.group() != "/"):
        return 0
    return max(at, 0)


def _without_bare_credentials(word: str) -> str:
    """user:password@host without a scheme, as curl and Go take it for a proxy; an image's name@sha256:... is none."""
    pieces = word.split("@")
    masked = []
    for piece, following in zip(pieces, pieces[1:]):
        start = -1 if _DIGEST.match(following) else _start_of_credentials(piece)
        masked.append(piece if start < 0 else f"{piece[:start]}{MASK}")
    return "@".join([*masked, pieces[-1]])


def _start_of_credentials(piece: str) -> int:
    """Where user:password begins in a text that ends before an @; -1 where there is none."""
    position = 0
    for user in piece.translate(_TO_SPACE).split(":")[:-1]:
        start = user.rfind(" ") + 1
        if start < len(user) and position + len(user) + 1 < len(piece):
            return position + start
        position += len(user) + 1
    return -1
