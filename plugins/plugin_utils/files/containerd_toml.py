# SPDX-License-Identifier: GPL-3.0-or-later
"""config.toml of containerd, version 2 and 3: merges settings, checks them, and renders them (containerd-config.toml(5)).

It is managed as a whole. A drop-in that `imports` names would replace each plugin that it configures, with all settings that
the main file has for it (containerd 1.7, cmd/containerd/server/config: mergeConfig). The keys of plugins are those of the
containerd of a node, which names the unknown ones; here are the tables around them, and the rules that containerd only applies
when it has started. All problems are found at once, and nothing is raised.
"""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.cri.node.plugins.plugin_utils.files.kind import Kind, Versions
from ansible_collections.cri.node.plugins.plugin_utils.findings import Checked, Findings, shown_value
from ansible_collections.cri.node.plugins.plugin_utils.layers import Data, Layers, Path
from ansible_collections.cri.node.plugins.plugin_utils.problem import Problem
from ansible_collections.cri.node.plugins.plugin_utils.text import toml, toml_lines
from ansible_collections.cri.node.plugins.plugin_utils.value_types import Unfit, kind, of_value

PLUGINS = "plugins"
# The plugin with all of CRI in version 2, and with its server in version 3, where the rest is in two others.
CRI = "io.containerd.grpc.v1.cri"
IMAGES, RUNTIME = "io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime"
#: the table with the settings of registries in each version
REGISTRY: dict[int, Path] = {2: (PLUGINS, CRI, "registry"), 3: (PLUGINS, IMAGES, "registry")}
_VERSION = ("version",)
_VERSIONS = "2 (containerd 1.x and 2.x) or 3 (containerd 2.x)"
# Each table with the types of its keys (cmd/containerd/server/config/config.go, containerd 1.7 and 2.x).
_TABLES: dict[Path, dict[str, str]] = {
    (): {
        "disabled_plugins": "strings",
        "imports": "strings",
        "oom_score": "integer",
        "plugin_dir": "string",
        "required_plugins": "strings",
        "root": "string",
        "state": "string",
        "temp": "string",
        "version": "integer",
    },
    ("cgroup",): {"path": "string"},
    ("debug",): {
        "address": "string",
        "format": "string",
        "gid": "integer",
        "level": "string",
        "uid": "integer",
    },
    ("grpc",): {
        "address": "string",
        "gid": "integer",
        "max_recv_message_size": "integer",
        "max_send_message_size": "integer",
        "tcp_address": "string",
        "tcp_tls_ca": "string",
        "tcp_tls_cert": "string",
        "tcp_tls_key": "string",
        "uid": "integer",
    },
    ("metrics",): {"address": "string", "grpc_histogram": "boolean"},
    ("ttrpc",): {"address": "string", "gid": "integer", "uid": "integer"},
}
# Tables whose keys only the containerd of a node knows.
_FREE = (PLUGINS, "proxy_plugins", "stream_processors", "timeouts")
_FORMER = ("cri", "runtime", "scheduler", "linux", "opt", "containerd-cri")  # some names of version 1
_PATHS = ("root", "state", "temp", "plugin_dir")
# Of a registry's credentials, and of the headers of requests.
_SECRET = ("password", "auth", "identitytoken", "header")
_IGNORED = "is unknown to containerd, which ignores it"
_SERVER = (  # what the plugin of version 2 keeps in version 3 (internal/cri/config, containerd 2.x)
    "disable_tcp_service",
    "enable_tls_streaming",
    "stream_idle_timeout",
    "stream_server_address",
    "stream_server_port",
    "x509_key_pair_streaming",
)


def check(layers: Layers) -> Checked:
    """Merge named layers that mirror config.toml, and check the result."""
    data, findings = ContainerdToml().merged(layers)
    if not data:
        return Checked({}, findings.sources, findings.listed(), findings.warnings)
    tables = [path[0] for path in _TABLES if path]
    flat = {name: value for name, value in data.items() if name not in (*tables, *_FREE)}
    typed = findings.flat_table(flat, (), _TABLES[()], _IGNORED, tables=(*tables, *_FREE))
    for name in (*tables, *_FREE):
        if data.get(name) is None:
            continue
        if not isinstance(data[name], dict):
            fault = f"is {kind(data[name])}, not a mapping"
            findings.problem((name,), fault, "a table of config.toml")
        elif name in _FREE:
            typed[name] = _free(data[name], (name,), findings)
        else:
            table = findings.flat_table(data[name], (name,), _TABLES[name,], _IGNORED)
            typed.update({name: table} if table else {})
    _check_version(typed, findings)
    _check_paths(typed, findings)
    _check_plugins(typed, findings)
    return Checked(typed, findings.sources, findings.listed(), findings.warnings)


def _free(table: Data, path: Path, findings: Findings) -> Data:
    """Return a table of values that keep their own types, without those that TOML cannot hold."""
    typed: Data = {}
    for name, value in table.items():
        here = (*path, name)
        if isinstance(value, dict):
            typed[name] = _free(value, here, findings)
        elif _are_tables(value):
            typed[name] = [_free(each, (*here, f"[{index}]"), findings) for index, each in enumerate(value)]
        elif value is not None:
            try:
                typed[name] = of_value(value)
            except Unfit as unfit:
                shown = None if name in _SECRET else shown_value(unfit.value)
                message = unfit.message.replace("crio.conf", "config.toml")
                findings.problem(here, message, unfit.accepted, shown, unfit.inside)
    return typed


def _are_tables(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, dict) for each in value)


def _check_version(typed: Data, findings: Findings) -> None:
    version = typed.get("version")
    if version is None:
        if _VERSION not in findings.sources:
            fault = "is missing: containerd then reads the settings as those of version 1, whose plugins have other names"
            variable = next(iter(findings.sources.values()), "")
            findings.problems.append(Problem(variable, "version", None, fault, _VERSIONS))
    elif version not in REGISTRY:
        findings.problem(_VERSION, "is not a version that is managed", _VERSIONS, shown_value(version))


def _check_paths(typed: Data, findings: Findings) -> None:
    for name in _PATHS:
        if typed.get(name) and not typed[name].startswith("/"):
            findings.problem((name,), "is not absolute", "an absolute path", shown_value(typed[name]))
    for index, path in enumerate(typed.get("imports", [])):
        if not path.startswith("/"):
            findings.problem(
                ("imports",), "is not absolute", "absolute paths", shown_value(path), f"[{index}]"
            )


def _check_plugins(typed: Data, findings: Findings) -> None:
    """Check what belongs to one version only, and what the plugin of CRI refuses at its start."""
    plugins, version = typed.get(PLUGINS, {}), typed.get("version")
    for name, settings in plugins.items():
        path = (PLUGINS, name)
        if not isinstance(settings, dict):
            findings.problem(path, f"is {kind(settings)}, not a mapping", "the settings of a plugin")
        elif name in _FORMER:
            meant = CRI if version == 2 else f"{IMAGES} and {RUNTIME}"
            fault = "is the name of a plugin in version 1"
            findings.problem(
                path, fault, meant if name == "cri" else "its full name, as config default prints"
            )
        elif version == 2 and name in (IMAGES, RUNTIME):
            findings.problem(path, "is a plugin of version 3", f"{CRI}, or version: 3")
        elif version == 3 and name == CRI:
            moved = [key for key in settings if key not in _SERVER]
            for key in moved:
                findings.problem((*path, key), "is not in this plugin in version 3", f"{IMAGES} or {RUNTIME}")
    for table in REGISTRY.values():
        _check_registry(_table_at(typed, table), table, findings)


def _check_registry(registry: Data, path: Path, findings: Findings) -> None:
    directories = registry.get("config_path")
    if directories is None:
        return
    if not isinstance(directories, str):
        fault = f"is {kind(directories)}, not a string"
        findings.problem((*path, "config_path"), fault, "for example /etc/containerd/certs.d")
        return
    configs = registry.get("configs")
    of_hosts = configs.values() if isinstance(configs, dict) else []
    has_tls = any(isinstance(each, dict) and each.get("tls") for each in of_hosts)
    for name, found in (("mirrors", bool(registry.get("mirrors"))), ("configs", has_tls)):
        if directories and found:
            fault = "cannot be set together with config_path: containerd then starts without CRI, so that no pod runs"
            findings.problem((*path, name), fault, "hosts.toml of the registry, or no config_path")


def _table_at(data: Data, path: Path) -> Data:
    table: object = data
    for name in path:
        table = table.get(name) if isinstance(table, dict) else None
    return table if isinstance(table, dict) else {}


def _walk(table: Data, path: Path = ()) -> Iterator[tuple[Path, object]]:
    for name, value in table.items():
        here = (*path, name)
        if name in _SECRET:
            yield here, None
        elif isinstance(value, dict):
            yield from _walk(value, here)
        else:
            yield here, value


def _secrets(value: object, inside: bool = False) -> Iterator[str]:
    """Yield each text below a key that is a secret."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _secrets(inner, inside or name in _SECRET)
    elif isinstance(value, list):
        for each in value:
            yield from _secrets(each, inside)
    elif inside and value not in ("", True, False):
        yield str(value)


class ContainerdToml(Kind):
    """config.toml, which containerd only reads when it starts."""

    name = "containerd_toml"
    file = "config.toml"
    runtime = "containerd"
    disruption = "restart"
    accepted = "the keys of config.toml, such as version and plugins"

    def check(self, layers: Layers, versions: Versions) -> Checked:
        """Merge the layers and check them."""
        return check(layers)

    def check_for_node(self, checked: Checked, versions: Versions) -> list[Problem]:
        """Return whether the version of the file is too new for the node's containerd."""
        first = versions.containerd.partition(".")[0]
        if checked.data.get("version") != 3 or not first.isdigit() or int(first) >= 2:
            return []
        findings = Findings(checked.sources)
        fault = f"is not known to containerd {versions.containerd}, which does not start with it"
        findings.problem(_VERSION, fault, "2 for containerd 1.x", "3")
        return findings.problems

    def render(self, data: Data) -> str:
        """Return the data as TOML."""
        return toml.dumps(data)

    def walk(self, data: Data) -> list[tuple[Path, object]]:
        """Return each key."""
        return list(_walk(data))

    def read(self, text: str) -> dict[str, str] | None:
        """Return each key with its value."""
        values = toml_lines.read(text)
        return None if values is None else {toml_lines.dotted(path): value for path, value in values.items()}

    def is_secret(self, data: Data) -> bool:
        """Return whether there are credentials of a registry."""
        return any(True for _text in _secrets(data))

    def secrets(self, data: Data, content: str) -> list[str]:
        """Return the credentials."""
        return list(_secrets(data))
