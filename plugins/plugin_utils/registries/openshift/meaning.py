# SPDX-License-Identifier: GPL-3.0-or-later
"""What registries.conf and policy.json mean, apart from how they are written. Two files are equal if they mean the same.

registries.conf means, for each scope of images: where they are pulled from, whether this is blocked or insecure, and the mirrors
for digests and for tags in their order. policy.json means, for each scope, whether images are accepted, unless this follows from
the scope around it.
"""

from __future__ import annotations

from typing import NamedTuple

from ansible_collections.cri.node.plugins.plugin_utils.layers import Data
from ansible_collections.cri.node.plugins.plugin_utils.registries.openshift import scopes

_DIGESTS = ("", "all", "digest-only")
_TAGS = ("", "all", "tag-only")


class Mirror(NamedTuple):
    """One mirror."""

    location: str
    insecure: bool


class Registry(NamedTuple):
    """What one table of registries.conf means."""

    location: str = ""  # "" if it is the scope
    insecure: bool = False
    blocked: bool = False
    digests: tuple[Mirror, ...] = ()  # mirrors for images with a digest
    tags: tuple[Mirror, ...] = ()  # mirrors for other images

    @property
    def mirrors(self) -> tuple[Mirror, ...]:
        """All mirrors."""
        return (*self.digests, *self.tags)


def registries_of(data: Data) -> dict[str, Registry]:
    """Return the meaning of the tables of checked data of registries.conf, by scope."""
    found = {}
    for table in data.get("registry", []):
        prefix, location = (table.get(key, "").rstrip("/") for key in ("prefix", "location"))
        scope = prefix or location
        insecure = table.get("insecure", False)
        only_digests = table.get("mirror-by-digest-only", False)
        found[scope] = Registry(
            location if location != scope else "",
            insecure,
            table.get("blocked", False),
            _mirrors(table, _DIGESTS, location or scope),
            () if only_digests else _mirrors(table, _TAGS, location or scope),
        )
    return found


def _mirrors(table: Data, pulls: tuple[str, ...], location: str) -> tuple[Mirror, ...]:
    """Return the mirrors for some pulls, each once, and without the registry itself at the end, which is always the last one."""
    mirrors = [
        Mirror(mirror["location"].rstrip("/"), mirror.get("insecure", False))
        for mirror in table.get("mirror", [])
        if mirror.get("pull-from-mirror", "") in pulls
    ]
    found = list(dict.fromkeys(mirrors))
    if found and found[-1] == Mirror(location, table.get("insecure", False)):
        found.pop()
    return tuple(found)


def verdicts_of(default: str, by_scope: dict[str, str]) -> dict[str, str]:
    """Return the verdicts of a policy that do not follow from the scope around them or from the default."""
    found = {}
    for scope, verdict in by_scope.items():
        around = next((by_scope[each] for each in scopes.around(scope)[1:] if each in by_scope), default)
        if verdict != around:
            found[scope] = verdict
    return found
