# SPDX-License-Identifier: GPL-3.0-or-later
"""policy.json, which decides whose images may be pulled: merges settings, checks them, and provides them as entries.

Other tools also write the file, such as CRI-O's package and `podman image trust`. The entries are `default` and the scopes of
each transport. All problems are found at once, and nothing is raised.
"""

from __future__ import annotations

import json

from ansible_collections.cri.node.plugins.plugin_utils.files.kind import Entries, Kind, Versions
from ansible_collections.cri.node.plugins.plugin_utils.findings import Checked, Findings
from ansible_collections.cri.node.plugins.plugin_utils.layers import Data, Layers, Path
from ansible_collections.cri.node.plugins.plugin_utils.registries import signature_policy
from ansible_collections.cri.node.plugins.plugin_utils.text.did_you_mean import did_you_mean
from ansible_collections.cri.node.plugins.plugin_utils.value_types import is_unicode, kind

DEFAULT, TRANSPORTS = "default", "transports"
KEYS = (DEFAULT, TRANSPORTS)
_UNKNOWN = "is unknown: containers/image refuses the whole policy"


def check(layers: Layers) -> Checked:
    """Merge named layers that mirror policy.json, and check the result. The list of a scope is replaced, not merged."""
    data, findings = PolicyJson().merged(layers)
    typed = check_policy(data, (), findings) if data else {}
    return Checked(typed, findings.sources, findings.listed(), findings.warnings)


def check_policy(data: Data, path: Path, findings: Findings) -> Data:
    """Check a policy whose settings are at a path. Return it without transports that have no scopes; {} if it has a problem."""
    before = findings.found
    for name in data:
        if name not in KEYS:
            findings.problem((*path, name), f"{_UNKNOWN}{did_you_mean(name, KEYS)}", ", ".join(KEYS))
    if DEFAULT in data:
        signature_policy.check_requirements(data[DEFAULT], (*path, DEFAULT), findings)
    else:
        fault = "has no default: containers/image refuses such a policy"
        findings.problem(path or tuple(data)[:1], fault, "for example default: [{type: reject}]")
    transports = data.get(TRANSPORTS, {})
    if not isinstance(transports, dict):
        findings.problem(
            (*path, TRANSPORTS), f"is {kind(transports)}, not a mapping", "a mapping of transports"
        )
        return {}
    for transport, scopes in transports.items():
        _check_transport(transport, scopes, (*path, TRANSPORTS, transport), findings)
    if findings.found != before:
        return {}
    kept = {name: scopes for name, scopes in transports.items() if scopes}
    policy = {DEFAULT: data[DEFAULT], **({TRANSPORTS: kept} if kept else {})}
    _warn(policy, path, findings)
    return policy


def _check_transport(transport: str, scopes: object, path: Path, findings: Findings) -> None:
    if transport not in signature_policy.TRANSPORTS:
        meant = did_you_mean(transport, signature_policy.TRANSPORTS)
        fault = f"is not a transport of containers/image{meant}"
        findings.problem(path, fault, ", ".join(signature_policy.TRANSPORTS))
    elif not isinstance(scopes, dict):
        findings.problem(path, f"is {kind(scopes)}, not a mapping", "a mapping of scopes to requirements")
    else:
        for scope, requirements in scopes.items():
            fault, accepted = (
                signature_policy.fault_of_scope(transport, scope)
                if is_unicode(scope)
                else ("is not text", None)
            )
            if fault:
                findings.problem((*path, scope), fault, accepted)
            else:
                signature_policy.check_requirements(requirements, (*path, scope), findings)


def _warn(policy: Data, path: Path, findings: Findings) -> None:
    scopes = policy.get(TRANSPORTS, {}).get(signature_policy.DOCKER, {})
    every = [scopes.get("", policy[DEFAULT]), *(each for scope, each in scopes.items() if scope)]
    if all(signature_policy.rejects(each) for each in every):
        message = "rejects every image, unless a scope that another tool wrote to the file accepts some"
        findings.warning((*path, DEFAULT), message)


class PolicyJson(Kind):
    """The signature policy of a node, which CRI-O reads for each pull and which other tools also write."""

    name = "policy_json"
    file = "policy.json"
    openshift = "registries_policy"
    disruption = "none"
    accepted = "the keys of policy.json"
    shared = True
    comments = False
    required_entries = (("", DEFAULT),)
    path_key = "crio.image.signature_policy"
    found_without_key = ("/root/.config/containers/policy.json", "/etc/containers/policy.json")
    first_found_wins = True

    def check(self, layers: Layers, versions: Versions) -> Checked:
        """Merge the layers by scope and check them."""
        return check(layers)

    def entries(self, data: Data) -> Entries:
        """Return the default and the scopes of each transport."""
        found: Entries = {"": {DEFAULT: data[DEFAULT]}} if DEFAULT in data else {}
        for transport, scopes in data.get(TRANSPORTS, {}).items():
            found[f"{TRANSPORTS}.{transport}"] = scopes
        return found

    def render(self, data: Data) -> str:
        """Return our entries as JSON."""
        return json.dumps(data, sort_keys=True)

    def walk(self, data: Data) -> list[tuple[Path, object]]:
        """Return the default and each scope."""
        return walk(data)


def walk(data: Data) -> list[tuple[Path, object]]:
    """Return the default and each scope of a policy, with their paths."""
    scopes = [
        ((TRANSPORTS, transport, scope), requirements)
        for transport, scopes in data.get(TRANSPORTS, {}).items()
        for scope, requirements in scopes.items()
    ]
    return [((DEFAULT,), data[DEFAULT]), *scopes] if DEFAULT in data else []
