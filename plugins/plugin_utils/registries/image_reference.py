# SPDX-License-Identifier: GPL-3.0-or-later
"""What names of images and of registries mean in registries.conf, as containers/image reads them."""

from __future__ import annotations

import re

from ansible_collections.cri.node.plugins.module_utils.image_reference import (
    DOCKER_HUB,
    HOST,
    LONGEST,
    LONGEST_NAME,
    PART,
    Reference,
    canonical,
    fault_of_digest,
    has_form_of_registry,
    is_id,
    normalized,
    parse,
)

__all__ = ["DOCKER_HUB", "Reference", "canonical", "fault_of_digest", "normalized", "parse"]

_LONGEST_HOST = LONGEST_NAME + 6  # and its port
# Compiled once and not in each fork of Ansible, one per host.
_HOST = re.compile(HOST)
_SCOPE = re.compile(rf"{HOST}(?:/{PART})*")


def prefixes_of(text: str) -> list[str]:
    """Return the prefixes of registries.conf that match an image name, the one that wins first; [] for a short name.

    containers/image uses the table with the longest one. It compares the name without its tag and its digest, so that a prefix
    with one of these never matches (docker/docker_image_src.go). A name that it does not accept has none.
    """
    if "/" not in text or not has_form_of_registry(text.partition("/")[0]):
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


def wildcard_before(prefix: str) -> str:
    """Return the wildcard that is found first for each image of a prefix, because it is as long; "" if no wildcard is."""
    return f"*{prefix[1:]}" if prefix[1:2] == "." and not prefix.startswith("*") else ""


def fault_of_name(text: str) -> str | None:
    """Return why reference.ParseNormalizedNamed refuses a name, which may be a short one of docker.io; None if it does not."""
    if is_id(text):
        return "it is the ID of an image"
    try:
        normalized(text)
    except ValueError as error:
        return str(error)
    return None


def is_host(text: str) -> bool:
    """Return whether this is host[:port]."""
    return len(text) <= _LONGEST_HOST and bool(_HOST.fullmatch(text))


def is_scope(text: str) -> bool:
    """Return whether this is host[:port], with or without a path, and without tag and digest."""
    return len(text) <= LONGEST and bool(_SCOPE.fullmatch(text))


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
    return is_host(host) and has_form_of_registry(host)
