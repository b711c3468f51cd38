# SPDX-License-Identifier: GPL-3.0-or-later
"""The output of `crio config`: all its keys, commented out if they have their default values.

CRI-O explains each key in prose, too. Of that only what looks like TOML is here: the examples, over which a reader may stumble.
It escapes nothing outside of lists, so that a value with a quote or a backslash gives a text that is no TOML.
"""

import crio_settings
from crio_journal import quoted
from crio_settings import HANDLERS, KEYS, WORKLOADS, as_go_writes

# The order of CRI-O's template, which is not that of GET /config; keys that it does not show are missing.
ORDER = {
    "crio": "root runroot imagestore storage_driver storage_option log_dir version_file version_file_persist internal_wipe "
            "internal_repair clean_shutdown_file",
    "crio.api": "listen stream_address stream_port stream_enable_tls stream_idle_timeout stream_tls_cert stream_tls_key "
                "stream_tls_ca tls_min_version tls_cipher_suites grpc_max_send_msg_size grpc_max_recv_msg_size",
    "crio.runtime": "default_ulimits no_pivot decryption_keys_path additional_artifact_stores conmon conmon_cgroup conmon_env "
                    "default_env min_injected_gomaxprocs selinux seccomp_profile privileged_seccomp_profile apparmor_profile "
                    "blockio_config_file blockio_reload irqbalance_config_file irqbalance_config_restore_file rdt_config_file "
                    "cgroup_manager separate_pull_cgroup default_capabilities add_inheritable_capabilities default_sysctls "
                    "allowed_devices additional_devices cdi_spec_dirs device_ownership_from_security_context hooks_dir "
                    "default_mounts_file pids_limit log_size_max log_to_journald container_exits_dir "
                    "container_attach_socket_dir bind_mount_prefix read_only log_level log_filter uid_mappings gid_mappings "
                    "minimum_mappable_uid minimum_mappable_gid ctr_stop_timeout drop_infra_ctr infra_ctr_cpuset shared_cpuset "
                    "namespaces_dir pinns_path enable_criu_support enable_pod_events default_runtime "
                    "absent_mount_sources_to_reject runtimes workloads hostnetwork_disable_selinux disable_hostport_mapping "
                    "timezone",
    "crio.checkpoint_restore": "container_level_enabled",
    "crio.image": "default_transport global_auth_file pause_image pause_image_auth_file pause_command pinned_images "
                  "signature_policy signature_policy_dir insecure_registries image_volumes big_files_temporary_dir "
                  "auto_reload_registries pull_progress_timeout short_name_mode oci_artifact_mount_support",
    "crio.network": "cni_default_network network_dir plugin_dirs cni_status_grace_period",
    "crio.metrics": "enable_metrics metrics_collectors metrics_host metrics_port metrics_socket metrics_cert metrics_key",
    "crio.tracing": "enable_tracing tracing_endpoint tracing_sampling_rate_per_million",
    "crio.nri": "enable_nri nri_listen nri_plugin_dir nri_plugin_config_dir nri_disable_connections "
                "nri_plugin_registration_timeout nri_plugin_request_timeout default_validator",
    "crio.stats": "stats_collection_period collection_period included_pod_metrics",
}  # fmt: skip
VALIDATOR = (
    "nri_enable_default_validator nri_validator_reject_oci_hook_adjustment "
    "nri_validator_reject_runtime_default_seccomp_adjustment nri_validator_reject_unconfined_seccomp_adjustment "
    "nri_validator_reject_custom_seccomp_adjustment nri_validator_reject_namespace_adjustment nri_validator_required_plugins "
    "nri_validator_tolerate_missing_plugins_annotation"
).split()
HANDLER = (
    "runtime_path runtime_type runtime_root inherit_default_runtime runtime_config_path container_min_memory monitor_path "
    "monitor_cgroup monitor_exec_cgroup"
).split()
_EXAMPLES = {
    "crio.runtime.enable_criu_support": "# [crio.checkpoint_restore] table and its container_level_enabled option.\n",
    HANDLERS: """\
# [crio.runtime.runtimes.runtime-handler]
# runtime_path = "/path/to/the/executable"
# runtime_type = "oci"
# runtime_root = "/path/to/the/root"
# inherit_default_runtime = false
# monitor_path = "/path/to/container/monitor"
# monitor_cgroup = "/cgroup/path"
# monitor_exec_cgroup = "/cgroup/path"
# monitor_env = []
# privileged_without_host_devices = false
# allowed_annotations = []
# platform_runtime_paths = { "os/arch" = "/path/to/binary" }
# no_sync_log = false
# default_annotations = {}
# stream_websockets = false
# seccomp_profile = ""
# container_create_timeout = 240
""",
    WORKLOADS: """\
# [crio.runtime.workloads.workload-type]
# activation_annotation = "io.crio/workload"
# annotation_prefix = "io.crio.workload-type"
# [crio.runtime.workloads.workload-type.resources]
# cpuset = "0-1"
# cpushares = "5"
# cpuquota = "1000"
# cpuperiod = "100000"
# cpulimit = "35"
""",
}
# Shown as a comment whatever their value is; and one whose value is never shown.
_ALWAYS_COMMENTED = ("crio.network.cni_default_network",)
_NEVER_SHOWN = {"crio.runtime.bind_mount_prefix": ""}
# CRI-O compares another key here.
_COMPARED = {"crio.nri.nri_plugin_config_dir": "crio.nri.nri_plugin_dir"}


def to_template(settings, everything=False):
    """Return the output of `crio config`; with `everything`, no key is commented out, as in `crio config --default`."""
    defaults = crio_settings.defaults()
    out = []
    for table, names in ORDER.items():
        out += [f"[{table}]", ""]
        for name in names.split():
            key = f"{table}.{name}"
            out += [*_EXAMPLES.get(key, "").splitlines(), *_entry(settings, defaults, key, everything), ""]
    return "\n".join(out) + "\n"


def _entry(settings, defaults, key, everything):
    if key == HANDLERS:
        same = settings.handlers == defaults.handlers
        return _commented(_handlers(settings.handlers), same and not everything)
    if key == WORKLOADS:
        return _commented(_workloads(settings.workloads), False)
    if key == "crio.nri.default_validator":
        lines = [f"[{key}]", *(line for name in VALIDATOR for line in _line(f"{key}.{name}", settings))]
        return _commented(lines, not everything)
    compared, kind = _COMPARED.get(key, key), KEYS[key].kind
    value, default = settings[compared], defaults[compared]
    if kind == "duration":
        value, default = as_go_writes(value), as_go_writes(default)
    same = value == default or (kind == "list" and not value and not default)
    return _commented(_line(key, settings), (same and not everything) or key in _ALWAYS_COMMENTED)


def _commented(lines, commented):
    return [f"# {line}" if commented and line else line for line in lines]


def _line(key, settings):
    value = _NEVER_SHOWN.get(key, settings[key])
    return _assignment(key.rpartition(".")[2], value, KEYS[key].kind)


def _assignment(name, value, kind="string"):
    if kind == "list":
        return [f"{name} = [", *(f"\t{quoted(each)}," for each in value or []), "]"]
    if kind == "duration":
        value = as_go_writes(value)
    if isinstance(value, bool):
        value = str(value).lower()
    return [f'{name} = "{value}"' if kind in ("string", "duration") else f"{name} = {value}"]


def _handlers(handlers):
    kinds = {name: kind for name, (kind, _field, _always) in crio_settings.HANDLER_KEYS.items()}
    out = []
    for name, handler in sorted(handlers.items()):
        out += ["", f"[{HANDLERS}.{name}]"]
        for key in HANDLER:
            out += _assignment(key, handler[key], kinds[key])
        for key in ("monitor_env", "allowed_annotations"):
            out += _assignment(key, handler[key], "list") if handler[key] else [""]
        key = "privileged_without_host_devices"
        out += _assignment(key, handler[key], kinds[key])
        for key in ("platform_runtime_paths", "default_annotations"):
            pairs = ",".join(
                f"{quoted(each)} = {quoted(value)}" for each, value in sorted(handler[key].items())
            )
            out += [f"{key} = {{{pairs}}}"] if pairs else []
        out.append("")
    return out


def _workloads(workloads):
    out = []
    for name, workload in sorted(workloads.items()):
        out += ["", f"[{WORKLOADS}.{name}]"]
        for key in ("activation_annotation", "annotation_prefix"):
            out += _assignment(key, workload.get(key, ""))
        resources = workload.get("resources")
        if resources:
            out += [f"[{WORKLOADS}.{name}.resources]", *_assignment("cpuset", resources.get("cpuset", ""))]
            for key in ("cpuquota", "cpuperiod", "cpushares", "cpulimit"):
                out += _assignment(key, resources.get(key, 0), "integer")
        out.append("")
    return out
