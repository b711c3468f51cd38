# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks of `crio config` and of a start, in CRI-O's order and with its messages."""

import os
import random
import re
import shutil

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
DEFAULT_MONITOR_CGROUP = "system.slice"
LARGEST_MESSAGE = 80 << 20  # bytes
SMALLEST_LOG = 8192  # bytes
SHORTEST_STOP = 30  # seconds
SHORTEST_PERIOD = 1000  # microseconds
_WORD = "[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_DOMAIN = re.compile(rf"(?:{_WORD}(?:\.{_WORD})*|\[[0-9a-fA-F:]+\])(?::[0-9]+)?")
_PART = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_DIGEST = "[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}"
_REST = re.compile(rf"{_PART}(?:/{_PART})*(?::[\w][\w.-]{{0,127}})?(?:@{_DIGEST})?", re.ASCII)
LOWERCASE = "repository name must be lowercase"
NO_REFERENCE = "invalid reference format"


class Refused(Exception):
    """CRI-O does not accept this configuration; the message is CRI-O's."""


def check(settings, journal):
    """Run the checks of `crio config`. Raises Refused. A start has more checks, see crio_start."""
    check_volumes(settings)
    within("validating runtime config", check_runtime, settings, journal)
    # Only a start takes over the cgroup manager that the settings ask for.
    translate_monitors(settings, systemd=True)
    within("validating checkpoint/restore config", check_checkpoint, settings, journal)
    within("validating image config", check_image, settings)
    within("validating network config", check_network, settings)
    within("validating api config", check_api, settings)
    within("validating stats config", check_stats, settings)


def within(what, check_part, *arguments):
    """Call one check; prefix its message with `what`."""
    try:
        return check_part(*arguments)
    except Refused as error:
        raise Refused(f"{what}: {error}") from None


def check_volumes(settings):
    """Run CRI-O's first checks. Raises Refused."""
    if settings["crio.image.image_volumes"] not in ("mkdir", "ignore", "bind"):
        raise Refused("unrecognized image volume type specified")


def check_runtime(settings, journal):
    """Refuse values of [crio.runtime] that are invalid on any node. Raises Refused."""
    runtime = {name.removeprefix("crio.runtime."): value for name, value in settings.values.items()}
    if runtime["min_injected_gomaxprocs"] < 0:
        raise Refused(f"min_injected_gomaxprocs must be >= 0, got {runtime['min_injected_gomaxprocs']}")
    for path in runtime["additional_artifact_stores"] or []:
        if not os.path.isabs(path):
            raise Refused(f'additional_artifact_stores entry must be absolute: "{path}"')
    for limit in runtime["default_ulimits"] or []:
        _check_ulimit(limit)
    for device in filter(None, runtime["additional_devices"] or []):
        _check_device(device)
    check_default_handler(settings)
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
    capabilities = [capability.upper() for capability in runtime["default_capabilities"] or []]
    for capability in capabilities:
        if capability not in CAPABILITIES:
            raise Refused(
                f'invalid capabilities: validating capabilities: "CAP_{capability}": unknown capability'
            )
    journal.info(f"Using default capabilities: {', '.join(f'CAP_{each}' for each in capabilities)}")
    if runtime["infra_ctr_cpuset"]:
        within("invalid infra_ctr_cpuset", _check_cpus, runtime["infra_ctr_cpuset"])
        if not shutil.which("taskset"):
            raise Refused('"taskset" not found in $PATH: exec: "taskset": executable file not found in $PATH')
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
    for mode in parts[2:] or [part for part in parts[1:2] if part and not part.startswith("/")]:
        if not re.fullmatch("[rwm]+", mode):
            raise Refused(f"invalid device mode: {mode}")
    target = parts[1] if parts[1:] and parts[1].startswith("/") else parts[0]
    if not target.startswith("/dev/"):
        raise Refused(f"invalid device mode: {target}")
    if not os.path.exists(parts[0]):
        raise Refused(f"{parts[0]} is not a valid device: no such file or directory")


def _check_cpus(cpus):
    for part in filter(None, cpus.split(",")):
        numbers = part.split("-", 1)
        for number in numbers:
            if not number.isdigit():
                raise Refused(f'strconv.Atoi: parsing "{number}": invalid syntax')
        first, last = int(numbers[0]), int(numbers[-1])
        if first > last:
            raise Refused(f'invalid range "{part}" ({first} > {last})')


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
    within("workloads validation", _check_resources, workload.get("resources", {}))


def _check_resources(resources):
    cpus, quota, shares = (resources.get(name) for name in ("cpuset", "cpuquota", "cpushares"))
    if cpus:
        within(f'unable to parse cpuset "{cpus}"', _check_cpus, cpus)
    if quota and quota < (shares or 0):
        raise Refused(f"cpuquota {quota} cannot be less than cpushares {shares}")
    period = resources.get("cpuperiod")
    if period and period < SHORTEST_PERIOD:
        raise Refused(f"cpuperiod {period} cannot be less than {SHORTEST_PERIOD} microseconds")


def check_default_handler(settings):
    """Refuse a default handler without a table; without any table it is crun. Raises Refused."""
    name = settings["crio.runtime.default_runtime"]
    if not name:
        settings.values["crio.runtime.default_runtime"] = "crun"
    elif name not in settings.handlers:
        raise Refused(
            f'default_runtime set to "{name}", but no runtime entry table [crio.runtime.runtimes.{name}] was found'
        )


def translate_monitors(settings, systemd, look=None):
    """Apply deprecated monitor keys to each handler. `look(handler)` may refuse one. Raises Refused."""
    # CRI-O walks a map here, in another order each time.
    for name, handler in random.sample(list(settings.handlers.items()), len(settings.handlers)):
        if handler["runtime_type"] not in ("", "oci"):
            continue
        for key in ("cgroup", "env"):
            handler[f"monitor_{key}"] = settings[f"crio.runtime.conmon_{key}"] or handler[f"monitor_{key}"]
        handler["monitor_path"] = settings["crio.runtime.conmon"] or handler["monitor_path"]
        if systemd:
            handler["monitor_cgroup"] = handler["monitor_cgroup"] or DEFAULT_MONITOR_CGROUP
        if look:
            what = f"monitor fields translation: failed to translate monitor fields for runtime {name}"
            within(what, look, handler)


def check_checkpoint(settings, journal):
    """Refuse an unknown level; the deprecated key overrides it. Raises Refused."""
    name = "crio.checkpoint_restore.container_level_enabled"
    if not settings["crio.runtime.enable_criu_support"]:
        told = "Please use the [crio.checkpoint_restore] table with container_level_enabled instead"
        journal.warning(f"The config field enable_criu_support is deprecated. {told}")
        settings.values[name] = "none"
    if settings[name] not in ("none", "checkpoint_only", "checkpoint_restore"):
        raise Refused(
            f'invalid container_level_enabled "{settings[name]}":'
            ' must be one of "none", "checkpoint_only" or "checkpoint_restore"'
        )


def check_image(settings, make=None):
    """Check paths, pause image and mode. `make(path, message)` creates a directory where a start does. Raises Refused."""
    folders = [("signature policy", "signature_policy_dir"), ("namespaced auth", "namespaced_auth_dir")]
    # In any order, as above.
    for what, name in random.sample(folders, len(folders)):
        path = settings[f"crio.image.{name}"]
        if not os.path.isabs(path):
            raise Refused(f'{what} dir "{path}" is not absolute')
        if make:
            make(path, f"cannot create {what} dir")
    check_pause_image(settings["crio.image.pause_image"])
    mode = settings["crio.image.short_name_mode"]
    if mode not in ("enforcing", "disabled", ""):
        raise Refused(f'invalid short name mode "{mode}"')


def check_pause_image(image):
    """Refuse an invalid image reference. Raises Refused."""
    problem = reference_problem(image)
    if problem:
        told = f"{NO_REFERENCE}: {problem}" if problem == LOWERCASE else problem
        raise Refused(f'invalid pause image "{image}": {told}')


def reference_problem(image):
    """Return the problem of an image name, with the message of CRI-O's library, or ""."""
    domain, slash, rest = image.partition("/")
    if not slash or (not set(domain) & set(".:") and domain != "localhost" and domain == domain.lower()):
        domain, rest = "", image
    repository = rest.partition(":")[0]
    if repository != repository.lower():
        return LOWERCASE
    fits = (not domain or _DOMAIN.fullmatch(domain)) and _REST.fullmatch(rest)
    return "" if fits else NO_REFERENCE


def check_network(settings):
    """Refuse a negative period. Raises Refused."""
    period = settings["crio.network.cni_status_grace_period"]
    if str(period).startswith("-"):
        raise Refused(f"invalid cni_status_grace_period: must not be negative, got {period}")


def check_api(settings):
    """Refuse settings with which a TLS server cannot be created. Raises Refused."""
    for name in ("crio.api.grpc_max_send_msg_size", "crio.api.grpc_max_recv_msg_size"):
        if settings[name] <= 0:
            settings.values[name] = LARGEST_MESSAGE
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


def check_stats(settings):
    """Refuse unknown metrics of pods. Raises Refused."""
    wanted = settings["crio.stats.included_pod_metrics"] or []
    if wanted == ["all"]:
        return
    for name in wanted:
        if name == "all":
            raise Refused("'all' should be only one element in included_pod_metrics")
        if name not in POD_METRICS:
            raise Refused(f'invalid pod metrics "{name}", available metrics: [{" ".join(POD_METRICS)}]')
