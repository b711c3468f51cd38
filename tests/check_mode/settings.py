# SPDX-License-Identifier: GPL-3.0-or-later
"""The keys that are changed, with what each change costs, and the settings of a node as the roles' variables have them."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

RELOAD, RESTART = "reload", "restart"
CRIO = "/etc/crio/crio.conf.d/60-cri-node.conf"
UNIT = "/etc/systemd/system/crio.service.d/60-cri-node.conf"
ENVIRONMENT = "/etc/crio/cri-node.environment"
REGISTRIES = "/etc/containers/registries.conf.d/zz-cri-node.conf"
CRICTL = "/etc/crictl.yaml"
COMPLETION = {
    "bash": "/etc/bash_completion.d/crictl",
    "zsh": "/usr/local/share/zsh/site-functions/_crictl",
    "fish": "/etc/fish/completions/crictl.fish",
}
AUTH = "/root/.config/containers/auth.json"
POLICY = "/etc/crio/policy.json"
SHARED = (AUTH, POLICY)  # other tools write them too
NAMESPACES = ("production", "playground")
POLICIES = [f"/etc/crio/policies/{namespace}.json" for namespace in NAMESPACES]
SIGNATURES = "/etc/containers/registries.d/cri-node.yaml"
HOSTS = ("one.example.com", "two.example.com:5000", "three.example.com/team")
CERTIFICATES = [f"/etc/containers/certs.d/{host}/ca.crt" for host in HOSTS if "/" not in host]
STORAGE = "/etc/containers/storage.conf"
RAW_CRIO = "/etc/crio/crio.conf.d/55-raw.conf"
RAW_REGISTRIES = "/etc/containers/registries.conf.d/55-raw.conf"
RAW_NOTES = "/etc/crio/raw-notes.txt"
FOREIGN = "/etc/crio/crio.conf.d/90-foreign.conf"
FILES = "/etc/check-mode"  # what values refer to; a node has it before the first change
SECCOMP = f"{FILES}/seccomp.json"
BAD_FILE = f"{FILES}/bad"
#: the files whose content is compared
COMPARED = (
    CRIO,
    UNIT,
    ENVIRONMENT,
    REGISTRIES,
    CRICTL,
    *COMPLETION.values(),
    *SHARED,
    *POLICIES,
    SIGNATURES,
    *CERTIFICATES,
    STORAGE,
    RAW_CRIO,
    RAW_REGISTRIES,
    RAW_NOTES,
)
LAYERS = ("crio_config", "crio_config__rack", "crio_config__site")  # a later one takes precedence

# What a change costs was observed on CRI-O 1.34 to 1.37 (`make predict`), and is written down here once more on purpose: the
# plan must not be compared with the table that it uses itself.
COSTS: dict[str, tuple[str, tuple[Any, ...]]] = {
    "crio.image.pinned_images": (RELOAD, (["registry:5000/pause:1"], ["registry:5000/hello-world:1"], ["example.com/*"])),
    "crio.runtime.apparmor_profile": (RELOAD, ("unconfined", "crio-default")),
    "crio.runtime.decryption_keys_path": (RELOAD, (f"{FILES}/keys", f"{FILES}/more-keys", "/etc/crio/keys/")),
    "crio.runtime.log_level": (RELOAD, ("debug", "info")),
    "crio.runtime.seccomp_profile": (RELOAD, (SECCOMP, "unconfined")),
    "crio.api.grpc_max_recv_msg_size": (RESTART, (83886081, 83886082, 83886083)),
    "crio.api.stream_idle_timeout": (RESTART, ("5m", "6m", "7m")),
    "crio.image.big_files_temporary_dir": (RESTART, ("/var/tmp", "/tmp")),
    "crio.image.pull_progress_timeout": (RESTART, ("11s", "12s", "13s")),
    "crio.metrics.metrics_port": (RESTART, (9538, 9539, 9540)),
    "crio.runtime.cdi_spec_dirs": (RESTART, (["/etc/cdi"], ["/var/run/cdi"], ["/etc/cdi", f"{FILES}/cdi"])),
    "crio.runtime.ctr_stop_timeout": (RESTART, (31, 32, 33)),
    "crio.runtime.default_ulimits": (RESTART, (["nofile=1024:2048"], ["nofile=1024:4096"], ["core=0:0"])),
    "crio.runtime.log_size_max": (RESTART, (8192, 16384, 32768)),
}  # fmt: skip
SECRET_KEY = "crio.runtime.default_env"
# GET /config may print another value than the file has.
UNPRINTED = (
    "crio.image.pinned_images",
    "crio.runtime.cdi_spec_dirs",
    "crio.runtime.apparmor_profile",
    SECRET_KEY,
)
SERVICE = {"Service": {"KillMode": "process"}}


#: the variables of the role registries, beside registries_config: only storage.conf needs more than the next pull
OF_REGISTRIES = ("auth", "policy", "namespaced_policies", "signatures", "certificates", "storage")


@dataclass
class Settings:
    """The variables of a node: `raw` has the files of an owner of its own, which no role writes."""

    layers: dict[str, dict[str, Any]] = field(
        default_factory=dict
    )  # of crio.conf: {layer: {dotted key: value}}
    tables: dict[str, dict[str, Any]] = field(
        default_factory=dict
    )  # workloads: whole entries, in the first layer
    registries: dict[str, dict[str, Any]] = field(default_factory=dict)  # {location: its table}
    crictl: dict[str, Any] = field(default_factory=dict)
    completion: list[str] = field(default_factory=list)
    service: dict[str, Any] = field(default_factory=lambda: copy.deepcopy(SERVICE))
    environment: dict[str, Any] = field(default_factory=dict)
    #: the other variables of the role registries
    auth: dict[str, Any] = field(default_factory=dict)
    policy: dict[str, Any] = field(default_factory=dict)
    namespaced_policies: dict[str, Any] = field(default_factory=dict)
    signatures: dict[str, Any] = field(default_factory=dict)
    certificates: dict[str, Any] = field(default_factory=dict)
    storage: dict[str, Any] = field(default_factory=dict)
    raw: dict[str, dict[str, Any]] = field(default_factory=dict)  # {path: content, disruption, mode, live}

    def copy(self) -> "Settings":
        """Return an independent copy."""
        return copy.deepcopy(self)

    def merged(self) -> dict[str, Any]:
        """Return the keys of crio.conf that the layers set together: a later layer wins, and null removes."""
        merged: dict[str, Any] = {}
        for layer in LAYERS:
            merged.update(self.layers.get(layer, {}))
        return {key: value for key, value in merged.items() if value is not None}

    def variables(self) -> dict[str, Any]:
        """Return the variables of the roles."""
        found: dict[str, Any] = {layer: nested(self.layers.get(layer, {})) for layer in LAYERS}
        if self.tables:
            runtime = found[LAYERS[0]].setdefault("crio", {}).setdefault("runtime", {})
            runtime["workloads"] = copy.deepcopy(self.tables)
        registries = [{"location": name, **table} for name, table in self.registries.items()]
        return {
            **found,
            "registries_config": {"registry": registries} if registries else {},
            **{f"registries_{name}": copy.deepcopy(getattr(self, name)) for name in OF_REGISTRIES},
            "crictl_config": dict(self.crictl),
            "crictl_completion": list(self.completion),
            "crio_service": copy.deepcopy(self.service),
            "crio_environment": dict(self.environment),
            "raw_files": [
                {
                    "path": path,
                    "owner": "raw",
                    **{name: value for name, value in each.items() if name != "live"},
                }
                for path, each in sorted(self.raw.items())
            ],
        }


def nested(keys: dict[str, Any]) -> dict[str, Any]:
    """Return dotted keys as the tables of crio.conf."""
    data: dict[str, Any] = {}
    for key, value in keys.items():
        *tables, name = key.split(".")
        table = data
        for each in tables:
            table = table.setdefault(each, {})
        table[name] = copy.deepcopy(value)
    return data


def flat(data: dict[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Yield each dotted key of tables with its value."""
    for name, value in data.items():
        if isinstance(value, dict):
            yield from flat(value, (*above, name))
        else:
            yield ".".join((*above, name)), value


def changed_keys(before: Settings, after: Settings) -> dict[str, str]:
    """Return {dotted key of crio.conf whose value changes: what that costs}."""
    old, new = (
        {**each.merged(), **dict(flat({"crio": {"runtime": {"workloads": each.tables}}}))}
        for each in (before, after)
    )
    return {
        key: COSTS.get(key, (RESTART,))[0] for key in sorted({*old, *new}) if old.get(key) != new.get(key)
    }
