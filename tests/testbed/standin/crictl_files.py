# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that describe pods and containers to crictl."""

import json
import uuid
from pathlib import Path
from typing import Any

from crictl_errors import CrictlError, log, quoted


def load_pod_config(path: str) -> dict[str, Any]:
    """Return a pod's configuration, always with a uid. Raises CrictlError if a field is missing."""
    config = load_file(path)
    metadata = config.get("metadata")
    if not metadata:
        raise CrictlError("metadata is not set")
    metadata["uid"] = metadata.get("uid") or str(uuid.uuid4())
    if not metadata.get("name") or not metadata.get("namespace"):
        raise CrictlError(f"name or namespace is not in metadata {quoted(json.dumps(metadata))}")
    if "linux" in config and not (config["linux"] or {}).get("cgroup_parent"):
        log("warning", "cgroup_parent is not set. Use `runtime-config` to get the runtime cgroup driver")
    return config


def load_file(path: str) -> dict[str, Any]:
    """Return the data of a configuration file; the stand-in only reads JSON."""
    try:
        config = json.loads(Path(path).read_text())
    except FileNotFoundError:
        raise CrictlError(f"config at {path} not found") from None
    except ValueError as error:
        raise CrictlError(f"error converting YAML to JSON: {error} (the stand-in reads JSON alone)") from None
    if not isinstance(config, dict):
        raise CrictlError(
            "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal into Go value"
        )
    return config


def load_container_config(path: str) -> dict[str, Any]:
    """Return a container's configuration. Raises CrictlError if a field is missing."""
    config = load_file(path)
    if not config.get("metadata"):
        raise CrictlError("metadata is not set")
    if not config["metadata"].get("name"):
        raise CrictlError(f"name is not in metadata {quoted(json.dumps(config['metadata']))}")
    if not config.get("image"):
        raise CrictlError("image is not set")
    if not config["image"].get("image"):
        raise CrictlError(f"image field is not set in image {quoted(json.dumps(config['image']))}")
    return config
