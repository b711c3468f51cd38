# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Parses names of images as containers/image does (its docker/reference package).

The patterns accept the same names as those of that package, but have no nested repetitions, which take exponential time in
Python.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_LABEL = "[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
HOST = rf"{_LABEL}(?:\.{_LABEL})*(?::[0-9]+)?"
_PART = r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*"
_NAME = rf"(?:(?P<host>{HOST})/)?(?P<path>{_PART}(?:/{_PART})*)"
_TAG = r"\w[\w.-]{0,127}"
_DIGEST = "[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}"
_REFERENCE = re.compile(f"{_NAME}(?::(?P<tag>{_TAG}))?(?:@(?P<digest>{_DIGEST}))?", re.ASCII)
DIGESTS = {
    "sha256": 64,
    "sha384": 96,
    "sha512": 128,
}  # algorithms of go-digest, and the length of their hexadecimal digits
LONGEST_NAME = 255
_LONGEST_TAG = 1 + 128 + 7  # and a port
_DOCKER = "docker.io"
_LONGEST = 1024  # characters of a name with its tag and its digest


class Reference(NamedTuple):
    """The parts of an image name; missing parts are empty."""

    host: str
    path: str
    tag: str
    digest: str

    @property
    def names_a_registry(self) -> bool:
        """Whether the part before the first slash is a registry and not part of a short name."""
        return is_registry(self.host)


def parse(text: str) -> Reference:
    """Return the parts of a name. Raises ValueError with the error message of containers/image."""
    if len(text) > _LONGEST or len(text.partition("@")[0]) > LONGEST_NAME + _LONGEST_TAG:
        raise ValueError(f"repository name must not be more than {LONGEST_NAME} characters")
    match = _REFERENCE.fullmatch(text)
    if not match:
        if not text:
            raise ValueError("repository name must have at least one component")
        if _REFERENCE.fullmatch(text.lower()):
            raise ValueError("repository name must be lowercase")
        raise ValueError("invalid reference format")
    host, path, tag, digest = (part or "" for part in match.group("host", "path", "tag", "digest"))
    if len(f"{host}/{path}" if host else path) > LONGEST_NAME:
        raise ValueError(f"repository name must not be more than {LONGEST_NAME} characters")
    return Reference(host, path, tag, digest)


def is_registry(host: str) -> bool:
    """Return whether the part of a name before its first slash is a registry and not part of a short name."""
    return host == "localhost" or "." in host or ":" in host


def with_registry(text: str) -> str:
    """Return a name with its registry: docker.io and library/ are added where Docker's convention leaves them out."""
    first, slash, rest = text.partition("/")
    host, path = (first, rest) if slash and is_registry(first) else (_DOCKER, text)
    if host in (_DOCKER, f"index.{_DOCKER}"):
        host, path = _DOCKER, path if "/" in path else f"library/{path}"
    return f"{host}/{path}"


def full_name(text: str) -> str:
    """Return a name as runtimes list it: with its registry, and with either its digest or a tag. Raises ValueError."""
    reference = parse(with_registry(text))
    repository = f"{reference.host}/{reference.path}"
    if reference.digest:  # which outranks a tag
        return f"{repository}@{reference.digest}"
    return f"{repository}:{reference.tag or 'latest'}"
