# SPDX-License-Identifier: GPL-3.0-or-later
"""Every path that the transaction owns or reads on a node, below one root.

The root is "/" on a node. Tests set another one to run everything in a temporary folder.
"""

from __future__ import annotations

# The default paths of CRI-O, systemd and containers/image.
CRIO_CONFIG = "/etc/crio/crio.conf"
CRIO_CONFIG_DIRECTORY = "/etc/crio/crio.conf.d"
CRIO_SOCKET = "/var/run/crio/crio.sock"
CONTAINERD_CONFIG = "/etc/containerd/config.toml"
CONTAINERD_SOCKET = "/run/containerd/containerd.sock"
CONTAINERD = "containerd"  # its name in requests; CRI-O is meant without a name
REGISTRIES = "/etc/containers/registries.conf"
REGISTRIES_DIRECTORY = "/etc/containers/registries.conf.d"
UNIT_DIRECTORY = "/etc/systemd/system"
#: the name of a folder with new and old copies of files, beside the configuration
STAGING = ".cri-node"


class Layout:
    """Paths of one node. `root` is a folder without a trailing slash, "" for the node's own.

    Each runtime has its own state and generations, so that a rollback of one leaves the other as it is. All else is the same: a
    node has one change at a time, whichever runtime it is for.
    """

    def __init__(self, root: str = "", runtime: str = "crio") -> None:
        self.root = root.rstrip("/")
        self.runtime = runtime
        self.state_directory = self.at("/var/lib/cri-node")
        self.committed = self.state_directory + (f"/{CONTAINERD}" if runtime == CONTAINERD else "")
        self.state_file = self.committed + "/state.json"
        self.generations = self.committed + "/generations"
        self.bundle_record = self.state_directory + "/bundle.json"
        self.packages_record = self.state_directory + "/packages.json"
        self.packages_intent = self.state_directory + "/packages-install.json"
        self.prerequisites_record = self.state_directory + "/prerequisites.json"
        self.handlers_record = self.state_directory + "/handlers.json"
        self.handlers_intent = self.state_directory + "/handlers-install.json"
        self.cni_record = self.state_directory + "/cni-plugins.json"
        self.cni_intent = self.state_directory + "/cni-plugins-install.json"
        self.migration_record = self.state_directory + "/migration.json"
        self.migration_intent = self.state_directory + "/migration-under-way.json"
        self.migration_images = self.state_directory + "/migration-images"
        self.transaction = self.state_directory + "/transaction"
        self.intent = self.transaction + "/intent.json"
        self.preparation = self.transaction + "/preparation.json"
        self.probes = self.transaction + "/probes.json"
        self.run_directory = self.at(
            "/run/cri-node"
        )  # a tmpfs: gone with the boot, as what is in it should be
        self.lock = self.run_directory + "/lock"
        self.candidate = self.run_directory + "/apply"  # systemd's own RuntimeDirectory= of the unit
        self.unit_directory = self.at(UNIT_DIRECTORY)
        self.recovery_unit = self.unit_directory + "/cri-node-recover.service"
        self.recovery_link = self.unit_directory + "/multi-user.target.wants/cri-node-recover.service"
        self.staging_directory = self.at(f"/etc/{CONTAINERD if runtime == CONTAINERD else 'crio'}/{STAGING}")
        self.configuration_root = self.at("/etc")
        self.registries = self.at(REGISTRIES)
        self.registries_directory = self.at(REGISTRIES_DIRECTORY)
        # Where it exists, containers/image reads no registries.conf and no registries.conf.d below /etc
        # (containers-registries.conf(5)).
        self.root_registries = self.at("/root/.config/containers/registries.conf")
        self.storage = self.at("/etc/containers/storage.conf")
        self.vendor_storage = self.at("/usr/share/containers/storage.conf")  # without the former one
        self.signatures = self.at("/etc/containers/registries.d")
        self.certificates = self.at("/etc/containers/certs.d")
        self.selinux = self.at("/sys/fs/selinux/enforce")

    def of(self, runtime: str) -> Layout:
        """Return the paths for a runtime, crio or containerd."""
        return self if runtime == self.runtime else Layout(self.root, runtime)

    def at(self, path: str) -> str:
        """Return the path below the root."""
        return self.root + path

    def program(self, digest: str) -> str:
        """Return the path of the transaction's program; its name contains its hash, so that a running one is never replaced."""
        return f"{self.transaction}/program-{digest[:16]}.pyz"

    def result(self, identity: str) -> str:
        """Return the path of the outcome of the transaction with this id."""
        return f"{self.transaction}/result-{identity}.json"


def is_registries_file(path: str) -> bool:
    """Return whether containers/image reads a path as registries.conf or as one of its drop-ins."""
    folder, _slash, name = path.rpartition("/")
    return path == REGISTRIES or (folder == REGISTRIES_DIRECTORY and name.endswith(".conf"))


#: the node's own
NODE = Layout()
