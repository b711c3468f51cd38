# SPDX-License-Identifier: GPL-3.0-or-later
"""Every key of crio.conf that CRI-O 1.34 to 1.37 reads, and removed keys that old files carry: data only.

Keys and types are those of the struct tags in CRI-O's pkg/config and internal/config/nri; `*` stands for the
name of a handler or a workload. key_catalogue.py reads the entries and refuses senseless ones. The columns:

key                   dotted key; entries are sorted by it
type                  boolean, integer, string, strings (a list), table (a map of strings), duration (Go's)
default               what CRI-O takes when no file gives the key; absent: it depends on the host, or there is
                      none. A mapping gives each default of 1.34 to 1.37 by its first version
since                 first minor whose x.y.0 has the key; absent: 1.13 or older
backported            {older minor: the patch release of it that brought the key all the same}
removed               first minor without the key; since then CRI-O ignores it silently
instead               for a removed key: what replaced it
deprecated            CRI-O still obeys the key; says what replaces it
without_effect        CRI-O reads the key and does nothing with it; says what works
choices               the only accepted values, of a list the only accepted elements; a mapping gives the
                      first version of each value that came later
ignore_case           choices are accepted in any case
minimum, maximum      CRI-O refuses numbers beyond, or silently takes another number
format                name of a further check in value_formats.py; of a list each element is checked
reload                SIGHUP makes the running CRI-O use a new value (pkg/config/reload.go)
secret                values may hold secrets and are never printed
unprinted             GET /config may differ from the file: CRI-O merges, completes or adapts the value
unprinted_when_empty  the same, but only for an empty value
"""

from __future__ import annotations

# Annotations that a handler or a workload may allow (pkg/annotations), with the first version of later ones.
# CRI-O drops a handler with any other silently, and does not start when it is the default handler.
_ANNOTATIONS = {
    "bundle": None,
    "cgroup2-mount-hierarchy-rw.crio.io": "1.35",
    "cpu-c-states.crio.io": None,
    "cpu-freq-governor.crio.io": None,
    "cpu-load-balancing.crio.io": None,
    "cpu-quota.crio.io": None,
    "cpu-shared.crio.io": None,
    "devices.crio.io": "1.35",
    "disable-fips.crio.io": "1.35",
    "io.containers.trace-syscall": None,
    "io.kubernetes.cri-o.Devices": None,
    "io.kubernetes.cri-o.DisableFIPS": None,
    "io.kubernetes.cri-o.LinkLogs": None,
    "io.kubernetes.cri-o.PlatformRuntimePath": "1.35",
    "io.kubernetes.cri-o.PodLinuxOverhead": None,
    "io.kubernetes.cri-o.PodLinuxResources": None,
    "io.kubernetes.cri-o.ShmSize": None,
    "io.kubernetes.cri-o.Spoofed": "1.35",
    "io.kubernetes.cri-o.TrySkipVolumeSELinuxLabel": None,
    "io.kubernetes.cri-o.UnifiedCgroup": None,
    "io.kubernetes.cri-o.cgroup2-mount-hierarchy-rw": None,
    "io.kubernetes.cri-o.seccompNotifierAction": None,
    "io.kubernetes.cri-o.umask": None,
    "io.kubernetes.cri-o.userns-mode": None,
    "io.kubernetes.cri.container-type": None,
    "io.kubernetes.cri.rdt-class": None,
    "irq-load-balancing.crio.io": None,
    "link-logs.crio.io": "1.35",
    "module.wasm.image/variant": None,
    "org.criu.config": None,
    "org.opencontainers.image.stopSignal": "1.35",
    "org.systemd.property.": None,
    "platform-runtime-path.crio.io": "1.35",
    "pod-linux-overhead.crio.io": "1.35",
    "pod-linux-resources.crio.io": "1.35",
    "run.oci.": None,
    "seccomp-notifier-action.crio.io": "1.35",
    "seccomp-profile.crio.io": "1.35",
    "seccomp-profile.kubernetes.cri-o.io": None,
    "shm-size.crio.io": "1.35",
    "spoofed.crio.io": "1.35",
    "try-skip-volume-selinux-label.crio.io": "1.35",
    "umask.crio.io": "1.35",
    "unified-cgroup.crio.io": "1.35",
    "userns-mode.crio.io": "1.35",
}

# Metrics collectors (server/metrics/collectors) of 1.34 and 1.35 in the order of the default; 1.36 added one.
_COLLECTORS = (
    "image_pulls_layer_size",
    "containers_events_dropped_total",
    "containers_oom_total",
    "processes_defunct",
    "operations_total",
    "operations_latency_seconds",
    "operations_latency_seconds_total",
    "operations_errors_total",
    "image_pulls_bytes_total",
    "image_pulls_skipped_bytes_total",
    "image_pulls_failure_total",
    "image_pulls_success_total",
    "image_layer_reuse_total",
    "containers_oom_count_total",
    "containers_seccomp_notifier_count_total",
    "resources_stalled_at_stage",
    "containers_stopped_monitor_count",
)

# fmt: off
KEYS = (
    {
        "key": "crio.api.grpc_max_recv_msg_size", "type": "integer", "default": 83886080, "since": "1.14",
        "minimum": 1,
    },
    {
        "key": "crio.api.grpc_max_send_msg_size", "type": "integer", "default": 83886080, "since": "1.14",
        "minimum": 1,
    },
    {
        "key": "crio.api.host_ip", "type": "string", "since": "1.14", "removed": "1.17",
        "instead": "nothing: CRI-O finds the host address itself",
    },
    {"key": "crio.api.listen", "type": "string", "default": "/var/run/crio/crio.sock"},
    {"key": "crio.api.stream_address", "type": "string", "default": "127.0.0.1"},
    {"key": "crio.api.stream_enable_tls", "type": "boolean", "default": False},
    {
        "key": "crio.api.stream_idle_timeout", "type": "string", "default": "", "since": "1.21",
        "format": "duration",
    },
    {"key": "crio.api.stream_port", "type": "string", "default": "0", "format": "port"},
    {"key": "crio.api.stream_tls_ca", "type": "string", "default": ""},
    {"key": "crio.api.stream_tls_cert", "type": "string", "default": ""},
    {"key": "crio.api.stream_tls_key", "type": "string", "default": ""},
    {
        "key": "crio.api.tls_cipher_suites", "type": "strings", "default": (), "since": "1.36",
        "backported": {"1.35": 1},
    },
    {
        "key": "crio.api.tls_min_version", "type": "string", "default": "VersionTLS12", "since": "1.36",
        "backported": {"1.35": 1}, "choices": ("", "VersionTLS12", "VersionTLS13"),
    },
    {
        "key": "crio.checkpoint_restore.container_level_enabled", "type": "string",
        "default": "checkpoint_restore", "since": "1.37",
        "choices": ("checkpoint_only", "checkpoint_restore", "none"), "unprinted": True,
    },
    {
        "key": "crio.clean_shutdown_file", "type": "string", "default": "/var/lib/crio/clean.shutdown",
        "since": "1.21",
    },
    {
        "key": "crio.file_locking", "type": "boolean", "removed": "1.16",
        "instead": "nothing: CRI-O locks nothing any more",
    },
    {
        "key": "crio.file_locking_path", "type": "string", "removed": "1.16",
        "instead": "nothing: CRI-O locks nothing any more",
    },
    {"key": "crio.image.auto_reload_registries", "type": "boolean", "default": False, "since": "1.30"},
    {"key": "crio.image.big_files_temporary_dir", "type": "string", "default": "", "since": "1.19"},
    {"key": "crio.image.default_transport", "type": "string", "default": "docker://"},
    {"key": "crio.image.global_auth_file", "type": "string", "default": "", "since": "1.15"},
    {
        "key": "crio.image.image_volumes", "type": "string", "default": "mkdir",
        "choices": ("bind", "ignore", "mkdir"),
    },
    {
        "key": "crio.image.insecure_registries", "type": "strings", "default": (),
        "without_effect": "write insecure = true to the registry in registries.conf (role registries)",
    },
    {
        "key": "crio.image.namespaced_auth_dir", "type": "string", "default": "/etc/crio/auth",
        "since": "1.35", "backported": {"1.34": 3}, "format": "absolute_path",
    },
    {"key": "crio.image.oci_artifact_mount_support", "type": "boolean", "default": True, "since": "1.33"},
    {"key": "crio.image.pause_command", "type": "string", "default": "/pause", "reload": True},
    {
        "key": "crio.image.pause_image", "type": "string", "default": "registry.k8s.io/pause:3.10.1",
        "format": "not_empty", "reload": True,
    },
    {
        "key": "crio.image.pause_image_auth_file", "type": "string", "default": "", "since": "1.14",
        "reload": True,
    },
    {
        "key": "crio.image.pinned_images", "type": "strings", "default": (), "since": "1.28", "reload": True,
        "unprinted": True,
    },
    {"key": "crio.image.pull_progress_timeout", "type": "duration", "default": "0s", "since": "1.32"},
    {
        "key": "crio.image.registries", "type": "strings", "removed": "1.31",
        "instead": "unqualified-search-registries in registries.conf (role registries)",
    },
    {
        "key": "crio.image.short_name_mode", "type": "string", "default": "enforcing", "since": "1.34",
        "choices": ("", "disabled", "enforcing"),
    },
    {"key": "crio.image.signature_policy", "type": "string", "default": ""},
    {
        "key": "crio.image.signature_policy_dir", "type": "string", "default": "/etc/crio/policies",
        "since": "1.28", "format": "absolute_path",
    },
    {"key": "crio.imagestore", "type": "string", "default": "", "since": "1.29"},
    {"key": "crio.internal_repair", "type": "boolean", "default": True, "since": "1.28"},
    {
        "key": "crio.internal_wipe", "type": "boolean", "default": True, "since": "1.22",
        "deprecated": "it will be removed; leave it at true",
    },
    {"key": "crio.log_dir", "type": "string", "default": "/var/log/crio/pods", "format": "absolute_path"},
    {"key": "crio.metrics.enable_metrics", "type": "boolean", "default": False, "since": "1.16"},
    {"key": "crio.metrics.metrics_cert", "type": "string", "default": "", "since": "1.22"},
    {
        "key": "crio.metrics.metrics_collectors", "type": "strings",
        "default": {"1.34": _COLLECTORS, "1.36": (*_COLLECTORS, "default_runtime")}, "since": "1.22",
        "choices": {**dict.fromkeys(_COLLECTORS), "default_runtime": "1.36"},
    },
    {"key": "crio.metrics.metrics_host", "type": "string", "default": "127.0.0.1", "since": "1.30"},
    {"key": "crio.metrics.metrics_key", "type": "string", "default": "", "since": "1.22"},
    {
        "key": "crio.metrics.metrics_port", "type": "integer", "default": 9090, "since": "1.16",
        "minimum": 0, "maximum": 65535,
    },
    {"key": "crio.metrics.metrics_socket", "type": "string", "default": "", "since": "1.19"},
    {"key": "crio.network.cni_default_network", "type": "string", "default": "", "since": "1.18"},
    {
        "key": "crio.network.cni_status_grace_period", "type": "duration", "default": "0s", "since": "1.37",
        "backported": {"1.36": 3}, "format": "not_negative",
    },
    {"key": "crio.network.network_dir", "type": "string", "default": "/etc/cni/net.d/"},
    {
        "key": "crio.network.plugin_dir", "type": "string", "default": "",
        "deprecated": "crio.network.plugin_dirs replaces it, to which CRI-O only appends it",
        "unprinted": True,
    },
    {
        "key": "crio.network.plugin_dirs", "type": "strings", "default": ("/opt/cni/bin/",), "since": "1.15",
        "unprinted": True,
    },
    {
        "key": "crio.nri.default_validator.nri_enable_default_validator", "type": "boolean",
        "default": False, "since": "1.34",
    },
    {
        "key": "crio.nri.default_validator.nri_validator_reject_custom_seccomp_adjustment",
        "type": "boolean", "default": False, "since": "1.34",
    },
    {
        "key": "crio.nri.default_validator.nri_validator_reject_namespace_adjustment", "type": "boolean",
        "default": False, "since": "1.34",
    },
    {
        "key": "crio.nri.default_validator.nri_validator_reject_oci_hook_adjustment", "type": "boolean",
        "default": False, "since": "1.34",
    },
    {
        "key": "crio.nri.default_validator.nri_validator_reject_runtime_default_seccomp_adjustment",
        "type": "boolean", "default": False, "since": "1.34",
    },
    {
        "key": "crio.nri.default_validator.nri_validator_reject_unconfined_seccomp_adjustment",
        "type": "boolean", "default": False, "since": "1.34",
    },
    {
        "key": "crio.nri.default_validator.nri_validator_required_plugins", "type": "strings", "default": (),
        "since": "1.34",
    },
    {
        "key": "crio.nri.default_validator.nri_validator_tolerate_missing_plugins_annotation",
        "type": "string", "default": "", "since": "1.34",
    },
    {"key": "crio.nri.enable_nri", "type": "boolean", "default": True, "since": "1.26"},
    {
        "key": "crio.nri.nri_config_file", "type": "string", "since": "1.26", "removed": "1.27",
        "instead": "crio.nri.nri_plugin_config_dir",
    },
    {"key": "crio.nri.nri_disable_connections", "type": "boolean", "default": False, "since": "1.27"},
    {"key": "crio.nri.nri_listen", "type": "string", "default": "/var/run/nri/nri.sock", "since": "1.26"},
    {
        "key": "crio.nri.nri_plugin_config_dir", "type": "string", "default": "/etc/nri/conf.d",
        "since": "1.27",
    },
    {"key": "crio.nri.nri_plugin_dir", "type": "string", "default": "/opt/nri/plugins", "since": "1.26"},
    {"key": "crio.nri.nri_plugin_registration_timeout", "type": "duration", "default": "5s", "since": "1.27"},
    {"key": "crio.nri.nri_plugin_request_timeout", "type": "duration", "default": "2s", "since": "1.27"},
    {"key": "crio.root", "type": "string", "unprinted": True},
    {"key": "crio.runroot", "type": "string", "unprinted": True},
    {"key": "crio.runtime.absent_mount_sources_to_reject", "type": "strings", "default": (), "since": "1.22"},
    {
        "key": "crio.runtime.add_inheritable_capabilities", "type": "boolean", "default": False,
        "since": "1.26",
    },
    {
        "key": "crio.runtime.additional_artifact_stores", "type": "strings", "default": (), "since": "1.36",
        "backported": {"1.35": 2}, "format": "absolute_path",
    },
    {"key": "crio.runtime.additional_devices", "type": "strings", "default": ()},
    {
        "key": "crio.runtime.allowed_devices", "type": "strings", "default": ("/dev/fuse", "/dev/net/tun"),
        "since": "1.24",
    },
    {"key": "crio.runtime.apparmor_profile", "type": "string", "default": "crio-default", "reload": True},
    {"key": "crio.runtime.bind_mount_prefix", "type": "string", "default": ""},
    {
        "key": "crio.runtime.blockio_config_file", "type": "string", "default": "", "since": "1.22",
        "reload": True,
    },
    {
        "key": "crio.runtime.blockio_reload", "type": "boolean", "default": False, "since": "1.29",
        "reload": True,
    },
    {
        "key": "crio.runtime.cdi_spec_dirs", "type": "strings", "default": ("/etc/cdi", "/var/run/cdi"),
        "since": "1.24", "reload": True,
    },
    {
        "key": "crio.runtime.cgroup_manager", "type": "string", "default": "systemd",
        "choices": ("cgroupfs", "systemd"),
    },
    {
        "key": "crio.runtime.conmon", "type": "string", "default": "",
        "deprecated": "it overrides every handler; crio.runtime.runtimes.*.monitor_path replaces it",
    },
    {
        "key": "crio.runtime.conmon_cgroup", "type": "string", "default": "", "since": "1.15",
        "deprecated": "it overrides every handler; crio.runtime.runtimes.*.monitor_cgroup replaces it",
        "format": "monitor_cgroup",
    },
    {
        "key": "crio.runtime.conmon_env", "type": "strings", "default": (),
        "deprecated": "it overrides every handler; crio.runtime.runtimes.*.monitor_env replaces it",
        "secret": True,
    },
    {"key": "crio.runtime.container_attach_socket_dir", "type": "string", "default": "/var/run/crio"},
    {"key": "crio.runtime.container_exits_dir", "type": "string", "default": "/var/run/crio/exits"},
    {"key": "crio.runtime.ctr_stop_timeout", "type": "integer", "default": 30, "minimum": 30},
    {
        "key": "crio.runtime.decryption_keys_path", "type": "string", "default": "/etc/crio/keys/",
        "since": "1.17", "reload": True,
    },
    {
        "key": "crio.runtime.default_capabilities", "type": "strings",
        "default": (
            "CHOWN", "DAC_OVERRIDE", "FSETID", "FOWNER", "SETGID", "SETUID", "SETPCAP", "NET_BIND_SERVICE",
            "KILL",
        ),
        "format": "capability",
    },
    {
        "key": "crio.runtime.default_env", "type": "strings", "default": (), "since": "1.18",
        "format": "assignment", "secret": True,
    },
    {
        "key": "crio.runtime.default_mounts", "type": "strings", "removed": "1.20",
        "instead": "crio.runtime.default_mounts_file",
    },
    {"key": "crio.runtime.default_mounts_file", "type": "string", "default": ""},
    {
        "key": "crio.runtime.default_runtime", "type": "string", "default": "crun",
        "unprinted_when_empty": True,
    },
    {"key": "crio.runtime.default_sysctls", "type": "strings", "default": (), "format": "sysctl"},
    {"key": "crio.runtime.default_ulimits", "type": "strings", "default": (), "format": "ulimit"},
    {
        "key": "crio.runtime.device_ownership_from_security_context", "type": "boolean", "default": False,
        "since": "1.22",
    },
    {"key": "crio.runtime.disable_hostport_mapping", "type": "boolean", "default": False, "since": "1.28"},
    {"key": "crio.runtime.drop_infra_ctr", "type": "boolean", "default": True, "since": "1.19"},
    {
        "key": "crio.runtime.enable_criu_support", "type": "boolean", "default": True, "since": "1.25",
        "deprecated": "since 1.37 crio.checkpoint_restore.container_level_enabled replaces it",
        "unprinted": True,
    },
    {"key": "crio.runtime.enable_pod_events", "type": "boolean", "default": False, "since": "1.26"},
    {
        "key": "crio.runtime.gid_mappings", "type": "string", "default": "",
        "deprecated": "Kubernetes user namespaces (hostUsers: false in the pod) replace it",
    },
    {
        "key": "crio.runtime.hooks_dir", "type": "strings",
        "default": ("/usr/share/containers/oci/hooks.d",), "unprinted": True,
    },
    {"key": "crio.runtime.hostnetwork_disable_selinux", "type": "boolean", "default": True, "since": "1.27"},
    {
        "key": "crio.runtime.infra_ctr_cpuset", "type": "string", "default": "", "since": "1.21",
        "format": "cpuset",
    },
    {
        "key": "crio.runtime.irqbalance_config_file", "type": "string",
        "default": "/etc/sysconfig/irqbalance", "since": "1.21",
    },
    {
        "key": "crio.runtime.irqbalance_config_restore_file", "type": "string",
        "default": "/etc/sysconfig/orig_irq_banned_cpus", "since": "1.27",
    },
    {"key": "crio.runtime.log_filter", "type": "string", "default": "", "since": "1.17", "reload": True},
    {
        "key": "crio.runtime.log_level", "type": "string", "default": "info",
        "choices": ("panic", "fatal", "error", "warn", "warning", "info", "debug", "trace"),
        "ignore_case": True, "reload": True,
    },
    {
        "key": "crio.runtime.log_size_max", "type": "integer", "default": -1,
        "deprecated": "the kubelet's containerLogMaxSize replaces it", "format": "log_size",
    },
    {"key": "crio.runtime.log_to_journald", "type": "boolean", "default": False, "since": "1.14"},
    {
        "key": "crio.runtime.manage_network_ns_lifecycle", "type": "boolean", "removed": "1.19",
        "instead": "nothing: CRI-O always manages namespaces itself",
    },
    {
        "key": "crio.runtime.manage_ns_lifecycle", "type": "boolean", "since": "1.17", "removed": "1.21",
        "instead": "nothing: CRI-O always manages namespaces itself",
    },
    {
        "key": "crio.runtime.min_injected_gomaxprocs", "type": "integer", "default": 0, "since": "1.36",
        "backported": {"1.34": 8, "1.35": 3}, "minimum": 0,
    },
    {
        "key": "crio.runtime.minimum_mappable_gid", "type": "integer", "default": -1, "since": "1.23",
        "deprecated": "Kubernetes user namespaces (hostUsers: false in the pod) replace it",
    },
    {
        "key": "crio.runtime.minimum_mappable_uid", "type": "integer", "default": -1, "since": "1.23",
        "deprecated": "Kubernetes user namespaces (hostUsers: false in the pod) replace it",
    },
    {"key": "crio.runtime.namespaces_dir", "type": "string", "default": "/var/run", "since": "1.17"},
    {"key": "crio.runtime.no_pivot", "type": "boolean", "default": False},
    {
        "key": "crio.runtime.pids_limit", "type": "integer", "default": -1,
        "deprecated": "the kubelet's podPidsLimit replaces it",
    },
    {
        "key": "crio.runtime.pinns_path", "type": "string", "default": "", "since": "1.17",
        "unprinted_when_empty": True,
    },
    {
        "key": "crio.runtime.privileged_seccomp_profile", "type": "string", "default": "", "since": "1.33",
        "reload": True,
    },
    {"key": "crio.runtime.rdt_config_file", "type": "string", "default": "", "since": "1.22", "reload": True},
    {"key": "crio.runtime.read_only", "type": "boolean", "default": False},
    {
        "key": "crio.runtime.runtimes.*.allowed_annotations", "type": "strings", "default": (),
        "since": "1.20", "choices": _ANNOTATIONS,
    },
    {
        "key": "crio.runtime.runtimes.*.container_create_timeout", "type": "integer", "default": 240,
        "since": "1.35", "format": "create_timeout",
    },
    {
        "key": "crio.runtime.runtimes.*.container_min_memory", "type": "string", "default": "12MiB",
        "since": "1.30", "format": "size",
    },
    {"key": "crio.runtime.runtimes.*.default_annotations", "type": "table", "since": "1.32"},
    {
        "key": "crio.runtime.runtimes.*.exec_cpu_affinity", "type": "string", "default": "", "since": "1.34",
        "choices": ("", "first"),
    },
    {
        "key": "crio.runtime.runtimes.*.inherit_default_runtime", "type": "boolean", "default": False,
        "since": "1.32",
    },
    {
        "key": "crio.runtime.runtimes.*.monitor_cgroup", "type": "string", "default": "", "since": "1.24",
        "format": "monitor_cgroup",
    },
    {
        "key": "crio.runtime.runtimes.*.monitor_env", "type": "strings", "default": (), "since": "1.24",
        "format": "assignment", "secret": True,
    },
    {
        "key": "crio.runtime.runtimes.*.monitor_exec_cgroup", "type": "string", "default": "",
        "since": "1.24", "choices": ("", "container"),
    },
    {"key": "crio.runtime.runtimes.*.monitor_path", "type": "string", "default": "", "since": "1.24"},
    {"key": "crio.runtime.runtimes.*.no_sync_log", "type": "boolean", "default": False, "since": "1.31"},
    {"key": "crio.runtime.runtimes.*.platform_runtime_paths", "type": "table", "since": "1.28"},
    {
        "key": "crio.runtime.runtimes.*.privileged_without_host_devices", "type": "boolean",
        "default": False, "since": "1.17",
    },
    {"key": "crio.runtime.runtimes.*.runtime_config_path", "type": "string", "default": "", "since": "1.22"},
    {"key": "crio.runtime.runtimes.*.runtime_path", "type": "string", "default": ""},
    {
        "key": "crio.runtime.runtimes.*.runtime_pull_image", "type": "boolean", "default": False,
        "since": "1.29",
    },
    {"key": "crio.runtime.runtimes.*.runtime_root", "type": "string", "default": ""},
    {
        "key": "crio.runtime.runtimes.*.runtime_type", "type": "string", "default": "oci",
        "choices": ("", "oci", "pod", "vm"),
    },
    {"key": "crio.runtime.runtimes.*.seccomp_profile", "type": "string", "default": "", "since": "1.34"},
    {
        "key": "crio.runtime.runtimes.*.stream_websockets", "type": "boolean", "default": False,
        "since": "1.34",
    },
    {"key": "crio.runtime.seccomp_profile", "type": "string", "default": "", "reload": True},
    {
        "key": "crio.runtime.seccomp_use_default_when_empty", "type": "boolean", "since": "1.20",
        "removed": "1.30", "instead": "nothing: an empty profile always means the default one",
    },
    {"key": "crio.runtime.selinux", "type": "boolean"},
    {"key": "crio.runtime.separate_pull_cgroup", "type": "string", "default": "", "since": "1.20"},
    {
        "key": "crio.runtime.shared_cpuset", "type": "string", "default": "", "since": "1.29",
        "format": "cpuset",
    },
    {"key": "crio.runtime.timezone", "type": "string", "default": "", "since": "1.30"},
    {
        "key": "crio.runtime.uid_mappings", "type": "string", "default": "",
        "deprecated": "Kubernetes user namespaces (hostUsers: false in the pod) replace it",
    },
    {
        "key": "crio.runtime.workloads.*.activation_annotation", "type": "string", "default": "",
        "since": "1.21",
    },
    {
        "key": "crio.runtime.workloads.*.allowed_annotations", "type": "strings", "default": (),
        "since": "1.23", "choices": _ANNOTATIONS,
    },
    {"key": "crio.runtime.workloads.*.annotation_prefix", "type": "string", "default": "", "since": "1.21"},
    {"key": "crio.runtime.workloads.*.resources.cpulimit", "type": "integer", "default": 0, "since": "1.30"},
    {
        "key": "crio.runtime.workloads.*.resources.cpuperiod", "type": "integer", "default": 0,
        "since": "1.30", "format": "cpu_period",
    },
    {"key": "crio.runtime.workloads.*.resources.cpuquota", "type": "integer", "default": 0, "since": "1.30"},
    {
        "key": "crio.runtime.workloads.*.resources.cpuset", "type": "string", "default": "", "since": "1.22",
        "format": "cpuset",
    },
    {
        "key": "crio.runtime.workloads.*.resources.cpushares", "type": "integer", "default": 0,
        "since": "1.22", "minimum": 0,
    },
    {"key": "crio.stats.collection_period", "type": "integer", "default": 0, "since": "1.30"},
    {
        "key": "crio.stats.included_pod_metrics", "type": "strings", "default": (), "since": "1.30",
        "choices": (
            "all", "cpu", "disk", "diskIO", "hugetlb", "memory", "network", "oom", "pressure", "process",
            "spec",
        ),
    },
    {
        "key": "crio.stats.stats_collection_period", "type": "integer", "default": 0, "since": "1.23",
        "deprecated": "crio.stats.collection_period replaces it",
    },
    {"key": "crio.storage_driver", "type": "string", "unprinted": True},
    {"key": "crio.storage_option", "type": "strings", "unprinted": True},
    {"key": "crio.tracing.enable_tracing", "type": "boolean", "default": False, "since": "1.23"},
    {"key": "crio.tracing.tracing_endpoint", "type": "string", "default": "127.0.0.1:4317", "since": "1.23"},
    {
        "key": "crio.tracing.tracing_sampling_rate_per_million", "type": "integer", "default": 0,
        "since": "1.23",
    },
    {"key": "crio.version_file", "type": "string", "default": "/var/run/crio/version", "since": "1.16"},
    {"key": "crio.version_file_persist", "type": "string", "default": "", "since": "1.19"},
)
