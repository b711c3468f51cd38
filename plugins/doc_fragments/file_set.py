# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations


class ModuleDocFragment:
    """Document the options that describe the managed files of a node; runtime_config declares them as ARGUMENT_SPEC."""

    DOCUMENTATION = r"""
options:
  files:
    description:
      - All files of the owners, as in the variables C(crio_files), C(registries_files) and C(crictl_files) of the roles.
      - The content of a file is only sent to the node if the file has to be written.
    type: list
    elements: dict
    suboptions:
      path:
        description: The absolute path of the file on the node.
        type: str
        required: true
      owner:
        description: The role that the file belongs to. Files of other owners are never touched.
        type: str
        required: true
      kind:
        description:
          - The kind of the file. The content of a V(text) file is O(files[].content).
          - All other kinds are rendered from O(files[].layers), which are merged and validated first. The task fails on problems
            before it contacts the node. Errors and the diff contain the variable of each setting.
          - Other tools also write files of the kinds V(auth_json) and V(policy_json). Only the entries of O(files[].layers) are
            added, changed and removed again; all others are kept.
          - The path of the kinds V(ca_certificates), V(certificates), V(cni_network), V(hosts_toml) and V(namespaced_policies) is
            a folder, in which the settings are one or several files.
          - With V(containerd_toml) or V(hosts_toml), all files are those of containerd. V(containerd_toml) is its whole
            F(/etc/containerd/config.toml), version 2 or 3. V(hosts_toml) maps registries to the keys of their F(hosts.toml) below
            F(/etc/containerd/certs.d).
        type: str
        choices:
          - auth_json
          - ca_certificates
          - certificates
          - cni_network
          - containerd_toml
          - crictl_yaml
          - crio_conf
          - environment_file
          - hosts_toml
          - namespaced_policies
          - policy_json
          - registries_conf
          - registries_d
          - storage_conf
          - text
          - unit_drop_in
        default: text
      variable:
        description:
          - The name of the variable with the settings of the file, instead of O(files[].layers). The layers are this variable and
            all variables whose names continue it with two underscores, in alphabetical order, such as C(crio_config) and
            C(crio_config__rack).
          - With O(files[].element), the name of a list instead.
        type: str
      layered:
        description: Whether variables whose names continue O(files[].variable) are layers of the file.
        type: bool
        default: true
      variables:
        description: Options of this file and the names of the variables with their values, as in O(variables).
        type: dict
      layers:
        description:
          - The settings of the file as a list of pairs, each with the name of a variable and its value. Later pairs override
            earlier ones. The header of the file names the first variable.
          - Settings are merged as documented for the filters P(cri.node.crio_config#filter), P(cri.node.registries_config#filter)
            and P(cri.node.crictl_config#filter). The layers of V(unit_drop_in) are written one after the other.
          - A value may be a string that contains a mapping as JSON or YAML. Without any settings, the file is not written, and is
            removed if an earlier run of the same owner wrote it.
        type: list
        elements: raw
      defaults:
        description: Default settings, which all O(files[].layers) override.
        type: dict
      crio_variable:
        description: The name of the variable with the settings of crio.conf, instead of O(files[].crio_layers).
        type: str
      crio_layers:
        description:
          - For V(crictl_yaml), the layers of crio.conf. Their C(crio.api.listen) is the default of C(runtime-endpoint).
          - For V(auth_json), V(policy_json) and V(namespaced_policies), their C(crio.image.global_auth_file),
            C(crio.image.signature_policy) and C(crio.image.signature_policy_dir) replace O(files[].path).
          - For V(cni_network), their C(crio.network.network_dir) replaces O(files[].path).
        type: list
        elements: raw
      openshift_variable:
        description: The name of the variable with objects of OpenShift, instead of O(files[].openshift_layers).
        type: str
      openshift_layers:
        description:
          - For V(registries_conf), layers of objects of OpenShift as documented for the filter
            P(cri.node.registries_openshift#filter). The settings that they result in are below O(files[].layers).
        type: list
        elements: raw
      handlers_variable:
        description: The name of the variable with handlers, instead of O(files[].handlers_layers).
        type: str
      handlers_layers:
        description:
          - For V(crio_conf), layers of handlers as documented for O(cri.node.crio_handlers#module:handlers). Their entries
            are below O(files[].layers).
        type: list
        elements: raw
      version:
        description: For V(crio_conf), the version of CRI-O to validate the settings for, such as V("1.36"). It must be quoted.
        type: raw
      accept_keys:
        description:
          - For V(crio_conf), a list of dotted keys to accept although CRI-O of the version is not known to have them, such as
            V(crio.runtime.some_new_key). Everything below such a key is accepted too, and V(*) matches each handler or workload.
            Their values keep their own type.
        type: raw
      environment_file:
        description:
          - For V(unit_drop_in), the path of an environment file in O(files). If that file has content, the service reads it.
        type: str
      element:
        description:
          - For V(text), the file is only written if the list in O(files[].variable) contains this element. Elements of the list
            for which there is no file are refused.
        type: str
      content:
        description:
          - The content of a V(text) file. If empty or not set, the file is not written, and is removed if an earlier run of the
            same owner wrote it.
        type: str
      mode:
        description:
          - The mode of the file, as three or four octal digits in quotes. Without quotes, YAML reads 0644 as the number 420,
            which is refused.
          - The default is V("0644"), or V("0600") for a secret file.
        type: str
      secret:
        description:
          - Whether the content must not appear in logs, diffs and results. It is compared by its hash.
          - A file whose settings may contain a password is always secret.
        type: bool
        default: false
      disruption:
        description:
          - What a running daemon needs to load the file. V(none) is for a file that no daemon reads, or that CRI-O reads for each
            pull.
          - With V(reload), CRI-O is restarted if a reload is not reliable, for example because CRI-O would not log its outcome.
          - The default is V(reload) for V(registries_conf), V(restart) for V(containerd_toml), V(crio_conf),
            V(environment_file), V(storage_conf), V(text) and V(unit_drop_in), and V(none) for all others.
        type: str
        choices: [none, reload, restart]
      warnings_are_errors:
        description: Whether the warnings about the settings of this file are problems, with which nothing is changed.
        type: bool
        default: false
  owners:
    description:
      - The owners whose files this task manages. By default, the owners of O(files).
    type: list
    elements: str
  variables:
    description:
      - Options of this module and the name of the variable with the value of each of them, instead of a template. Several
        variables with lists may be named as a list, and are joined.
      - Ansible compiles each template of a task again for each node. Variables are looked up without that, which matters with
        many nodes. Templates in their values are evaluated as usual.
    type: dict
  problems:
    description:
      - Problems that were found earlier, as sentences. If there are any, the task fails before it contacts the node.
    type: list
    elements: str
    default: []
"""
