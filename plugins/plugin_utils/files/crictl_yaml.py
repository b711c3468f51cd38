# SPDX-License-Identifier: GPL-3.0-or-later
"""crictl.yaml: merges settings, checks them, and renders them.

If the file contains an unknown key or an invalid number, crictl silently ignores the whole file (cri-tools,
pkg/common/file.go) and then looks for any runtime's socket. All problems are found at once, and nothing is raised.
"""

from __future__ import annotations

import json

from ansible_collections.cri.node.plugins.module_utils.layout import CRIO_SOCKET
from ansible_collections.cri.node.plugins.plugin_utils.crio.versions import parse_version
from ansible_collections.cri.node.plugins.plugin_utils.files.kind import Kind, Versions
from ansible_collections.cri.node.plugins.plugin_utils.findings import Checked, Findings, shown_value
from ansible_collections.cri.node.plugins.plugin_utils.layers import Data, Layers, Path
from ansible_collections.cri.node.plugins.plugin_utils.problem import Problem

_TYPES = {
    "debug": "boolean",
    "disable-pull-on-run": "boolean",
    "image-endpoint": "string",
    "max-retries": "integer",
    "pull-image-on-create": "boolean",
    "runtime-endpoint": "string",
    "timeout": "integer",
}
KEYS = frozenset(_TYPES)
# Keys that some supported versions of crictl do not have: the first minor version that has them.
_SINCE = {"max-retries": "1.37"}
_UNKNOWN = "is unknown to crictl, which then ignores the whole file"
_ENDPOINT = f"unix:// followed by an absolute path, for example unix://{CRIO_SOCKET}"
_LONGEST_ENDPOINT = 4096  # characters
_SECONDS = 2**63 // 10**9  # crictl counts in nanoseconds of 64 bits


def check(layers: Layers, version: str = "") -> Checked:
    """Merge named layers that mirror crictl.yaml, and check the result.

    `version` is the version of the node's crictl, such as "1.36.0". Without it, only keys and values that are wrong for all
    supported versions are a problem, and depends_on_version returns whether the data must be checked again. Raises ValueError
    for an invalid version.
    """
    data, findings = CrictlYaml().merged(layers)
    return _checked(data, findings, version)


def check_again(data: Data, sources: dict[Path, str], version: str) -> list[Problem]:
    """Return the problems of checked data for one version of crictl, such as "1.36.0"."""
    return _checked(data, Findings(sources), version).problems


def depends_on_version(data: Data) -> bool:
    """Return whether the data contains a key that some supported versions of crictl do not have."""
    return not _SINCE.keys().isdisjoint(data)


def walk(data: Data) -> list[tuple[Path, object]]:
    """Return each value of checked data with its path."""
    return [((name,), value) for name, value in data.items()]


def _checked(data: Data, findings: Findings, version: str) -> Checked:
    typed = findings.flat_table(data, (), _TYPES, _UNKNOWN)
    for rule in (_endpoints, _timeout):
        rule(typed, findings)
    if version:
        _known_to(version, typed, findings)
    return Checked(typed, findings.sources, findings.listed(), findings.warnings)


def _endpoints(typed: Data, findings: Findings) -> None:
    """Check endpoints as crictl reads them: a path, optionally after unix:// or unix:. An empty text is the same as no key."""
    for name in ("runtime-endpoint", "image-endpoint"):
        endpoint = typed.get(name, "")
        scheme, path = _split(endpoint)
        if len(endpoint) > _LONGEST_ENDPOINT:
            findings.problem((name,), f"has {len(endpoint)} characters", f"at most {_LONGEST_ENDPOINT}")
        elif endpoint and scheme not in ("", "unix"):
            findings.problem((name,), "is not the address of a Unix socket", _ENDPOINT, shown_value(endpoint))
        elif endpoint and not path.startswith("/"):
            fault = "has no absolute path: crictl connects to another socket or to none"
            findings.problem((name,), fault, _ENDPOINT, shown_value(endpoint))
        elif endpoint and not scheme:
            findings.warning((name,), "does not start with unix://, which crictl accepts but has deprecated")
    if typed.get("runtime-endpoint") == "":
        message = "is empty: crictl tries the sockets of several runtimes, one after the other"
        findings.warning(("runtime-endpoint",), message)


def _split(endpoint: str) -> tuple[str, str]:
    """Return the scheme of an endpoint in lower case, and its path; unix://a/b has none, because crictl reads a as a host."""
    scheme, colon, rest = endpoint.partition(":")
    if not colon or "/" in scheme:
        return "", endpoint
    return scheme.lower(), rest.removeprefix("//")


def _timeout(typed: Data, findings: Findings) -> None:
    if not 0 < typed.get("timeout", 1) <= _SECONDS:
        fault = "is not a valid timeout: crictl silently uses its own default"
        findings.problem(
            ("timeout",), fault, "a whole number of seconds, at least 1", shown_value(typed["timeout"])
        )


def _known_to(version: str, typed: Data, findings: Findings) -> None:
    for name, since in _SINCE.items():
        if name in typed and parse_version(version).line < parse_version(since).line:
            fault = f"requires crictl {since} or later: crictl {version} does not know this key and ignores the whole file"
            findings.problem((name,), fault)


class CrictlYaml(Kind):
    """crictl.yaml, which no daemon reads."""

    name = "crictl_yaml"
    file = "crictl.yaml"
    disruption = "none"
    accepted = "the keys of crictl.yaml"

    def check(self, layers: Layers, versions: Versions) -> Checked:
        """Merge the layers and check them against what every supported crictl accepts."""
        return check(layers, versions.crictl)

    def check_for_node(self, checked: Checked, versions: Versions) -> list[Problem]:
        """Check the data again, against the node's own version of crictl."""
        return check_again(checked.data, checked.sources, versions.crictl) if versions.crictl else []

    def depends_on_crictl(self, data: Data) -> bool:
        """Return whether the data contains a key that some supported versions of crictl do not have."""
        return depends_on_version(data)

    def render(self, data: Data) -> str:
        """Return the data as YAML."""
        import yaml  # only a file that is written needs it

        return yaml.safe_dump(data, indent=4, allow_unicode=True, default_flow_style=False)

    def walk(self, data: Data) -> list[tuple[Path, object]]:
        """Return each key."""
        return walk(data)

    def read(self, text: str) -> dict[str, str] | None:
        """Return each key with its value as JSON."""
        import yaml  # only a file that changes needs it

        try:
            found = yaml.safe_load(text)
        except (yaml.YAMLError, ValueError, RecursionError):
            return None
        if found is None:
            return {}
        scalars = (str, int, float, bool, type(None))
        if not isinstance(found, dict) or not all(
            isinstance(name, str) and isinstance(value, scalars) for name, value in found.items()
        ):
            return None
        return {name: json.dumps(value) for name, value in found.items()}
