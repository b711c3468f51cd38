# SPDX-License-Identifier: GPL-3.0-or-later
"""The change of each key: its new value, and the round in which it is made.

Most values are those that `make crio-config-check` tries, and only differ from the default. VALUES has the others: those that
have to fit a node, and those with a visible effect.
"""

from dataclasses import dataclass
from typing import Any

from ansible_collections.cri.node.plugins.plugin_utils.crio.catalogue import ANY, CATALOGUE, Key
from ansible_collections.cri.node.plugins.plugin_utils.crio.versions import Version
from ansible_collections.cri.node.plugins.plugin_utils.files import crio_conf
from ansible_collections.cri.node.plugins.plugin_utils.text import toml
from configurations import values
from predict.base import ALLOWED, FILES, PROGRAMS, RUN
from testbed.source import ARCHITECTURES

STREAM_PORT, METRICS_PORT = 10110, 9638
RUNTIMES = ("crio", "runtime", "runtimes")
# The handler or workload that a key of one is changed in, if it is not `predict`.
NAMED = {"heir": "inherit_default_runtime", "grouped": "monitor_cgroup", "moved": "runtime_path",
         "rooted": "runtime_root", "typed": "runtime_type", "slow": "container_create_timeout"}  # fmt: skip
CONFIG, PODS, SECOND, THIRD = "configuration", "pods", "pods again", "without pods"
FAILING = "pods that do not start"

VALUES: dict[str, tuple[str, Any]] = {
    "crio.api.grpc_max_recv_msg_size": (CONFIG, 83886081),
    "crio.api.grpc_max_send_msg_size": (CONFIG, 83886081),
    "crio.api.listen": (THIRD, f"{RUN}/crio.sock"),
    "crio.api.stream_address": (CONFIG, "127.0.0.2"),
    "crio.api.stream_enable_tls": (CONFIG, True),
    "crio.api.stream_idle_timeout": (CONFIG, "5m"),
    "crio.api.stream_port": (CONFIG, str(STREAM_PORT)),
    "crio.api.stream_tls_cert": (CONFIG, f"{FILES}/cert.pem"),
    "crio.api.stream_tls_key": (CONFIG, f"{FILES}/key.pem"),
    "crio.api.stream_tls_ca": (CONFIG, f"{FILES}/cert.pem"),
    "crio.api.tls_min_version": (CONFIG, "VersionTLS13"),
    "crio.clean_shutdown_file": (CONFIG, f"{RUN}/clean.shutdown"),
    "crio.image.big_files_temporary_dir": (CONFIG, RUN),
    "crio.image.global_auth_file": (CONFIG, f"{FILES}/auth.json"),
    "crio.image.pause_command": (PODS, "/bin/true"),
    "crio.image.pause_image": (PODS, "registry:5000/long-running:1"),
    "crio.image.pause_image_auth_file": (PODS, f"{FILES}/auth.json"),
    "crio.image.pinned_images": (PODS, ["registry:5000/hello-world:1"]),
    "crio.image.signature_policy": (THIRD, f"{FILES}/reject.json"),
    "crio.imagestore": ("image store", "/var/lib/containers/predict-images"),
    "crio.log_dir": (PODS, "/var/log/predict"),
    "crio.metrics.enable_metrics": (CONFIG, True),
    "crio.metrics.metrics_cert": (CONFIG, f"{FILES}/metrics-cert.pem"),
    "crio.metrics.metrics_collectors": (CONFIG, ["operations_total"]),
    "crio.metrics.metrics_host": (CONFIG, "127.0.0.3"),
    "crio.metrics.metrics_key": (CONFIG, f"{FILES}/metrics-key.pem"),
    "crio.metrics.metrics_port": (CONFIG, METRICS_PORT),
    "crio.metrics.metrics_socket": (CONFIG, f"{RUN}/metrics.sock"),
    "crio.network.cni_default_network": (PODS, "named"),
    "crio.network.network_dir": (SECOND, f"{FILES}/net.d/"),
    "crio.network.plugin_dir": (CONFIG, f"{FILES}/empty"),
    "crio.network.plugin_dirs": (SECOND, ["/opt/cni/bin", "/usr/lib/cni", f"{FILES}/empty"]),
    "crio.nri.enable_nri": (SECOND, False),
    "crio.nri.nri_disable_connections": (FAILING, True),
    "crio.nri.nri_listen": (CONFIG, f"{RUN}/nri.sock"),
    "crio.nri.nri_plugin_config_dir": (CONFIG, f"{FILES}/empty"),
    "crio.nri.nri_plugin_dir": (CONFIG, f"{FILES}/empty"),
    "crio.nri.nri_plugin_registration_timeout": (CONFIG, "6s"),
    "crio.nri.nri_plugin_request_timeout": (CONFIG, "3s"),
    "crio.root": ("root", "/var/lib/containers/predict-root"),
    "crio.runroot": ("run directory", f"{RUN}/storage"),
    "crio.runtime.absent_mount_sources_to_reject": (PODS, ["/run/predict-absent"]),
    "crio.runtime.additional_artifact_stores": (CONFIG, [f"{FILES}/empty"]),
    "crio.runtime.additional_devices": (PODS, ["/dev/null:/dev/predict:rwm"]),
    "crio.runtime.allowed_devices": (PODS, ["/dev/full"]),
    "crio.runtime.apparmor_profile": (PODS, "unconfined"),
    "crio.runtime.bind_mount_prefix": (SECOND, f"{FILES}/prefix"),
    "crio.runtime.blockio_config_file": (PODS, f"{FILES}/blockio-other.yaml"),
    "crio.runtime.cdi_spec_dirs": (PODS, [f"{FILES}/cdi"]),
    "crio.runtime.cgroup_manager": ("cgroup manager", "systemd"),
    "crio.runtime.conmon": (SECOND, f"{PROGRAMS}/conmon-of-all"),
    "crio.runtime.conmon_cgroup": (FAILING, "pod"),
    "crio.runtime.conmon_env": (SECOND, ["PREDICT_ALL=1"]),
    "crio.runtime.container_attach_socket_dir": (PODS, f"{RUN}/attach"),
    "crio.runtime.container_exits_dir": ("exits", f"{RUN}/exits"),
    "crio.runtime.ctr_stop_timeout": (CONFIG, 31),
    "crio.runtime.decryption_keys_path": (PODS, f"{FILES}/empty"),
    "crio.runtime.default_capabilities": (
        PODS,
        ["CHOWN", "DAC_OVERRIDE", "FSETID", "FOWNER", "SETGID", "SETUID", "SETPCAP", "NET_BIND_SERVICE", "KILL", "SYS_PTRACE"],
    ),
    "crio.runtime.default_env": (PODS, ["PREDICT_DEFAULT=1"]),
    "crio.runtime.default_mounts_file": (PODS, f"{FILES}/mounts.conf"),
    "crio.runtime.default_runtime": ("default handler", "other"),
    "crio.runtime.default_sysctls": (FAILING, ["net.ipv4.ip_unprivileged_port_start=81"]),
    "crio.runtime.default_ulimits": (PODS, ["nofile=1000:2000"]),
    "crio.runtime.blockio_reload": (SECOND, True),
    "crio.checkpoint_restore.container_level_enabled": (CONFIG, "none"),
    "crio.runtime.enable_criu_support": (SECOND, False),
    "crio.runtime.runtimes.*.monitor_exec_cgroup": (PODS, "container"),
    "crio.runtime.drop_infra_ctr": (SECOND, False),
    "crio.runtime.gid_mappings": (THIRD, "0:100000:65536"),
    "crio.runtime.hooks_dir": (PODS, [f"{FILES}/hooks.d"]),
    "crio.runtime.infra_ctr_cpuset": (SECOND, ""),
    "crio.runtime.irqbalance_config_file": (CONFIG, f"{FILES}/irqbalance"),
    "crio.runtime.irqbalance_config_restore_file": (CONFIG, "disable"),
    "crio.runtime.log_filter": (THIRD, "onfiguration"),
    "crio.runtime.log_level": (PODS, "debug"),
    "crio.runtime.log_size_max": (PODS, 8192),
    "crio.runtime.log_to_journald": ("journald", True),
    "crio.runtime.min_injected_gomaxprocs": (PODS, 3),
    "crio.runtime.namespaces_dir": (PODS, f"{RUN}/namespaces"),
    "crio.runtime.no_pivot": (SECOND, True),
    "crio.runtime.pids_limit": (PODS, 1234),
    "crio.runtime.pinns_path": (PODS, f"{PROGRAMS}/pinns"),
    "crio.runtime.privileged_seccomp_profile": (PODS, f"{FILES}/seccomp-privileged.json"),
    "crio.runtime.rdt_config_file": (PODS, f"{FILES}/rdt.yaml"),
    "crio.runtime.read_only": (SECOND, True),
    "crio.runtime.add_inheritable_capabilities": (PODS, True),
    "crio.runtime.device_ownership_from_security_context": (PODS, True),
    "crio.runtime.runtimes.*.allowed_annotations": (PODS, [*ALLOWED, "umask.crio.io"]),
    "crio.runtime.runtimes.*.container_create_timeout": (PODS, 30),
    "crio.runtime.runtimes.*.container_min_memory": (PODS, "100MiB"),
    "crio.runtime.runtimes.*.default_annotations": (PODS, {"predict.example/default": "1"}),
    "crio.runtime.runtimes.*.inherit_default_runtime": ("handlers", True),
    "crio.runtime.runtimes.*.monitor_cgroup": (PODS, ""),
    "crio.runtime.runtimes.*.monitor_env": (PODS, ["PREDICT_ONE=1"]),
    "crio.runtime.runtimes.*.monitor_path": (PODS, f"{PROGRAMS}/conmon-of-one"),
    "crio.runtime.runtimes.*.platform_runtime_paths": (
        PODS, {f"linux/{each}": f"{PROGRAMS}/platform" for each in ARCHITECTURES.values()}
    ),
    "crio.runtime.runtimes.*.privileged_without_host_devices": (PODS, True),
    "crio.runtime.runtimes.*.no_sync_log": (PODS, True),
    "crio.runtime.runtimes.*.runtime_path": ("handlers", f"{PROGRAMS}/moved"),
    "crio.runtime.runtimes.*.runtime_root": ("handlers", f"{RUN}/rooted"),
    "crio.runtime.runtimes.*.runtime_type": ("handlers", "vm"),
    "crio.runtime.runtimes.*.seccomp_profile": (PODS, f"{FILES}/seccomp-handler.json"),
    "crio.runtime.seccomp_profile": (PODS, f"{FILES}/seccomp.json"),
    "crio.runtime.separate_pull_cgroup": (CONFIG, "pod"),
    "crio.runtime.shared_cpuset": (CONFIG, "0"),
    "crio.runtime.timezone": (PODS, "Asia/Tokyo"),
    "crio.runtime.uid_mappings": (THIRD, "0:100000:65536"),
    "crio.runtime.workloads.*.activation_annotation": (SECOND, "predict.example/another"),
    "crio.runtime.workloads.*.annotation_prefix": ("handlers", "another.example"),
    "crio.runtime.workloads.*.resources.cpuperiod": (PODS, 20000),
    "crio.runtime.workloads.*.resources.cpuquota": (PODS, 9000),
    "crio.runtime.workloads.*.resources.cpuset": (PODS, "0"),
    "crio.runtime.workloads.*.resources.cpushares": (PODS, 20),
    "crio.storage_driver": ("storage driver", "vfs"),
    "crio.storage_option": (CONFIG, ["overlay.mountopt=nodev"]),
    "crio.tracing.tracing_endpoint": (CONFIG, "127.0.0.1:4318"),
    "crio.version_file": ("version file", f"{RUN}/version"),
    "crio.version_file_persist": ("persistent version file", "/var/lib/predict-version"),
}  # fmt: skip
# Why a change of a key is not tried: no node of the test bed can have both states.
UNTRIED: dict[str, str] = {
    "crio.runtime.runtimes.*.runtime_config_path": "only a handler of the type vm has one, and the nodes have none",
    "crio.runtime.runtimes.*.runtime_pull_image": "only a handler of the type vm uses it, and the nodes have none",
    "crio.runtime.runtimes.*.stream_websockets": "only a handler of the type pod has it, and the nodes have no conmonrs",
    "crio.runtime.runtimes.*.exec_cpu_affinity": "only pods with CPUs of their own show it, which the nodes cannot give",
}


@dataclass(frozen=True, eq=False)
class Change:
    """One key with its new value. path: its tables and its name, with the name of a handler or workload."""

    key: str
    path: tuple[str, ...]
    value: Any
    round: str
    predicted: str
    printed_as: str | None = None

    @property
    def printed_path(self) -> tuple[str, ...]:
        """The path in GET /config."""
        return (*self.path[:-1], self.printed_as or self.path[-1])

    @property
    def of_a_handler(self) -> bool:
        """Whether it is a key of a handler, or the one that selects the default handler."""
        return self.path[:3] == RUNTIMES or self.path[-1] == "default_runtime"


def changes(version: Version) -> list[Change]:
    """Return the changes of all keys of a version, except for those that are not tried."""
    return [_change(key, version) for key in CATALOGUE.keys_of(version) if key.key not in UNTRIED]


def _change(key: Key, version: Version) -> Change:
    where, value = VALUES.get(key.key) or (CONFIG, _another(key, version))
    path = tuple(_name(key) if name == ANY else name for name in key.key.split("."))
    return Change(key.key, path, value, where, key.live_in(version), key.printed_as)


def _name(key: Key) -> str:
    last = key.key.rpartition(".")[2]
    return next(
        (name for name, named in NAMED.items() if named == last and ".runtimes." in key.key), "predict"
    )


def _another(key: Key, version: Version) -> Any:
    """Return a value that the check accepts and that differs from the default; a path if there is a choice."""
    accepted = [value for value in values.of(key, version) if _is_accepted(key, value, version)]
    accepted.sort(key=lambda value: "/nonexistent/" not in str(value))
    if not accepted:
        raise ValueError(f"{key.key}: no value is known that differs from the default: add one to VALUES")
    return accepted[0]


def _is_accepted(key: Key, value: Any, version: Version) -> bool:
    python = {"boolean": bool, "integer": int, "strings": list, "table": dict}.get(key.type, str)
    # A boolean is an integer, too.
    fits = isinstance(value, python) and isinstance(value, bool) == (python is bool)
    if not fits or value in (key.default_in(version), "", [], [""], {}):
        return False
    data: Any = value
    for name in reversed(key.key.replace(ANY, "predict").split(".")):
        data = {name: data}
    minor = f"{version.major}.{version.minor}"
    # Without its other keys, a workload or a handler has problems of its own.
    problems = crio_conf.check([("crio_config", data)], minor).problems
    return not any(key.key.rpartition(".")[2] in str(problem) for problem in problems)


def drop_in(made: list[Change], base: dict[str, Any]) -> str:
    """Return a drop-in with these changes. Its handlers and workloads are complete, because CRI-O replaces them as a whole."""
    data: dict[str, Any] = {}
    for change in made:
        table, before = data, base
        for depth, name in enumerate(change.path[:-1]):
            before = before.get(name, {}) if isinstance(before, dict) else {}
            whole = depth >= 3 and name not in table
            table = table.setdefault(name, _copied(before) if whole else {})
        table[change.path[-1]] = change.value
    return toml.dumps(data)


def _copied(entry: dict[str, Any]) -> dict[str, Any]:
    return {name: dict(value) if isinstance(value, dict) else value for name, value in entry.items()}
