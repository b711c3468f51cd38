# SPDX-License-Identifier: GPL-3.0-or-later
"""The security contexts of a pod and its containers, as a kubelet gives them to a runtime."""

from __future__ import annotations

from ansible_collections.cri.node.plugins.plugin_utils.manifest_reader import Reader

# kubernetes' pkg/securitycontext: what no container but a privileged one sees, or may write.
MASKED_PATHS = (
    "/proc/asound /proc/acpi /proc/interrupts /proc/kcore /proc/keys /proc/latency_stats /proc/timer_list /proc/timer_stats"
    " /proc/sched_debug /proc/scsi /sys/firmware /sys/devices/virtual/powercap"
).split()
READONLY_PATHS = "/proc/bus /proc/fs /proc/irq /proc/sys /proc/sysrq-trigger".split()

_POD, _CONTAINER, _NODE = 0, 1, 2  # CRI's NamespaceMode
_PROFILES = {"RuntimeDefault": 0, "Unconfined": 1, "Localhost": 2}
_PROFILE_ROOTS = {"seccompProfile": "/var/lib/kubelet/seccomp/", "appArmorProfile": ""}


def check(reader: Reader, spec: dict) -> None:
    """Give the reader what cannot be honoured together."""
    pod = spec.get("securityContext", {})
    _check_profiles(reader, pod, "spec.securityContext")
    for index, container in enumerate(spec.get("containers", [])):
        own, path = container.get("securityContext", {}), f"spec.containers[{index}].securityContext"
        asked = {**pod, **own}
        _check_profiles(reader, own, path)
        if asked.get("runAsNonRoot") and not asked.get("runAsUser"):
            told = (
                "does not fit runAsUser: 0" if "runAsUser" in asked else "cannot be proved without runAsUser"
            )
            reader.refuse(f"{path}.runAsNonRoot", told)
        if "runAsGroup" in asked and "runAsUser" not in asked:
            reader.refuse(f"{path}.runAsGroup", "needs runAsUser, as CRI has it")
        mighty = own.get("privileged") or "SYS_ADMIN" in own.get("capabilities", {}).get("add", [])
        if own.get("allowPrivilegeEscalation") is False and mighty:
            reader.refuse(
                f"{path}.allowPrivilegeEscalation",
                "cannot be false for a privileged container or one with SYS_ADMIN",
            )


def of_sandbox(spec: dict) -> dict:
    """CRI's LinuxSandboxSecurityContext."""
    context = _common(spec, spec.get("securityContext", {}))
    context["seccomp"] = {"profile_type": _PROFILES["RuntimeDefault"]}  # whatever its containers have
    if any(container.get("securityContext", {}).get("privileged") for container in spec["containers"]):
        context["privileged"] = True
    return context


def of_container(spec: dict, container: dict) -> dict:
    """CRI's LinuxContainerSecurityContext: what the container says, else what the pod says."""
    own = container.get("securityContext", {})
    asked = {**spec.get("securityContext", {}), **own}
    context = _common(spec, asked)
    if own.get("privileged"):
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


def _common(spec: dict, asked: dict) -> dict:
    context: dict = {
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


def _check_profiles(reader: Reader, context: dict, path: str) -> None:
    for key in _PROFILE_ROOTS:
        profile = context.get(key, {})
        if (profile.get("type") == "Localhost") != ("localhostProfile" in profile):
            reader.refuse(f"{path}.{key}.localhostProfile", "and type: Localhost are to be had together only")


def _profile(asked: dict, key: str) -> dict:
    profile = asked.get(key, {"type": "RuntimeDefault"})
    found = {"profile_type": _PROFILES[profile["type"]]}
    if "localhostProfile" in profile:
        found["localhost_ref"] = _PROFILE_ROOTS[key] + profile["localhostProfile"]
    return found
