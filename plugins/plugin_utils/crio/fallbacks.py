# SPDX-License-Identifier: GPL-3.0-or-later
"""How CRI-O handles a key whose path does not exist: silently or with one line in its log, and not shown by GET /config.

FALLBACKS is data with one row for each key; `*` is the name of a handler. The columns:

key         as in crio.conf
otherwise   what CRI-O does if the path does not exist: a clause that follows "FILE does not exist on this node;"
source      the place in CRI-O's source
directory   the path must be a directory, not a file
ordinary    values without a warning: CRI-O's defaults, which many nodes do not have
host        requirements of the host, for a value that is not a path: (text if it is missing, alternative paths)
values      the values of the key that need it (default: all but an empty one)
given       {other key: value}: only if the same set has this value for the other key
made        CRI-O creates it when it starts: only reported on a node whose running daemon has loaded the set

RULES are the fallbacks that only depend on values. Each reason is a sentence for the user.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.cri.node.plugins.plugin_utils.crio import live
from ansible_collections.cri.node.plugins.plugin_utils.text import toml

if TYPE_CHECKING:
    from ansible_collections.cri.node.plugins.module_utils.contract import Report
    from ansible_collections.cri.node.plugins.plugin_utils.layers import Setting

_HANDLER = toml.dotted(live.HANDLERS) + "."
_IGNORED = "CRI-O ignores this handler, or does not start if it is the default handler"
_NO_START = "the next start of CRI-O fails"
_NO_POD = "no container of this handler can be started, and the next start of CRI-O fails"
_HANDLERS_GO = "pkg/config/config.go, RuntimeHandler.Validate"
_CONFIG_GO = "pkg/config/config.go, RuntimeConfig.Validate"
_BINARIES = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")  # systemd's PATH
_CRIU = (("criu is not in the PATH of CRI-O", tuple(f"{folder}/criu" for folder in _BINARIES)),)
_APPARMOR = (
    ("the kernel of this node does not run AppArmor", ("/sys/kernel/security/apparmor",)),
    ("apparmor_parser is not installed", tuple(f"{folder}/apparmor_parser" for folder in _BINARIES)),
)
_RDT = (("the resctrl file system is not mounted at /sys/fs/resctrl", ("/sys/fs/resctrl/info",)),)
_NAMESPACED = ("kernel.shm", "kernel.msg", "fs.mqueue.", "net.")
_LONGEST = 4095  # bytes of a path, PATH_MAX without its end


class Fallback(NamedTuple):
    """One row of the table."""

    key: str
    otherwise: str
    source: str
    directory: bool = False
    ordinary: tuple[Any, ...] = ()
    host: tuple[Any, ...] = ()
    values: tuple[Any, ...] = ()
    given: dict[str, Any] | None = None
    made: bool = False


FALLBACKS = (
    Fallback(
        "crio.checkpoint_restore.container_level_enabled",
        "CRI-O disables checkpoint and restore",
        "pkg/config/config.go, CheckpointRestoreConfig.Validate",
        host=_CRIU,
        values=("checkpoint_only", "checkpoint_restore"),
    ),
    Fallback(
        "crio.api.stream_tls_ca",
        _NO_START,
        "server/server.go, New",
        given={"crio.api.stream_enable_tls": True},
    ),
    Fallback(
        "crio.api.stream_tls_cert",
        _NO_START,
        "server/server.go, New",
        given={"crio.api.stream_enable_tls": True},
    ),
    Fallback(
        "crio.api.stream_tls_key",
        _NO_START,
        "server/server.go, New",
        given={"crio.api.stream_enable_tls": True},
    ),
    Fallback(
        "crio.image.big_files_temporary_dir",
        "CRI-O cannot pull images whose layers it has to store there",
        "pkg/config/config.go, SetSystemContext; containers/image, tmpdir",
        directory=True,
    ),
    Fallback(
        "crio.image.global_auth_file",
        "CRI-O pulls without credentials",
        "server/server.go, New; containers/image, docker/config",
    ),
    Fallback(
        "crio.image.namespaced_auth_dir",
        "CRI-O pulls without the credentials of a namespace",
        "server/image_pull.go, prepareTempAuthFile",
        directory=True,
        made=True,
    ),
    Fallback(
        "crio.image.pause_image_auth_file",
        "CRI-O pulls the pause image without credentials, and a reload that changes this key fails",
        "server/sandbox_run_linux.go; pkg/config/reload.go, ReloadPauseImage",
    ),
    Fallback(
        "crio.image.signature_policy",
        "every pull fails",
        "server/server.go, New; containers/image, signature.DefaultPolicy",
    ),
    Fallback(
        "crio.image.signature_policy_dir",
        "CRI-O applies the general policy to the images of every namespace",
        "server/image_pull.go, contextForNamespace",
        directory=True,
        made=True,
    ),
    Fallback(
        "crio.nri.nri_plugin_config_dir",
        "NRI plugins start without their configuration",
        "vendor/github.com/containerd/nri/pkg/adaptation",
        directory=True,
        ordinary=("/etc/nri/conf.d",),
    ),
    Fallback(
        "crio.nri.nri_plugin_dir",
        "CRI-O does not start any NRI plugin",
        "vendor/github.com/containerd/nri/pkg/adaptation",
        directory=True,
        ordinary=("/opt/nri/plugins",),
    ),
    Fallback(
        "crio.runtime.additional_artifact_stores",
        "CRI-O skips this store",
        "internal/ociartifact/store.go, NewStore",
        directory=True,
        made=True,
    ),
    Fallback("crio.runtime.additional_devices", _NO_START, f"{_CONFIG_GO}: LoadDevices"),
    Fallback(
        "crio.runtime.apparmor_profile",
        "CRI-O ignores the profile",
        "internal/config/apparmor/apparmor_linux.go, LoadProfile",
        host=_APPARMOR,
    ),
    Fallback("crio.runtime.blockio_config_file", _NO_START, "internal/config/blockio/blockio.go, Reload"),
    Fallback(
        "crio.runtime.cdi_spec_dirs",
        "CRI-O does not find any CDI devices there",
        "vendor/tags.cncf.io/container-device-interface/pkg/cdi",
        directory=True,
        ordinary=("/etc/cdi", "/var/run/cdi", "/run/cdi"),
    ),
    Fallback("crio.runtime.conmon", _NO_POD.replace("this handler", "any handler"), "ValidateConmonPath"),
    Fallback(
        "crio.runtime.decryption_keys_path",
        "CRI-O cannot pull encrypted images",
        "server/utils.go, getDecryptionKeys",
        directory=True,
        ordinary=("/etc/crio/keys",),
    ),
    Fallback(
        "crio.runtime.default_mounts_file",
        "CRI-O does not add its mounts to containers",
        "vendor/go.podman.io/common/pkg/subscriptions",
    ),
    Fallback(
        "crio.runtime.enable_criu_support",
        "CRI-O disables checkpoint and restore",
        "pkg/config/config.go, CheckpointRestoreConfig.Validate",
        host=_CRIU,
        values=(True,),
    ),
    Fallback(
        "crio.runtime.hooks_dir",
        "CRI-O skips this hooks directory",
        _CONFIG_GO,
        directory=True,
        ordinary=("/usr/share/containers/oci/hooks.d",),
        made=True,
    ),
    Fallback(
        "crio.runtime.irqbalance_config_file",
        "CRI-O does not change the banned CPUs of irqbalance",
        "internal/runtimehandlerhooks/high_performance_hooks_linux.go",
        ordinary=("/etc/sysconfig/irqbalance",),
    ),
    Fallback("crio.runtime.pinns_path", _NO_POD.replace("of this handler ", ""), "ValidatePinnsPath"),
    Fallback(
        "crio.runtime.privileged_seccomp_profile",
        "no privileged container can be created",
        "server/container_create.go; internal/config/seccomp/seccomp.go, Setup",
    ),
    Fallback(
        "crio.runtime.rdt_config_file",
        "CRI-O ignores the file",
        "internal/config/rdt/rdt.go, Load",
        host=_RDT,
    ),
    Fallback(f"{_HANDLER}*.monitor_path", _NO_POD, "ValidateConmonPath", given={"crio.runtime.conmon": None}),
    Fallback(
        f"{_HANDLER}*.platform_runtime_paths",
        "no container for this platform can be started",
        "internal/oci/oci.go",
    ),
    Fallback(f"{_HANDLER}*.runtime_config_path", _IGNORED, _HANDLERS_GO),
    Fallback(f"{_HANDLER}*.runtime_path", _IGNORED, _HANDLERS_GO),
    Fallback(f"{_HANDLER}*.seccomp_profile", _IGNORED, _HANDLERS_GO),
    Fallback(
        "crio.runtime.seccomp_profile",
        "CRI-O falls back to its built-in profile",
        f"{_CONFIG_GO}; pkg/config/reload.go, ReloadSeccompProfile",
    ),
)


def paths(settings: Iterable[Setting]) -> list[str]:
    """Return the sorted absolute paths to look for on a node. A path that must be a directory ends with a slash.

    settings: entries {"key", "value", ...} as plan.desired.DesiredFiles.settings returns them.
    """
    values = _values(settings)
    named = {path for row, key, value in _rows(values) for path in _paths_of(row, value) if _is_asked(path)}
    return sorted(named)


def found(settings: Iterable[Setting], missing: Iterable[str], report: Report) -> list[dict[str, str]]:
    """Return the keys that have no effect, or another one, on this node: [{"key", "reason"}], sorted by key.

    missing: those of paths() that do not exist on the node. report: what node_state.read reports.
    """
    values = _values(settings)
    entries = of_paths(settings, missing, report)
    for rule in RULES:
        entries += [{"key": key, "reason": reason} for key, reason in rule(values)]
    return sorted(entries, key=lambda entry: (entry["key"], entry["reason"]))


def of_paths(settings: Iterable[Setting], missing: Iterable[str], report: Report) -> list[dict[str, str]]:
    """Return the entries of found() for paths that do not exist on the node."""
    values, missing = _values(settings), set(missing)
    settled = report["unit"]["active"] and all(
        each["loaded"] for each in report["files"].values() if each["disruption"] != "none"
    )
    entries = []
    for row, key, value in _rows(values):
        if row.made and not settled:
            continue
        reasons = [f"{words}; {row.otherwise}" for words, places in row.host if set(places) <= missing]
        reasons += [_reason(row, path) for path in _paths_of(row, value) if not row.host and path in missing]
        entries += [{"key": key, "reason": reason} for reason in reasons]
    return entries


def _reason(row: Fallback, path: str) -> str:
    if row.directory:
        return f"the directory {path.rstrip('/') or '/'} does not exist on this node; {row.otherwise}"
    return f"{path} does not exist on this node; {row.otherwise}"


def _values(settings: Iterable[Setting]) -> dict[str, Any]:
    return {each["key"]: each["value"] for each in settings if str(each["key"]).startswith("crio.")}


def _rows(values: dict[str, Any]) -> Iterator[tuple[Fallback, str, Any]]:
    """Yield (row, dotted key, value) of each row that applies to these settings."""
    for key, value in values.items():
        row = _BY_KEY.get(_pattern(key))
        if row and value not in (None, "", [], {}) and _applies(row, key, value, values):
            yield row, key, value


def _applies(row: Fallback, key: str, value: Any, values: dict[str, Any]) -> bool:
    if row.values and value not in row.values:
        return False
    if row.key == "crio.runtime.apparmor_profile" and value == "unconfined":
        return False
    if _is_inherited(key, values):
        return False
    return all(_is(values.get(other), wanted) for other, wanted in (row.given or {}).items())


def _is(value: object, wanted: object) -> bool:
    return value in (None, "") if wanted is None else value == wanted


def _pattern(key: str) -> str:
    if not key.startswith(_HANDLER):
        return key
    return f"{_HANDLER}*.{key.rpartition('.')[2]}"


def _is_inherited(key: str, values: dict[str, Any]) -> bool:
    """Return whether the key of a handler has no effect, because the handler inherits it from the default handler."""
    table, _dot, name = key.rpartition(".")
    return (
        key.startswith(_HANDLER)
        and name in live.INHERITED
        and bool(values.get(f"{table}.inherit_default_runtime"))
    )


def _paths_of(row: Fallback, value: Any) -> list[str]:
    if row.host:
        return [path for _words, places in row.host for path in places]
    named = value.values() if isinstance(value, dict) else value if isinstance(value, list) else [value]
    end = "artifacts/" if row.key.endswith("additional_artifact_stores") else ""
    places = []
    for path in named:
        path = str(path).partition(":")[0] if row.key.endswith("additional_devices") else str(path)
        if path.rstrip("/") not in row.ordinary:
            places.append(f"{path.rstrip('/')}/{end}" if row.directory else path)
    return places


def _is_asked(path: str) -> bool:
    return path.startswith("/") and "\0" not in path and len(path.encode("utf-8", "replace")) <= _LONGEST


def _sysctls_that_pods_do_not_get(values: dict[str, Any]) -> Iterator[tuple[str, str]]:
    key = "crio.runtime.default_sysctls"
    for sysctl in values.get(key) or []:
        name = str(sysctl).partition("=")[0]
        if name and name != "kernel.sem" and not name.startswith(_NAMESPACED):
            yield (
                key,
                f"CRI-O skips {name} in every pod: only kernel.sem and names that begin with kernel.shm, kernel.msg, fs.mqueue."
                " or net. belong to a pod's own namespaces",
            )


def _inherited_keys(values: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for key, value in values.items():
        if value not in (None, "", [], {}) and _is_inherited(key, values):
            yield (
                key,
                "inherit_default_runtime is true for this handler, so CRI-O uses the value of the default handler",
            )


def _overridden_monitors(values: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for key, value in values.items():
        name = key.rpartition(".")[2]
        if not key.startswith(_HANDLER) or name not in live.OVERRIDING or not value:
            continue
        other = f"crio.runtime.{live.OVERRIDING[name]}"
        if values.get(other) and values[other] != value:
            yield key, f"{other} is also set and overrides it for every handler"
        elif value == live.DEFAULT_SLICE and values.get("crio.runtime.cgroup_manager") == "cgroupfs":
            yield key, "with cgroup_manager cgroupfs, CRI-O leaves monitors in its own cgroup"


def _half_a_certificate(values: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if values.get("crio.metrics.enable_metrics"):
        pair = ("crio.metrics.metrics_cert", "crio.metrics.metrics_key")
        for key, other in (pair, pair[::-1]):
            if values.get(key) and not values.get(other):
                yield (
                    key,
                    f"CRI-O serves its metrics over HTTPS only if {other} is also set; it uses plain HTTP",
                )


def _cipher_suites_of_tls_1_3(values: dict[str, Any]) -> Iterator[tuple[str, str]]:
    key = "crio.api.tls_cipher_suites"
    if values.get(key) and values.get("crio.api.tls_min_version") == "VersionTLS13":
        yield key, "CRI-O does not use it if tls_min_version is VersionTLS13"


RULES = (
    _sysctls_that_pods_do_not_get,
    _inherited_keys,
    _overridden_monitors,
    _half_a_certificate,
    _cipher_suites_of_tls_1_3,
)

_BY_KEY = {row.key: row for row in FALLBACKS}
