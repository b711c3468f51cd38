# SPDX-License-Identifier: GPL-3.0-or-later
"""policy.json: what containers/image accepts in it, and which requirements an image has (containers-policy.json(5)).

containers/image reads the file strictly: one unknown key or missing value makes it refuse the whole file, and CRI-O then every
pull. What it accepts and never uses is refused here, too, because a policy protects only what it is used for. The accepted keys
are data: each object has a `type`, and each key a check of its value (signature/policy_config.go, policy_config_sigstore.go).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ansible_collections.cri.node.plugins.plugin_utils.findings import Findings, shown_value
from ansible_collections.cri.node.plugins.plugin_utils.layers import Path
from ansible_collections.cri.node.plugins.plugin_utils.registries import image_reference
from ansible_collections.cri.node.plugins.plugin_utils.text.did_you_mean import did_you_mean
from ansible_collections.cri.node.plugins.plugin_utils.value_types import LONGEST, is_unicode, kind

DOCKER = "docker"  # the transport of all images that CRI-O pulls
ACCEPTS, REJECTS = "insecureAcceptAnything", "reject"
_ATOMIC_SCOPE = re.compile("[^/]*(/[^:/]*(/[^:/]*(:[^:/]*)?)?)?")
_PATHS = ("dir", "oci", "oci-archive", "sif")
_WITHOUT_SCOPES = ("docker-archive", "tarball")
TRANSPORTS = (DOCKER, "atomic", "containers-storage", "docker-daemon", *_PATHS, *_WITHOUT_SCOPES)
_DOCKER_SCOPE = "host[:port], optionally with a repository and a tag or digest, or *.host; or an empty text for all images"
_KEY_TYPES = ("GPGKeys", "signedByGPGKeys", "X509Certificates", "signedByX509CAs")
_MOST = 1000  # entries of a list
_LONGEST_SCOPE = 1024  # characters


class _Found(NamedTuple):
    """Where an object is: the path of its setting, and its place inside."""

    path: Path
    inside: str
    findings: Findings

    def problem(self, message: str, accepted: str | None = None, value: object = None, at: str = "") -> None:
        self.findings.problem(self.path, message, accepted, shown_value(value), f"{self.inside}{at}")

    def at(self, place: str) -> _Found:
        return self._replace(inside=f"{self.inside}{place}")


def check_requirements(value: object, path: Path, findings: Findings) -> None:
    """Check the requirements of a scope, which an image must all meet."""
    found = _Found(path, "", findings)
    if not isinstance(value, list):
        found.problem(f"is {kind(value)}, not a list", "a list of mappings, for example [{type: reject}]")
    elif not value:
        found.problem("is empty: containers/image refuses the whole policy", "a list of mappings")
    elif len(value) > _MOST:
        found.problem(f"has {len(value)} entries", f"at most {_MOST}")
    else:
        for index, each in enumerate(value):
            _check_object(each, found.at(f"[{index}]"), _REQUIREMENTS, "requirement")


def fault_of_scope(transport: str, scope: str) -> tuple[str, str | None]:
    """Return (why a scope of a transport matches nothing or makes containers/image refuse the policy, what is accepted)."""
    if len(scope) > _LONGEST_SCOPE:
        return f"has {len(scope)} characters", f"at most {_LONGEST_SCOPE}"
    if scope == "":
        return "", None
    if transport == DOCKER and not image_reference.can_begin_a_name(scope):
        return "is a scope that matches no image", _DOCKER_SCOPE
    if transport == "atomic" and not _ATOMIC_SCOPE.fullmatch(scope):
        return (
            "is not a scope of atomic: containers/image refuses the whole policy",
            "host[/namespace[/stream[:tag]]]",
        )
    if transport in _PATHS and (not scope.startswith("/") or scope == "/" or _cleaned(scope) != scope):
        fault = "is not an absolute path in its shortest form: containers/image refuses the whole policy"
        return fault, "an absolute path, or an empty text for all"
    if transport in _WITHOUT_SCOPES:
        return (
            f"is a scope, which {transport} does not have: containers/image refuses the whole policy",
            "an empty text",
        )
    if transport == "docker-daemon" and re.fullmatch(
        r"[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[A-Za-z0-9=_-]{32,}", scope
    ):
        return "is a digest, which is not a scope: containers/image refuses the whole policy", None
    return "", None


def _cleaned(path: str) -> str:
    cleaned = posixpath.normpath(path)
    return cleaned[1:] if cleaned.startswith("//") else cleaned


def requirements_of(policy: Mapping[str, Any], image: str) -> tuple[str, list[Any]] | None:
    """Return (the scope, the requirements) that apply to an image, the most specific ones only.

    The scope is "" for those of the whole transport and "default" for those of the policy. None for a name that is not one.
    """
    try:
        reference = image_reference.parse(image)
    except ValueError:
        return None
    if not reference.names_a_registry:
        return None
    scopes = (policy.get("transports") or {}).get(DOCKER) or {}
    for scope in _scopes_of(reference):
        if scope in scopes:
            return scope, scopes[scope]
    return ("", scopes[""]) if "" in scopes else ("default", policy.get("default") or [])


def _scopes_of(reference: image_reference.Reference) -> list[str]:
    """Return the scopes that match an image, the most specific one first (docker/policyconfiguration/naming.go)."""
    name = f"{reference.host}/{reference.path}"
    named = f"{name}@{reference.digest}" if reference.digest else f"{name}:{reference.tag or 'latest'}"
    parts = name.split("/")
    parents = ["/".join(parts[:length]) for length in range(len(parts), 0, -1)]
    labels = reference.host.partition(":")[0].split(".")
    return [named, *parents, *(f"*.{'.'.join(labels[index:])}" for index in range(1, len(labels)))]


def rejects(requirements: list[Any]) -> bool:
    """Return whether no image can meet these requirements."""
    return any(isinstance(each, dict) and each.get("type") == REJECTS for each in requirements)


# The values of keys: a check adds a problem


def _text(value: object, found: _Found) -> bool:
    if not isinstance(value, str):
        found.problem(f"is {kind(value)}, not a string", None, value)
    elif not value:
        found.problem("is empty")
    elif not is_unicode(value) or "\0" in value:
        found.problem("is not valid text")
    elif len(value) > LONGEST:
        found.problem(f"has {len(value)} characters", f"at most {LONGEST}")
    else:
        return True
    return False


def _path(value: object, found: _Found) -> None:
    if _text(value, found) and not str(value).startswith("/"):
        found.problem("is not absolute", "the absolute path of a file on the node", value)


def _base64(value: object, found: _Found) -> None:
    if not _text(value, found):
        return
    import base64  # only keys that are given as data need it

    try:
        base64.b64decode(str(value).replace("\r", "").replace("\n", ""), validate=True)
    except ValueError:
        accepted = "the base64 of the file's content, for example {{ lookup('file', 'key.pub') | b64encode }}"
        found.problem("is not base64", accepted)


def _each(check: Callable[[Any, _Found], object]) -> Callable[[Any, _Found], None]:
    def check_list(value: object, found: _Found) -> None:
        if not isinstance(value, list):
            found.problem(f"is {kind(value)}, not a list", None, value)
        elif not value:
            found.problem("is an empty list")
        elif len(value) > _MOST:
            found.problem(f"has {len(value)} entries", f"at most {_MOST}")
        else:
            for index, each in enumerate(value):
                check(each, found.at(f"[{index}]"))

    return check_list


def _key_type(value: object, found: _Found) -> None:
    if value not in _KEY_TYPES:
        meant = did_you_mean(value, _KEY_TYPES) if isinstance(value, str) else ""
        found.problem(f"is not a type of keys{meant}", "GPGKeys", value)
    elif value != "GPGKeys":
        found.problem(
            "is not implemented by containers/image, which then rejects every image", "GPGKeys", value
        )


def _identity(value: object, found: _Found) -> None:
    _check_object(value, found, _IDENTITIES, "identity")


def _reference(value: object, found: _Found) -> None:
    if not _text(value, found):
        return
    fault = image_reference.fault_of_name(str(value))
    if fault:
        found.problem(f"is not an image name: {fault}", "a name with tag or digest", value)
    elif ":" not in str(value).rpartition("/")[2] and "@" not in str(value):
        found.problem("has neither a tag nor a digest", "a name with tag or digest", value)


def _repository(value: object, found: _Found) -> None:
    if _text(value, found):
        fault = image_reference.fault_of_name(str(value))
        if fault:
            found.problem(f"is not an image name: {fault}", "a repository", value)


def _prefix(value: object, found: _Found) -> None:
    """Check a prefix of remapIdentity. A short name is refused, because containers/image never matches it."""
    if not _text(value, found):
        return
    if image_reference.is_host(str(value)):
        return
    try:
        reference = image_reference.parse(str(value))
    except ValueError:
        reference = None
    if reference is None or reference.tag or reference.digest or not reference.names_a_registry:
        found.problem("is not a registry or a repository", "host[:port], optionally with a path", value)


def _fulcio(value: object, found: _Found) -> None:
    _check_keys(value, found, _FULCIO)


def _pki(value: object, found: _Found) -> None:
    _check_keys(value, found, _PKI)


class _Object(NamedTuple):
    """The keys of an object: the check of each value, and how many keys of some groups it must have."""

    keys: dict[str, Callable[[Any, _Found], object]] = {}
    required: tuple[str, ...] = ()
    one_of: tuple[tuple[str, ...], ...] = ()
    at_most_one_of: tuple[tuple[str, ...], ...] = ()
    at_least_one_of: tuple[tuple[str, ...], ...] = ()
    # What else containers/image requires: returns a fault or "".
    rule: Callable[[Mapping[str, Any]], str] = lambda _value: ""


_REKOR = ("rekorPublicKeyPath", "rekorPublicKeyPaths", "rekorPublicKeyData", "rekorPublicKeyDatas")
_SIGSTORE = ("keyPath", "keyPaths", "keyData", "keyDatas", "fulcio", "pki")


def _rekor_fits(value: Mapping[str, Any]) -> str:
    has_rekor = any(name in value for name in _REKOR)
    if "fulcio" in value and not has_rekor:
        return f"has fulcio, but none of {', '.join(_REKOR)}"
    if "pki" in value and has_rekor:
        return "has pki and the key of a Rekor server, which containers/image does not support together"
    return ""


_REQUIREMENTS = {
    ACCEPTS: _Object(),
    REJECTS: _Object(),
    "signedBy": _Object(
        {
            "keyType": _key_type,
            "keyPath": _path,
            "keyPaths": _each(_path),
            "keyData": _base64,
            "signedIdentity": _identity,
        },
        required=("keyType",),
        one_of=(("keyPath", "keyPaths", "keyData"),),
    ),
    "signedBaseLayer": _Object(
        {"baseLayerIdentity": _identity},
        required=("baseLayerIdentity",),
        rule=lambda _value: "is not implemented by containers/image, which then rejects every image",
    ),
    "sigstoreSigned": _Object(
        {
            "keyPath": _path,
            "keyPaths": _each(_path),
            "keyData": _base64,
            "keyDatas": _each(_base64),
            "fulcio": _fulcio,
            "pki": _pki,
            "rekorPublicKeyPath": _path,
            "rekorPublicKeyPaths": _each(_path),
            "rekorPublicKeyData": _base64,
            "rekorPublicKeyDatas": _each(_base64),
            "signedIdentity": _identity,
        },
        one_of=(_SIGSTORE,),
        at_most_one_of=(_REKOR,),
        rule=_rekor_fits,
    ),
}
_IDENTITIES = {
    "matchExact": _Object(),
    "matchRepoDigestOrExact": _Object(),
    "matchRepository": _Object(),
    "exactReference": _Object({"dockerReference": _reference}, required=("dockerReference",)),
    "exactRepository": _Object({"dockerRepository": _repository}, required=("dockerRepository",)),
    "remapIdentity": _Object(
        {"prefix": _prefix, "signedPrefix": _prefix}, required=("prefix", "signedPrefix")
    ),
}
_FULCIO = _Object(
    {"caPath": _path, "caData": _base64, "oidcIssuer": _text, "subjectEmail": _text},
    required=("oidcIssuer", "subjectEmail"),
    one_of=(("caPath", "caData"),),
)
_PKI = _Object(
    {
        "caRootsPath": _path,
        "caRootsData": _base64,
        "caIntermediatesPath": _path,
        "caIntermediatesData": _base64,
        "subjectEmail": _text,
        "subjectHostname": _text,
    },
    one_of=(("caRootsPath", "caRootsData"),),
    at_most_one_of=(("caIntermediatesPath", "caIntermediatesData"),),
    at_least_one_of=(("subjectEmail", "subjectHostname"),),
)


def _check_object(value: object, found: _Found, types: Mapping[str, _Object], what: str) -> None:
    """Check an object whose key `type` decides on its other keys."""
    if not isinstance(value, dict):
        found.problem(f"is {kind(value)}, not a mapping", f"for example {{type: {next(iter(types))}}}")
        return
    name = value.get("type")
    if not isinstance(name, str) or name not in types:
        if "type" not in value:
            found.problem("has no type", ", ".join(types))
        else:
            meant = did_you_mean(name, types) if isinstance(name, str) else ""
            found.problem(f"is not a type of {what}{meant}", ", ".join(types), name, ".type")
        return
    _check_keys({key: each for key, each in value.items() if key != "type"}, found, types[name], name)


def _check_keys(value: object, found: _Found, accepted: _Object, name: str = "") -> None:
    if not isinstance(value, dict):
        found.problem(f"is {kind(value)}, not a mapping", ", ".join(accepted.keys))
        return
    before = found.findings.found
    for key, each in value.items():
        if key not in accepted.keys:
            meant = did_you_mean(key, list(accepted.keys))
            of_type = f" for {name}" if name else ""
            found.problem(
                f"has the key {_shown(key)}, which is unknown{of_type}{meant}: containers/image refuses the whole policy"
            )
        else:
            accepted.keys[key](each, found.at(f".{key}"))
    for key in accepted.required:
        if key not in value:
            found.problem(f"has no {key}")
    for group in accepted.one_of:
        present = [key for key in group if key in value]
        if len(present) != 1:
            found.problem(
                f"has {' and '.join(present) or f'none of {_joined(group)}'}",
                f"exactly one of {_joined(group)}",
            )
    for group in accepted.at_most_one_of:
        present = [key for key in group if key in value]
        if len(present) > 1:
            found.problem(f"has {' and '.join(present)}", f"at most one of {_joined(group)}")
    for group in accepted.at_least_one_of:
        if not any(key in value for key in group):
            found.problem(f"has none of {_joined(group)}", f"at least one of {_joined(group)}")
    fault = accepted.rule(value) if found.findings.found == before else ""
    if fault:
        found.problem(fault)


def _joined(names: tuple[str, ...]) -> str:
    return ", ".join(names)


def _shown(name: str) -> str:
    return ascii(name[:60])
