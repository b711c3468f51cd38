# SPDX-License-Identifier: GPL-3.0-or-later
"""The certificates of a ConfigMap for additionalTrustedCA, in the form of registries_certificates.

A key is the host of a registry, with `..` for the colon before its port. A value is PEM, or base64 of it (openshift/
machine-config-operator, pkg/operator/sync.go). Messages never contain a value.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

from ansible_collections.cri.node.plugins.plugin_utils.files.certificates import fault_of_text
from ansible_collections.cri.node.plugins.plugin_utils.layers import Data, Path
from ansible_collections.cri.node.plugins.plugin_utils.registries import image_reference
from ansible_collections.cri.node.plugins.plugin_utils.registries.openshift.reader import OpenShiftObject
from ansible_collections.cri.node.plugins.plugin_utils.registries.openshift.schema import (
    CONFIG_MAP,
    NAMESPACE,
    VERSIONS,
)

CA = "ca"  # of a registry
_COLON = ".."
_KEY = "the host of a registry, with .. before its port, for example registry.example.com..5000"
_PEM = "one or more certificates as PEM, or base64 of them"


def files_of(config_map: OpenShiftObject) -> dict[str, dict[str, str]]:
    """Return {host[:port]: {ca: PEM}} of the values that are certificates."""
    found = {}
    for name, value, is_binary in _values(config_map):
        pem = _pem(value, is_binary)
        if pem and not _fault_of_key(name) and not fault_of_pem(pem):
            found[_host(name)] = {CA: pem}
    return found


def faults(config_map: OpenShiftObject) -> list[tuple[Path, str, str]]:
    """Return (path, what is wrong, what is accepted) for each key and value."""
    found = []
    for name, value, is_binary in _values(config_map):
        path = (*config_map.path, "binaryData" if is_binary else "data", name)
        if _fault_of_key(name):
            found.append((path, _fault_of_key(name), _KEY))
        fault = fault_of_pem(_pem(value, is_binary))
        if fault:
            found.append((path, fault, _PEM))
    return found


def config_map_of(name: str, files: dict[str, dict[str, str]]) -> Data:
    """Return the ConfigMap of certificates."""
    return {
        "apiVersion": VERSIONS[CONFIG_MAP],
        "kind": CONFIG_MAP,
        "metadata": {"name": name, "namespace": NAMESPACE},
        "data": {host.replace(":", _COLON): files[host][CA] for host in sorted(files)},
    }


def fault_of_pem(text: object) -> str:
    """Return why a value is not one or more certificates, or ""."""
    return "is not a certificate" if text is None else fault_of_text(text, CA)


def _values(config_map: OpenShiftObject) -> list[tuple[str, str, bool]]:
    found: list[tuple[str, str, bool]] = []
    for field in ("data", "binaryData"):  # the latter overrides the former, as it is written later
        values: dict[str, Any] = config_map.data.get(field, {})
        found += [(name, values[name], field == "binaryData") for name in sorted(values)]
    return found


def _pem(value: str, is_binary: bool) -> str | None:
    """Return the PEM of a value, None if it cannot be decoded. The operator decodes each value that is base64."""
    decoded = _decoded(value)
    if decoded is None:
        return None if is_binary else value
    try:
        return decoded.decode()
    except UnicodeDecodeError:
        return None


def _decoded(text: str) -> bytes | None:
    """Return the bytes of base64 with line breaks; None if it is something else."""
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return None


def _host(name: str) -> str:
    return name.replace(_COLON, ":")


def _fault_of_key(name: str) -> str:
    return "" if image_reference.is_host(_host(name)) else "is not the host of a registry"
