# SPDX-License-Identifier: GPL-3.0-or-later
"""The containerd of the stand-in: its configuration from CRI-O's settings, its unit, and its tool ctr."""

import json
import os
import pathlib
import re
import subprocess
import threading

import crio_toml

UNIT = "crio-standin-containerd.service"
STATE = "/run/crio-standin"
SOCKET = f"{STATE}/containerd.sock"
CONFIG = f"{STATE}/containerd.toml"
PLUGINS = f"{STATE}/cni-plugins"
NETWORKS = f"{STATE}/cni-networks"
# On the node's volume, since an overlay cannot lie on an overlay.
ROOT = "/var/lib/containers/crio-standin"
_one_at_a_time = threading.Lock()


class ContainerdError(Exception):
    """containerd, or a tool of it, failed; the message is its own."""


def _configuration(settings):
    handlers = "".join(
        f'[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.{crio_toml.value(name)}]\n'
        'runtime_type = "io.containerd.runc.v2"\n'
        f'[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.{crio_toml.value(name)}.options]\n'
        f"BinaryName = {crio_toml.value(handler['runtime_path'])}\n"
        "SystemdCgroup = false\n"
        for name, handler in sorted(settings.handlers.items())
    )
    return f"""version = 2
root = "{ROOT}"
state = "{STATE}/containerd"
[grpc]
address = "{SOCKET}"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = {crio_toml.value(settings["crio.image.pause_image"])}
restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "overlayfs"
default_runtime_name = {crio_toml.value(settings["crio.runtime.default_runtime"])}
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "{PLUGINS}"
conf_dir = "{NETWORKS}"
{handlers}"""


def ensure(settings):
    """Start or restart containerd with these settings; pods keep running. Raises ContainerdError."""
    wanted = _configuration(settings)
    os.makedirs(STATE, mode=0o711, exist_ok=True)
    bring_network(settings)
    try:
        with open(CONFIG, encoding="utf-8") as file:
            present = file.read()
    except FileNotFoundError:
        present = None
    if present == wanted:
        _run("systemctl", "start", UNIT)
        return
    with open(CONFIG, "w", encoding="utf-8") as file:
        file.write(wanted)
    _run("systemctl", "restart", UNIT)


def stop():
    """Stop containerd; pods keep running. Raises ContainerdError."""
    _run("systemctl", "stop", UNIT)


def bring_network(settings):
    """Provide the plugins and networks that CRI-O would use to containerd; return whether the networks changed."""
    with _one_at_a_time:
        _link_plugins(settings["crio.network.plugin_dirs"])
        return _copy_networks(_networks(settings))


def _networks(settings):
    """Return the network files that CRI-O would use: {name: content}, without networks whose plugin is missing."""
    plugins, wanted = set(os.listdir(PLUGINS)), settings["crio.network.cni_default_network"]
    found = {}
    for path in pathlib.Path(settings["crio.network.network_dir"]).glob("*"):
        if path.suffix not in (".conf", ".conflist", ".json"):
            continue
        try:
            content = path.read_bytes()
            network = json.loads(content)
            needed = {plugin["type"] for plugin in network.get("plugins", [network])}
        except (OSError, ValueError, KeyError, AttributeError, TypeError):
            continue
        if needed <= plugins and wanted in ("", network.get("name")):
            found[path.name] = content
    return found


def _copy_networks(wanted):
    """Copy network files, because containerd does not notice a file that is renamed into its directory."""
    os.makedirs(NETWORKS, exist_ok=True)
    present = {path.name: path.read_bytes() for path in pathlib.Path(NETWORKS).iterdir()}
    for file in present.keys() - wanted.keys():
        os.unlink(os.path.join(NETWORKS, file))
    for file, content in wanted.items():
        if present.get(file) != content:
            pathlib.Path(NETWORKS, file).write_bytes(content)
    return present != wanted


def _link_plugins(directories):
    """Create a directory of links to CNI plugins: containerd 1.7 supports only one, CRI-O uses the first with the plugin."""
    os.makedirs(PLUGINS, exist_ok=True)
    wanted = {}
    for directory in reversed(directories):
        if os.path.isdir(directory):
            wanted.update({name: os.path.join(directory, name) for name in os.listdir(directory)})
    for name in os.listdir(PLUGINS):
        if os.readlink(os.path.join(PLUGINS, name)) != wanted.get(name):
            os.unlink(os.path.join(PLUGINS, name))
    for name in wanted.keys() - set(os.listdir(PLUGINS)):
        os.symlink(wanted[name], os.path.join(PLUGINS, name))


def import_image(archive, name):
    """Import the only image of an archive under its full name, and under its digest. Raises ContainerdError."""
    repository = re.match(r"(.*?)(?::[^/@:]+)?(?:@.+)?$", name)[1]
    named = ("--index-name", name, "--digests", "--base-name", repository)
    ctr("images", "import", "--snapshotter", "overlayfs", *named, archive)


def ctr(*arguments):
    """Run ctr in the namespace of CRI images; return its output. Raises ContainerdError."""
    return _run("ctr", "--address", SOCKET, "--namespace", "k8s.io", *arguments)


def _run(*command):
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    if done.returncode:
        raise ContainerdError(f"{' '.join(command)}: {(done.stderr or done.stdout).strip()}")
    return done.stdout
