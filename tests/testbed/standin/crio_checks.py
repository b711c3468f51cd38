# SPDX-License-Identifier: GPL-3.0-or-later
"""What `crio config` refuses, and a start too, in CRI-O's order and CRI-O's words."""

import os
import re

CAPABILITIES = (
    "AUDIT_CONTROL AUDIT_READ AUDIT_WRITE BLOCK_SUSPEND BPF CHECKPOINT_RESTORE CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER "
    "FSETID IPC_LOCK IPC_OWNER KILL LEASE LINUX_IMMUTABLE MAC_ADMIN MAC_OVERRIDE MKNOD NET_ADMIN NET_BIND_SERVICE "
    "NET_BROADCAST NET_RAW PERFMON SETFCAP SETGID SETPCAP SETUID SYSLOG SYS_ADMIN SYS_BOOT SYS_CHROOT SYS_MODULE SYS_NICE "
    "SYS_PACCT SYS_PTRACE SYS_RAWIO SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG WAKE_ALARM"
).split()
ULIMITS = (
    "core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack".split()
)
POD_METRICS = "cpu disk diskIO hugetlb memory network oom process spec pressure".split()
ANNOTATIONS = (
    "bundle cgroup2-mount-hierarchy-rw.crio.io cpu-c-states.crio.io cpu-freq-governor.crio.io cpu-load-balancing.crio.io "
    "cpu-quota.crio.io cpu-shared.crio.io devices.crio.io disable-fips.crio.io io.containers.trace-syscall "
    "io.kubernetes.cri-o.Devices io.kubernetes.cri-o.DisableFIPS io.kubernetes.cri-o.LinkLogs "
    "io.kubernetes.cri-o.PlatformRuntimePath io.kubernetes.cri-o.PodLinuxOverhead io.kubernetes.cri-o.PodLinuxResources "
    "io.kubernetes.cri-o.ShmSize io.kubernetes.cri-o.Spoofed io.kubernetes.cri-o.TrySkipVolumeSELinuxLabel "
    "io.kubernetes.cri-o.UnifiedCgroup io.kubernetes.cri-o.cgroup2-mount-hierarchy-rw "
    "io.kubernetes.cri-o.seccompNotifierAction io.kubernetes.cri-o.umask io.kubernetes.cri-o.userns-mode "
    "io.kubernetes.cri.container-type io.kubernetes.cri.rdt-class irq-load-balancing.crio.io link-logs.crio.io "
    "module.wasm.image/variant org.criu.config org.opencontainers.image.stopSignal org.systemd.property. "
    "platform-runtime-path.crio.io pod-linux-overhead.crio.io pod-linux-resources.crio.io run.oci. "
    "seccomp-notifier-action.crio.io seccomp-profile.crio.io seccomp-profile.kubernetes.cri-o.io shm-size.crio.io "
    "spoofed.crio.io try-skip-volume-selinux-label.crio.io umask.crio.io unified-cgroup.crio.io userns-mode.crio.io"
).split()
SMALLEST_LOG = 8192  # bytes
SHORTEST_STOP = 30  # seconds
_REPOSITORY = re.compile(
    r"(?:[A-Za-z0-9][A-Za-z0-9.\-]*(?::\d+)?/)?[a-z0-9._\-/]+(?::[\w.\-]+)?(?:@\w+:[0-9a-f]+)?"
)


class Refused(Exception):
    """CRI-O would not take this configuration; the message is CRI-O's."""


def check(settings, journal):
    """What `crio config` looks at, and a start too. Raises Refused."""
    if settings["crio.image.image_volumes"] not in ("mkdir", "ignore", "bind"):
        raise Refused("unrecognized image volume type specified")
    within("validating runtime config", _check_runtime, settings, journal)
    within("validating checkpoint/restore config", _check_checkpoint, settings)
    within("validating image config", _check_image, settings)
    within("validating network config", _check_network, settings)
    within("validating api config", _check_api, settings)
    within("validating stats config", _check_stats, settings)


def within(what, check_part, *arguments):
    try:
        check_part(*arguments)
    except Refused as error:
        raise Refused(f"{what}: {error}") from None


def _check_runtime(settings, journal):
    runtime = {name.removeprefix("crio.runtime."): value for name, value in settings.values.items()}
    if runtime["min_injected_gomaxprocs"] < 0:
        raise Refused(f"min_injected_gomaxprocs must be >= 0, got {runtime['min_injected_gomaxprocs']}")
    for path in runtime["additional_artifact_stores"] or []:
        if not os.path.isabs(path):
            raise Refused(f'additional_artifact_stores entry must be absolute: "{path}"')
    for limit in runtime["default_ulimits"] or []:
        _check_ulimit(limit)
    for device in runtime["additional_devices"] or []:
        _check_device(device)
    _check_default_handler(settings)
    zone = runtime["timezone"]
    if zone and zone.lower() != "local" and not os.path.isfile(os.path.join("/usr/share/zoneinfo", zone)):
        raise Refused(f"invalid timezone: {zone}")
    if 0 <= runtime["log_size_max"] < SMALLEST_LOG:
        raise Refused(f"log size max should be negative or >= {SMALLEST_LOG}")
    if runtime["ctr_stop_timeout"] < SHORTEST_STOP:
        settings.values["crio.runtime.ctr_stop_timeout"] = SHORTEST_STOP
        journal.warning(f"Forcing ctr_stop_timeout to lowest possible value of {SHORTEST_STOP}s")
    for sysctl in filter(None, runtime["default_sysctls"] or []):
        _check_sysctl(sysctl)
    for capability in runtime["default_capabilities"] or []:
        if capability not in CAPABILITIES:
            raise Refused(
                f'invalid capabilities: validating capabilities: "CAP_{capability}": unknown capability'
            )
    for part in filter(None, re.split("[,-]", runtime["infra_ctr_cpuset"])):
        if not part.isdigit():
            raise Refused(f'invalid infra_ctr_cpuset: strconv.Atoi: parsing "{part}": invalid syntax')
    for name, workload in settings.workloads.items():
        _check_workload(name, workload)


def _check_ulimit(limit):
    name, equals, value = limit.partition("=")
    if not equals:
        raise Refused(f"unrecognized ulimit {limit}: invalid ulimit argument: {limit}")
    if name not in ULIMITS:
        raise Refused(f"unrecognized ulimit {limit}: invalid ulimit type: {name}")
    numbers = value.split(":")
    if len(numbers) > 2:
        told = f"too many limit value arguments - {value}, can only have up to two, `soft[:hard]`"
        raise Refused(f"unrecognized ulimit {limit}: {told}")
    for number in numbers:
        if not re.fullmatch(r"-?\d+", number):
            raise Refused(
                f'unrecognized ulimit {limit}: strconv.ParseInt: parsing "{number}": invalid syntax'
            )
    soft, hard = int(numbers[0]), int(numbers[-1])
    if hard != -1 and soft > hard:
        told = f"ulimit soft limit must be less than or equal to hard limit: {soft} > {hard}"
        raise Refused(f"unrecognized ulimit {limit}: {told}")


def _check_device(device):
    parts = device.split(":")
    if len(parts) > 3:
        raise Refused(f"invalid device specification: {device}")
    if not os.path.exists(parts[0]):
        raise Refused(f"{parts[0]} is not a valid device: no such file or directory")


def _check_sysctl(sysctl):
    name, equals, value = sysctl.partition("=")
    if not equals:
        raise Refused(f'invalid default_sysctls: "{sysctl}" is not in key=value format')
    if (name, value) != (name.strip(), value.strip()):
        told = f"'{sysctl}' is invalid, extra spaces found: format should be key=value"
        raise Refused(f"invalid default_sysctls: {told}")


def _check_workload(name, workload):
    if not workload.get("activation_annotation"):
        raise Refused(f'workloads validation: annotation shouldn\'t be empty for workload "{name}"')
    for annotation in workload.get("allowed_annotations") or []:
        if annotation not in ANNOTATIONS:
            raise Refused(f"workloads validation: invalid allowed_annotation: {annotation}")


def _check_default_handler(settings):
    name = settings["crio.runtime.default_runtime"]
    if not name:
        settings.values["crio.runtime.default_runtime"] = "crun"
    elif name not in settings.handlers:
        raise Refused(
            f'default_runtime set to "{name}", but no runtime entry table [crio.runtime.runtimes.{name}] was found'
        )


def _check_checkpoint(settings):
    name = "crio.checkpoint_restore.container_level_enabled"
    if settings[name] not in ("none", "checkpoint_only", "checkpoint_restore"):
        raise Refused(
            f'invalid container_level_enabled "{settings[name]}":'
            ' must be one of "none", "checkpoint_only" or "checkpoint_restore"'
        )
    if not settings["crio.runtime.enable_criu_support"]:
        settings.values[name] = "none"


def _check_image(settings):
    for what, name in (
        ("signature policy", "signature_policy_dir"),
        ("namespaced auth", "namespaced_auth_dir"),
    ):
        path = settings[f"crio.image.{name}"]
        if not os.path.isabs(path):
            raise Refused(f'{what} dir "{path}" is not absolute')
    check_pause_image(settings["crio.image.pause_image"])
    mode = settings["crio.image.short_name_mode"]
    if mode not in ("enforcing", "disabled", ""):
        raise Refused(f'invalid short name mode "{mode}"')


def check_pause_image(image):
    """Refuse what is no image reference. Raises Refused."""
    if not _REPOSITORY.fullmatch(image):
        lowercase = (
            ": repository name must be lowercase"
            if _REPOSITORY.fullmatch(image.lower().replace(" ", ""))
            else ""
        )
        raise Refused(f'invalid pause image "{image}": invalid reference format{lowercase}')


def _check_network(settings):
    period = settings["crio.network.cni_status_grace_period"]
    if str(period).startswith("-"):
        raise Refused(f"invalid cni_status_grace_period: must not be negative, got {period}")


def _check_api(settings):
    api = {name.removeprefix("crio.api."): value for name, value in settings.values.items()}
    if api["stream_enable_tls"]:
        for name, what in (("stream_tls_cert", "cert"), ("stream_tls_key", "key")):
            if not api[name]:
                raise Refused(f"stream TLS {what} path is empty")
    version = api["tls_min_version"]
    if version not in ("", "VersionTLS10", "VersionTLS11", "VersionTLS12", "VersionTLS13"):
        raise Refused(f'validating tls_min_version: unknown tls version "{version}"')
    if version in ("VersionTLS10", "VersionTLS11"):
        raise Refused("tls_min_version must be VersionTLS12 or VersionTLS13, got unsupported version")
    for suite in api["tls_cipher_suites"] or [] if version != "VersionTLS13" else []:
        if not suite.startswith("TLS_"):
            raise Refused(
                f"validating tls_cipher_suites: Cipher suite {suite} not supported or doesn't exist"
            )


def _check_stats(settings):
    wanted = settings["crio.stats.included_pod_metrics"] or []
    if wanted == ["all"]:
        return
    for name in wanted:
        if name == "all":
            raise Refused("'all' should be only one element in included_pod_metrics")
        if name not in POD_METRICS:
            raise Refused(f'invalid pod metrics "{name}", available metrics: [{" ".join(POD_METRICS)}]')
