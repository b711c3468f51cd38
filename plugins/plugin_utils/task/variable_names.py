# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds variables that are probably meant for a role of this collection, but that no role reads.

Ansible silently ignores unused variables. A warning requires a name that is similar to a known one and a value of the same
kind, so that variables of users and of other collections do not cause warnings (kubespray has crio_*, crictl_* and registry_*).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from ansible_collections.cri.node.plugins.plugin_utils.crio.catalogue import CATALOGUE
from ansible_collections.cri.node.plugins.plugin_utils.files import crictl_yaml, registries_conf
from ansible_collections.cri.node.plugins.plugin_utils.text.structured_text import mapping_of

# The variables of the roles and playbooks by the type of their values. A test compares them with the argument specifications.
LAYERED = (
    "crio_config",
    "registries_config",
    "registries_openshift",
    "registries_auth",
    "registries_policy",
    "registries_namespaced_policies",
    "registries_signatures",
    "registries_certificates",
    "registries_ca_certificates",
    "registries_storage",
    "crictl_config",
    "oci_runtimes_config",
    "cni_network",
    "containerd_config",
    "containerd_registries",
    "containerd_service",
)
SINGLE = {
    "crio_version": "text",
    "crio_accept_keys": "list",
    "crio_service": "mapping",
    "crio_environment": "mapping",
    "crio_install": "text",
    "crio_bundle": "mapping",
    "crio_packages": "mapping",
    "crio_ready_timeout": "number",
    "crictl_completion": "list",
    "verify_network": "text",
    "verify_image": "text",
    "verify_pull": "list",
    "verify_timeout": "number",
    "verify_report_file": "text",
    "registries_ca_folder": "text",
    "registries_warnings_are_errors": "boolean",
    "runtime_max_disruption": "text",
    "runtime_above_max_disruption": "text",
    "runtime_disruptions": "mapping",
    "runtime_overruled_guards": "list",
    "runtime_probes": "mapping",
    "images_present": "list",
    "images_archives": "list",
    "images_absent": "list",
    "images_prune": "mapping",
    "images_username": "text",
    "images_password": "text",
    "images_pull_timeout": "number",
    "prepare_state": "text",
    "prepare_modules": "list",
    "prepare_sysctls": "mapping",
    "prepare_swap": "text",
    "prepare_cgroup_v2": "text",
    "prepare_user_namespaces": "boolean",
    "prepare_subordinate_ids": "mapping",
    "prepare_commands": "mapping",
    "prepare_install_packages": "boolean",
    "remove_prerequisites": "boolean",
    "remove_storage": "boolean",
    "remove_overruled_guards": "list",
    "remove_report_file": "text",
    "migrate_engine": "text",
    "migrate_former": "text",
    "migrate_images": "boolean",
    "migrate_overruled_guards": "list",
    "migrate_remove_former": "boolean",
    "migrate_ready_timeout": "number",
    "migrate_image_timeout": "number",
    "migrate_report_file": "text",
    "migrate_drain": "text",
    "migrate_restore": "text",
    "cni_install": "text",
    "cni_archive": "mapping",
    "cni_package": "text",
    "cni_directory": "text",
    "containerd_ready_timeout": "number",
    "containerd_max_disruption": "text",
    "containerd_overruled_guards": "list",
    "plan_report_file": "text",
    "adopt_directory": "text",
    "drift_ignore": "list",
    "drift_report_file": "text",
    "cri_node_hosts": "text",
    "cri_node_serial": "number",
    "rollback_generation": "number",
    "upgrade_drain": "text",
    "upgrade_restore": "text",
    "preview_version": "text",
    "preview_report_file": "text",
}
# Variables that the roles provide.
_OF_ROLES = (
    "crio_files",
    "crio_problems",
    "registries_files",
    "crictl_files",
    "runtime_files",
    "runtime_problems",
    "runtime_owners",
    "crio_result",
    "registries_result",
    "crictl_result",
    "runtime_result",
    "verify_result",
    "plan_result",
    "drift_result",
    "drift_report_result",
    "adopt_result",
    "adopt_report_result",
    "adopt_settings",
    "adopt_check_result",
    "prepare_result",
    "oci_runtimes_result",
    "cni_files",
    "cni_settings",
    "cni_result",
    "cni_check_result",
    "cni_plugins_result",
    "containerd_files",
    "containerd_settings",
    "containerd_result",
    "containerd_check_result",
    "oci_runtimes_settings",
    "oci_runtimes_check_result",
    "oci_runtimes_removal_result",
    "migrate_result",
    "migrate_removal_result",
    "images_pull_result",
    "images_import_result",
    "rollback_result",
    "preview_result",
    "crio_settings",
    "registries_settings",
    "crictl_settings",
    "runtime_settings",
    "verify_settings",
    "plan_settings",
    "drift_settings",
    "crio_check_result",
    "registries_check_result",
    "crictl_check_result",
    "runtime_check_result",
)
_SHAPES = {**dict.fromkeys(LAYERED, "mapping"), "registries_openshift": "objects", **SINGLE}
_KNOWN = frozenset((*_SHAPES, *_OF_ROLES))
_FAMILIES = (
    "crio_",
    "cri_o_",
    "crictl_",
    "registries_",
    "registry_",
    "verify_",
    "images_",
    "prepare_",
    "remove_",
    "oci_runtimes_",
    "cni_",
    "containerd_",
    "plan_",
    "drift_",
    "adopt_",
    "runtime_",
    "cri_node_",
    "rollback_",
    "preview_",
    "upgrade_",
)
# Names that may be meant for one of the layered variables; the keys of the value decide which one.
_WITHOUT_CONFIG = (
    "verify_",
    "images_",
    "prepare_",
    "remove_",
    "plan_",
    "drift_",
    "adopt_",
    "rollback_",
    "preview_",
    "upgrade_",
)
_BASES = (*LAYERED, *(f"{family}config" for family in _FAMILIES if family not in _WITHOUT_CONFIG))
_TEMPLATE = re.compile(r"\s*\{\{[^{}]*\}\}\s*")
_LONGEST = 100  # characters of a name that could be a known one, misspelled
_MOST = 50_000  # values that are searched for a mention of a name
_NOT_SEARCHED = ("vars", "hostvars", "groups")


def warnings(variables: Mapping[str, object]) -> list[str]:
    """Return a sentence for each variable that no role reads, but that is probably meant for one.

    `variables`: the variables of a task, not templated. A variable that another one mentions counts as used.
    """
    suspects = {}
    for name in variables:
        if isinstance(name, str) and name.lower().startswith(_FAMILIES) and not _is_known(name):
            meant = _meant(name, variables[name])
            if meant:
                suspects[name] = meant
    if not suspects:
        return []
    mentioned = _mentioned(variables, suspects)
    return [
        f"the variable {name} is not read by any role of cri.node; {meant}"
        for name, meant in sorted(suspects.items())
        if name not in mentioned
    ]


def _is_known(name: str) -> bool:
    return name in _KNOWN or any(name.startswith(f"{base}__") for base in LAYERED)


def _meant(name: str, value: object) -> str:
    if len(name) > _LONGEST:
        return ""
    base, layer, rest = name.lower().partition("__")
    if base in SINGLE and layer:
        fits = _fits(value, _SHAPES[base])
        return f"{base} has no layers, only {', '.join(LAYERED)} do" if fits else ""
    found = _close(base, value)
    if not found and not layer:
        for known in sorted(_BASES, key=len, reverse=True):
            if base.startswith(f"{known}_"):
                found, layer, rest = _by_content(value), "__", base[len(known) + 1 :]
                break
    if not found or (layer and found not in LAYERED):
        return ""
    return f"did you mean {found}{layer}{rest}?"


def _close(base: str, value: object) -> str:
    """Return the known variable with a similar name, or one that fits the content."""
    near = {known: steps for known, steps in _near(base).items() if _fits(value, _SHAPES[known])}
    if near:
        return min(near, key=lambda known: near[known])
    return _by_content(value) if base in _BASES else ""


@lru_cache(maxsize=256)  # the hosts of a play have the same names
def _near(base: str) -> dict[str, int]:
    """Return {known variable: number of different letters} for similar names."""
    near = {}
    for known in _SHAPES:
        allowed = min(2, len(known.split("_", 1)[1]) // 3)
        steps = _distance(base, known, allowed)
        if steps <= allowed:
            near[known] = steps
    return near


def _fits(value: object, shape: str) -> bool:
    """Return whether a value fits a variable of this type; a template fits all types."""
    if isinstance(value, str) and _TEMPLATE.fullmatch(value):
        return True
    if shape == "mapping":
        found = mapping_of(value)
        return isinstance(found, Mapping) and bool(found)
    if shape == "objects":
        return bool(value) and (isinstance(value, (list, Mapping)) or "apiVersion" in str(value))
    if shape == "list":
        return isinstance(value, list) or (isinstance(value, str) and value.lstrip().startswith(("[", "- ")))
    if shape == "boolean":
        return isinstance(value, bool) or str(value).lower() in ("true", "false", "yes", "no")
    if shape == "number":
        return (isinstance(value, int) and not isinstance(value, bool)) or (
            isinstance(value, str) and re.fullmatch(r"\d{1,9}%?", value) is not None
        )
    return isinstance(value, (str, int, float)) and not isinstance(value, bool)


def _by_content(value: object) -> str:
    """Return the layered variable whose keys a mapping has, or ""."""
    found = mapping_of(value)
    for name in found if isinstance(found, Mapping) else ():
        table = str(name)
        if CATALOGUE.is_table((table,)) or CATALOGUE.is_table(("crio", table)):
            return "crio_config"
        if table in registries_conf.KEYS:
            return "registries_config"
        if table in crictl_yaml.KEYS:
            return "crictl_config"
    return ""


def _distance(one: str, other: str, most: int) -> int:
    """Return how many letters must be changed, added, removed or swapped to convert one name to the other; at most `most` + 1."""
    if abs(len(one) - len(other)) > most:
        return most + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for index, letter in enumerate(one, 1):
        older, before, row = before, row, [index]
        for place, wanted in enumerate(other, 1):
            steps = min(before[place] + 1, row[-1] + 1, before[place - 1] + (letter != wanted))
            if index > 1 and place > 1 and letter == other[place - 2] and one[index - 2] == wanted:
                steps = min(steps, older[place - 2] + 1)
            row.append(steps)
    return row[-1]


def _mentioned(variables: Mapping[str, object], names: Mapping[str, object]) -> set[str]:
    """Return the names that occur in templates of other variables."""
    pattern = re.compile(rf"\b(?:{'|'.join(map(re.escape, names))})\b")
    found: set[str] = set()
    for text in _texts(variables):
        if "{" in text:
            found.update(pattern.findall(text))
    return found


def _texts(variables: Mapping[str, object]) -> Iterator[str]:
    waiting = [variables[name] for name in variables if name not in _NOT_SEARCHED]
    for _count in range(_MOST):
        if not waiting:
            return
        item = waiting.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
