# SPDX-License-Identifier: GPL-3.0-or-later
"""auth.json: merges credentials for registries, checks them, and provides them as entries of a shared file.

The format is that of containers-auth.json(5). containers/image silently ignores an entry that it cannot use, so that a pull is
anonymous. Problems never contain a user name, a password or a token. All problems are found at once, and nothing is raised.
"""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.cri.node.plugins.plugin_utils.files.kind import Entries, Kind, Versions
from ansible_collections.cri.node.plugins.plugin_utils.findings import Checked, Findings
from ansible_collections.cri.node.plugins.plugin_utils.layers import Data, Layers, Path, replaced_whole
from ansible_collections.cri.node.plugins.plugin_utils.registries import image_reference
from ansible_collections.cri.node.plugins.plugin_utils.text.one_line import line_fault
from ansible_collections.cri.node.plugins.plugin_utils.value_types import LONGEST, is_unicode, kind

KEYS = ("auth", "helper", "identitytoken", "password", "username")
AUTHS, HELPERS = "auths", "credHelpers"
_FORMS = "username and password, auth, or helper"
_UNKNOWN = "is unknown"
_REGISTRY = "host[:port], optionally with a path, for example registry.example.com:5000/team"
_LONGEST_REGISTRY = 512  # characters; the name of an image has 255 at most
_HELPER_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")
_LONGEST_HELPER = 100  # characters; it is a part of the name of a program


def check(layers: Layers) -> Checked:
    """Merge named layers that map registries to credentials, and check the result.

    The entry of a later layer replaces the earlier one of the same registry as a whole; null removes it.
    """
    data, findings = AuthJson().merged(layers, replaced_whole)
    typed = {}
    for registry, entry in sorted(data.items()):
        entry = _entry(registry, entry, findings)
        if entry:
            typed[registry] = entry
    return Checked(typed, findings.sources, findings.listed(), findings.warnings)


def _entry(registry: str, entry: object, findings: Findings) -> dict[str, str]:
    """Return a valid entry with text values; {} if it has a problem."""
    path, before = (registry,), findings.found
    if not isinstance(entry, dict):
        findings.problem(path, f"is {kind(entry)}, not a mapping", _FORMS)
        return {}
    given = {name: value for name, value in entry.items() if value is not None}
    for name, value in given.items():
        if name not in KEYS:
            findings.problem((*path, name), f"{_UNKNOWN}{findings.suggestion(name, list(KEYS))}", _FORMS)
        elif not isinstance(value, str):
            hint = ": put it in quotes" if isinstance(value, (bool, int, float)) else ""
            findings.problem((*path, name), f"is {kind(value)}, not a string{hint}")
        else:
            _check_text(name, value, path, findings)
    if findings.found == before:
        _check_form(given, path, findings)
    fault = _fault_of_registry(registry, "helper" in given)
    if fault:
        findings.problem(path, fault, "host[:port]" if "helper" in given else _REGISTRY)
    return given if findings.found == before else {}


def _check_text(name: str, value: str, path: Path, findings: Findings) -> None:
    here = (*path, name)
    fault = line_fault(value) if is_unicode(value) else "is not valid Unicode"
    if not value:
        findings.problem(here, "is empty")
    elif len(value) > LONGEST:
        findings.problem(here, f"has {len(value)} characters", f"at most {LONGEST}")
    elif fault:
        findings.problem(here, fault)
    elif name == "username" and ":" in value:
        findings.problem(
            here, "contains a colon: containers/image would take what follows it as the password"
        )
    elif name == "auth":
        decoded = _decoded(value)
        if decoded is None:
            findings.problem(here, "is not base64", "the base64 of USERNAME:PASSWORD")
        elif not decoded.partition(":")[0] or not decoded.partition(":")[2]:
            fault = "is not the base64 of a user name, a colon and a password: containers/image silently ignores it"
            findings.problem(here, fault, "the base64 of USERNAME:PASSWORD")
    elif name == "helper" and (len(value) > _LONGEST_HELPER or not _HELPER_CHARACTERS.issuperset(value)):
        findings.problem(here, "is not the name of a credential helper", "NAME of docker-credential-NAME")


def _check_form(given: dict[str, str], path: Path, findings: Findings) -> None:
    """Check that the keys of an entry are one of the accepted forms."""
    names = set(given) - {"identitytoken"}
    if names == {"helper"}:
        if "identitytoken" in given:
            findings.problem(
                (*path, "identitytoken"), "has no effect with a helper", "helper or identitytoken"
            )
    elif names not in ({"auth"}, {"username", "password"}):
        found = f"has {' and '.join(sorted(given))}" if given else "has no credentials"
        findings.problem(path, found, _FORMS)


def _fault_of_registry(registry: str, has_helper: bool) -> str:
    """Return why containers/image would never use the entry of a registry, or ""."""
    if len(registry) > _LONGEST_REGISTRY:
        return f"has a name of {len(registry)} characters"
    if registry.startswith(("http://", "https://")):
        return "is a URL: containers/image looks for the name of the registry only"
    if registry.startswith("*."):
        return "is a wildcard, which auth.json does not have: each registry needs its own entry"
    if registry.endswith("/"):
        return "ends with a slash, which no image matches"
    _host, slash, repository = registry.partition("/")
    if "@" in registry or ":" in repository:
        return "contains a tag or a digest, which credentials cannot have"
    if not image_reference.can_begin_a_name(registry):
        return "is not a registry or a part of one that the name of an image can begin with"
    if has_helper and slash:
        return "contains a path, for which containers/image asks no credential helper"
    return ""


def _decoded(text: str) -> str | None:
    """Return the text of base64; None if it is something else."""
    import base64  # only an entry in this form needs it

    try:
        return base64.b64decode(text, validate=True).decode("utf-8", "replace")
    except ValueError:
        return None


def _encoded(text: str) -> str:
    import base64

    return base64.b64encode(text.encode()).decode("ascii")


def _auth_of(entry: dict[str, str]) -> dict[str, str]:
    """Return the entry of a registry as auth.json has it."""
    auth = entry.get("auth") or _encoded(f"{entry['username']}:{entry['password']}")
    token = entry.get("identitytoken")
    return {"auth": auth, "identitytoken": token} if token else {"auth": auth}


class AuthJson(Kind):
    """Credentials in auth.json, which CRI-O reads for each pull and which other tools also write."""

    name = "auth_json"
    file = "auth.json"
    disruption = "none"
    accepted = "a mapping of registries to credentials"
    shared = True
    comments = False
    public_sections = (HELPERS,)
    path_key = "crio.image.global_auth_file"
    # The first one is in memory, and lost at the next boot.
    found_without_key = ("/run/containers/0/auth.json", "/root/.config/containers/auth.json")

    def check(self, layers: Layers, versions: Versions) -> Checked:
        """Merge the layers by registry and check them."""
        return check(layers)

    def entries(self, data: Data) -> Entries:
        """Return the entries of auths and credHelpers."""
        found: dict[str, dict[str, Any]] = {AUTHS: {}, HELPERS: {}}
        for registry, entry in data.items():
            if "helper" in entry:
                found[HELPERS][registry] = entry["helper"]
            else:
                found[AUTHS][registry] = _auth_of(entry)
        return {section: names for section, names in found.items() if names}

    def render(self, data: Data) -> str:
        """Return our entries as JSON."""
        return json.dumps(self.entries(data), sort_keys=True)

    def walk(self, data: Data) -> list[tuple[Path, object]]:
        """Return each registry, without its credentials."""
        return [((registry,), None) for registry in data]

    def key_of_entry(self, section: str, name: str) -> Path:
        """Return the registry."""
        return (name,)

    def is_secret(self, data: Data) -> bool:
        """Return True, also for a file that has helpers only: other tools may write credentials to it."""
        return True

    def secrets(self, data: Data, content: str) -> list[str]:
        """Return all passwords and tokens, both as they are given and as the file has them."""
        found = []
        for entry in data.values():
            if "helper" not in entry:
                given = [entry[name] for name in ("auth", "identitytoken", "password") if name in entry]
                decoded = _decoded(entry["auth"]) if "auth" in entry else None
                found += [*given, _auth_of(entry)["auth"], *(decoded.split(":", 1)[1:] if decoded else [])]
        return found
