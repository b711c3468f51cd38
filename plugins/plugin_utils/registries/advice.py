# SPDX-License-Identifier: GPL-3.0-or-later
"""What containers/image takes in registries.conf and what has another effect than it seems, or none.

Each rule is one function over the typed data, as those of registries_rules.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ansible_collections.cri.node.plugins.plugin_utils.findings import Findings, shown_value
from ansible_collections.cri.node.plugins.plugin_utils.layers import Path
from ansible_collections.cri.node.plugins.plugin_utils.registries import image_reference
from ansible_collections.cri.node.plugins.plugin_utils.registries.rules import (
    LOCATION,
    has_credentials,
    mirrors_of,
    tables,
)

_WILDCARD = "*.example.com for all registries of a domain, or host[:port] with or without a path"
_RANGE = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}/(?:[12]?\d|3[0-2])", re.ASCII)


def _names_can_be_an_images(typed: dict[str, Any], findings: Findings) -> None:
    """Refuse a prefix that no image's name begins with, and a location that no image can be pulled from."""
    for path, table in tables(typed):
        prefix, location = (table.get(key, "").rstrip("/") for key in ("prefix", "location"))
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
    if text and fault[0] and not text.startswith(("http://", "https://")) and not has_credentials(text):
        findings.problem(path, fault[0], fault[1], shown_value(text), inside)


def _fault_of_prefix(text: str, key: str = "prefix") -> tuple[str, str]:
    """(why no image is found by this prefix, or "", what to write instead)."""
    if text.startswith("*.") and any(char in text for char in "/@:"):
        return "", ""  # CRI-O refuses it, see registries_rules
    if "*" in text:
        if text.startswith("*.") and image_reference.can_begin_a_name(text):
            return ("", "") if key == "prefix" else _wildcard_as_location(text)
        below = text.removesuffix("*").rstrip("/")
        if text.endswith("/*") and not _fault_of_prefix(below)[0] and image_reference.can_begin_a_name(below):
            return "matches no image: a prefix stands for all that is below it", below
        return "matches no image: a wildcard stands for the first part of a host's name alone", _WILDCARD
    if _RANGE.fullmatch(text):
        return _range_of_addresses("it matches no image")
    if text.partition("/")[0] == "index.docker.io":
        return "matches no image: Docker Hub's images are called docker.io/...", text.removeprefix("index.")
    if image_reference.can_begin_a_name(text):
        return "", ""
    return "matches no image: it is not how the full name of one begins", _nearest(
        text, image_reference.can_begin_a_name
    )


def _fault_of_location(text: str, instead: str = "") -> tuple[str, str]:
    """(why no image can be pulled from this location, or "", what to write instead)."""
    if "*" in text:
        return _wildcard_as_location(text, instead)
    if _RANGE.fullmatch(text):
        return _range_of_addresses("no image can be pulled from it")
    if image_reference.can_be_pulled_from(text):
        return "", ""
    fault = "has no host with a dot or a port, or is no name at all: no image can be pulled from it"
    return fault, _nearest(text, image_reference.can_be_pulled_from)


def _wildcard_as_location(text: str, instead: str = "") -> tuple[str, str]:
    fault = "is a wildcard, which only a prefix may be: no image could be pulled through this table"
    if not instead and text.startswith("*.") and image_reference.can_begin_a_name(text):
        return fault, f'prefix: "{text}" without a location'
    return fault, instead or _WILDCARD.replace("*.example.com", 'prefix: "*.example.com" without a location')


def _range_of_addresses(effect: str) -> tuple[str, str]:
    fault = f"is a range of addresses, which registries.conf does not know: {effect}"
    return fault, "one table for each host[:port], for example 10.233.0.1:5000"


def _nearest(text: str, fits: Callable[[str], bool]) -> str:
    """The same without a scheme or in lower case, where that is a name; else what a name looks like."""
    bare = text.partition("://")[2].strip("/") or text
    host, slash, path = bare.partition("/")
    for meant in (bare, f"{host}{slash}{path.lower()}"):
        if fits(meant):
            return meant
    return LOCATION


def _longer_prefixes_inherit_nothing(typed: dict[str, Any], findings: Findings) -> None:
    for path, table in tables(typed):
        if table.get("blocked"):
            continue  # nothing of the shorter prefix could matter
        for shorter in _shorter_prefixes(path[-1]):
            outer = typed["registry"].get(shorter, {})
            lost = [key for key in ("blocked", "insecure", "mirror") if outer.get(key) and key not in table]
            if lost and not _same_host(_host(table, path[-1]), _host(outer, shorter)):
                # The others are said of a host, which is another one here.
                lost = [key for key in lost if key == "mirror"]
            if lost:
                said = f"{' and '.join(lost)} must be said here again, where meant"
                shared = _others_of_location(typed, path[-1]) if lost != ["mirror"] else []
                if shared:  # CRI-O refuses tables of one location that differ in this
                    said += f", and for {', '.join(shared)}, which has the same location"
                findings.warning(path, f"takes over nothing of {shorter}: {said}")


def _others_of_location(typed: dict[str, Any], prefix: str) -> list[str]:
    """The prefixes of the other tables that lead to the same location."""
    places = {path[-1]: table.get("location", "").rstrip("/") or path[-1] for path, table in tables(typed)}
    return [other for other, place in places.items() if place == places[prefix] and other != prefix]


def _shorter_prefixes(prefix: str) -> list[str]:
    """The prefixes by which this one's images would be found, were its own table not there; the longest first."""
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
    _longer_prefixes_inherit_nothing,
)
