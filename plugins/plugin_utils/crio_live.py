# SPDX-License-Identifier: GPL-3.0-or-later
"""What CRI-O's own view of its configuration (GET /config on its socket) must say once it has loaded a file.

A second witness, not a proof: it knows only crio.conf's keys, for handlers it shows values that no pod
gets, and workloads it prints under the names of Go's fields, so both are left out, as is every key that
CRI-O merges, completes or adapts to the host (the catalogue's columns unprinted and unprinted_when_empty),
and empty lists.
"""

from __future__ import annotations

from ansible_collections.cri.node.plugins.plugin_utils import go_duration, toml
from ansible_collections.cri.node.plugins.plugin_utils.crio_config import walk
from ansible_collections.cri.node.plugins.plugin_utils.key_catalogue import ANY, Key


def config_lines(data: dict) -> dict[str, str]:
    """Map each key of typed data to the right-hand side CRI-O prints, such as "9537" for a port."""
    return {
        ".".join(path): _printed(key, value) for path, key, value in walk(data) if _is_predictable(key, value)
    }


def _is_predictable(key: Key, value: object) -> bool:
    if key.unprinted or key.secret or ANY in key.key.split("."):
        return False
    return value not in ("", []) or (value == "" and not key.unprinted_when_empty)


def _printed(key: Key, value: object) -> str:
    if key.type == "duration":
        value = go_duration.render(go_duration.parse(value) or 0)
    return toml.literal(value)
