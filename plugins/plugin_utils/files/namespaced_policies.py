# SPDX-License-Identifier: GPL-3.0-or-later
"""Signature policies for the pods of single Kubernetes namespaces: one policy.json for each, in the folder that CRI-O names.

The policy of a namespace replaces that of the node for its pods. All problems are found at once, and nothing is raised.
"""

from __future__ import annotations

import json
import re

from ansible_collections.cri.node.plugins.plugin_utils.files import policy_json
from ansible_collections.cri.node.plugins.plugin_utils.files.kind import Kind, Versions
from ansible_collections.cri.node.plugins.plugin_utils.findings import Checked
from ansible_collections.cri.node.plugins.plugin_utils.layers import Data, Layers, Path
from ansible_collections.cri.node.plugins.plugin_utils.value_types import kind

_NAMESPACE = re.compile("[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?", re.ASCII)
_ACCEPTED = "at most 63 lowercase letters, digits and '-', as Kubernetes accepts"


def check(layers: Layers) -> Checked:
    """Merge named layers that map namespaces to policies, and check the result."""
    data, findings = NamespacedPolicies().merged(layers)
    typed = {}
    for namespace, policy in sorted(data.items()):
        path = (namespace,)
        if not _NAMESPACE.fullmatch(namespace):
            findings.problem(path, "is not the name of a namespace", _ACCEPTED)
        elif not isinstance(policy, dict):
            findings.problem(
                path, f"is {kind(policy)}, not a mapping", "a policy with the keys of policy.json"
            )
        else:
            checked = policy_json.check_policy(policy, path, findings)
            if checked:
                typed[namespace] = checked
    return Checked(typed, findings.sources, findings.listed(), findings.warnings)


class NamespacedPolicies(Kind):
    """The policies of namespaces, which CRI-O looks for at each pull."""

    name = "namespaced_policies"
    file = "a policy of a namespace"
    disruption = "none"
    accepted = "a mapping of namespaces to policies"
    folder = True
    comments = False
    path_key = "crio.image.signature_policy_dir"

    def check(self, layers: Layers, versions: Versions) -> Checked:
        """Merge the layers by namespace and scope, and check them."""
        return check(layers)

    def parts(self, path: str, data: Data) -> dict[str, Data]:
        """Return one file for each namespace."""
        return {f"{path}/{namespace}.json": {namespace: policy} for namespace, policy in data.items()}

    def render(self, data: Data) -> str:
        """Return the policy of the only namespace in a part as JSON."""
        [policy] = data.values()
        return json.dumps(policy, sort_keys=True, indent=4) + "\n"

    def walk(self, data: Data) -> list[tuple[Path, object]]:
        """Return the default and each scope, below the namespace."""
        return [
            ((namespace, *path), value)
            for namespace, policy in data.items()
            for path, value in policy_json.walk(policy)
        ]
