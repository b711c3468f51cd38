# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of all kinds of managed files. To add a kind, add a module to this package and a row here."""

from __future__ import annotations

from ansible_collections.cri.node.plugins.plugin_utils.files.auth_json import AuthJson
from ansible_collections.cri.node.plugins.plugin_utils.files.ca_certificates import CaCertificates
from ansible_collections.cri.node.plugins.plugin_utils.files.certificates import Certificates
from ansible_collections.cri.node.plugins.plugin_utils.files.cni_network import CniNetwork
from ansible_collections.cri.node.plugins.plugin_utils.files.containerd_toml import ContainerdToml
from ansible_collections.cri.node.plugins.plugin_utils.files.crictl_yaml import CrictlYaml
from ansible_collections.cri.node.plugins.plugin_utils.files.crio_conf import CrioConf
from ansible_collections.cri.node.plugins.plugin_utils.files.environment_file import EnvironmentFile
from ansible_collections.cri.node.plugins.plugin_utils.files.hosts_toml import HostsToml
from ansible_collections.cri.node.plugins.plugin_utils.files.kind import Kind
from ansible_collections.cri.node.plugins.plugin_utils.files.namespaced_policies import NamespacedPolicies
from ansible_collections.cri.node.plugins.plugin_utils.files.policy_json import PolicyJson
from ansible_collections.cri.node.plugins.plugin_utils.files.registries_conf import RegistriesConf
from ansible_collections.cri.node.plugins.plugin_utils.files.registries_d import RegistriesD
from ansible_collections.cri.node.plugins.plugin_utils.files.storage_conf import StorageConf
from ansible_collections.cri.node.plugins.plugin_utils.files.text import Text
from ansible_collections.cri.node.plugins.plugin_utils.files.unit_drop_in import UnitDropIn

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        CrioConf(),
        RegistriesConf(),
        AuthJson(),
        PolicyJson(),
        NamespacedPolicies(),
        RegistriesD(),
        Certificates(),
        CaCertificates(),
        StorageConf(),
        CniNetwork(),
        CrictlYaml(),
        ContainerdToml(),
        HostsToml(),
        UnitDropIn(),
        EnvironmentFile(),
        Text(),
    )
}
