# SPDX-License-Identifier: GPL-3.0-or-later
"""The effective configuration of containerd: what its files, their imports and its defaults result in, as it prints it."""

from __future__ import annotations

import os
from typing import Any

from ..crio.effective import environment
from ..crio.service import RuntimeService
from ..program import run
from ..toml_reader import TomlSyntaxError, loads

#: the tables with the settings of registries: of configurations with version 2, and with version 3
REGISTRY = (
    ("plugins", "io.containerd.grpc.v1.cri", "registry"),
    ("plugins", "io.containerd.cri.v1.images", "registry"),
)

# The tables with the handlers, in the same order.
_HANDLERS = (
    ("plugins", "io.containerd.grpc.v1.cri", "containerd"),
    ("plugins", "io.containerd.cri.v1.runtime", "containerd"),
)
_OF_RUNC = "io.containerd.runc.v2"


def dump(service: RuntimeService, path: str) -> tuple[int, str, str]:
    """Let the node's own containerd read the file at `path` as its config.toml.

    Returns its exit status, what it makes of the file as TOML, and its complaints.
    """
    command = [service.binary or "", "--config", path, *service.options, "config", "dump"]
    return run(command, environment=environment(service))


def present(service: RuntimeService) -> dict[str, Any]:
    """Return the effective configuration of the files on the node; {} if containerd is missing or refuses them."""
    if service.binary is None:
        return {}
    return _understood(service, service.config_path if os.path.exists(service.config_path) else os.devnull)


def defaults(service: RuntimeService) -> dict[str, Any]:
    """Return the configuration without any file; {} if containerd fails."""
    return _understood(service, os.devnull)


def _understood(service: RuntimeService, path: str) -> dict[str, Any]:
    status, output, _error = dump(service, path)
    return parsed(output) if status == 0 else {}


def parsed(output: str) -> dict[str, Any]:
    """Return the document that containerd printed; {} if it is not TOML."""
    try:
        return loads(output.encode())
    except TomlSyntaxError:
        return {}


def value_at(document: dict[str, Any], path: tuple[str, ...]) -> Any:
    """Return the value at a path; None if there is none."""
    value: Any = document
    for name in path:
        if not isinstance(value, dict) or name not in value:
            return None
        value = value[name]
    return value


def hosts_directories(document: dict[str, Any]) -> list[str]:
    """Return the folders in which containerd looks for one of each registry, with its hosts.toml (`config_path`)."""
    found = [value_at(document, (*table, "config_path")) for table in REGISTRY]
    paths = [each for each in found if isinstance(each, str)]
    return [directory for path in paths for directory in path.split(":") if directory]


def cgroup_driver(document: dict[str, Any]) -> str:
    """Return the cgroup driver of the default handler, systemd or cgroupfs; "" if it is not one for runc."""
    for table in _HANDLERS:
        name = value_at(document, (*table, "default_runtime_name"))
        handler = value_at(document, (*table, "runtimes", name)) if isinstance(name, str) else None
        if isinstance(handler, dict) and handler.get("runtime_type") == _OF_RUNC:
            return "systemd" if value_at(handler, ("options", "SystemdCgroup")) is True else "cgroupfs"
    return ""
