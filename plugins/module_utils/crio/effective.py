# SPDX-License-Identifier: GPL-3.0-or-later
"""The effective configuration: what the node's own crio reads from files, with the daemon's options and environment."""

from __future__ import annotations

import os
import re

from ..program import PATH, run
from .live import parse_lines
from .service import RuntimeService


def environment(service: RuntimeService) -> dict[str, str]:
    """Return the environment of the daemon, without the variables that name its configuration files."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CONTAINER_")}
    environment.update(
        PATH=PATH, **{name: value for name, value in service.environment.items() if "\0" not in value}
    )
    return {name: value for name, value in environment.items() if not name.startswith("CONTAINER_CONFIG")}


def parse(output: str) -> dict[str, str]:
    """Return the dotted keys that `crio config` printed, including those that it comments because they are defaults."""
    lines = []
    for line in output.splitlines():
        commented = re.match(r"# ?([a-z_0-9]{1,80} = \S.{0,4000})$", line)
        table = re.match(r"# ?(\[[^\]]{1,300}\])$", line)
        match = commented or table
        lines.append(match.group(1) if match else line)
    return parse_lines("\n".join(lines))


def value(values: dict[str, str], key: str) -> str | None:
    """Return what `crio config` printed for a key of GET /config; None if it did not print the key.

    It does not quote names of handlers and workloads, and prints a workload's resources under the names of crio.conf
    instead of Go's fields (pkg/config/template.go, CRI-O 1.34 to 1.37).
    """
    unquoted = key.replace('"', "")
    table, _dot, name = unquoted.rpartition(".")
    names = (key, unquoted, f"{table}.{name.lower()}")
    return next((values[each] for each in names if each in values), None)


def present(service: RuntimeService) -> dict[str, str]:
    """Return the effective configuration of the files on the node; {} if crio is missing or fails."""
    if service.binary is None:
        return {}
    config = service.config_path if os.path.exists(service.config_path) else ""
    named = ["--config", config, "--config-dir", service.config_directory]
    command = [service.binary, *named, *service.options, "config"]
    status, output, _error = run(command, environment=environment(service))
    return parse(output) if status == 0 else {}
