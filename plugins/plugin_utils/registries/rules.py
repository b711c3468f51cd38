# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of registries.conf that containers/image refuses although their types are correct.

Each rule is a function over the typed data, in which `registry` is a mapping by prefix. The reasons are the error messages of
containers/image (pkg/sysregistriesv2), so that users recognize what CRI-O logs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ansible_collections.cri.node.plugins.module_utils.layout import REGISTRIES_DIRECTORY
from ansible_collections.cri.node.plugins.plugin_utils.findings import Findings, shown_value
from ansible_collections.cri.node.plugins.plugin_utils.layers import Path
from ansible_collections.cri.node.plugins.plugin_utils.registries import document, image_reference
from ansible_collections.cri.node.plugins.plugin_utils.registries.document import MODES, PULLS
from ansible_collections.cri.node.plugins.plugin_utils.text.go_quote import go_quote as _quoted

FILE = f"{REGISTRIES_DIRECTORY}/zz-cri-node.conf"
LOCATION = "host[:port], with or without a path, for example registry.example.com:5000/mirror"
_SHORT_NAME = "a name without registry, tag and digest, for example fedora"
_FULL_NAME = 'a full name without tag and digest, for example registry.example.com/fedora, or "" for none'


def tables(typed: dict[str, Any]) -> list[tuple[Path, dict[str, Any]]]:
    """Return the tables of `registry` with their paths."""
    return [(("registry", prefix), table) for prefix, table in typed["registry"].items()]


def location_of(path: Path, table: dict[str, Any]) -> str:
    """Return what containers/image compares a table with others by: its location, else its prefix."""
    return table.get("location", "").rstrip("/") or path[-1]


def by_location(typed: dict[str, Any]) -> dict[str, list[tuple[Path, dict[str, Any]]]]:
    """Return the tables of `registry` with their paths, by their locations."""
    found: dict[str, list[tuple[Path, dict[str, Any]]]] = {}
    for path, table in tables(typed):
        found.setdefault(location_of(path, table), []).append((path, table))
    return found


def mirrors_of(table: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Return the mirrors of a table with their places in the list."""
    return [(f"[{index}]", mirror) for index, mirror in enumerate(table.get("mirror", []))]


def _refuse(
    findings: Findings,
    path: Path,
    reason: str,
    accepted: str | None = None,
    value: object = None,
    inside: str = "",
) -> None:
    message = f"CRI-O refuses {FILE}: {reason}"
    findings.problem(path, message, accepted, shown_value(value), inside)


def _places(typed: dict[str, Any]) -> Iterator[tuple[Path, str, str]]:
    """Yield each text that names a registry or a part of it: (path, text, place inside the value)."""
    for path, table in tables(typed):
        for key in ("prefix", "location"):
            yield (*path, key), table.get(key, ""), ""
        for place, mirror in mirrors_of(table):
            yield (*path, "mirror"), mirror.get("location", ""), f"{place}.location"
    for index, text in enumerate(typed.get("unqualified-search-registries", [])):
        yield ("unqualified-search-registries",), text, f"[{index}]"


def _no_schemes(typed: dict[str, Any], findings: Findings) -> None:
    for path, text, inside in _places(typed):
        if has_scheme(text):
            reason = f"invalid location '{text}': URI schemes are not supported"
            _refuse(findings, path, reason, LOCATION, text, inside)


def has_scheme(text: str) -> bool:
    """Return whether containers/image takes a text for a URL. It removes slashes at the end before."""
    return text.rstrip("/").startswith(("http://", "https://"))


def _no_credentials(typed: dict[str, Any], findings: Findings) -> None:
    fault = "contains a user name or a password, which registries.conf does not support"
    accepted = "no credentials here, but in the file that crio.image.global_auth_file names"
    aliases = [(("aliases", name), text, "") for name, text in typed.get("aliases", {}).items()]
    for path, text, inside in [*_places(typed), *aliases]:
        if "@" in text and has_credentials(text):
            findings.problem(path, fault, accepted, None, inside)


def has_credentials(text: str) -> bool:
    """Return whether a text contains a user name and a password, which must not appear in messages."""
    from ansible_collections.cri.node.plugins.module_utils.text import without_credentials  # rarely needed

    return without_credentials(text) != text


def _has_a_location(typed: dict[str, Any], findings: Findings) -> None:
    for path, table in tables(typed):
        if any(key not in table and (*path, key) in findings.sources for key in ("location", "prefix")):
            continue  # it has one, which has another problem
        location, prefix = table.get("location", "").rstrip("/"), table.get("prefix", "")
        if not location and not prefix:
            _refuse(findings, path, "invalid condition: both location and prefix are unset", LOCATION)
        elif not location and not prefix.startswith("*."):
            reason = "invalid condition: location is unset and prefix is not in the format: *.example.com"
            _refuse(findings, path, reason, f"a location: {LOCATION}")


def _wildcards_are_whole_hosts(typed: dict[str, Any], findings: Findings) -> None:
    for path, table in tables(typed):
        prefix = table.get("prefix", "").rstrip("/") or table.get("location", "").rstrip("/")
        if prefix.startswith("*.") and any(char in prefix for char in "/@:"):
            reason = (
                "Wildcarded prefix should be in the format: *.example.com."
                f" Current prefix {_quoted(prefix)} is incorrectly formatted"
            )
            _refuse(findings, path, reason, "*.example.com, without port and path")


def _mirrors_are_usable(typed: dict[str, Any], findings: Findings) -> None:
    for path, table in tables(typed):
        if table.get("pull-from-mirror"):
            reason = f"pull-from-mirror must not be set for a non-mirror registry {_quoted(path[-1])}"
            _refuse(findings, (*path, "pull-from-mirror"), reason, "pull-from-mirror inside mirror")
        for place, mirror in mirrors_of(table):
            _check_mirror(path, table, place, mirror, findings)


def _check_mirror(
    path: Path, table: dict[str, Any], place: str, mirror: dict[str, Any], findings: Findings
) -> None:
    here = (*path, "mirror")
    location, pulls = mirror.get("location", "").rstrip("/"), mirror.get("pull-from-mirror", "")
    if not location:
        _refuse(findings, here, "invalid condition: mirror location is unset", LOCATION, inside=place)
    elif pulls and table.get("mirror-by-digest-only"):
        reason = (
            f"cannot set mirror usage mirror-by-digest-only for the registry ({_quoted(path[-1])}) and"
            f" pull-from-mirror for per-mirror ({_quoted(location)}) at the same time"
        )
        _refuse(findings, here, reason, "one of the two", pulls, f"{place}.pull-from-mirror")
    elif pulls and pulls not in PULLS:
        reason = f"unsupported pull-from-mirror value {_quoted(pulls)} for mirror {_quoted(location)}"
        _refuse(findings, here, reason, ", ".join(PULLS), pulls, f"{place}.pull-from-mirror")


def _no_conflicts(typed: dict[str, Any], findings: Findings) -> None:
    for first, *others in by_location(typed).values():
        for path, table in others:
            for key in ("insecure", "blocked"):
                if table.get(key, False) != first[1].get(key, False):
                    reason = document.conflict(first[1].get("location", "").rstrip("/"), key)
                    accepted = f"the same as for {first[0][-1]}, which has the same location"
                    _refuse(findings, (*path, key), reason, accepted, table.get(key, False))


def _search_registries_are_hosts(typed: dict[str, Any], findings: Findings) -> None:
    key = "unqualified-search-registries"
    for index, text in enumerate(typed.get(key, [])):
        entry = text.rstrip("/")
        if not image_reference.is_host(entry) and not has_scheme(text):
            reason = f"Invalid unqualified-search-registries entry {_quoted(entry)}"
            _refuse(findings, (key,), reason, "host[:port]", text, f"[{index}]")


def _short_name_mode(typed: dict[str, Any], findings: Findings) -> None:
    key = "short-name-mode"
    mode = typed.get(key, "")
    if mode and mode not in MODES:
        _refuse(findings, (key,), f"invalid short-name mode: {_quoted(mode)}", ", ".join(MODES), mode)


def _aliases_are_names(typed: dict[str, Any], findings: Findings) -> None:
    for name, value in sorted(typed.get("aliases", {}).items()):
        faults = (
            (document.fault_of_short_name(name), _SHORT_NAME),
            (document.fault_of_alias_value(value), _FULL_NAME),
        )
        for fault, accepted in faults:
            if fault:
                reason = f"validating short-name aliases: {fault}"
                _refuse(findings, ("aliases", name), reason, accepted, value)


RULES = (
    _no_schemes,
    _no_credentials,
    _has_a_location,
    _wildcards_are_whole_hosts,
    _mirrors_are_usable,
    _no_conflicts,
    _search_registries_are_hosts,
    _short_name_mode,
    _aliases_are_names,
)
