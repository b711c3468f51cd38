# SPDX-License-Identifier: GPL-3.0-or-later
"""Where an image name is pulled from: the ordered endpoints that CRI-O contacts, and why.

The sources are docker/docker_image_src.go, pkg/shortnames and pkg/sysregistriesv2 of containers/image 5.38, and
internal/storage/image.go of CRI-O 1.37. The tables are looked up by the prefixes that the name itself has, longest first, so that
the number of tables does not matter.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from ansible_collections.cri.node.plugins.plugin_utils.registries import image_reference
from ansible_collections.cri.node.plugins.plugin_utils.registries.auth_keys import AuthFile, credential_of
from ansible_collections.cri.node.plugins.plugin_utils.registries.document import Mirror, Registry
from ansible_collections.cri.node.plugins.plugin_utils.registries.effective import Effective
from ansible_collections.cri.node.plugins.plugin_utils.registries.image_reference import Reference
from ansible_collections.cri.node.plugins.plugin_utils.text.go_quote import go_quote

CRIO_MODES = ("enforcing", "disabled")


class Endpoint(NamedTuple):
    """One place that is contacted for an image, in the order of the attempts."""

    candidate: str  # the full name that is pulled
    reference: str  # the name at this place
    kind: str  # mirror or source
    insecure: bool
    blocked: str  # the prefix of the table that blocks the place; "" if none does
    prefix: str  # of the table that applies to the candidate; "" if none does
    path: str  # the file of that table
    why: str
    credential: dict[str, str] | None  # key, file and helper, see auth_keys.Credential
    gets_pod_credentials: bool  # whether the credentials of the pod's imagePullSecrets are sent

    def as_dict(self) -> dict[str, Any]:
        """Return the endpoint as users see it."""
        return self._asdict()


class Resolution(NamedTuple):
    """All endpoints of one name. `error` is why none is contacted at all, in the words of CRI-O."""

    name: str
    is_short: bool
    candidates: tuple[str, ...]  # the full names that are tried in turn
    why: str  # how the candidates were found
    endpoints: tuple[Endpoint, ...]
    skipped: tuple[tuple[str, str], ...]  # (location of a mirror, why it is not contacted)
    problems: tuple[str, ...]  # a sentence for each candidate that CRI-O does not even try to pull
    error: str

    def as_dict(self) -> dict[str, Any]:
        """Return the resolution as users see it."""
        return {
            "name": self.name,
            "is_short": self.is_short,
            "candidates": list(self.candidates),
            "why": self.why,
            "endpoints": [each.as_dict() for each in self.endpoints],
            "skipped": [{"location": location, "reason": reason} for location, reason in self.skipped],
            "problems": list(self.problems),
            **({"error": self.error} if self.error else {}),
        }


class UnresolvedError(ValueError):
    """CRI-O refuses the name; the message is its own."""


def resolve(
    name: str, effective: Effective, mode: str = "enforcing", auth_files: Iterable[AuthFile] = ()
) -> Resolution:
    """Return the endpoints of an image name as a pod has it. mode: crio.image.short_name_mode."""
    is_short = False
    try:
        reference = _parsed(name)
        is_short = not reference.names_a_registry
        if is_short:
            candidates, why = _candidates(name, reference, effective, mode)
        else:
            candidates, why = [_full(name)], "the name has a registry"
    except UnresolvedError as error:
        return Resolution(name, is_short, (), "", (), (), (), str(error))
    auth = list(auth_files)
    endpoints: list[Endpoint] = []
    skipped: list[tuple[str, str]] = []
    problems: list[str] = []
    for candidate in map(_completed, candidates):
        table = find(effective, candidate.repository)
        try:
            endpoints += _endpoints(candidate, table, effective, auth, skipped)
        except ValueError as error:
            problems.append(f"{candidate}: rewriting reference: {error}")
    return Resolution(
        name,
        is_short,
        tuple(str(_completed(each)) for each in candidates),
        why,
        tuple(endpoints),
        tuple(skipped),
        tuple(problems),
        "",
    )


def find(effective: Effective, repository: str) -> Registry | None:
    """Return the table that applies to host[:port]/path; None if there is none."""
    for prefix in image_reference.prefixes_of_repository(repository):
        if prefix in effective.registries:
            return effective.registries[prefix]
    return None


def _parsed(name: str) -> Reference:
    try:
        reference = image_reference.parse(name)
        fault = image_reference.fault_of_digest(reference.digest)
    except ValueError as error:
        fault = str(error)
    if fault:
        raise UnresolvedError(f"cannot parse input: {go_quote(name)}: {fault}")
    return reference


def _full(name: str) -> Reference:
    try:
        return image_reference.normalized(name)
    except ValueError as error:
        raise UnresolvedError(f"cannot normalize input: {go_quote(name)}: {error}") from None


def _candidates(name: str, short: Reference, effective: Effective, mode: str) -> tuple[list[Reference], str]:
    """Return the full names of a short name, and why. Raises UnresolvedError."""
    alias = effective.recorded_aliases.get(short.repository) or effective.aliases.get(short.repository)
    if alias and alias.value:
        target = image_reference.normalized(alias.value)
        return [target._replace(tag=short.tag, digest=short.digest)], f"alias in {alias.path}"
    if not effective.search:
        where = (
            f"no unqualified-search registries are defined in {go_quote(effective.search_origin)}"
            if effective.search_origin
            else "no containers-registries.conf(5) was found"
        )
        raise UnresolvedError(f"short-name {go_quote(name)} did not resolve to an alias and {where}")
    found = []
    for host in effective.search:
        try:
            found.append(image_reference.normalized(f"{host}/{name}"))
        except ValueError as error:
            raise UnresolvedError(
                f"creating reference with unqualified-search registry {go_quote(host)}: {error}"
            ) from None
    if len(found) > 1 and mode != "disabled":
        raise UnresolvedError(f"short name mode is enforcing, but image name {name} returns ambiguous list")
    return found, f"unqualified-search-registries in {effective.search_origin}"


def _completed(reference: Reference) -> Reference:
    """Return the name with the tag latest if it has neither tag nor digest, and with one of the two only, as CRI-O pulls it."""
    if reference.digest:
        return reference._replace(tag="")
    return reference if reference.tag else reference._replace(tag="latest")


def _endpoints(
    candidate: Reference,
    table: Registry | None,
    effective: Effective,
    auth: list[AuthFile],
    skipped: list[tuple[str, str]],
) -> list[Endpoint]:
    """Return the endpoints of a full name. Raises ValueError if one of them is not a valid name, so that none is contacted."""
    if table is None:
        return [_endpoint(candidate, candidate, "source", False, None, "no table applies", effective, auth)]
    found = []
    for number, mirror in enumerate(table.mirrors):
        reason = _unused(candidate, table, mirror)
        if reason:
            skipped.append((mirror.location, reason))
            continue
        reference = _rewritten(candidate, table.prefix, mirror.location)
        why = f"mirror {number + 1} of {table.prefix}"
        found.append(_endpoint(candidate, reference, "mirror", mirror.insecure, table, why, effective, auth))
    reference = _rewritten(candidate, table.prefix, table.location) if table.location else candidate
    why = f"location of {table.prefix}" if table.location else f"{table.prefix} has no location"
    found.append(_endpoint(candidate, reference, "source", table.insecure, table, why, effective, auth))
    return found


def _unused(candidate: Reference, table: Registry, mirror: Mirror) -> str:
    """Return why a mirror is not used for this name; "" if it is."""
    if table.mirror_by_digest_only and not candidate.digest:
        return "mirror-by-digest-only, and the name has no digest"
    if mirror.pull_from_mirror == "digest-only" and not candidate.digest:
        return "digest-only, and the name has no digest"
    if mirror.pull_from_mirror == "tag-only" and candidate.digest:
        return "tag-only, and the name has a digest"
    return ""


def _rewritten(candidate: Reference, prefix: str, location: str) -> Reference:
    text = str(candidate)
    length = text.index(prefix[1:]) + len(prefix) - 1 if prefix.startswith("*.") else len(prefix)
    return image_reference.canonical(f"{location}{text[length:]}")


def _endpoint(
    candidate: Reference,
    reference: Reference,
    kind: str,
    insecure: bool,
    table: Registry | None,
    why: str,
    effective: Effective,
    auth: list[AuthFile],
) -> Endpoint:
    physical = find(effective, reference.repository)  # `blocked` is that of the place, not of the name
    credential = credential_of(reference.repository, auth, effective.credential_helpers)
    return Endpoint(
        str(candidate),
        str(reference),
        kind,
        insecure,
        physical.prefix if physical and physical.blocked else "",
        table.prefix if table else "",
        table.path if table else "",
        why,
        dict(credential._asdict()) if credential else None,
        candidate.host == reference.host,
    )
