# SPDX-License-Identifier: GPL-3.0-or-later
"""The registries that a policy.json allows or blocks, as far as OpenShift's objects can express it."""

from __future__ import annotations

from typing import NamedTuple

from ansible_collections.cri.node.plugins.plugin_utils.findings import Findings, shown_value
from ansible_collections.cri.node.plugins.plugin_utils.layers import Path
from ansible_collections.cri.node.plugins.plugin_utils.registries.openshift import scopes
from ansible_collections.cri.node.plugins.plugin_utils.registries.openshift.meaning import verdicts_of
from ansible_collections.cri.node.plugins.plugin_utils.registries.openshift.to_files import (
    ACCEPT,
    MOST_SLASHES_OF_ATOMIC,
    POLICY,
    REJECT,
)
from ansible_collections.cri.node.plugins.plugin_utils.value_types import kind

_LOST = "cannot be expressed in OpenShift's objects"
_ROOT: Path = (POLICY,)
_TYPES = f"{ACCEPT} or {REJECT}"


class Policy(NamedTuple):
    """The registries of a policy: allowed ones if it rejects by default, else blocked ones."""

    allowed: list[str]
    blocked: list[str]


def read(policy: object, findings: Findings) -> Policy:
    """Return the registries of the data of a policy.json; everything else in it is a problem. None and {} accept all images."""
    if policy is None or policy == {}:
        return Policy([], [])
    if not isinstance(policy, dict):
        findings.problem(_ROOT, f"is {kind(policy)}, not a mapping", "the data of a policy.json")
        return Policy([], [])
    for name in policy:
        if name not in ("default", "transports"):
            findings.problem((*_ROOT, name), "is not a key of policy.json")
    default = _verdict(policy.get("default"), (*_ROOT, "default"), findings)
    transports = policy.get("transports", {})
    if not isinstance(transports, dict):
        findings.problem((*_ROOT, "transports"), f"is {kind(transports)}, not a mapping")
        transports = {}
    by_transport = {name: _scopes(name, value, findings) for name, value in transports.items()}
    docker = by_transport.get("docker", {})
    if not default:
        return Policy([], [])
    _check_other_transports(by_transport, default, findings)
    return _registries(default, docker, findings)


def _verdict(requirements: object, path: Path, findings: Findings) -> str:
    """Return the type of a list with one requirement, "" with a problem if it is something else."""
    first = requirements[0] if isinstance(requirements, list) and len(requirements) == 1 else None
    if isinstance(first, dict) and first.get("type") in (ACCEPT, REJECT) and len(first) == 1:
        return str(first["type"])
    fault = "is not a list with one requirement" if first is None else f"{_LOST}: a signature is required"
    findings.problem(path, fault, f"one requirement of the type {_TYPES}")
    return ""


def _scopes(transport: str, value: object, findings: Findings) -> dict[str, str]:
    path = (*_ROOT, "transports", transport)
    if not isinstance(value, dict):
        findings.problem(path, f"is {kind(value)}, not a mapping")
        return {}
    found = {}
    for scope, item in value.items():
        verdict = _verdict(item, (*path, scope), findings)
        if transport in ("docker", "atomic") and not scopes.is_well_formed(scope):
            findings.problem((*path, scope), _LOST, scopes.ACCEPTED)
        elif verdict:
            found[scope] = verdict
    return found


def _check_other_transports(
    by_transport: dict[str, dict[str, str]], default: str, findings: Findings
) -> None:
    docker = by_transport.get("docker", {})
    for name, by_scope in by_transport.items():
        path = (*_ROOT, "transports", name)
        if name == "atomic":
            limited = {scope: docker[scope] for scope in docker if scope.count("/") <= MOST_SLASHES_OF_ATOMIC}
            if verdicts_of(default, by_scope) != verdicts_of(default, limited):
                findings.problem(path, f"{_LOST}: it differs from the transport docker")
        elif name == "docker-daemon":
            if by_scope != {"": ACCEPT}:
                findings.problem(path, f"{_LOST}: they accept all images of this transport")
        elif name != "docker":
            findings.problem(path, f"{_LOST}: they have no such setting")


def _registries(default: str, docker: dict[str, str], findings: Findings) -> Policy:
    path = (*_ROOT, "transports", "docker")
    other = REJECT if default == ACCEPT else ACCEPT
    listed = sorted(scope for scope, verdict in docker.items() if verdict == other)
    for scope in verdicts_of(default, docker):
        if docker[scope] == default:
            fault = f"{_LOST}: an exception from a scope around it"
            findings.problem((*path, scope), fault, value=shown_value(docker[scope]))
    if default == REJECT and not listed:
        fault = f"{_LOST}: allowedRegistries needs at least one entry"
        findings.problem((*_ROOT, "default"), fault, value=shown_value(default))
    return Policy([], listed) if default == ACCEPT else Policy(listed, [])
