# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of registries.conf that containers/image accepts, but that have no effect or an unexpected one.

Each rule is a function over the typed data, as in rules.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ansible_collections.cri.node.plugins.plugin_utils.findings import Findings, shown_value
from ansible_collections.cri.node.plugins.plugin_utils.layers import Path
from ansible_collections.cri.node.plugins.plugin_utils.registries import image_reference
from ansible_collections.cri.node.plugins.plugin_utils.registries.effective import AUTH_FILES
from ansible_collections.cri.node.plugins.plugin_utils.registries.image_reference import DOCKER_HUB
from ansible_collections.cri.node.plugins.plugin_utils.registries.rules import (
    LOCATION,
    by_location,
    has_credentials,
    has_scheme,
    location_of,
    mirrors_of,
    tables,
)
from ansible_collections.cri.node.plugins.plugin_utils.text.table import listed

_WILDCARD = "*.example.com for all registries of a domain, or host[:port] with or without a path"
CONTROL_PLANE = "registry.k8s.io"  # of kubeadm's images and of CRI-O's default pause image
_PUBLIC = frozenset(
    (
        DOCKER_HUB,
        "registry-1.docker.io",
        CONTROL_PLANE,
        "gcr.io",
        "ghcr.io",
        "icr.io",
        "k8s.gcr.io",
        "mcr.microsoft.com",
        "nvcr.io",
        "public.ecr.aws",
        "quay.io",
        "registry.access.redhat.com",
        "registry.redhat.io",
    )
)
_IPV6 = re.compile(r"\[|[^/]*:[^/]*:")  # a host has one colon at most
_RANGE = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}/(?:[12]?\d|3[0-2])", re.ASCII)


def _names_can_be_an_images(typed: dict[str, Any], findings: Findings) -> None:
    """Refuse a prefix that no image name can start with, and a location that no image can be pulled from."""
    for path, table in tables(typed):
        prefix, location = (table.get(key, "").rstrip("/") for key in ("prefix", "location"))
        if not prefix and table.get("prefix") and location:
            words = (
                "matches no image: it is empty without the slash, and the location does not take its place"
            )
            _refuse((*path, "prefix"), table["prefix"], (words, location), findings)
            prefix = location
        if prefix:
            _refuse((*path, "prefix"), prefix, _fault_of_prefix(prefix), findings)
        if location:
            fault = _fault_of_location(location) if prefix else _fault_of_prefix(location, "location")
            _refuse((*path, "location"), location, fault, findings)
        for place, mirror in mirrors_of(table):
            location = mirror.get("location", "").rstrip("/")
            _refuse(
                (*path, "mirror"),
                location,
                _fault_of_location(location, LOCATION),
                findings,
                f"{place}.location",
            )


def _refuse(path: Path, text: str, fault: tuple[str, str], findings: Findings, inside: str = "") -> None:
    if text and fault[0] and not has_scheme(text) and not has_credentials(text):
        findings.problem(path, fault[0], fault[1], shown_value(text), inside)


def _fault_of_prefix(text: str, key: str = "prefix") -> tuple[str, str]:
    """Return (why no image matches this prefix, or ""; what to write instead)."""
    if text.startswith("*.") and any(char in text for char in "/@:"):
        return "", ""  # CRI-O refuses it, see rules.py
    if "*" in text:
        if text.startswith("*.") and image_reference.can_begin_a_name(text):
            return ("", "") if key == "prefix" else _wildcard_as_location(text)
        below = text.removesuffix("*").rstrip("/")
        if text.endswith("/*") and not _fault_of_prefix(below)[0] and image_reference.can_begin_a_name(below):
            return "matches no image: a prefix includes everything below it", below
        return "matches no image: a wildcard can only replace the beginning of a host name", _WILDCARD
    if _RANGE.fullmatch(text):
        return _range_of_addresses("it matches no image")
    if text.partition("/")[0] == "index.docker.io":
        return "matches no image: images of Docker Hub are named docker.io/...", text.removeprefix("index.")
    if image_reference.can_begin_a_name(text):
        return "", ""
    if _IPV6.match(text):
        return "matches no image: an IPv6 address cannot be part of an image name", LOCATION
    repository = _without_tag(text)
    if repository and image_reference.can_begin_a_name(repository):
        fault = "matches no image: containers/image compares the names of images without tag and digest"
        return fault, repository
    return "matches no image: no full image name can start with it", _nearest(
        text, image_reference.can_begin_a_name
    )


def _fault_of_location(text: str, instead: str = "") -> tuple[str, str]:
    """Return (why no image can be pulled from this location, or ""; what to write instead)."""
    if "*" in text:
        return _wildcard_as_location(text, instead)
    if _RANGE.fullmatch(text):
        return _range_of_addresses("no image can be pulled from it")
    if image_reference.can_be_pulled_from(text):
        return "", ""
    if _IPV6.match(text):
        return (
            "is an IPv6 address, which cannot be part of an image name: no image can be pulled from it",
            LOCATION,
        )
    repository = _without_tag(text)
    if repository and image_reference.can_be_pulled_from(repository):
        return (
            "has a tag or a digest, which the name of each image has too: no image can be pulled from it",
            repository,
        )
    fault = "has no host with a dot or a port, or is not a valid name: no image can be pulled from it"
    return fault, _nearest(text, image_reference.can_be_pulled_from)


def _wildcard_as_location(text: str, instead: str = "") -> tuple[str, str]:
    fault = "is a wildcard, which only a prefix can be: no image can be pulled through this table"
    if not instead and text.startswith("*.") and image_reference.can_begin_a_name(text):
        return fault, f'prefix: "{text}" without a location'
    return fault, instead or _WILDCARD.replace("*.example.com", 'prefix: "*.example.com" without a location')


def _range_of_addresses(effect: str) -> tuple[str, str]:
    fault = f"is a range of addresses, which registries.conf does not support: {effect}"
    return fault, "one table for each host[:port], for example 10.233.0.1:5000"


def _nearest(text: str, fits: Callable[[str], bool]) -> str:
    """Return the text without a scheme or in lower case if that is a name; else an example."""
    bare = text.partition("://")[2].strip("/") or text
    host, slash, path = bare.partition("/")
    for meant in (bare, f"{host}{slash}{path.lower()}", bare.removeprefix("index.")):
        if fits(meant):
            return meant
    return LOCATION


def _without_tag(text: str) -> str:
    """Return a full name without its tag and digest; "" if it is not a name that has one of them."""
    try:
        reference = image_reference.parse(text)
    except ValueError:
        return ""
    return reference.repository if reference.host and (reference.tag or reference.digest) else ""


def _endpoints(table: dict[str, Any], path: Path) -> list[tuple[Path, str, str, dict[str, Any]]]:
    """Return (path, place inside it, location, table) of the source and each mirror; a wildcard may have no location."""
    source = table.get("location", "").rstrip("/")
    found = [((*path, "location"), "", source, table)] if source else []
    for place, mirror in mirrors_of(table):
        found.append(((*path, "mirror"), f"{place}.location", mirror.get("location", "").rstrip("/"), mirror))
    return found


def _images_of_docker_hub_have_a_namespace(typed: dict[str, Any], findings: Findings) -> None:
    for path, table in tables(typed):
        prefix = path[-1]
        host, _slash, name = prefix.partition("/")
        if host == DOCKER_HUB and name and "/" not in name and name != "library":
            findings.warning(
                path,
                f"only matches images below {name}/: docker.io/{name} itself is docker.io/library/{name}",
            )
        for place, inside, location, _endpoint in _endpoints(table, path):
            if location == DOCKER_HUB and prefix != DOCKER_HUB:
                findings.warning(
                    place,
                    f"{f'{inside} ' if inside else ''}is docker.io: the pull of an image directly below {prefix} fails, also from"
                    " the other places of the table, because docker.io/NAME is not a full name; use docker.io/library",
                )


def _wildcards_do_not_win_over_hosts(typed: dict[str, Any], findings: Findings) -> None:
    for path, _table in tables(typed):
        wildcard = image_reference.wildcard_before(path[-1])
        if wildcard not in typed["registry"]:
            continue
        message = f"is never used: {wildcard} has the same length, and is found first"
        findings.warning(path, f"{message}; set it in {wildcard}, or for {path[-1]}:PORT")


def _search_registries_are_found(typed: dict[str, Any], findings: Findings) -> None:
    key = "unqualified-search-registries"
    for index, text in enumerate(typed.get(key, [])):
        host = text.rstrip("/")
        if _IPV6.match(host):
            continue  # refused, see rules.py
        if image_reference.is_host(host) and not image_reference.is_registry(host):
            fault = f"has no dot and no port: containers/image silently searches in docker.io/{host} instead"
            findings.problem((key,), fault, "host[:port]", shown_value(text), f"[{index}]")


def _auth_files_are_read(typed: dict[str, Any], findings: Findings) -> None:
    helpers = typed.get("credential-helpers")
    if helpers and AUTH_FILES not in helpers:
        findings.warning(
            ("credential-helpers",),
            f"does not contain {AUTH_FILES}: no auth file is read, not even crio.image.global_auth_file",
        )


def _public_registries_are_secure(typed: dict[str, Any], findings: Findings) -> None:
    for path, table in tables(typed):
        source = [] if table.get("location") else [((*path, "insecure"), "", path[-1], table)]
        for place, _inside, location, endpoint in [*source, *_endpoints(table, path)]:
            host = location.partition("/")[0]
            if endpoint.get("insecure") and host in _PUBLIC:
                findings.warning(
                    place,
                    f"{host} is a public registry: insecure only accepts forged certificates and plain HTTP there",
                )


def _the_control_plane_is_not_blocked(typed: dict[str, Any], findings: Findings) -> None:
    for prefix in image_reference.prefixes_of(f"{CONTROL_PLANE}/pause"):
        table = typed["registry"].get(prefix)
        if table is None:
            continue
        if table.get("blocked") and not table.get("mirror"):
            findings.warning(
                ("registry", prefix, "blocked"),
                f"also blocks {CONTROL_PLANE}/pause, CRI-O's default pause image, and the images of kubeadm; without a mirror no"
                " pod starts that needs to pull them",
            )
        return


def _longer_prefixes_inherit_nothing(typed: dict[str, Any], findings: Findings) -> None:
    at_location = by_location(typed)
    for path, table in tables(typed):
        if table.get("blocked"):
            continue  # the shorter prefix is irrelevant
        for shorter in _shorter_prefixes(path[-1]):
            outer = typed["registry"].get(shorter, {})
            lost = [key for key in ("blocked", "insecure", "mirror") if outer.get(key) and key not in table]
            if lost and not _same_host(_host(table, path[-1]), _host(outer, shorter)):
                # The others are settings of a host, which is a different one here.
                lost = [key for key in lost if key == "mirror"]
            if lost:
                hint = f"set {' and '.join(lost)} here as well if needed"
                shared = [each[-1] for each, _other in at_location[location_of(path, table)] if each != path]
                if shared and lost != ["mirror"]:  # CRI-O refuses tables of one location that differ in this
                    hint += f", and for {listed(shared)}, which has the same location"
                findings.warning(path, f"inherits nothing from {shorter}: {hint}")


def _shorter_prefixes(prefix: str) -> list[str]:
    """Return the shorter prefixes that match the same images, longest first."""
    cuts = [place for place, char in enumerate(prefix) if char in "/:@"]
    host = prefix.partition("/")[0].partition(":")[0]
    dots = [place for place, char in enumerate(host) if char == "."]
    found = [*(prefix[:place] for place in cuts), *(f"*{host[place:]}" for place in dots)]
    return sorted((each for each in found if each != prefix), key=len, reverse=True)


def _same_host(host: str, other: str) -> bool:
    return host == other or other in _shorter_prefixes(host)


def _host(table: dict[str, Any], prefix: str) -> str:
    return (table.get("location") or prefix).partition("/")[0]


ADVICE = (
    _names_can_be_an_images,
    _images_of_docker_hub_have_a_namespace,
    _wildcards_do_not_win_over_hosts,
    _search_registries_are_found,
    _auth_files_are_read,
    _public_registries_are_secure,
    _the_control_plane_is_not_blocked,
    _longer_prefixes_inherit_nothing,
)
