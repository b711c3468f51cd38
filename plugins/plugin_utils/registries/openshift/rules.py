# SPDX-License-Identifier: GPL-3.0-or-later
"""What OpenShift refuses although the fields of its objects are correct.

The reasons are the error messages of its API (openshift/api, config/v1), of its machine-config-operator
(pkg/controller/container-runtime-config) and of openshift/runtime-utils, so that users recognize them. Each rule is a function
over all objects.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ansible_collections.cri.node.plugins.plugin_utils.findings import Findings, shown_value
from ansible_collections.cri.node.plugins.plugin_utils.layers import Path
from ansible_collections.cri.node.plugins.plugin_utils.registries import image_reference
from ansible_collections.cri.node.plugins.plugin_utils.registries.openshift import certificates, scopes
from ansible_collections.cri.node.plugins.plugin_utils.registries.openshift.reader import (
    REFUSED,
    OpenShiftObject,
)
from ansible_collections.cri.node.plugins.plugin_utils.registries.openshift.schema import (
    ALLOW,
    CLUSTER,
    CONFIG_MAP,
    IMAGE,
    MIRROR_LISTS,
    NAMESPACE,
    NEVER,
)
from ansible_collections.cri.node.plugins.plugin_utils.text import toml

#: the lists of registrySources that hold registries, and their names in the messages of the operator
REGISTRIES = {
    "insecureRegistries": "insecure",
    "blockedRegistries": "blocked",
    "allowedRegistries": "allowed",
}


class MirrorSet(NamedTuple):
    """One entry of a list of mirrors, with its place."""

    source: str
    mirrors: list[str]
    policy: str
    kind: str  # of the object
    path: Path  # of the list
    place: str  # in the list


def mirror_sets(objects: list[OpenShiftObject]) -> Iterator[MirrorSet]:
    """Yield the entries of all lists of mirrors that have a source."""
    for each in objects:
        name = MIRROR_LISTS.get(each.kind)
        for index, entry in enumerate(each.spec.get(name, []) if name else []):
            if "source" in entry:
                yield MirrorSet(
                    entry["source"],
                    entry.get("mirrors", []),
                    entry.get("mirrorSourcePolicy", ALLOW),
                    each.kind,
                    (*each.path, "spec", str(name)),
                    f"[{index}]",
                )


def registries_of(objects: list[OpenShiftObject], name: str) -> list[str]:
    """Return one of the lists of registrySources."""
    images = [each for each in objects if each.kind == IMAGE]
    return [text for each in images for text in each.spec.get("registrySources", {}).get(name, [])]


def _quoted(text: str) -> str:
    return toml.literal(text)


def _one_image(objects: list[OpenShiftObject], findings: Findings) -> None:
    for each in objects:
        if each.kind == IMAGE and each.name != CLUSTER and "name" in each.data.get("metadata", {}):
            fault = "has no effect: OpenShift only reads the Image of this name"
            findings.problem((*each.path, "metadata", "name"), fault, CLUSTER, shown_value(each.name))


def _registries_are_scopes(objects: list[OpenShiftObject], findings: Findings) -> None:
    for each in objects:
        sources = each.spec.get("registrySources", {}) if each.kind == IMAGE else {}
        for name, word in REGISTRIES.items():
            path = (*each.path, "spec", "registrySources", name)
            for index, scope in enumerate(sources.get(name, [])):
                if not scopes.is_well_formed(scope):
                    fault = f"{REFUSED}: {_fault_of_registry(scope, word)}"
                    findings.problem(path, fault, scopes.ACCEPTED, shown_value(scope), f"[{index}]")


def _fault_of_registry(scope: str, word: str) -> str:
    if not scope or scopes.has_misplaced_wildcard(scope):
        return f"invalid entry for {word} registries {_quoted(scope)}"
    return (
        "each registry must be a valid hostname[:port][/path] or wildcard *.hostname format without tags or"
        " digests"
    )


def _search_registries_exist(objects: list[OpenShiftObject], findings: Findings) -> None:
    for each in objects:
        name = "containerRuntimeSearchRegistries"
        if each.kind == IMAGE and each.spec.get("registrySources", {}).get(name) == []:
            fault = f"is empty: {REFUSED}: should have at least 1 items"
            findings.problem((*each.path, "spec", "registrySources", name), fault)


def _either_allowed_or_blocked(objects: list[OpenShiftObject], findings: Findings) -> None:
    for each in objects:
        sources = each.spec.get("registrySources", {}) if each.kind == IMAGE else {}
        if sources.get("allowedRegistries") and sources.get("blockedRegistries"):
            reason = (
                "invalid images config: only one of AllowedRegistries or BlockedRegistries may be specified"
            )
            findings.problem((*each.path, "spec", "registrySources"), f"{REFUSED}: {reason}")


def _mirrors_are_scopes(objects: list[OpenShiftObject], findings: Findings) -> None:
    for each in mirror_sets(objects):
        if not scopes.is_well_formed(each.source):
            fault = f"{REFUSED}: invalid format for source {_quoted(each.source)}"
            place = f"{each.place}.source"
            findings.problem(each.path, fault, scopes.ACCEPTED, shown_value(each.source), place)
        for index, mirror in enumerate(each.mirrors):
            if not image_reference.is_scope(mirror):
                fault = f"{REFUSED}: invalid format for mirror {_quoted(mirror)}"
                place = f"{each.place}.mirrors[{index}]"
                findings.problem(each.path, fault, scopes.ACCEPTED_MIRROR, shown_value(mirror), place)


def _one_policy_for_a_source(objects: list[OpenShiftObject], findings: Findings) -> None:
    first: dict[str, MirrorSet] = {}
    for each in mirror_sets(objects):
        other = first.setdefault(each.source, each)
        if each.policy != other.policy:
            reason = (
                f"conflicting mirrorSourcePolicy is set for the same source {_quoted(each.source)} in"
                " imagedigestmirrorsets, imagetagmirrorsets, or imagecontentsourcepolicies"
            )
            accepted = f"{other.policy}, as {'.'.join(other.path)}{other.place} has it"
            place = f"{each.place}.mirrorSourcePolicy"
            findings.problem(each.path, f"{REFUSED}: {reason}", accepted, shown_value(each.policy), place)


def _never_contacted_sources_are_no_mirrors(objects: list[OpenShiftObject], findings: Findings) -> None:
    for each in mirror_sets(objects):
        if each.policy == NEVER and each.source in each.mirrors:
            reason = (
                f"cannot set mirrorSourcePolicy: {NEVER} if the source {_quoted(each.source)} is one of the"
                " mirrors"
            )
            findings.problem(each.path, f"{REFUSED}: {reason}", inside=f"{each.place}.mirrors")


def _policies_have_mirrors(objects: list[OpenShiftObject], findings: Findings) -> None:
    for each in mirror_sets(objects):
        if all(mirror == each.source for mirror in each.mirrors):
            never = f", and {NEVER} is ignored" if each.policy == NEVER else ""
            message = f"{_quoted(each.source)} has no mirror: OpenShift configures nothing for it{never}"
            findings.warning((*each.path, each.place), message)


def _certificates_are_pem(objects: list[OpenShiftObject], findings: Findings) -> None:
    named = trusted_name(objects)
    maps = [each for each in objects if each.kind == CONFIG_MAP]
    for each in maps:
        namespace = each.data.get("metadata", {}).get("namespace", NAMESPACE)
        if namespace != NAMESPACE:
            fault = f"{REFUSED}: OpenShift reads the certificates of this namespace only"
            findings.problem((*each.path, "metadata", "namespace"), fault, NAMESPACE, shown_value(namespace))
        if each.name != named:
            fault = "is not used: no Image has its name in spec.additionalTrustedCA.name"
            findings.problem(each.path, fault)
            continue
        for path, message, accepted in certificates.faults(each):
            findings.problem(path, message, accepted)
    if named and named not in [each.name for each in maps]:
        reason = (
            f"could not find configmap specified in image.config.openshift.io/{CLUSTER} with the name {named}"
        )
        path = (f"{IMAGE}/{CLUSTER}", "spec", "additionalTrustedCA", "name")
        findings.warning(path, f"{reason}: its certificates are not configured")


def trusted_name(objects: list[OpenShiftObject]) -> str:
    """Return the name of the ConfigMap with certificates, or ""."""
    names = [
        each.spec.get("additionalTrustedCA", {}).get("name", "") for each in objects if each.kind == IMAGE
    ]
    return next((name for name in names if name), "")


RULES = (
    _one_image,
    _registries_are_scopes,
    _search_registries_exist,
    _either_allowed_or_blocked,
    _mirrors_are_scopes,
    _one_policy_for_a_source,
    _never_contacted_sources_are_no_mirrors,
    _policies_have_mirrors,
    _certificates_are_pem,
)
