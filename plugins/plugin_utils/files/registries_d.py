# SPDX-License-Identifier: GPL-3.0-or-later
"""A file of registries.d, which says where the signatures of images are (containers-registries.d(5)).

containers/image silently ignores unknown keys. If two files of the folder have the same scope, it refuses every pull; the node
checks that. All problems are found at once, and nothing is raised.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from ansible_collections.cri.node.plugins.plugin_utils.files.kind import Kind, Versions
from ansible_collections.cri.node.plugins.plugin_utils.findings import Checked, Findings, shown_value
from ansible_collections.cri.node.plugins.plugin_utils.layers import Data, Layers, Path
from ansible_collections.cri.node.plugins.plugin_utils.registries import signature_policy
from ansible_collections.cri.node.plugins.plugin_utils.registries.rules import has_credentials
from ansible_collections.cri.node.plugins.plugin_utils.value_types import kind

DEFAULT, DOCKER = "default-docker", "docker"
KEYS = (DEFAULT, DOCKER)
_TYPES = {"lookaside": "string", "lookaside-staging": "string", "use-sigstore-attachments": "boolean"}
_FORMER = {"sigstore": "lookaside", "sigstore-staging": "lookaside-staging"}
_SCHEMES = ("http", "https", "file")
_UNKNOWN = "is unknown to containers/image, which silently ignores it"
_OF_ROOT = "/root/.config/containers/registries.d"


def check(layers: Layers) -> Checked:
    """Merge named layers that mirror a file of registries.d, and check the result."""
    data, findings = RegistriesD().merged(layers)
    typed: Data = {}
    for name, table in data.items():
        if name not in KEYS:
            findings.problem((name,), f"{_UNKNOWN}{findings.suggestion(name, list(KEYS))}", ", ".join(KEYS))
        elif not isinstance(table, dict):
            findings.problem((name,), f"is {kind(table)}, not a mapping")
        elif name == DEFAULT:
            typed[name] = _scope(table, (name,), findings)
        else:
            typed[name] = _scopes(table, findings)
    return Checked(
        {name: table for name, table in typed.items() if table},
        findings.sources,
        findings.listed(),
        findings.warnings,
    )


def _scopes(table: Data, findings: Findings) -> Data:
    typed = {}
    for scope, settings in sorted(table.items()):
        path = (DOCKER, scope)
        fault, accepted = signature_policy.fault_of_scope(signature_policy.DOCKER, scope)
        if fault or not scope:
            findings.problem(path, fault or f"is empty: the settings of all images are {DEFAULT}", accepted)
        elif not isinstance(settings, dict):
            findings.problem(path, f"is {kind(settings)}, not a mapping", ", ".join(_TYPES))
        else:
            typed[scope] = _scope(settings, path, findings)
    return {scope: settings for scope, settings in typed.items() if settings}


def _scope(settings: Data, path: Path, findings: Findings) -> Data:
    """Return the typed settings of one scope."""
    known = {}
    for name, value in settings.items():
        if name in _FORMER:
            findings.problem((*path, name), "is the former name of a key", _FORMER[name])
        else:
            known[name] = value
    typed = findings.flat_table(known, path, _TYPES, _UNKNOWN)
    for name in ("lookaside", "lookaside-staging"):
        fault = _fault_of_url(typed.get(name))
        if fault:
            value = None if has_credentials(typed[name]) else shown_value(typed[name])
            findings.problem(
                (*path, name),
                fault,
                "a URL with http, https or file, such as https://sigs.example.com/",
                value,
            )
    return typed


def _fault_of_url(url: str | None) -> str:
    if url is None:
        return ""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "is not a URL"
    if parts.scheme not in _SCHEMES:
        return "is not a URL that containers/image can read"
    if parts.scheme == "file":
        return "" if parts.path.startswith("/") and not parts.netloc else "does not have an absolute path"
    if "@" in parts.netloc:
        return "contains a user name or a password, which every user of the node could read"
    return "" if parts.netloc else "has no host"


class RegistriesD(Kind):
    """A file of registries.d, which CRI-O reads for each pull."""

    name = "registries_d"
    file = "a file of registries.d"
    disruption = "none"
    accepted = "the keys of a file of registries.d"

    def check(self, layers: Layers, versions: Versions) -> Checked:
        """Merge the layers by scope and check them."""
        return check(layers)

    def outranked_by(self, path: str) -> tuple[str, ...]:
        """Return root's own folder."""
        return (f"{_OF_ROOT}/",)

    def render(self, data: Data) -> str:
        """Return the data as YAML."""
        import yaml  # only a file that is written needs it

        return yaml.safe_dump(data, indent=4, allow_unicode=True, default_flow_style=False)

    def walk(self, data: Data) -> list[tuple[Path, object]]:
        """Return each key."""
        values = [((DEFAULT, name), value) for name, value in data.get(DEFAULT, {}).items()]
        return values + [
            ((DOCKER, scope, name), value)
            for scope, settings in data.get(DOCKER, {}).items()
            for name, value in settings.items()
        ]
