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


def prefixes_of(text: str) -> list[str]:
    """Return the prefixes of registries.conf that an image name has, the longest first; [] for a short name.

    containers/image uses the table with the longest one. A name that it does not accept has none.
    """
    try:
        reference = parse(text)
    except ValueError:
        return []
    if not reference.names_a_registry:
        return []
    repository = f"{reference.host}/{reference.path}"
    named = [
        f"{repository}@{reference.digest}" if reference.digest else "",
        f"{repository}:{reference.tag}" if reference.tag else "",
    ]
    parts = repository.split("/")
    parents = ["/".join(parts[:length]) for length in range(len(parts), 0, -1)]
    host = reference.host.partition(":")[0]
    labels = host.split(".")
    # "example.com" is a prefix of "example.com:5000", too.
    hosts = [host] if host != reference.host else []
    wildcards = [f"*.{'.'.join(labels[index:])}" for index in range(1, len(labels))]
    return [each for each in [*named, *parents, *hosts, *wildcards] if each]


def fault_of_name(text: str) -> str | None:
    """Return why reference.ParseNormalizedNamed refuses a name, which may be a short one of docker.io; None if it does not."""
    if re.fullmatch("[a-f0-9]{64}", text):
        return "it is the ID of an image"
    first, slash, rest = text.partition("/")
    host, path = (first, rest) if slash and _is_registry(first) else ("docker.io", text)
    if host in ("docker.io", "index.docker.io"):
        host, path = "docker.io", path if "/" in path else f"library/{path}"
    try:
        digest = parse(f"{host}/{path}").digest
    except ValueError as error:
        return str(error)
    algorithm, _colon, digits = digest.partition(":")
    if digest and not re.fullmatch(f"[a-f0-9]{{{_DIGESTS.get(algorithm, 0)}}}", digits):
        return "invalid digest"
    return None


def is_host(text: str) -> bool:
    """Return whether this is host[:port]."""
    return len(text) <= _LONGEST_HOST and bool(re.fullmatch(_HOST, text))


def is_scope(text: str) -> bool:
    """Return whether this is host[:port], with or without a path, and without tag and digest."""
    return len(text) <= _LONGEST and bool(re.fullmatch(rf"{_HOST}(?:/{_PART})*", text))


def can_be_pulled_from(location: str) -> bool:
    """Return whether a valid image name results if this location replaces the prefix."""
    if not _is_registry(location.partition("/")[0]):
        return False
    for name in (location, f"{location}/image"):
        try:
            if parse(name).host:
                return True
        except ValueError:
            continue
    return False


def can_begin_a_name(prefix: str) -> bool:
    """Return whether a full image name can start with this prefix; `*.` matches the subdomains of a host."""
    if prefix.startswith("*."):
        return is_host(prefix[2:]) and ":" not in prefix
    if is_host(prefix):
        return _is_registry(prefix)
    try:
        return parse(prefix).names_a_registry
    except ValueError:
        return False


def _is_registry(host: str) -> bool:
    return host == "localhost" or "." in host or ":" in host
