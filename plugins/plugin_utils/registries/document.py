# SPDX-License-Identifier: GPL-3.0-or-later
"""One registries.conf as containers/image loads it: its tables and lists, or the words with which it refuses the file.

The source is loadConfigFile and postProcessRegistries in pkg/sysregistriesv2 of containers/image 5.38. Everything here is per
file: two files may contradict each other, and the later one wins (see effective.py).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ansible_collections.cri.node.plugins.plugin_utils.registries import image_reference
from ansible_collections.cri.node.plugins.plugin_utils.text.go_quote import go_quote

MODES = ("enforcing", "permissive", "disabled")
PULLS = ("all", "digest-only", "tag-only")
_SCHEMES = ("http://", "https://")
# Go's names of the types that a TOML reader returns; the subclass comes first.
_GO_TYPES = (
    (bool, "bool"),
    (int, "int64"),
    (float, "float64"),
    (dict, "map[string]any"),
    (list, "[]any"),
)
_V1_LISTS = ("search", "insecure", "block")


class RefusedError(ValueError):
    """containers/image refuses the file; the message is its own."""


class Mirror(NamedTuple):
    """A table of [[registry.mirror]]."""

    location: str
    insecure: bool
    pull_from_mirror: str  # "" for all


class Registry(NamedTuple):
    """A table of [[registry]] with the file that it is from."""

    prefix: str  # never empty, unless the file has a prefix of slashes only
    location: str  # "" for a wildcard that keeps the name
    insecure: bool
    blocked: bool
    mirror_by_digest_only: bool
    mirrors: tuple[Mirror, ...]
    path: str


class Document(NamedTuple):
    """What one file sets; None if it does not set it."""

    path: str
    registries: dict[str, Registry]  # by prefix, sorted
    search: tuple[str, ...] | None
    credential_helpers: tuple[str, ...] | None
    short_name_mode: str  # "" if it does not set it
    auth_helper: str  # additional-layer-store-auth-helper, "" if it does not set it
    aliases: dict[str, str]  # by short name; "" removes an alias of an earlier file
    unknown: tuple[str, ...]  # dotted keys that containers/image ignores


def load(path: str, data: dict[str, Any], drop_in: bool) -> Document:
    """Return what a parsed TOML document sets. Raises RefusedError. drop_in: a file of registries.conf.d."""
    unknown: list[str] = []
    top = _struct(data, "", _TOP, unknown)
    registries = [_registry(each, path) for each in top.get("registry") or []]
    search = top.get("unqualified-search-registries")
    version_1 = {name: lists["registries"] for name, lists in top.get("registries", {}).items() if lists}
    if version_1:
        if drop_in:
            raise RefusedError("registry must be in v2 format but is in v1")
        if any(top.get(key) not in (None, "") for key in _TOP if key != "registries"):
            raise RefusedError("mixing sysregistry v1/v2 is not supported: ")
        registries, search = _converted(version_1, path)
    tables = _processed(registries)
    mode = top.get("short-name-mode", "")
    hosts = None if search is None else tuple(_search_host(each) for each in search)
    if mode and mode not in MODES:
        raise RefusedError(f"invalid short-name mode: {go_quote(mode)}")
    for prefix in tables:
        if prefix.startswith("*.") and any(char in prefix for char in "/@:"):
            raise RefusedError(
                "Wildcarded prefix should be in the format: *.example.com."
                f" Current prefix {go_quote(prefix)} is incorrectly formatted"
            )
    aliases = top.get("aliases") or {}
    faults = [fault for name in sorted(aliases) for fault in faults_of_alias(name, aliases[name])]
    if faults:
        raise RefusedError("validating short-name aliases: " + "\n".join(faults))
    helpers = top.get("credential-helpers")
    return Document(
        path,
        tables,
        hosts,
        None if helpers is None else tuple(helpers),
        mode,
        top.get("additional-layer-store-auth-helper", ""),
        {
            name: value and image_reference.normalized(value).repository
            for name, value in sorted(aliases.items())
        },
        tuple(unknown),
    )


def load_aliases(path: str, data: dict[str, Any]) -> Document:
    """Return the aliases of short-name-aliases.conf, which containers/image writes itself. Raises RefusedError."""
    return load(path, {key: value for key, value in data.items() if key.lower() == "aliases"}, drop_in=True)


def conflict(location: str, key: str) -> str:
    """Return the message for two tables of one location that differ in a key; the location of a wildcard without one is empty."""
    return f"registry '{location}' is defined multiple times with conflicting '{key}' setting"


def faults_of_alias(name: str, value: str) -> list[str]:
    """Return why containers/image refuses a short name and the name that it stands for, in its own words."""
    return [fault for fault in (fault_of_short_name(name), fault_of_alias_value(value)) if fault]


def fault_of_short_name(name: str) -> str:
    """Return why containers/image refuses the name of an alias; "" if it does not."""
    try:
        reference = _parsed(name)
    except ValueError as error:
        return f"cannot parse short name: {go_quote(name)}: {error}"
    parts = (("digest", reference.digest), ("tag", reference.tag), ("registry", reference.names_a_registry))
    superfluous = next((word for word, part in parts if part), "")
    return f"invalid short name {go_quote(name)}: must not contain {superfluous}" if superfluous else ""


def fault_of_alias_value(value: str) -> str:
    """Return why containers/image refuses the value of an alias; "" if it does not. An empty one removes the alias."""
    if not value:
        return ""
    try:
        reference = _parsed(value)
    except ValueError as error:
        return f"parsing alias {go_quote(value)}: {error}"
    superfluous = (reference.digest and "digest") or (reference.tag and "tag")
    if superfluous:
        return f"invalid alias {go_quote(value)}: must not contain {superfluous}"
    if not reference.names_a_registry:
        return f"invalid alias {go_quote(value)}: must contain registry and repository"
    try:
        image_reference.normalized(value)
    except ValueError as error:
        return str(error)
    return ""


def _parsed(name: str) -> image_reference.Reference:
    """Return the parts of a name as reference.Parse reads it, which also checks its digest."""
    reference = image_reference.parse(name)
    fault = image_reference.fault_of_digest(reference.digest)
    if fault:
        raise ValueError(fault)
    return reference


def _processed(registries: list[Registry]) -> dict[str, Registry]:
    """Return the first table of each prefix, sorted by it."""
    by_location: dict[
        str, dict[tuple[bool, bool], None]
    ] = {}  # with the settings of each, which must not differ
    for each in registries:
        by_location.setdefault(each.location or each.prefix, {})[each.insecure, each.blocked] = None
    for each in registries:
        for insecure, blocked in by_location[each.location or each.prefix]:
            for key, other in (("insecure", insecure), ("blocked", blocked)):
                if getattr(each, key) != other:
                    raise RefusedError(conflict(each.location, key))
    first: dict[str, Registry] = {}
    for each in registries:
        first.setdefault(each.prefix, each)
    return dict(sorted(first.items()))


def _registry(table: dict[str, Any], path: str) -> Registry:
    location = _location(table.get("location", ""))
    prefix = table.get("prefix", "")
    if prefix:
        prefix = _location(prefix)
        if not prefix.startswith("*.") and not location:
            raise RefusedError(
                "invalid condition: location is unset and prefix is not in the format: *.example.com"
            )
    elif not location:
        raise RefusedError("invalid condition: both location and prefix are unset")
    else:
        prefix = location
    if table.get("pull-from-mirror"):
        raise RefusedError(f"pull-from-mirror must not be set for a non-mirror registry {go_quote(prefix)}")
    by_digest = table.get("mirror-by-digest-only", False)
    mirrors = tuple(_mirror(each, prefix, by_digest) for each in table.get("mirror") or [])
    return Registry(
        prefix,
        location,
        table.get("insecure", False),
        table.get("blocked", False),
        by_digest,
        mirrors,
        path,
    )


def _mirror(table: dict[str, Any], prefix: str, by_digest: bool) -> Mirror:
    location, pulls = _location(table.get("location", "")), table.get("pull-from-mirror", "")
    if not location:
        raise RefusedError("invalid condition: mirror location is unset")
    if by_digest and pulls:
        raise RefusedError(
            f"cannot set mirror usage mirror-by-digest-only for the registry ({go_quote(prefix)}) and"
            f" pull-from-mirror for per-mirror ({go_quote(location)}) at the same time"
        )
    if pulls and pulls not in PULLS:
        raise RefusedError(
            f"unsupported pull-from-mirror value {go_quote(pulls)} for mirror {go_quote(location)}"
        )
    return Mirror(location, table.get("insecure", False), pulls)


def _location(text: str) -> str:
    trimmed = text.rstrip("/")
    if trimmed.startswith(_SCHEMES):
        raise RefusedError(f"invalid location '{text}': URI schemes are not supported")
    return trimmed


def _search_host(text: str) -> str:
    host = _location(text)
    if not image_reference.is_host(host):
        raise RefusedError(f"Invalid unqualified-search-registries entry {go_quote(host)}")
    return host


def _converted(lists: dict[str, list[str]], path: str) -> tuple[list[Registry], list[str] | None]:
    """Return the tables and the registries to search in of a file in version 1 of the format."""
    blocked, insecure = ([_location(text) for text in lists.get(name, [])] for name in ("block", "insecure"))
    tables = {
        location: Registry(location, location, location in insecure, location in blocked, False, (), path)
        for location in (*blocked, *insecure)
    }
    if "" in tables:
        raise RefusedError("invalid condition: both location and prefix are unset")
    return list(tables.values()), lists.get("search")


# Decoding, as github.com/BurntSushi/toml does it. Names of keys match in any case.


def _text(value: Any, key: str, _unknown: list[str]) -> str:
    if not _is_exactly(value, str):
        raise _mismatch(key, value, "string")
    return value


def _flag(value: Any, key: str, _unknown: list[str]) -> bool:
    if not isinstance(value, bool):
        raise _mismatch(key, value, "boolean")
    return value


def _texts(value: Any, key: str, unknown: list[str]) -> list[str]:
    return [_text(each, key, unknown) for each in _list(value, key)]


def _aliases(value: Any, key: str, unknown: list[str]) -> dict[str, str]:
    if not isinstance(value, dict):
        raise _mismatch(key, value, "map")
    return {name: _text(each, f"{key}.{name}", unknown) for name, each in value.items()}


def _mirrors(value: Any, key: str, unknown: list[str]) -> list[dict[str, Any]]:
    return [_struct(each, key, _MIRROR, unknown, "sysregistriesv2.Endpoint") for each in _list(value, key)]


def _registries(value: Any, key: str, unknown: list[str]) -> list[dict[str, Any]]:
    return [_struct(each, key, _REGISTRY, unknown, "sysregistriesv2.Registry") for each in _list(value, key)]


def _version_1(value: Any, key: str, unknown: list[str]) -> dict[str, Any]:
    return _struct(value, key, _VERSION_1, unknown, "sysregistriesv2.V1TOMLConfig")


def _version_1_list(value: Any, key: str, unknown: list[str]) -> dict[str, Any]:
    return _struct(value, key, {"registries": _texts}, unknown, "sysregistriesv2.V1TOMLregistries")


_Decoder = Callable[[Any, str, list[str]], Any]
_MIRROR: dict[str, _Decoder] = {"location": _text, "insecure": _flag, "pull-from-mirror": _text}
_REGISTRY: dict[str, _Decoder] = {
    **_MIRROR,
    "prefix": _text,
    "blocked": _flag,
    "mirror-by-digest-only": _flag,
    "mirror": _mirrors,
}
_VERSION_1: dict[str, _Decoder] = dict.fromkeys(_V1_LISTS, _version_1_list)
_TOP: dict[str, _Decoder] = {
    "registry": _registries,
    "unqualified-search-registries": _texts,
    "credential-helpers": _texts,
    "short-name-mode": _text,
    "additional-layer-store-auth-helper": _text,
    "aliases": _aliases,
    "registries": _version_1,
}


def _struct(
    value: Any, key: str, fields: dict[str, _Decoder], unknown: list[str], go_type: str = ""
) -> dict[str, Any]:
    """Return the decoded values of a table by the names of the format. Of two spellings of a name, the exact one is used."""
    if not isinstance(value, dict):
        raise RefusedError(
            f"(last key {go_quote(key)}): type mismatch for {go_type}: expected table but found {_go_type(value)}"
        )
    found: dict[str, Any] = {}
    for name, item in sorted(value.items(), key=lambda each: each[0] in fields):
        here = f"{key}.{name}" if key else name
        field = _field(name, fields)
        if field:
            found[field] = fields[field](item, here, unknown)
        elif here not in unknown:
            unknown.append(here)
    return found


def _field(name: str, fields: dict[str, _Decoder]) -> str:
    if name in fields:
        return name
    folded = name.casefold()
    return folded if folded in fields and len(folded) == len(name) else ""


def _list(value: Any, key: str) -> list[Any]:
    if not isinstance(value, list):
        raise _mismatch(key, value, "slice")
    return value


def _mismatch(key: str, value: Any, destination: str) -> RefusedError:
    return RefusedError(
        f"(last key {go_quote(key)}): incompatible types: TOML value has type {_go_type(value)};"
        f" destination has type {destination}"
    )


def _is_exactly(value: Any, type_: type) -> bool:
    """Return whether a value has this type and no other one that the reader derives from it."""
    return value.__class__ is type_


def _go_type(value: Any) -> str:
    if _is_exactly(value, str):
        return "string"
    if isinstance(value, list) and not _is_exactly(value, list):
        return "[]map[string]any"  # of [[headers]]
    return next((name for type_, name in _GO_TYPES if isinstance(value, type_)), "time.Time")
