# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenShift's objects as data of the files that its machine-config-operator writes from them.

The result has the form of the role's variables, one for each file. It is that of the operator's EditRegistriesConfig and
updatePolicyJSON (openshift/runtime-utils, pkg/registries; openshift/machine-config-operator, pkg/controller/
container-runtime-config), without the settings of OpenShift's own files: search registries and the release image.
"""

from __future__ import annotations

from typing import NamedTuple

from ansible_collections.cri.node.plugins.plugin_utils.findings import Findings
from ansible_collections.cri.node.plugins.plugin_utils.layers import Data, Layers
from ansible_collections.cri.node.plugins.plugin_utils.problem import Problem
from ansible_collections.cri.node.plugins.plugin_utils.registries.openshift import (
    certificates,
    mirror_order,
    scopes,
)
from ansible_collections.cri.node.plugins.plugin_utils.registries.openshift.reader import (
    REFUSED,
    OpenShiftObject,
    read,
)
from ansible_collections.cri.node.plugins.plugin_utils.registries.openshift.rules import (
    RULES,
    MirrorSet,
    mirror_sets,
    registries_of,
    trusted_name,
)
from ansible_collections.cri.node.plugins.plugin_utils.registries.openshift.schema import (
    CONFIG_MAP,
    NEVER,
    TAG_MIRRORS,
)

VARIABLE = "registries_openshift"
#: the parts of the data, each of which has the form of the role's variable of this name
CONFIG, POLICY, CERTIFICATES = PARTS = ("registries_config", "registries_policy", "registries_certificates")
#: the field of the Image that requires a part, and what is missing without a file for it
FIELDS = {
    CONFIG: "Image/cluster.spec.registrySources",
    POLICY: "Image/cluster.spec.registrySources.allowedRegistries",
    CERTIFICATES: "Image/cluster.spec.additionalTrustedCA",
}
MISSING = {
    CONFIG: "needs a registries.conf, which is not among the files",
    POLICY: "needs a policy.json, which is not among the files",
    CERTIFICATES: "needs the certificates of registries, which are not among the files",
}
DIGEST_ONLY, TAG_ONLY = "digest-only", "tag-only"
ACCEPT, REJECT = "insecureAcceptAnything", "reject"
MOST_SLASHES_OF_ATOMIC = 2  # scopes with a longer path are not valid for this transport


class Files(NamedTuple):
    """The data of each part that has any, and what is wrong with the objects."""

    data: dict[str, Data]
    problems: list[Problem]
    warnings: list[Problem]


def files_of(layers: Layers) -> Files:
    """Check the objects of named layers, and return the data of their files. Objects with a problem result in no data."""
    objects, findings = read(layers)
    for rule in RULES:
        rule(objects, findings)
    config = {} if findings.found else _registries_config(objects, findings)
    if findings.found:
        return Files({}, findings.listed(), findings.warnings)
    parts = {CONFIG: config, POLICY: _policy(objects), CERTIFICATES: _certificates(objects)}
    return Files({name: data for name, data in parts.items() if data}, [], findings.warnings)


def _registries_config(objects: list[OpenShiftObject], findings: Findings) -> Data:
    insecure = dict.fromkeys(registries_of(objects, "insecureRegistries"))
    blocked = dict.fromkeys(registries_of(objects, "blockedRegistries"))
    sets = [each for each in mirror_sets(objects) if any(mirror != each.source for mirror in each.mirrors)]
    own = _own_mirrors(sets, insecure)
    rank = {source: number for number, source in enumerate(own)}
    mirrors = {scope: own.get(scope, []) for scope in [*own, *insecure, *blocked]}
    for scope in mirrors:
        # The operator copies mirrors from the first source around the scope, not from the nearest one.
        around = [source for source in scopes.around(scope)[1:] if source in own]
        if around and not mirrors[scope]:
            source = min(around, key=lambda each: rank[each])
            if scopes.is_wildcard(source):
                _refuse_copy(source, scope, sets, findings)
            else:
                mirrors[scope] = _copied(own[source], scope[len(source) :])
    never = {each.source for each in sets if each.policy == NEVER}
    tables = []
    for scope in sorted(mirrors):
        table: Data = {"prefix" if scopes.is_wildcard(scope) else "location": scope}
        if scopes.is_inside_one_of(scope, insecure):
            table["insecure"] = True
        if scope in never or scopes.is_inside_one_of(scope, blocked):
            table["blocked"] = True
        if mirrors[scope]:
            table["mirror"] = mirrors[scope]
        tables.append(table)
    search = registries_of(objects, "containerRuntimeSearchRegistries")
    return {
        **({"unqualified-search-registries": search} if search else {}),
        **({"registry": tables} if tables else {}),
    }


def _own_mirrors(sets: list[MirrorSet], insecure: dict[str, None]) -> dict[str, list[Data]]:
    """Return the mirrors of each source: those for digests first, each time sorted by source."""
    found: dict[str, list[Data]] = {}
    for pulls, chosen in (
        (DIGEST_ONLY, [each for each in sets if each.kind != TAG_MIRRORS]),
        (TAG_ONLY, [each for each in sets if each.kind == TAG_MIRRORS]),
    ):
        lists: dict[str, list[list[str]]] = {}
        for each in chosen:
            lists.setdefault(each.source, []).append(each.mirrors)
        for source in sorted(lists):
            found.setdefault(source, []).extend(
                {
                    "location": mirror,
                    **({"insecure": True} if scopes.is_inside_one_of(mirror, insecure) else {}),
                    "pull-from-mirror": pulls,
                }
                for mirror in mirror_order.merged(source, lists[source])
            )
    return found


def _copied(mirrors: list[Data], below: str) -> list[Data]:
    """Return mirrors for a part of a registry.

    They keep `insecure`, even if their longer location is inside another insecure registry. This is what the operator does.
    """
    return [{**mirror, "location": f"{mirror['location']}{below}"} for mirror in mirrors]


def _refuse_copy(source: str, scope: str, sets: list[MirrorSet], findings: Findings) -> None:
    place = next(each for each in sets if each.source == source)
    fault = (
        f"{REFUSED}: mirrorsAdjustedForNestedScope for a wildcard scope: mirrors of a wildcard cannot be copied to"
        f" {scope}, which has settings of its own"
    )
    findings.problem(place.path, fault, f"mirrors for {scope} as well", inside=f"{place.place}.source")


def _policy(objects: list[OpenShiftObject]) -> Data:
    allowed = registries_of(objects, "allowedRegistries")
    blocked = registries_of(objects, "blockedRegistries")
    if not allowed and not blocked:
        return {}
    return policy_of(allowed, blocked)


def policy_of(allowed: list[str], blocked: list[str]) -> Data:
    """Return the policy.json for allowed or blocked registries."""
    default, other = (REJECT, ACCEPT) if allowed else (ACCEPT, REJECT)
    listed = sorted({*allowed, *blocked})
    of_atomic = [scope for scope in listed if scope.count("/") <= MOST_SLASHES_OF_ATOMIC]
    return {
        "default": [{"type": default}],
        "transports": {
            "atomic": {scope: [{"type": other}] for scope in of_atomic},
            "docker": {scope: [{"type": other}] for scope in listed},
            "docker-daemon": {"": [{"type": ACCEPT}]},
        },
    }


def _certificates(objects: list[OpenShiftObject]) -> Data:
    name = trusted_name(objects)
    maps = [each for each in objects if each.kind == CONFIG_MAP and each.name == name]
    return {host: files for each in maps for host, files in certificates.files_of(each).items()}
