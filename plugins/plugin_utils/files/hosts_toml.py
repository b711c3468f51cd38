# SPDX-License-Identifier: GPL-3.0-or-later
"""hosts.toml of each registry, where containerd pulls its images from (docs/hosts.md of containerd).

containerd reads the file at each pull, and silently ignores unknown keys. It tries the hosts in the order of the file, so that
order is kept. All problems are found at once, and nothing is raised.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from ansible_collections.cri.node.plugins.plugin_utils.files.kind import Kind, Versions
from ansible_collections.cri.node.plugins.plugin_utils.findings import Checked, Findings, shown_value
from ansible_collections.cri.node.plugins.plugin_utils.layers import Data, Layers, Path
from ansible_collections.cri.node.plugins.plugin_utils.registries import image_reference
from ansible_collections.cri.node.plugins.plugin_utils.text import toml
from ansible_collections.cri.node.plugins.plugin_utils.value_types import TYPES as SIMPLE
from ansible_collections.cri.node.plugins.plugin_utils.value_types import Unfit, kind

FILE = "hosts.toml"
DEFAULT = "_default"  # the folder for registries without one of their own
_SERVER, _HOST = "server", "host"
_TYPES = {
    "capabilities": "strings",
    "dial_timeout": "duration",
    "override_path": "boolean",
    "skip_verify": "boolean",
}
_OTHERS = ("ca", "client", "header")
_KEYS = tuple(sorted((*_TYPES, *_OTHERS)))
_CAPABILITIES = ("pull", "resolve", "push")
_IGNORED = "is unknown to containerd, which ignores it"
_ENDPOINT = "http:// or https:// and host[:port], for example http://mirror.example.com:5000"
_PATHS = "a path, or a list of paths"


def check(layers: Layers) -> Checked:
    """Merge named layers that map registries to the keys of their hosts.toml, and check the result."""
    data, findings = HostsToml().merged(layers)
    typed = {}
    for registry, settings in sorted(data.items()):
        found = _of_registry(registry, settings, findings)
        if found:
            typed[registry] = found
    return Checked(typed, findings.sources, findings.listed(), findings.warnings)


def _of_registry(registry: str, settings: object, findings: Findings) -> Data:
    path, before = (registry,), findings.found
    if registry != DEFAULT and not image_reference.is_host(registry):
        fault = "is not the name of a registry: containerd looks for a folder with exactly this name"
        findings.problem(
            path, fault, f"host[:port], for example registry.example.com:5000, or {DEFAULT} for all others"
        )
    if not isinstance(settings, dict):
        findings.problem(path, f"is {kind(settings)}, not a mapping", f"{_SERVER}, {_HOST}, ...")
        return {}
    own = {name: value for name, value in settings.items() if name not in (_SERVER, _HOST)}
    typed = _of_host(own, path, findings, (_SERVER, _HOST))
    if settings.get(_SERVER) is not None:
        _check_endpoint(settings[_SERVER], (*path, _SERVER), findings)
        typed[_SERVER] = settings[_SERVER]
    hosts = settings.get(_HOST)
    if hosts is not None and not isinstance(hosts, dict):
        findings.problem((*path, _HOST), f"is {kind(hosts)}, not a mapping", "hosts and their settings")
    elif hosts:
        typed[_HOST] = {}
        for name, table in hosts.items():
            here = (*path, _HOST, name)
            _check_endpoint(name, here, findings)
            if isinstance(table, dict):
                typed[_HOST][name] = _of_host(table, here, findings)
            else:
                findings.problem(here, f"is {kind(table)}, not a mapping", ", ".join(_KEYS))
    if not typed and findings.found == before:
        findings.problem(path, "has no settings", f"{_SERVER}, {_HOST}, {', '.join(_KEYS)}")
    return typed if findings.found == before else {}


def _of_host(table: Data, path: Path, findings: Findings, others: tuple[str, ...] = ()) -> Data:
    """Return the typed settings of one host. others: further names for suggestions."""
    known = {name: value for name, value in table.items() if name not in _OTHERS}
    typed = findings.flat_table(known, path, _TYPES, _IGNORED, tables=(*_OTHERS, *others))
    for index, each in enumerate(typed.get("capabilities", [])):
        if each not in _CAPABILITIES:
            fault = "is not a capability"
            findings.problem(
                (*path, "capabilities"), fault, ", ".join(_CAPABILITIES), shown_value(each), f"[{index}]"
            )
    for name in ("ca", "client"):
        value = table.get(name)
        if value is None:
            continue
        if _are_paths(value) or (name == "client" and _are_pairs(value)):
            typed[name] = value
        else:
            accepted = _PATHS if name == "ca" else f"{_PATHS}, or a list of pairs of certificate and key"
            findings.problem((*path, name), f"is {kind(value)} of another form", accepted)
    if table.get("header") is not None:
        typed["header"] = _header(table["header"], (*path, "header"), findings)
    return typed


def _are_paths(value: object) -> bool:
    values = value if isinstance(value, list) else [value]
    return bool(values) and all(isinstance(each, str) and each for each in values)


def _are_pairs(value: object) -> bool:
    return isinstance(value, list) and all(
        isinstance(pair, list) and len(pair) == 2 and _are_paths(pair) for pair in value
    )


def _header(value: object, path: Path, findings: Findings) -> Data:
    """Return the header of requests, whose values may be secrets."""
    if not isinstance(value, dict):
        findings.problem(path, f"is {kind(value)}, not a mapping", "names and values")
        return {}
    typed: Data = {}
    for name, content in value.items():
        try:
            typed[name] = SIMPLE["strings" if isinstance(content, list) else "string"].convert(content)
        except Unfit as unfit:
            findings.problem((*path, name), unfit.message, "a string, or a list of strings")
    return typed


def _check_endpoint(value: object, path: Path, findings: Findings) -> None:
    fault, secret = "", False
    if not isinstance(value, str):
        fault = f"is {kind(value)}, not a string"
    else:
        try:
            parts = urlsplit(value if "://" in value else f"https://{value}")
            secret = "@" in parts.netloc
            if parts.scheme not in ("http", "https") or not parts.hostname:
                fault = "is not the address of a registry"
            elif secret:
                fault = "contains a user name or a password, which containerd does not use"
        except ValueError:
            fault = "is not the address of a registry"
    if fault:
        findings.problem(path, fault, _ENDPOINT, None if secret else shown_value(value))


def _tables(data: Data) -> Iterator[tuple[Path, Data]]:
    """Yield the settings of each host with their path: those of a registry itself first."""
    for registry, settings in data.items():
        yield (registry,), {name: value for name, value in settings.items() if name != _HOST}
        for name, table in settings.get(_HOST, {}).items():
            yield (registry, _HOST, name), table


class HostsToml(Kind):
    """hosts.toml in a folder for each registry, which containerd reads for each pull."""

    name = "hosts_toml"
    file = FILE
    runtime = "containerd"
    disruption = "none"
    accepted = "a mapping of registries to the keys of hosts.toml"
    folder = True

    def check(self, layers: Layers, versions: Versions) -> Checked:
        """Merge the layers by registry and check them."""
        return check(layers)

    def parts(self, path: str, data: Data) -> dict[str, Data]:
        """Return one file for each registry."""
        return {f"{path}/{registry}/{FILE}": {registry: settings} for registry, settings in data.items()}

    def outranked_by(self, path: str) -> tuple[str, ...]:
        """Return the folder in which containerd looks first: HOST_PORT_ for a registry with a port."""
        folder, host, _name = path.rsplit("/", 2)
        name, colon, port = host.rpartition(":")
        return (f"{folder}/{name}_{port}_",) if colon else ()

    def render(self, data: Data) -> str:
        """Return the settings of the only registry in a part as TOML, with its hosts in their order."""
        found = []
        for settings in data.values():
            own = {name: value for name, value in settings.items() if name != _HOST}
            found += [toml.dumps(own)] if own else []
            for name, table in settings.get(_HOST, {}).items():
                found.append(toml.dumps({_HOST: {name: table}}))
        return "\n".join(found)

    def walk(self, data: Data) -> list[tuple[Path, object]]:
        """Return each key; a header without its values."""
        return [
            ((*path, name), None if name == "header" else value)
            for path, table in _tables(data)
            for name, value in table.items()
        ]

    def is_secret(self, data: Data) -> bool:
        """Return whether a header is sent, such as Authorization."""
        return any("header" in table for _path, table in _tables(data))

    def secrets(self, data: Data, content: str) -> list[str]:
        """Return the values of headers."""
        found = [value for _path, table in _tables(data) for value in table.get("header", {}).values()]
        return [each for value in found for each in (value if isinstance(value, list) else [value]) if each]
