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
PART = r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*"
_NAME = rf"(?:(?P<host>{HOST})/)?(?P<path>{PART}(?:/{PART})*)"
_TAG = r"\w[\w.-]{0,127}"
_DIGEST = "[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}"
_REFERENCE = re.compile(f"{_NAME}(?::(?P<tag>{_TAG}))?(?:@(?P<digest>{_DIGEST}))?", re.ASCII)
_ID = re.compile("[a-f0-9]{64}")
_DIGESTS = {
    "sha256": 64,
    "sha384": 96,
    "sha512": 128,
}  # algorithms of go-digest, and the length of their hexadecimal digits
DOCKER_HUB = "docker.io"
_OLD_DOCKER_HUB = "index.docker.io"
LONGEST_NAME = 255
_LONGEST_TAG = 1 + 128 + 7  # and a port
LONGEST = 1024  # characters of a name with its tag and its digest


class Reference(NamedTuple):
    """The parts of an image name; missing parts are empty."""

    host: str
    path: str
    tag: str
    digest: str

    @property
    def names_a_registry(self) -> bool:
        """Whether the part before the first slash is a registry and not part of a short name."""
        return has_form_of_registry(self.host)

    @property
    def repository(self) -> str:
        """The name without tag and digest."""
        return f"{self.host}/{self.path}" if self.host else self.path

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        return f"{self.repository}{tag}{f'@{self.digest}' if self.digest else ''}"


def parse(text: str) -> Reference:
    """Return the parts of a name. Raises ValueError with the error message of containers/image."""
    if len(text) > LONGEST or len(text.partition("@")[0]) > LONGEST_NAME + _LONGEST_TAG:
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


def is_id(text: str) -> bool:
    """Return whether this is the whole ID of an image, which no name may look like."""
    return bool(_ID.fullmatch(text))


def normalized(text: str) -> Reference:
    """Return the parts of a name as reference.ParseNormalizedNamed reads it: a name without a registry is one of docker.io.

    Raises ValueError with the error message of containers/image.
    """
    if is_id(text):
        raise ValueError(f"invalid repository name ({text}), cannot specify 64-byte hexadecimal strings")
    first, slash, rest = text.partition("/")
    host, path = (first, rest) if slash and has_form_of_registry(first) else (DOCKER_HUB, text)
    if host == _OLD_DOCKER_HUB:
        host = DOCKER_HUB
    if host == DOCKER_HUB and "/" not in path:
        path = f"library/{path}"
    repository = path.partition(":")[0]
    if repository.lower() != repository:
        raise ValueError("invalid reference format: repository name must be lowercase")
    reference = parse(f"{host}/{path}")
    fault = fault_of_digest(reference.digest)
    if fault:
        raise ValueError(fault)
    return reference


def canonical(text: str) -> Reference:
    """Return the parts of a full name, as reference.ParseNamed reads it.

    Raises ValueError with the error message of containers/image, also for a name that it would complete: an image directly below
    docker.io needs library/.
    """
    reference = normalized(text)
    if str(reference) != text:
        raise ValueError("repository name must be canonical")
    return reference


def fault_of_digest(digest: str) -> str:
    """Return why go-digest refuses a digest that matches the pattern of one; "" if it does not."""
    algorithm, _colon, digits = digest.partition(":")
    if not digest or re.fullmatch(f"[a-f0-9]{{{_DIGESTS.get(algorithm, 0)}}}", digits):
        return ""
    if algorithm not in _DIGESTS:
        return "unsupported digest algorithm"
    return (
        "invalid checksum digest length"
        if len(digits) != _DIGESTS[algorithm]
        else "invalid checksum digest format"
    )


def has_form_of_registry(host: str) -> bool:
    """Return whether the part of a name before its first slash is a registry and not part of a short name."""
    return host == "localhost" or "." in host or ":" in host


def full_name(text: str) -> str:
    """Return a name as runtimes list it: with its registry, and with either its digest or a tag. Raises ValueError."""
    reference = normalized(text)
    if reference.digest:  # which outranks a tag
        return f"{reference.repository}@{reference.digest}"
    return f"{reference.repository}:{reference.tag or 'latest'}"
