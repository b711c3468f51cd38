# SPDX-License-Identifier: GPL-3.0-or-later
"""Explains messages of a node in terms of the user: file, key, value, variable."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ansible_collections.cri.node.plugins.module_utils.text import shown
from ansible_collections.cri.node.plugins.plugin_utils.registries import image_reference
from ansible_collections.cri.node.plugins.plugin_utils.task.failure import redacted
from ansible_collections.cri.node.plugins.plugin_utils.text import toml

if TYPE_CHECKING:
    from ansible_collections.cri.node.plugins.module_utils.contract import Outcome
    from ansible_collections.cri.node.plugins.plugin_utils.layers import Setting
    from ansible_collections.cri.node.plugins.plugin_utils.plan.file_set import FileSet

_NETWORK = (
    "crio.network.cni_default_network",
    "crio.network.network_dir",
    "crio.network.plugin_dirs",
    "crio.network.plugin_dir",
)
_SECCOMP = ("crio.runtime.seccomp_profile", "crio.runtime.privileged_seccomp_profile")
_STREAM = ("crio.api.stream_address", "crio.api.stream_port")
_TLS = ("crio.api.stream_tls_cert", "crio.api.stream_tls_key", "crio.api.stream_tls_ca")
_HANDLERS = "crio.runtime.runtimes."
_HANDLER = f"{_HANDLERS}*."
_DEFAULT = "crio.runtime.default_runtime"
# systemd's exit statuses for a command that it cannot start (systemd.exec(5), "Process exit codes"), and the related
# directives. A log line contains "status=202/FDS" or "Failed at step FDS", the properties of the unit only the number.
_DIRECTIVES = {
    ("200", "CHDIR"): ("WorkingDirectory",),
    ("202", "FDS"): ("LimitNOFILE",),
    ("203", "EXEC"): ("ExecStart", "ExecStartPre", "ExecStartPost"),
    ("205", "LIMITS"): ("Limit*",),
    ("206", "OOM_ADJUST"): ("OOMScoreAdjust",),
    ("210", "CHROOT"): ("RootDirectory", "RootImage"),
    ("213", "CGROUP"): ("Slice", "Delegate"),
    ("216", "GROUP"): ("Group", "SupplementaryGroups"),
    ("217", "USER"): ("User",),
    ("218", "CAPABILITIES"): ("CapabilityBoundingSet", "AmbientCapabilities"),
    ("226", "NAMESPACE"): (
        "RootDirectory",
        "BindPaths",
        "BindReadOnlyPaths",
        "Private*",
        "Protect*",
        "Read*",
        "Inaccessible*",
    ),
    ("228", "SECCOMP"): ("SystemCallFilter", "SystemCallArchitectures"),
    ("243", "CREDENTIALS"): ("LoadCredential*", "SetCredential*"),
}
# Error messages of CRI-O 1.37 for invalid values, and the keys that may cause them. The first matching pattern for which the user
# has set a key is used. Sources: pkg/config, internal/config, server, cmd/crio; ocicni for the network. Each pattern matches a
# bounded length of text.
_CAUSES = (
    (r"create metrics endpoint", ("crio.metrics.metrics_port", "crio.metrics.metrics_host")),
    (r"metrics endpoint socket|removing unused socket", ("crio.metrics.metrics_socket",)),
    (r"failed to find plugin|plugin_dirs? entry", ("crio.network.plugin_dirs", "crio.network.plugin_dir")),
    (r"network_dir", ("crio.network.network_dir",)),
    (r"cni_status_grace_period", ("crio.network.cni_status_grace_period",)),
    (r"cgroup manager|cgroup_manager", ("crio.runtime.cgroup_manager",)),
    (r"stream.{0,40}(idle|timeout)|parse timeout as duration", ("crio.api.stream_idle_timeout",)),
    (r"stream TLS (cert|key)|stream server x509|\btls: |\bx509: ", _TLS),
    (r"tls_min_version", ("crio.api.tls_min_version",)),
    (r"tls_cipher_suites|cipher suite", ("crio.api.tls_cipher_suites",)),
    (r"streaming server|stream server|lookup tcp/|unknown port|stream_(address|port)", _STREAM),
    (
        r"failed to (listen|chmod listen)|existing connection on|creating socket directories",
        ("crio.api.listen",),
    ),
    (
        r"monitor cgroup|conmon cgroup|conmon_cgroup",
        ("crio.runtime.conmon_cgroup", "crio.runtime.runtimes.*.monitor_cgroup"),
    ),
    (r"conmon|monitor fields", ("crio.runtime.conmon", "crio.runtime.runtimes.*.monitor_path")),
    (r"pinns", ("crio.runtime.pinns_path",)),
    (r"namespaces?[_ ](dir|sub-dir)|nsmgr", ("crio.runtime.namespaces_dir",)),
    (r"handler seccomp profile", (f"{_HANDLER}seccomp_profile",)),
    (r"seccomp", (*_SECCOMP, f"{_HANDLER}seccomp_profile")),
    (r"apparmor", ("crio.runtime.apparmor_profile",)),
    (r"hooks?[ _-]?dir|hook monitor|oci hooks", ("crio.runtime.hooks_dir",)),
    (r"blockio", ("crio.runtime.blockio_config_file",)),
    (r"\brdt\b", ("crio.runtime.rdt_config_file",)),
    (r"\bcdi\b", ("crio.runtime.cdi_spec_dirs",)),
    (r"taskset|infra_ctr_cpuset", ("crio.runtime.infra_ctr_cpuset",)),
    (r"shared_cpuset", ("crio.runtime.shared_cpuset",)),
    (r"sysctl", ("crio.runtime.default_sysctls",)),
    (r"capabilit", ("crio.runtime.default_capabilities",)),
    (r"ulimit", ("crio.runtime.default_ulimits",)),
    (
        r"valid device|device (mode|specification)|device .{1,200} is specified",
        ("crio.runtime.additional_devices", "crio.runtime.allowed_devices"),
    ),
    (r"timezone", ("crio.runtime.timezone",)),
    (r"log size max", ("crio.runtime.log_size_max",)),
    (r"log_level|not a valid logrus level", ("crio.runtime.log_level",)),
    (r"log_filter|error parsing regexp|custom log level filter", ("crio.runtime.log_filter",)),
    (r"min_injected_gomaxprocs", ("crio.runtime.min_injected_gomaxprocs",)),
    (r"artifact_stores", ("crio.runtime.additional_artifact_stores",)),
    (r"log_dir|log dir", ("crio.log_dir",)),
    (r"default_runtime set to", ("crio.runtime.default_runtime",)),
    (r"runtime_config_path", (f"{_HANDLER}runtime_config_path",)),
    (r"runtime_type", (f"{_HANDLER}runtime_type",)),
    (
        r"allowed_annotation",
        (f"{_HANDLER}allowed_annotations", "crio.runtime.workloads.*.allowed_annotations"),
    ),
    (r"exec_cpu_affinity", (f"{_HANDLER}exec_cpu_affinity",)),
    (r"no[ _]sync[ _]log", (f"{_HANDLER}no_sync_log",)),
    (r"websocket", (f"{_HANDLER}stream_websockets",)),
    (r"runtime memory to", (f"{_HANDLER}container_min_memory",)),
    (
        r"runtime_path|runtime path|invalid runtime|not found in \$PATH|runtime handler",
        (f"{_HANDLER}runtime_path", "crio.runtime.default_runtime"),
    ),
    (r"workloads? validation", ("crio.runtime.workloads.*",)),
    (r"pause image", ("crio.image.pause_image",)),
    (r"short name mode", ("crio.image.short_name_mode",)),
    (r"image volume", ("crio.image.image_volumes",)),
    (r"signature_policy|policy\.json", ("crio.image.signature_policy", "crio.image.signature_policy_dir")),
    (r"namespaced_auth_dir", ("crio.image.namespaced_auth_dir",)),
    (r"pod metrics|included_pod_metrics", ("crio.stats.included_pod_metrics",)),
    (r"container_level_enabled", ("crio.checkpoint_restore.container_level_enabled",)),
    (r"\bnri\b", ("crio.nri.*",)),
    *(
        (rf"status[ =]{status}\b|Failed at step {step}\b", tuple(f"Service.{name}" for name in names))
        for (status, step), names in _DIRECTIVES.items()
    ),
)
# If the network is not ready, the reason of the runtime does not contain a value that identifies one of these keys.
_NO_NETWORK = re.compile(
    r"NetworkPluginNotReady|NetworkReady|no CNI configuration file|initialize CNI plugin|cni plugin|cni config|CNI network",
    re.IGNORECASE,
)
_LONGEST = 4000  # characters of a line that are searched
_MOST_NAMED = 10  # settings in one message

_QUOTED_LAST_KEY = re.compile(r'last key \\?"([^"\\]{1,1000})')


def failure(outcome: Outcome, wanted: FileSet) -> str:
    """Return the message of a change that was refused or undone, as one printable line without secrets."""
    secrets = wanted.secrets()
    detail = redacted(str(outcome.get("detail") or ""), secrets)[:_LONGEST]
    message = redacted(str(outcome["message"]), secrets)[:_LONGEST]
    reason = f": {detail}" if detail else ""
    settings = wanted.settings()
    if "probed" in outcome:
        suspects = blamed_by_probe(outcome["probed"], detail, wanted)
    else:
        suspects = blamed(detail, settings) if detail else []
        suspects = suspects or known_to_be_about(message, settings)
    named = "; ".join(_named(each) for each in suspects[:_MOST_NAMED])
    text = f"{message}{reason}{f' [{named}]' if named else ''}. {_ending(outcome)}"
    return shown(text, 3 * _LONGEST)


def _named(setting: Setting) -> str:
    value = "(secret)" if setting["value"] is None else json.dumps(setting["value"])
    return f"{setting['path']}: {setting['key']} = {value} (from {setting['variable']})"


def _ending(outcome: Outcome) -> str:
    if outcome.get("committed"):
        return "The change had been committed before that."
    problem = shown(outcome.get("problem") or "")
    if outcome.get("open"):
        return f"The change could not be undone yet: {problem}. The node keeps trying."
    if not outcome.get("rolled_back"):
        return "Nothing was changed on the node." + (f" Meanwhile {problem}." if problem else "")
    if outcome.get("as_before", True):
        return "The change was undone: the node is as it was."
    return f"The change was undone, but the node is not as it was: {problem or 'the state of its daemon differs'}."


def known_to_be_about(text: str, settings: list[Setting]) -> list[Setting]:
    """Return the settings that may cause a known error message of CRI-O; [] for an unknown message."""
    text = text[:_LONGEST]
    for pattern, keys in _CAUSES:
        if re.search(pattern, text, re.IGNORECASE):
            found = [each for each in settings if _matches(each["key"], keys)]
            exact = [each for each in found if _text(each["value"]) and _text(each["value"]) in text]
            if found:
                return exact or found
    if _NO_NETWORK.search(text):
        return [each for each in settings if _matches(each["key"], _NETWORK)]
    return []


def blamed(detail: str, settings: list[Setting]) -> list[Setting]:
    """Return the settings that may cause a log line of CRI-O: by a key in it, by a known error message, or by a value in it."""
    detail = detail[:_LONGEST]
    last_key = _QUOTED_LAST_KEY.search(detail)
    if last_key:
        return [each for each in settings if each["key"] == last_key.group(1)]
    known = known_to_be_about(detail, settings)
    if known:
        return known
    named = [each for each in settings if each["path"] in detail]
    if named:  # errors of a file contain values, and all of its registries have the same keys
        return [each for each in named if _is_quoted(each, detail)]
    return [each for each in settings if each["key"].rpartition(".")[2] in detail or _is_quoted(each, detail)]


def blamed_by_probe(probed: dict[str, str], detail: str, wanted: FileSet) -> list[Setting]:
    """Return the settings that may cause the failure of a probe: of its handler, or of the registry of its image.

    probed: the handler or the image, see contract.Outcome. detail: the message of CRI-O.
    """
    settings = wanted.settings()
    if "handler" in probed:
        others = [each for each in settings if not _matches(each["key"], (f"{_HANDLERS}*", _DEFAULT))]
        table = f"{_HANDLERS}{toml.dotted((probed['handler'],))}."
        own = [each for each in settings if each["key"].startswith(table)]
        default = [each for each in settings if (each["key"], each["value"]) == (_DEFAULT, probed["handler"])]
        return (own or default) + known_to_be_about(detail, others)
    image = probed.get("image", "")
    of_registries = [each for each in settings if _kind_of(each, wanted) == "registries_conf"]
    for prefix in image_reference.prefixes_of(image):
        table = toml.dotted(("registry", prefix)) + "."
        found = [each for each in of_registries if each["key"].startswith(table)]
        if found:
            return found
    names_a_registry = image_reference.prefixes_of(image) != []
    short = [
        each for each in of_registries if not names_a_registry and not each["key"].startswith("registry.")
    ]
    return short or blamed(detail, settings)


def _kind_of(setting: Setting, wanted: FileSet) -> str:
    kind = wanted.kind_of(setting["path"])
    return kind.name if kind else ""


def _is_quoted(setting: Setting, detail: str) -> bool:
    return len(_text(setting["value"])) > 3 and _text(setting["value"]) in detail


def _matches(key: str, patterns: Iterable[str]) -> bool:
    """Return whether a dotted key matches a pattern, in which * matches one name, or anything at the end."""
    return any(
        _fits(key, *pattern.split("*", 1)) if "*" in pattern else key == pattern for pattern in patterns
    )


def _fits(key: str, before: str, after: str) -> bool:
    return key.startswith(before) and key.endswith(after) and len(key) > len(before) + len(after)


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None or isinstance(value, bool) else json.dumps(value)
