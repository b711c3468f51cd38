# SPDX-License-Identifier: GPL-3.0-or-later
"""What containers/image takes in registries.conf and what has another effect than it seems, or none.

Each rule is one function over the typed data, as those of registries_rules.
"""

from __future__ import annotations

from ansible_collections.cri.node.plugins.plugin_utils import image_reference
from ansible_collections.cri.node.plugins.plugin_utils.findings import Findings, shown_value
from ansible_collections.cri.node.plugins.plugin_utils.layers import Path
from ansible_collections.cri.node.plugins.plugin_utils.registries_rules import LOCATION, mirrors_of, tables


def _locations_lead_somewhere(typed: dict, findings: Findings) -> None:
    def check(path: Path, location: str, inside: str = "") -> None:
        location = location.rstrip("/")
        if not location or location.startswith(("http://", "https://")):
            return
        if "*" in location:
            message = "is a wildcard, which only a prefix may be: no image could be pulled through this table"
            accepted = f'prefix: "{location}" without a location' if not inside else LOCATION
            findings.problem(path, message, accepted, shown_value(location), inside)
        elif not image_reference.can_be_pulled_from(location):
            fault = "has no host with a dot or a port, or is no name at all: no image can be pulled from it"
            findings.warning(path, f"{location} {fault}")

    for path, table in tables(typed):
        check((*path, "location"), table.get("location", ""))
        for place, mirror in mirrors_of(table):
            check((*path, "mirror"), mirror.get("location", ""), f"{place}.location")


def _longer_prefixes_inherit_nothing(typed: dict, findings: Findings) -> None:
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
                findings.warning(path, f"takes over nothing of {shorter}: {said}")


def _shorter_prefixes(prefix: str) -> list[str]:
    """The prefixes by which this one's images would be found, were its own table not there; the longest first."""
    cuts = [place for place, char in enumerate(prefix) if char in "/:@"]
    host = prefix.partition("/")[0].partition(":")[0]
    dots = [place for place, char in enumerate(host) if char == "."]
    found = [*(prefix[:place] for place in cuts), *(f"*{host[place:]}" for place in dots)]
    return sorted((each for each in found if each != prefix), key=len, reverse=True)


def _same_host(host: str, other: str) -> bool:
    return host == other or other in _shorter_prefixes(host)


def _host(table: dict, prefix: str) -> str:
    return (table.get("location") or prefix).partition("/")[0]


def _short_names_have_one_registry(typed: dict, findings: Findings) -> None:
    key = "unqualified-search-registries"
    if len(typed.get(key, [])) > 1:
        findings.warning(
            (key,),
            "has more than one entry: CRI-O refuses each short name that has no alias, unless"
            " crio.image.short_name_mode is disabled",
        )


def _the_mode_of_short_names_is_crios_own(typed: dict, findings: Findings) -> None:
    if typed.get("short-name-mode"):
        message = "has no effect on CRI-O from 1.34 on, which takes crio.image.short_name_mode instead"
        findings.warning(("short-name-mode",), message)


ADVICE = (
    _locations_lead_somewhere,
    _longer_prefixes_inherit_nothing,
    _short_names_have_one_registry,
    _the_mode_of_short_names_is_crios_own,
)
