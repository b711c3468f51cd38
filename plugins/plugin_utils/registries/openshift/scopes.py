# SPDX-License-Identifier: GPL-3.0-or-later
"""Scopes of OpenShift's objects: host[:port], with or without a path, or *.host for the subdomains of a host.

containers/image uses one table only, that of the most specific scope. The machine-config-operator therefore copies settings to
the scopes inside of a scope (openshift/runtime-utils, pkg/registries).
"""

from __future__ import annotations

from collections.abc import Collection

from ansible_collections.cri.node.plugins.plugin_utils.registries import image_reference

WILDCARD = "*."
ACCEPTED = "host[:port], with or without a path, or *.host; without scheme, tag and digest"
ACCEPTED_MIRROR = "host[:port], with or without a path; without scheme, tag and digest"


def around(scope: str) -> list[str]:
    """Return the scopes that contain this one, itself first: the ones of its path, of its host, and wildcards."""
    host = scope.partition("/")[0].partition(":")[0]
    cuts = [place for place, char in enumerate(scope) if char == "/"]
    dots = [place for place, char in enumerate(host) if char == "."]
    found = [scope, *(scope[:place] for place in reversed(cuts)), *(f"*{host[place:]}" for place in dots)]
    return list(dict.fromkeys(found))


def is_inside_one_of(scope: str, others: Collection[str]) -> bool:
    """Return whether one of the other scopes contains this one, or is the same."""
    return any(other in others for other in around(scope))


def is_wildcard(scope: str) -> bool:
    """Return whether the scope has a wildcard."""
    return scope.startswith(WILDCARD)


def is_well_formed(scope: str) -> bool:
    """Return whether the API of OpenShift accepts a registry or the source of mirrors."""
    if is_wildcard(scope):
        return ":" not in scope and image_reference.is_host(scope[len(WILDCARD) :])
    return image_reference.is_scope(scope)


def has_misplaced_wildcard(scope: str) -> bool:
    """Return whether the operator refuses the wildcard of a scope: it must replace the beginning of a whole host."""
    rest = scope.removeprefix(WILDCARD)
    return "*" in scope and (rest == scope or any(char in rest for char in "/@:*"))
