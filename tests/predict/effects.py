# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a changed key shows, apart from GET /config: the pods that are needed, and how the evidence shows the new value.

An effect must not be there before the change. Handlers and default_runtime need one: after a SIGHUP, GET /config shows values
of them that no pod gets.
"""

from collections.abc import Callable
from typing import NamedTuple

from predict import base, pods
from predict.changes import METRICS_PORT, STREAM_PORT, Change
from predict.evidence import Evidence

Shows = Callable[[Evidence, Change], bool]


class Effect(NamedTuple):
    """what: where the new value shows, in a few words; pods: those to create for it."""

    what: str
    shows: Shows
    pods: tuple[str, ...] = ()


def _spec(what: str, shows: Shows, pod: str = "plain") -> Effect:
    return Effect(f"{what} of a new container", shows, (pod,))


def _conmon(what: str, shows: Shows, pod: str = "plain") -> Effect:
    return Effect(f"{what} of a new conmon", shows, (pod,))


def _handler(key: str) -> str:
    return f"crio.runtime.runtimes.*.{key}"


def _last(change: Change) -> str:
    return change.value[-1]


NRI = "/var/run/nri/nri.sock"  # where it is by default
_CAP = "CAP_SYS_PTRACE"
EFFECTS: dict[str, Effect] = {
    "crio.api.listen": Effect("socket", lambda e, c: e.seen["socket"] == c.value),
    "crio.api.stream_address": Effect("listening address", lambda e, c: e.listens(c.value, "*")),
    "crio.api.stream_port": Effect("listening port", lambda e, c: e.listens("*", c.value)),
    "crio.api.stream_enable_tls": Effect("TLS of the port", lambda e, c: bool(e.tls(STREAM_PORT))),
    "crio.api.stream_tls_cert": Effect(
        "served certificate", lambda e, c: e.tls(STREAM_PORT).get("certificate") == e.certificate(c.value)
    ),
    "crio.api.tls_min_version": Effect(
        "refused TLS 1.2", lambda e, c: bool(e.tls(METRICS_PORT)) and not e.tls(METRICS_PORT, "1.2")
    ),
    "crio.image.pause_command": Effect(
        "process of a new pod", lambda e, c: e.infra().get("process", {}).get("args") == [c.value], ("infra",)
    ),
    "crio.image.pause_image": Effect(
        "image of a new pod",
        lambda e, c: e.infra().get("annotations", {}).get("io.kubernetes.cri-o.ImageName") == c.value
        or e.seen["pods"]["infra"]["pod"].get("info", {}).get("image") == c.value,
        ("infra",),
    ),
    "crio.image.pinned_images": Effect(
        "pinned image in crictl images", lambda e, c: e.seen["images"].get(_last(c), False)
    ),
    "crio.image.signature_policy": Effect(
        "refused pull", lambda e, c: any("reject" in why for why in e.seen["pulls"].values())
    ),
    "crio.imagestore": Effect("files below it", lambda e, c: e.exists(f"{c.value}/overlay-images")),
    "crio.log_dir": Effect(
        "log of a new container",
        lambda e, c: e.status("logged", "container").get("logPath", "").startswith(c.value),
        ("logged",),
    ),
    "crio.metrics.enable_metrics": Effect(
        "listening port", lambda e, c: e.listens("*", METRICS_PORT) or e.listens("*", 9090)
    ),
    "crio.metrics.metrics_cert": Effect(
        "served certificate", lambda e, c: e.tls(METRICS_PORT).get("certificate") == e.certificate(c.value)
    ),
    "crio.metrics.metrics_collectors": Effect(
        "served metrics",
        lambda e, c: "crio_operations_total" in e.metrics(METRICS_PORT) and "processes_defunct" not in e.metrics(METRICS_PORT),
    ),
    "crio.metrics.metrics_host": Effect("listening address", lambda e, c: e.listens(c.value, "*")),
    "crio.metrics.metrics_port": Effect("listening port", lambda e, c: e.listens("*", c.value)),
    "crio.metrics.metrics_socket": Effect("listening socket", lambda e, c: e.listens_at(c.value)),
    "crio.network.cni_default_network": Effect(
        "address of a new pod", lambda e, c: _address(e).startswith("10.89."), ("networked",)
    ),
    "crio.network.network_dir": Effect(
        "address of a new pod", lambda e, c: _address(e).startswith("10.90."), ("networked",)
    ),
    "crio.network.plugin_dir": Effect(
        "plugin_dirs in GET /config", lambda e, c: c.value in e.config["crio"]["network"]["plugin_dirs"]
    ),
    "crio.nri.enable_nri": Effect("missing socket", lambda e, c: _has_no_nri(e)),
    "crio.nri.nri_disable_connections": Effect("missing socket", lambda e, c: _has_no_nri(e)),
    "crio.nri.default_validator.nri_validator_required_plugins": Effect(
        "refused container", lambda e, c: "required plugin" in e.error("plain"), ("plain",)
    ),
    "crio.nri.nri_listen": Effect("listening socket", lambda e, c: e.listens_at(c.value)),
    "crio.root": Effect("root in GET /info", lambda e, c: e.seen["info"]["storage_root"] == c.value),
    "crio.runroot": Effect("files below it", lambda e, c: e.exists(f"{c.value}/overlay-containers")),
    "crio.runtime.absent_mount_sources_to_reject": Effect(
        "refused mount", lambda e, c: pods.ABSENT in e.error("mounted"), ("mounted",)
    ),
    "crio.runtime.add_inheritable_capabilities": _spec(
        "inheritable capabilities", lambda e, c: bool(e.capabilities("plain", "inheritable"))
    ),
    "crio.runtime.additional_devices": _spec("devices", lambda e, c: "/dev/predict" in e.devices("plain")),
    "crio.runtime.allowed_devices": _spec(
        "devices", lambda e, c: "/dev/predict-full" in e.devices("device"), "device"
    ),
    "crio.runtime.bind_mount_prefix": _spec(
        "mounts",
        lambda e, c: e.mounts("mounted").get("/predict-absent", "").startswith(c.value),
        "mounted",
    ),
    "crio.runtime.blockio_config_file": _spec(
        "block I/O class", lambda e, c: e.resources("blockio", "blockIO").get("weight") == 20, "blockio"
    ),
    "crio.runtime.blockio_reload": _spec(
        "block I/O class", lambda e, c: e.resources("blockio", "blockIO").get("weight") == e.seen["weight"], "blockio"
    ),
    "crio.runtime.cdi_spec_dirs": _spec(
        "CDI device", lambda e, c: "PREDICT_CDI=1" in e.environment("cdi"), "cdi"
    ),
    "crio.runtime.cgroup_manager": Effect(
        "cgroup driver in GET /info", lambda e, c: e.seen["info"]["cgroup_driver"] == c.value
    ),
    "crio.runtime.conmon": _conmon("program", lambda e, c: e.monitor("plain")[:1] == [c.value]),
    "crio.runtime.conmon_cgroup": Effect(
        "cgroup with CPUs for a new conmon, which the node cannot give", lambda e, c: _needs_cpus(e, "plain"), ("plain",)
    ),
    "crio.runtime.conmon_env": _conmon(
        "environment", lambda e, c: _last(c) in e.monitor("plain", "environment")
    ),
    "crio.runtime.container_attach_socket_dir": _conmon(
        "arguments", lambda e, c: e.argument("plain", "--socket-dir-path") == c.value
    ),
    "crio.runtime.container_exits_dir": _conmon(
        "arguments", lambda e, c: e.argument("plain", "--exit-dir") == c.value
    ),
    "crio.runtime.default_capabilities": _spec(
        "capabilities", lambda e, c: _CAP in e.capabilities("plain", "bounding")
    ),
    "crio.runtime.default_env": _spec("environment", lambda e, c: _last(c) in e.environment("plain")),
    "crio.runtime.default_mounts_file": _spec("mounts", lambda e, c: "/predict-mounted" in e.mounts("plain")),
    "crio.runtime.default_runtime": _conmon("arguments", lambda e, c: _root(e, "plain", "other")),
    "crio.runtime.default_sysctls": Effect(
        "sysctl of a new pod",
        lambda e, c: bool(e.infra("networked").get("linux", {}).get("sysctl")) or "sysctl" in e.error("networked"),
        ("networked",),
    ),
    "crio.runtime.default_ulimits": _spec(
        "limits",
        lambda e, c: any(each["soft"] == 1000 for each in e.spec("plain").get("process", {}).get("rlimits") or []),
    ),
    "crio.runtime.device_ownership_from_security_context": _spec(
        "devices", lambda e, c: e.devices("owned").get("/dev/predict-null", {}).get("uid") == 1000, "owned"
    ),
    "crio.runtime.drop_infra_ctr": Effect(
        "monitor of a new pod",
        lambda e, c: bool(e.seen["pods"]["networked"]["monitor"]),
        ("networked",),
    ),
    "crio.runtime.gid_mappings": Effect("mappings in GET /info", lambda e, c: _maps(e, "gids")),
    "crio.runtime.hooks_dir": _spec("hooks", lambda e, c: bool(e.spec("plain").get("hooks"))),
    "crio.runtime.infra_ctr_cpuset": Effect(
        "CPUs of a new pod",
        lambda e, c: bool(e.infra()) and not _cpus(e),
        ("infra",),
    ),
    "crio.runtime.log_filter": Effect(
        "missing line in the journal", lambda e, c: not e.logged("Checking image status")
    ),
    "crio.runtime.log_level": Effect("lines in the journal", lambda e, c: e.logged("level=debug")),
    "crio.runtime.log_size_max": _conmon(
        "arguments", lambda e, c: e.argument("plain", "--log-size-max") == str(c.value)
    ),
    # The conmon of the nodes is built without journald, and ends at once.
    "crio.runtime.log_to_journald": Effect(
        "container that conmon refuses", lambda e, c: "desc = exit status 1" in e.error("plain"), ("plain",)
    ),
    "crio.runtime.min_injected_gomaxprocs": _spec(
        "environment", lambda e, c: f"GOMAXPROCS={c.value}" in e.environment("besteffort"), "besteffort"
    ),
    "crio.runtime.namespaces_dir": Effect(
        "namespace of a new pod",
        lambda e, c: e.namespace("networked", "network").startswith(f"{c.value}/"),
        ("networked",),
    ),
    "crio.runtime.no_pivot": _conmon("arguments", lambda e, c: "--no-pivot" in e.monitor("plain")),
    "crio.runtime.pinns_path": Effect(
        "call of the program", lambda e, c: e.exists(f"{base.RUN}/pinns-was-called"), ("networked",)
    ),
    "crio.runtime.privileged_seccomp_profile": _spec(
        "seccomp profile", lambda e, c: _refuses(e, "privileged", c), "privileged"
    ),
    "crio.runtime.read_only": _spec("root", lambda e, c: bool(e.spec("plain").get("root", {}).get("readonly"))),
    _handler("allowed_annotations"): _spec(
        "umask", lambda e, c: e.spec("handled").get("process", {}).get("user", {}).get("umask") == 0o77, "handled"
    ),
    _handler("container_create_timeout"): Effect(
        "time until a container that is not created is given up", lambda e, c: _given_up(e), ("slow",)
    ),
    _handler("container_min_memory"): Effect(
        "refused container", lambda e, c: "too low" in e.error("small"), ("small",)
    ),
    _handler("default_annotations"): Effect(
        "annotations of a new pod",
        lambda e, c: c.value.items() <= e.infra("handled").get("annotations", {}).items()
        or c.value.items() <= e.status("handled").get("annotations", {}).items(),
        ("handled",),
    ),
    _handler("inherit_default_runtime"): _conmon("arguments", lambda e, c: _root(e, "heir", "crun"), "heir"),
    _handler("monitor_cgroup"): _conmon("cgroup", lambda e, c: _in_the_service(e, "grouped"), "grouped"),
    _handler("monitor_env"): _conmon(
        "environment", lambda e, c: _last(c) in e.monitor("handled", "environment"), "handled"
    ),
    _handler("monitor_path"): _conmon("program", lambda e, c: e.monitor("handled")[:1] == [c.value], "handled"),
    _handler("monitor_exec_cgroup"): Effect(
        "cgroup of the monitor of an exec",
        lambda e, c: "crio-" in str(e.seen["pods"]["executing"]["executor"].get("cgroup", "")),
        ("executing",),
    ),
    _handler("no_sync_log"): _conmon(
        "arguments", lambda e, c: "--no-sync-log" in e.monitor("handled"), "handled"
    ),
    _handler("platform_runtime_paths"): _conmon(
        "arguments", lambda e, c: e.argument("handled", "-r") in c.value.values(), "handled"
    ),
    _handler("privileged_without_host_devices"): _spec(
        "devices", lambda e, c: bool(e.spec("privileged")) and "/dev/full" not in e.devices("privileged"), "privileged"
    ),
    _handler("runtime_path"): _conmon("arguments", lambda e, c: e.argument("moved", "-r") == c.value, "moved"),
    _handler("runtime_root"): _conmon("arguments", lambda e, c: _is_root(e, "rooted", c.value), "rooted"),
    _handler("runtime_type"): Effect(
        "start of a shim for a new pod",
        lambda e, c: base.SHIM_STARTED in e.error("typed"),
        ("typed",),
    ),
    _handler("seccomp_profile"): _spec(
        "seccomp profile", lambda e, c: _refuses(e, "handled", c), "handled"
    ),
    "crio.runtime.seccomp_profile": _spec(
        "seccomp profile", lambda e, c: _refuses(e, "plain", c)
    ),
    "crio.runtime.timezone": _spec("mounts", lambda e, c: "/etc/localtime" in e.mounts("plain")),
    "crio.runtime.uid_mappings": Effect("mappings in GET /info", lambda e, c: _maps(e, "uids")),
    "crio.runtime.workloads.*.activation_annotation": _spec(
        "CPU shares", lambda e, c: e.resources("workload", "cpu").get("shares") != 10 and bool(e.spec("workload")), "workload"
    ),
    "crio.runtime.workloads.*.annotation_prefix": _spec(
        "CPU shares", lambda e, c: e.resources("workload", "cpu").get("shares") == 30, "workload"
    ),
    "crio.runtime.workloads.*.resources.cpuset": _spec(
        "CPUs", lambda e, c: e.resources("workload", "cpu").get("cpus") == c.value, "workload"
    ),
    "crio.runtime.workloads.*.resources.cpushares": _spec(
        "CPU shares", lambda e, c: e.resources("workload", "cpu").get("shares") == c.value, "workload"
    ),
    "crio.runtime.workloads.*.resources.cpuquota": _spec(
        "CPU quota", lambda e, c: e.resources("workload", "cpu").get("quota") == c.value, "workload"
    ),
    "crio.runtime.workloads.*.resources.cpuperiod": _spec(
        "CPU period", lambda e, c: e.resources("workload", "cpu").get("period") == c.value, "workload"
    ),
    "crio.storage_driver": Effect("driver in GET /info", lambda e, c: e.seen["info"]["storage_driver"] == c.value),
    "crio.version_file": Effect("file", lambda e, c: e.exists(c.value)),
    "crio.version_file_persist": Effect("file", lambda e, c: e.exists(c.value)),
}  # fmt: skip


def _address(evidence: Evidence) -> str:
    return evidence.status("networked").get("network", {}).get("ip", "")


def _cpus(evidence: Evidence) -> str:
    return evidence.infra().get("linux", {}).get("resources", {}).get("cpu", {}).get("cpus", "")


def _needs_cpus(evidence: Evidence, pod: str) -> bool:
    return "crio-conmon-" in evidence.error(pod) and "cgroup.controllers" in evidence.error(pod)


def _refuses(evidence: Evidence, pod: str, change: Change) -> bool:
    return evidence.filtered_calls(pod) == [base.SECCOMP[change.value.rpartition("/")[2]]]


def _in_the_service(evidence: Evidence, pod: str) -> bool:
    return "crio.service" in str(evidence.monitor(pod, "cgroup"))


def _root(evidence: Evidence, pod: str, handler: str) -> bool:
    return _is_root(evidence, pod, "/run/crun" if handler == "crun" else f"/run/predict-{handler}")


def _is_root(evidence: Evidence, pod: str, path: str) -> bool:
    return f"--root={path}" in evidence.monitor(pod)


def _given_up(evidence: Evidence) -> bool:
    # CRI-O's own words; crictl, which waits a little longer, has others.
    return "create container timeout" in evidence.error("slow")


def _has_no_nri(evidence: Evidence) -> bool:
    return bool(evidence.seen["socket"]) and not evidence.listens_at(NRI)


def _maps(evidence: Evidence, which: str) -> bool:
    mappings = evidence.seen["info"].get("default_id_mappings", {}).get(which) or []
    return any(each.get("host_id") == 100000 for each in mappings)
