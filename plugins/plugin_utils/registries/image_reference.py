# SPDX-License-Identifier: GPL-3.0-or-later
"""Parses names of images and registries as containers/image does (its docker/reference package).

The patterns accept the same names as those of that package, but have no nested repetitions, which take exponential time in
Python.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_LABEL = "[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_HOST = rf"{_LABEL}(?:\.{_LABEL})*(?::[0-9]+)?"
_PART = r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*"
_NAME = rf"(?:(?P<host>{_HOST})/)?(?P<path>{_PART}(?:/{_PART})*)"
_TAG = r"\w[\w.-]{0,127}"
_DIGEST = "[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}"
_REFERENCE = re.compile(f"{_NAME}(?::(?P<tag>{_TAG}))?(?:@(?P<digest>{_DIGEST}))?", re.ASCII)
_DIGESTS = {
    "sha256": 64,
    "sha384": 96,
    "sha512": 128,
}  # algorithms of go-digest, and the length of their hexadecimal digits
DOCKER_HUB = "docker.io"
_OLD_DOCKER_HUB = "index.docker.io"
_LONGEST_NAME = 255
_LONGEST_TAG = 1 + 128 + 7  # and a port
_LONGEST_HOST = _LONGEST_NAME + 6  # and its port
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
        return _is_registry(self.host)

    @property
    def repository(self) -> str:
        """The name without tag and digest."""
        return f"{self.host}/{self.path}" if self.host else self.path

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        return f"{self.repository}{tag}{f'@{self.digest}' if self.digest else ''}"


def parse(text: str) -> Reference:
    """Return the parts of a name. Raises ValueError with the error message of containers/image."""
    if len(text) > _LONGEST or len(text.partition("@")[0]) > _LONGEST_NAME + _LONGEST_TAG:
        raise ValueError(f"repository name must not be more than {_LONGEST_NAME} characters")
    match = _REFERENCE.fullmatch(text)
    if not match:
        if not text:
            raise ValueError("repository name must have at least one component")
        if _REFERENCE.fullmatch(text.lower()):
            raise ValueError("repository name must be lowercase")
        raise ValueError("invalid reference format")
    host, path, tag, digest = (part or "" for part in match.group("host", "path", "tag", "digest"))
    if len(f"{host}/{path}" if host else path) > _LONGEST_NAME:
        raise ValueError(f"repository name must not be more than {_LONGEST_NAME} characters")
    return Reference(host, path, tag, digest)


def normalized(text: str) -> Reference:
    """Return the parts of a name as reference.ParseNormalizedNamed reads it: a name without a registry is one of docker.io.

    Raises ValueError with the error message of containers/image.
    """
    if re.fullmatch("[a-f0-9]{64}", text):
        raise ValueError(f"invalid repository name ({text}), cannot specify 64-byte hexadecimal strings")
    first, slash, rest = text.partition("/")
    host, path = (first, rest) if slash and _is_registry(first) else (DOCKER_HUB, text)
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


def prefixes_of(text: str) -> list[str]:
    """Return the prefixes of registries.conf that match an image name, the one that wins first; [] for a short name.

    containers/image uses the table with the longest one. It compares the name without its tag and its digest, so that a prefix
    with one of these never matches (docker/docker_image_src.go). A name that it does not accept has none.
    """
    if "/" not in text or not _is_registry(text.partition("/")[0]):
        return []
    try:
        reference = normalized(text)
    except ValueError:
        return []
    return prefixes_of_repository(reference.repository)


def prefixes_of_repository(repository: str) -> list[str]:
    """Return the prefixes of registries.conf that match host[:port]/path, the one that wins first.

    A wildcard that is as long as another prefix wins, because its table is the first of the sorted ones: *.a.io over x.a.io.
    """
    parts = repository.split("/")
    parents = ["/".join(parts[:length]) for length in range(1, len(parts) + 1)]
    host, port, _digits = parts[0].partition(":")
    # "example.com" is a prefix of "example.com:5000", too.
    hosts = [host] if port else []
    dots = [place for place, char in enumerate(host) if char == "."]
    # Only the first place is compared where the end of a wildcard occurs in the name (refMatchingSubdomainPrefix).
    wildcards = [f"*{host[place:]}" for place in dots if host.find(host[place:]) == place]
    return sorted([*parents, *hosts, *wildcards], key=lambda prefix: (-len(prefix), prefix))


def fault_of_name(text: str) -> str | None:
    """Return why reference.ParseNormalizedNamed refuses a name, which may be a short one of docker.io; None if it does not."""
    if re.fullmatch("[a-f0-9]{64}", text):
        return "it is the ID of an image"
    try:
        normalized(text)
    except ValueError as error:
        return str(error)
    return None


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


def is_host(text: str) -> bool:
    """Return whether this is host[:port]."""
    return len(text) <= _LONGEST_HOST and bool(re.fullmatch(_HOST, text))


def is_scope(text: str) -> bool:
    """Return whether this is host[:port], with or without a path, and without tag and digest."""
    return len(text) <= _LONGEST and bool(re.fullmatch(rf"{_HOST}(?:/{_PART})*", text))


def can_be_pulled_from(location: str) -> bool:
    """Return whether a valid image name results if this location replaces the prefix."""
    for rest in ("/team/image:1", ":1"):  # the prefix is a part of the name, or all of it
        try:
            canonical(f"{location}{rest}")
        except ValueError:
            continue
        return True
    return False


def can_begin_a_name(prefix: str) -> bool:
    """Return whether a full image name can start with this prefix; `*.` matches the subdomains of a host."""
    if prefix.startswith("*."):
        return is_host(prefix[2:]) and ":" not in prefix
    if is_host(prefix):
        return is_registry(prefix)
    try:
        reference = parse(prefix)
    except ValueError:
        return False
    return reference.names_a_registry and not reference.tag and not reference.digest


def is_registry(host: str) -> bool:
    """Return whether a name that starts with this host names a registry; otherwise it is a name below docker.io."""
    return is_host(host) and _is_registry(host)


def _is_registry(host: str) -> bool:
    return host == "localhost" or "." in host or ":" in host
