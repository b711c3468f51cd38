# SPDX-License-Identifier: GPL-3.0-or-later
"""Relates names of images and registries to registries.conf; module_utils/image_reference.py parses them."""

from __future__ import annotations

import re

from ansible_collections.cri.node.plugins.module_utils.image_reference import (
    DIGESTS,
    HOST,
    LONGEST_NAME,
    Reference,
    is_registry,
    parse,
    with_registry,
)

__all__ = ["Reference", "parse"]

_LONGEST_HOST = LONGEST_NAME + 6  # and its port


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
    try:
        digest = parse(with_registry(text)).digest
    except ValueError as error:
        return str(error)
    algorithm, _colon, digits = digest.partition(":")
    if digest and not re.fullmatch(f"[a-f0-9]{{{DIGESTS.get(algorithm, 0)}}}", digits):
        return "invalid digest"
    return None


def is_host(text: str) -> bool:
    """Return whether this is host[:port]."""
    return len(text) <= _LONGEST_HOST and bool(re.fullmatch(HOST, text))


def can_be_pulled_from(location: str) -> bool:
    """Return whether a valid image name results if this location replaces the prefix."""
    if not is_registry(location.partition("/")[0]):
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
        return is_registry(prefix)
    try:
        return parse(prefix).names_a_registry
    except ValueError:
        return False
