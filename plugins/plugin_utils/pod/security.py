# SPDX-License-Identifier: GPL-3.0-or-later
"""Converts the security contexts of a pod and its containers as a kubelet does."""

from __future__ import annotations

from typing import Any

from ansible_collections.cri.node.plugins.plugin_utils.pod import rules

# pkg/securitycontext of kubernetes: paths that only a privileged container can read or write.
MASKED_PATHS = (
    "/proc/asound /proc/acpi /proc/interrupts /proc/kcore /proc/keys /proc/latency_stats /proc/timer_list /proc/timer_stats"
    " /proc/sched_debug /proc/scsi /sys/firmware /sys/devices/virtual/powercap"
).split()
READONLY_PATHS = "/proc/bus /proc/fs /proc/irq /proc/sys /proc/sysrq-trigger".split()

_POD, _CONTAINER, _NODE = 0, 1, 2  # CRI's NamespaceMode
_PROFILES = {"RuntimeDefault": 0, "Unconfined": 1, "Localhost": 2}
_PROFILE_ROOTS = {"seccompProfile": "/var/lib/kubelet/seccomp/", "appArmorProfile": ""}


def of_sandbox(spec: dict[str, Any]) -> dict[str, Any]:
    """Return CRI's LinuxSandboxSecurityContext."""
    context = _common(spec, spec.get("securityContext", {}))
    context["seccomp"] = {"profile_type": _PROFILES["RuntimeDefault"]}  # regardless of its containers
    if any(map(rules.is_privileged, rules.all_containers(spec).values())):
        context["privileged"] = True
    return context


def of_container(spec: dict[str, Any], container: dict[str, Any]) -> dict[str, Any]:
    """Return CRI's LinuxContainerSecurityContext: the settings of the container, with those of the pod as defaults."""
    own = container.get("securityContext", {})
    asked = {**spec.get("securityContext", {}), **own}
    context = _common(spec, asked)
    if rules.is_privileged(container):
        context.update(privileged=True, seccomp={"profile_type": _PROFILES["Unconfined"]})
    else:
        context["seccomp"] = _profile(asked, "seccompProfile")
        context.update(masked_paths=MASKED_PATHS, readonly_paths=READONLY_PATHS)
    if "appArmorProfile" in asked:
        context["apparmor"] = _profile(asked, "appArmorProfile")
    context["no_new_privs"] = not own.get("allowPrivilegeEscalation", True)
    context["readonly_rootfs"] = own.get("readOnlyRootFilesystem", False)
    capabilities = own.get("capabilities", {})
    context["capabilities"] = {f"{kind}_capabilities": capabilities.get(kind, []) for kind in ("add", "drop")}
    return context


def _common(spec: dict[str, Any], asked: dict[str, Any]) -> dict[str, Any]:
    context: dict[str, Any] = {
        "namespace_options": {
            "network": _NODE if spec.get("hostNetwork") else _POD,
            "pid": _NODE
            if spec.get("hostPID")
            else _POD
            if spec.get("shareProcessNamespace")
            else _CONTAINER,
            "ipc": _NODE if spec.get("hostIPC") else _POD,
        }
    }
    if "seLinuxOptions" in asked:
        context["selinux_options"] = asked["seLinuxOptions"]
    for key, name in (("runAsUser", "run_as_user"), ("runAsGroup", "run_as_group")):
        if key in asked:
            context[name] = {"value": asked[key]}
    groups = [*([asked["fsGroup"]] if "fsGroup" in asked else []), *asked.get("supplementalGroups", [])]
    if groups:
        context["supplemental_groups"] = groups
    return context


def _profile(asked: dict[str, Any], key: str) -> dict[str, Any]:
    profile = asked.get(key, {"type": "RuntimeDefault"})
    found = {"profile_type": _PROFILES[profile["type"]]}
    if "localhostProfile" in profile:
        found["localhost_ref"] = _PROFILE_ROOTS[key] + profile["localhostProfile"]
    return found
