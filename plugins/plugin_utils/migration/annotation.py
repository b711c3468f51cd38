# SPDX-License-Identifier: GPL-3.0-or-later
"""What a migration leaves to the cluster: kubeadm keeps the CRI socket of each node in an annotation of the node."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from ansible_collections.cri.node.plugins.plugin_utils.migration.engines import ANNOTATION, endpoint


def commands(answer: Mapping[str, Any]) -> list[str]:
    """Return the commands for an administrator of the cluster after a change of a node; a node itself has no right to them."""
    if not answer["former"] or not answer["kubelet"]["found"] or not answer["changed"]:
        return []
    name, value = answer["kubelet"]["node_name"], f"{ANNOTATION}={endpoint(answer['engine'])}"
    return [shlex.join(["kubectl", "annotate", "node", name, "--overwrite", value])]
