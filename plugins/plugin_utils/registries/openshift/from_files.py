# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of registries as OpenShift's objects.

The objects are built, converted to files as the machine-config-operator does (to_files.py), and compared with the settings
(meaning.py). Every difference is a problem, so that nothing is lost silently.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ansible_collections.cri.node.plugins.plugin_utils.findings import Findings, shown_value
from ansible_collections.cri.node.plugins.plugin_utils.layers import Data, Path
from ansible_collections.cri.node.plugins.plugin_utils.problem import Problem
from ansible_collections.cri.node.plugins.plugin_utils.registries import image_reference
from ansible_collections.cri.node.plugins.plugin_utils.registries.openshift import (
    certificates,
    from_policy,
    meaning,
    scopes,
)
from ansible_collections.cri.node.plugins.plugin_utils.registries.openshift.from_policy import Policy
from ansible_collections.cri.node.plugins.plugin_utils.registries.openshift.meaning import Mirror, Registry
from ansible_collections.cri.node.plugins.plugin_utils.registries.openshift.schema import (
    CLUSTER,
    DIGEST_MIRRORS,
    IMAGE,
    MIRROR_LISTS,
    NEVER,
    TAG_MIRRORS,
    VERSIONS,
)
from ansible_collections.cri.node.plugins.plugin_utils.registries.openshift.to_files import CONFIG, files_of

NAME = "cri-node"  # of the objects that may have any name
_LOST = "cannot be expressed in OpenShift's objects"
_SEARCH = "unqualified-search-registries"


class Objects(NamedTuple):
    """The objects, the settings that they do not express, and further remarks."""

    objects: list[Data]
    problems: list[Problem]
    warnings: list[Problem]


class _Lists(NamedTuple):
    """The entries of the objects."""

    insecure: list[str]
    blocked: list[str]
    allowed: list[str]
    search: list[str]
    mirrored: dict[str, Registry]  # by source


def objects_of(
    config: Data,
    sources: dict[Path, str],
    policy: object = None,
    trusted: object = None,
    name: str = NAME,
) -> Objects:
    """Return the objects for checked data of registries.conf, the data of policy.json and {host: {file: text}} of certificates.

    sources: the variable of each value of `config`, by its path, see files/registries_conf.py.
    """
    findings = Findings({**sources, ("registries_policy",): "", ("registries_certificates",): ""})
    verdicts = from_policy.read(policy, findings)
    for key in config:
        if key not in ("registry", _SEARCH):
            findings.problem((key,), f"{_LOST}: they have no such setting")
    if config.get(_SEARCH) == []:
        findings.problem((_SEARCH,), f"{_LOST}: a list without entries")
    given = _without_effectless_blocks(meaning.registries_of(config), verdicts)
    usable = {scope: each for scope, each in given.items() if _is_usable(scope, each, findings)}
    reported = given.keys() - usable.keys()
    lists = _lists(usable, verdicts, config.get(_SEARCH, []), _Reporter(findings, reported))
    objects = _objects(lists, name)
    files = files_of([("objects", objects)])
    for problem in files.problems:
        findings.problem((), str(problem))
    if not files.problems:
        expected = {**usable, **_added(lists, usable, findings)}
        found = meaning.registries_of(files.data.get(CONFIG, {}))
        for scope in reported:
            expected.pop(scope, None)
            found.pop(scope, None)
        _compare(expected, found, findings)
    held = _certificates(trusted, findings)
    if held:
        objects.append(certificates.config_map_of(name, held))
        _image_of(objects)["spec"]["additionalTrustedCA"] = {"name": name}
    return Objects(objects, findings.listed(), findings.warnings)


def _without_effectless_blocks(given: dict[str, Registry], verdicts: Policy) -> dict[str, Registry]:
    """Return the registries without "blocked" in tables that a wildcard hides: OpenShift would refuse their images by policy."""
    hidden = {
        scope
        for scope, each in given.items()
        if each.blocked
        and not each.mirrors  # with mirrors it is only mirrorSourcePolicy: NeverContactSource
        and image_reference.wildcard_before(scope) in given
        and not scopes.is_inside_one_of(scope, set(verdicts.blocked))
    }
    return {
        scope: each._replace(blocked=each.blocked and scope not in hidden) for scope, each in given.items()
    }


def _is_usable(scope: str, each: Registry, findings: Findings) -> bool:
    path = ("registry", scope)
    found = findings.found
    if each.location:
        fault = f"{_LOST}: they cannot change the location of images; a mirror of {scope} comes closest"
        findings.problem((*path, "location"), fault, value=shown_value(each.location))
    if not scopes.is_well_formed(scope):
        findings.problem(path, _LOST, scopes.ACCEPTED)
    for mirror in each.mirrors:
        if not image_reference.is_scope(mirror.location):
            fault = f"{_LOST}: mirror {mirror.location}"
            findings.problem((*path, "mirror"), fault, scopes.ACCEPTED_MIRROR)
    return findings.found == found


class _Reporter:
    """Adds problems of registries, and remembers which registries have one."""

    def __init__(self, findings: Findings, reported: set[str]) -> None:
        self._findings, self._reported = findings, reported

    def lose(self, scope: str, key: str, reason: str) -> None:
        """Add the reason why the objects cannot express a key of a registry."""
        self._findings.problem(("registry", scope, key), f"{_LOST}: {reason}")
        self._reported.add(scope)


def _lists(usable: dict[str, Registry], verdicts: Policy, search: list[str], reporter: _Reporter) -> _Lists:
    rejected = set(verdicts.blocked)
    blocked = [
        scope
        for scope, each in usable.items()
        if each.blocked and not each.mirrors and not scopes.is_inside_one_of(scope, rejected)
    ]
    if verdicts.allowed and blocked:
        for scope in blocked:
            reporter.lose(scope, "blocked", "only one of allowedRegistries and blockedRegistries may be set")
        blocked = []
    only_in_config = set(blocked)
    for scope, each in usable.items():
        if each.mirrors and scopes.is_inside_one_of(scope, only_in_config):
            reason = "a registry around it is blocked, and OpenShift then refuses images from its mirrors too"
            reporter.lose(scope, "mirror", reason)
    refused = {*blocked, *rejected}
    mirrored: dict[str, Registry] = {}
    for scope in sorted(usable):
        each = usable[scope]
        is_never = each.blocked and not scopes.is_inside_one_of(scope, refused)
        if is_never and scope in [mirror.location for mirror in each.mirrors]:
            reporter.lose(scope, "mirror", "it is blocked and one of its own mirrors")
            continue
        is_listed = each.insecure or scope in refused
        if each.mirrors and (is_never or not is_listed or not _is_inherited(scope, each, mirrored)):
            mirrored[scope] = each._replace(blocked=is_never)
    insecure = [scope for scope, each in usable.items() if each.insecure]
    insecure += _insecure_mirrors(usable, set(insecure))
    insecure = _without_implied(insecure, {*mirrored, *refused})
    return _Lists(insecure, sorted(refused), verdicts.allowed, search, mirrored)


def _is_inherited(scope: str, each: Registry, mirrored: dict[str, Registry]) -> bool:
    """Return whether the operator copies exactly these mirrors from a source around the scope."""
    around = [source for source in scopes.around(scope)[1:] if source in mirrored]
    # It prefers sources with mirrors for digests, and then the one that is first in alphabetical order.
    source = min(around, key=lambda source: (not mirrored[source].digests, source), default="")
    if not source or scopes.is_wildcard(source):
        return False
    below = scope[len(source) :]
    copied = [
        tuple(mirror._replace(location=f"{mirror.location}{below}") for mirror in mirrors)
        for mirrors in (mirrored[source].digests, mirrored[source].tags)
    ]
    return [each.digests, each.tags] == copied


def _insecure_mirrors(usable: dict[str, Registry], insecure: set[str]) -> list[str]:
    """Return the locations of insecure mirrors that are in no insecure registry."""
    found = [
        mirror.location
        for each in usable.values()
        for mirror in each.mirrors
        if mirror.insecure and not scopes.is_inside_one_of(mirror.location, insecure)
    ]
    return [location for location in dict.fromkeys(found) if location not in usable]


def _without_implied(insecure: list[str], others: set[str]) -> list[str]:
    """Return the list without scopes that are in another one of it, and that exist for another reason."""
    listed = set(insecure)
    return sorted(
        scope
        for scope in listed
        if scope not in others or not any(each in listed for each in scopes.around(scope)[1:])
    )


def _objects(lists: _Lists, name: str) -> list[Data]:
    registries = {
        "insecureRegistries": lists.insecure,
        "blockedRegistries": lists.blocked,
        "allowedRegistries": lists.allowed,
        "containerRuntimeSearchRegistries": lists.search,
    }
    objects: list[Data] = []
    if any(registries.values()):
        sources = {key: entries for key, entries in registries.items() if entries}
        _image_of(objects)["spec"]["registrySources"] = sources
    for kind, field in ((DIGEST_MIRRORS, "digests"), (TAG_MIRRORS, "tags")):
        entries = [
            {
                "source": source,
                "mirrors": [mirror.location for mirror in getattr(each, field)],
                **({"mirrorSourcePolicy": NEVER} if each.blocked else {}),
            }
            for source, each in lists.mirrored.items()
            if getattr(each, field)
        ]
        if entries:
            spec = {MIRROR_LISTS[kind]: entries}
            objects.append(
                {"apiVersion": VERSIONS[kind], "kind": kind, "metadata": {"name": name}, "spec": spec}
            )
    return objects


def _image_of(objects: list[Data]) -> Data:
    """Return the Image, which is added if it is missing."""
    if not objects or objects[0]["kind"] != IMAGE:
        metadata = {"name": CLUSTER}
        objects.insert(0, {"apiVersion": VERSIONS[IMAGE], "kind": IMAGE, "metadata": metadata, "spec": {}})
    return objects[0]


def _added(lists: _Lists, usable: dict[str, Registry], findings: Findings) -> dict[str, Registry]:
    """Return the registries that are only insecure because mirrors of others are, each with a warning.

    A table of its own takes a mirror out of the table that decided about it before: a problem if that one is blocked.
    """
    used_by = {
        mirror.location: source for source, each in reversed(usable.items()) for mirror in each.mirrors
    }
    blocked = set(lists.blocked)
    added = {}
    for scope in lists.insecure:
        if scope in usable:
            continue
        added[scope] = Registry(insecure=True, blocked=scopes.is_inside_one_of(scope, blocked))
        key = ("registry", used_by[scope], "mirror")
        entry = f"insecure of the mirror {scope} becomes an entry of insecureRegistries"
        before = next((each for each in image_reference.prefixes_of_repository(scope) if each in usable), "")
        if before and usable[before].blocked and not added[scope].blocked:
            findings.problem(
                key, f"{_LOST}: {entry}, which would allow pulls from it, although {before} is blocked"
            )
        else:
            findings.warning(key, f"{entry}, which also applies to images that are named by it")
    return added


def _compare(expected: dict[str, Registry], found: dict[str, Registry], findings: Findings) -> None:
    """Add a problem for each scope whose settings the objects change."""
    for scope in sorted({*expected, *found}):
        wanted, result = expected.get(scope), found.get(scope)
        if wanted == result:
            continue
        if wanted is None:
            fault = f"{_LOST}: blockedRegistries would also block {scope} in registries.conf"
            findings.problem(("registries_policy", "transports", "docker", scope), fault)
            continue
        differing = _differences(wanted, result or Registry())
        fault = f"{_LOST}: they would result in {differing or 'no settings'}"
        findings.problem(("registry", scope), fault)


def _differences(wanted: Registry, result: Registry) -> str:
    parts = [
        f"{key}: {str(there).lower()}"
        for key, here, there in (
            ("insecure", wanted.insecure, result.insecure),
            ("blocked", wanted.blocked, result.blocked),
        )
        if here != there
    ]
    parts += [
        f"{words} {_shown(there)}"
        for words, here, there in (
            ("mirrors for digests", wanted.digests, result.digests),
            ("mirrors for tags", wanted.tags, result.tags),
        )
        if here != there
    ]
    return ", ".join(parts)


def _shown(mirrors: tuple[Mirror, ...]) -> str:
    texts = [f"{mirror.location}{' (insecure)' if mirror.insecure else ''}" for mirror in mirrors[:5]]
    return f"[{', '.join([*texts, *(['...'] if len(mirrors) > 5 else [])])}]"


def _certificates(trusted: object, findings: Findings) -> dict[str, dict[str, str]]:
    """Return {host: {ca: PEM}} of data in the form of registries_certificates."""
    root: Path = ("registries_certificates",)
    if trusted is None or trusted == {}:
        return {}
    if not isinstance(trusted, dict):
        findings.problem(root, "is not a mapping", "a mapping of hosts to mappings with ca")
        return {}
    found = {}
    for host, texts in trusted.items():
        path = (*root, host)
        if not image_reference.is_host(host) or not isinstance(texts, dict):
            findings.problem(
                path, "is not a registry with its certificates", "host[:port], with a mapping with ca"
            )
            continue
        pem = _authority(texts, path, findings)
        if pem:
            found[host] = {certificates.CA: pem}
    return found


def _authority(texts: dict[str, Any], path: Path, findings: Findings) -> str:
    """Return the certificates of authorities of one registry, "" without any."""
    for name in sorted(texts):
        if name != certificates.CA:
            fault = f"{_LOST}: they only have certificates of authorities (ca), not those of clients"
            findings.problem((*path, name), fault)
    text = texts.get(certificates.CA)
    if text is None:
        return ""
    fault = certificates.fault_of_pem(text)
    if fault:
        findings.problem((*path, certificates.CA), fault, "one or more certificates as PEM")
        return ""
    return str(text)
