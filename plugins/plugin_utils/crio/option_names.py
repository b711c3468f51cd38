# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the crio daemon and the environment variables that stand for them (internal/criocli/criocli.go, CRI-O 1.37).

Most options have the name of their key with dashes, and a variable with that name after CONTAINER_; only the others are listed.
An option outranks its variables, and both outrank all files; of several variables the first one that is set is used.
"""

from __future__ import annotations

from typing import NamedTuple

from ansible_collections.cri.node.plugins.plugin_utils.crio.catalogue import ANY, CATALOGUE, Key

#: the option that adds whole handlers: name:path:root[:type[:privileged_without_host_devices[:config_path[:memory]]]]
RUNTIMES = "runtimes"

_OTHER_NAMES = {
    "crio.image.insecure_registries": "insecure-registry",
    "crio.network.network_dir": "cni-config-dir",
    "crio.network.plugin_dirs": "cni-plugin-dir",
    "crio.runtime.log_to_journald": "log-journald",
    "crio.storage_option": "storage-opt",
    "crio.checkpoint_restore.container_level_enabled": "checkpoint-restore-container-level-enabled",
}
_WITHOUT_OPTION = ("crio.network.plugin_dir",)
_OTHER_VARIABLES = {
    "auto-reload-registries": ("AUTO_RELOAD_REGISTRIES",),
    "cni-status-grace-period": ("CNI_STATUS_GRACE_PERIOD",),
    "collection-period": ("COLLECTION_PERIOD",),
    "container-attach-socket-dir": ("CONTAINER_ATTACH_SOCKET_DIR",),
    "container-exits-dir": ("CONTAINER_EXITS_DIR",),
    "ctr-stop-timeout": ("CONTAINER_STOP_TIMEOUT",),
    "disable-hostport-mapping": ("DISABLE_HOSTPORT_MAPPING",),
    "enable-pod-events": ("ENABLE_POD_EVENTS",),
    "included-pod-metrics": ("CONTAINER_INCLUDED_POD_METRCIS", "CONTAINER_INCLUDED_POD_METRICS"),
    "min-injected-gomaxprocs": ("CONTAINER_INJECT_GOMAXPROCS",),
    "oci-artifact-mount-support": ("CONTAINER_OCI_ARTIFACT_SUPPORT",),
    "separate-pull-cgroup": ("PULL_IN_A_CGROUP",),
    "stream-enable-tls": ("CONTAINER_ENABLE_TLS",),
    "stream-idle-timeout": ("STREAM_IDLE_TIMEOUT",),
    "stream-tls-ca": ("CONTAINER_TLS_CA",),
    "stream-tls-cert": ("CONTAINER_TLS_CERT",),
    "stream-tls-key": ("CONTAINER_TLS_KEY",),
    "timezone": ("CONTAINER_TIME_ZONE",),
}
# Options without a variable, beside those of crio.nri.
_WITHOUT_VARIABLE = frozenset(
    (
        "additional-artifact-stores blockio-config-file blockio-reload decryption-keys-path"
        " device-ownership-from-security-context enable-nri irqbalance-config-file irqbalance-config-restore-file rdt-config-file"
    ).split()
)
#: other letters and names of options
ALIASES = {"l": "log-level", "r": "root", "s": "storage-driver", "tz": "timezone"}
#: options that are not keys of crio.conf: whether each stands alone
_PLAIN = {
    "address": False,
    "enable-profile-unix-socket": True,
    "log": False,
    "log-format": False,
    "profile": True,
    "profile-cpu": False,
    "profile-mem": False,
    "profile-port": False,
    "registries-conf": False,
    "registries-conf-dir": False,
}


# Keys that SIGHUP reads again too (pkg/config/reload.go, ReloadRuntimes and ReloadBlockIOConfig), although the new value only
# shows in GET /config: no new pod gets a changed handler, and blockio_reload was decided by the start.
_ONLY_AT_START = "crio.runtime.blockio_reload"
_READ_AGAIN = ("crio.runtime.default_runtime", "crio.runtime.runtimes.", _ONLY_AT_START)


class Option(NamedTuple):
    """An option that stands for a key."""

    name: str  # without dashes
    key: Key
    variables: tuple[str, ...]


def option_of(key: Key) -> Option | None:
    """Return the option of a key, or None: keys of handlers and workloads have none, nor have removed keys."""
    if ANY in key.key.split(".") or key.key in _WITHOUT_OPTION or key.removed:
        return None
    name = _OTHER_NAMES.get(key.key) or key.key.rpartition(".")[2].replace("_", "-")
    if name in _WITHOUT_VARIABLE or name.startswith("nri-"):
        return Option(name, key, ())
    return Option(name, key, _OTHER_VARIABLES.get(name, (f"CONTAINER_{name.upper().replace('-', '_')}",)))


def is_discarded(key: Key) -> bool:
    """Return whether SIGHUP discards an option or a variable for this key: it only reads the files again (cri-o#7586)."""
    return key.reloads or key.key.startswith(_READ_AGAIN)


def is_missed(key: Key) -> bool:
    """Return whether CRI-O behaves differently without an option that SIGHUP has discarded, until it is started with it again."""
    return is_discarded(key) and key.key != _ONLY_AT_START


def options() -> dict[str, Option]:
    """Return {name: option} of all keys that have one."""
    found = (option_of(key) for key in CATALOGUE.keys)
    return {option.name: option for option in found if option}


def for_node() -> dict[str, dict[str, object]]:
    """Return what a node needs to read a command line, see configuration.options of module_utils."""
    known: dict[str, dict[str, object]] = {
        option.name: {
            "option": option.name,
            "flag": option.key.type == "boolean",
            "shown": not option.key.secret,
        }
        for option in options().values()
    }
    for name, flag in _PLAIN.items():
        known[name] = {"option": name, "flag": flag, "shown": False}
    known[RUNTIMES] = {"option": RUNTIMES, "flag": False, "shown": True}
    for alias, name in ALIASES.items():
        known[alias] = known[name]
    return known


def variables_for_node() -> dict[str, bool]:
    """Return {variable: whether its value may be returned}."""
    known = {name: not option.key.secret for option in options().values() for name in option.variables}
    return {**known, "CONTAINER_RUNTIMES": True}
