# SPDX-License-Identifier: GPL-3.0-or-later
"""A test bed: nodes, the registry they pull from, and the network between them."""

import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from testbed import engine, images, workloads
from testbed.node import Node, ssh_socket
from testbed.paths import STATE
from testbed.source import Source, pick_source
from testbed.wait import wait_for

LABEL = "cri.node.testbed"  # = prefix
ROLE = f"{LABEL}.role"  # node or registry
NAME = f"{LABEL}.name"  # the node's name within its test bed, which is its host name too
CRIO = f"{LABEL}.crio"  # the version of CRI-O, empty on a bare node
OWNER = f"{LABEL}.owner"  # the process that will remove it, empty when a person will
DEFAULT_PREFIX = "cri"
REGISTRY = "registry"
REGISTRY_PORT = 5000
# The same registry under a name that no node's configuration mentions.
UNLISTED_REGISTRY = "unlisted"
CGROUP_ROOTS = (Path("/sys/fs/cgroup/unified"), Path("/sys/fs/cgroup"))


class TestBed:
    """Nodes with one prefix. All state is in labels of the engine, so that any process can continue with it."""

    __test__ = False  # not a test class, whatever its name looks like to pytest

    def __init__(self, prefix: str = DEFAULT_PREFIX, source: Source | None = None, owner: str = ""):
        """Name a test bed, without starting anything.

        `source` is the CRI-O to install; with None it is picked when first needed. One that has an `owner`
        (see owner_mark) is swept away by the next run when that process died without removing it.
        """
        self.prefix = prefix
        self.folder = STATE / prefix
        self.key = self.folder / "id_ed25519"
        self.network = f"{prefix}-network"
        self.registry = f"{REGISTRY}:{REGISTRY_PORT}"
        self.unlisted_registry = f"{UNLISTED_REGISTRY}:{REGISTRY_PORT}"
        self._registry_container = f"{prefix}-registry"
        self._source = source
        self._owner = owner

    @property
    def source(self) -> Source:
        """The CRI-O that nodes get, or the stand-in for it."""
        if self._source is None:
            self._source = pick_source()
        return self._source

    def up(self, count: int, crio: bool = True) -> list[Node]:
        """Create or remove nodes until there are `count` nodes named node-1..N, with CRI-O unless `crio` is false.

        Nodes that run already stay. Raises EngineError or NodeError.
        """
        self.prepare()
        names = [f"node-{number}" for number in range(1, count + 1)]
        present = {node.name for node in self.nodes()}
        self.add(*[name for name in names if name not in present], crio=crio)
        return self.nodes()

    def prepare(self) -> None:
        """Create key, network and registry if they do not exist."""
        image = images.node_image()
        self._make_key()
        if self.network not in self._listed("network", "{{.Name}}"):
            engine.call("network", "create", *self._labels(), self.network)
        self._start_registry(image)

    def add(self, *names: str, crio: bool = True, beneath: str = "") -> list[Node]:
        """Start nodes and wait until they are up. `crio=False` creates bare nodes (only crun and conmon).

        beneath: an image to put CRI-O on, instead of the usual one.
        """
        if not names:
            return []
        image = images.crio_image(self.source, beneath) if crio else images.bare_image(self.source)
        return self._add(names, image, self.source.version if crio else "")

    def add_containerd(self, *names: str) -> list[Node]:
        """Start nodes with Debian's containerd and crictl, but without CRI-O, and wait until they are up."""
        return self._add(names, images.containerd_image(self.source), "")

    def add_engines(self, *names: str) -> list[Node]:
        """Start nodes with CRI-O and, not enabled, Debian's containerd and Docker, and wait until they are up."""
        return self._add(names, images.engines_image(self.source), self.source.version)

    def add_dnf(self, *names: str) -> list[Node]:
        """Start nodes with dnf and rpm beside Debian's own package manager, but without CRI-O, and wait until they are up."""
        return self._add(names, images.dnf_image(self.source), "")

    def _add(self, names: Sequence[str], image: str, version: str) -> list[Node]:
        self.prepare()
        with ThreadPoolExecutor(max_workers=min(len(names), os.cpu_count() or 1)) as pool:
            return list(pool.map(lambda name: self._start_node(name, image, version), names))

    def nodes(self) -> list[Node]:
        """Return the existing nodes, sorted by name."""
        columns = "\t".join(["{{.Names}}", *[f'{{{{.Label "{label}"}}}}' for label in (ROLE, NAME, CRIO)]])
        nodes = []
        for line in self._listed("ps", columns):
            container, role, name, version = line.split("\t")
            if role == "node":
                nodes.append(Node(name, container, self.key, version or None, self.registry))
        return sorted(nodes, key=lambda node: (len(node.name), node.name))

    def node(self, name: str) -> Node:
        """Return one node by name. Raises KeyError."""
        for node in self.nodes():
            if node.name == name:
                return node
        raise KeyError(f"no node {name} in test bed {self.prefix}")

    def remove(self, *names: str) -> None:
        """Remove nodes with their disks; names that do not exist count as removed."""
        if not names:
            return
        containers = [f"{self.prefix}-{name}" for name in names]
        engine.call("rm", "--force", "--volumes", *containers, check=False)
        engine.call("volume", "rm", "--force", *[f"{name}-containers" for name in containers], check=False)
        for container in containers:
            forget(container)

    def down(self) -> None:
        """Remove containers, volumes, network and key. Images are kept."""
        containers = self._listed("ps", "{{.Names}}")
        if containers:
            engine.call("rm", "--force", "--volumes", *containers, check=False)
        if volumes := self._listed("volume", "{{.Name}}"):
            engine.call("volume", "rm", "--force", *volumes)
        if networks := self._listed("network", "{{.Name}}"):
            engine.call("network", "rm", *networks)
        for container in containers:
            forget(container)
        for path in sorted(self.folder.rglob("*"), reverse=True) if self.folder.exists() else []:
            path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
        if self.folder.exists():
            self.folder.rmdir()

    @contextmanager
    def without_registry(self) -> Iterator[None]:
        """Stop the registry, so that no node can pull; start it again, with its images, in the end."""
        engine.call("stop", "--time=5", self._registry_container)
        try:
            yield
        finally:
            engine.call("start", self._registry_container)
            self._fill_registry()

    def inventory(self, nodes: Sequence[Node] | None = None) -> dict:
        """Return an Ansible inventory of these nodes (default: all), with the group `nodes` and SSH connections."""
        hosts = {}
        for node in self.nodes() if nodes is None else nodes:
            hosts[node.name] = {
                "ansible_host": node.address,
                "ansible_user": "root",
                "ansible_ssh_private_key_file": str(node.key),
                "ansible_python_interpreter": "/usr/bin/python3",
                "ansible_ssh_common_args": " ".join(node.ssh_options[2:]),
                "ansible_control_path": str(ssh_socket(node.container)),
                "ansible_pipelining": True,
            }
        return {"all": {"children": {"nodes": {"hosts": hosts}}}}

    # How it is done

    def _labels(self, **more: str) -> list[str]:
        labels = {
            LABEL: self.prefix,
            OWNER: self._owner,
            **{f"{LABEL}.{key}": value for key, value in more.items()},
        }
        return [f"--label={key}={value}" for key, value in labels.items()]

    def _listed(self, kind: str, template: str) -> list[str]:
        return listed(kind, template, f"{LABEL}={self.prefix}")

    def _make_key(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        if not self.key.exists():
            subprocess.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", self.prefix, "-f", str(self.key)],
                check=True,
                stdin=subprocess.DEVNULL,
            )

    def _start_registry(self, image: str) -> None:
        name = self._registry_container
        if name in self._listed("ps", "{{.Names}}"):
            return
        engine.call(
            "run", "--detach", "--init", f"--name={name}", *self._labels(role="registry"),
            f"--network={self.network}",
            f"--network-alias={REGISTRY}", f"--network-alias={UNLISTED_REGISTRY}",
            "--entrypoint=docker-registry", image, "serve", "/etc/testbed-registry.yml",
        )  # fmt: skip
        self._fill_registry()

    def _fill_registry(self) -> None:
        """Push the images once the registry answers; those that it has stay the same."""
        name = self._registry_container
        address = Node(name, name, self.key, None, self.registry).address

        def answers() -> tuple[bool, str]:
            try:
                for made in workloads.make_images(busybox):
                    workloads.push(address, made, REGISTRY_PORT)
            except OSError as error:
                return False, str(error)
            return True, ""

        busybox = subprocess.run(
            [engine.engine(), "exec", name, "cat", "/bin/busybox"],
            capture_output=True,
            check=False,
        ).stdout
        wait_for(f"registry {name}", answers, limit=20)

    def _start_node(self, name: str, image: str, version: str) -> Node:
        container = f"{self.prefix}-{name}"
        volume = f"{container}-containers"
        engine.call("volume", "create", *self._labels(), volume)
        options = [f"--cap-add={capability}" for capability in engine.host_capabilities()]
        options += ["--security-opt=seccomp=unconfined", "--security-opt=apparmor=unconfined"]
        options += ["--tmpfs=/run:exec,mode=755", "--tmpfs=/tmp:exec,mode=1777"]
        options += [f"--volume={volume}:/var/lib/containers"]
        # A pod network's gateway forwards; /proc/sys is read-only in the node.
        options += ["--sysctl=net.ipv4.ip_forward=1"]
        if Path("/dev/fuse").exists():
            options.append("--device=/dev/fuse")
        engine.call(
            "create",
            f"--name={container}",
            f"--hostname={name}",
            f"--network={self.network}",
            f"--network-alias={name}",
            f"--env=TESTBED_CGROUP={cgroup_name(container)}",
            *self._labels(role="node", name=name, crio=version),
            *options,
            image,
        )
        node = Node(name, container, self.key, version or None, self.registry)
        node.boot(wait=False)
        node.copy_in("/root/.ssh/authorized_keys", self.key.with_suffix(".pub").read_bytes(), 0o600)
        node.wait_until_up()
        if version:
            # Pods then start without asking the registry for their pause image.
            node.check(["crictl", "pull", f"{self.registry}/pause:1"])
        return node


def listed(kind: str, template: str, label: str) -> list[str]:
    """Return a formatted line for each object of a kind ("ps", "volume" or "network") with a label."""
    command = ["ps", "--all"] if kind == "ps" else [kind, "ls"]
    return engine.call(*command, f"--filter=label={label}", f"--format={template}").splitlines()


def cgroup_name(container: str) -> str:
    """Return the cgroup that a node creates for itself on a host with hybrid cgroups."""
    return f"testbed-{container}"


def forget(container: str) -> None:
    """Remove the SSH connection and the cgroups of a removed node."""
    ssh_socket(container).unlink(missing_ok=True)
    for root in CGROUP_ROOTS:
        for folder, _folders, _files in os.walk(root / cgroup_name(container), topdown=False):
            try:
                os.rmdir(folder)
            except OSError:
                # Somebody else's right to remove, or a process still on its way out: an empty
                # group does no harm, and the next boot of this name clears it.
                break


def owner_mark(pid: int | None = None) -> str:
    """Return an identifier of a process that is unique even if its PID is reused; empty if it has ended."""
    pid = os.getpid() if pid is None else pid
    try:
        started = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""
    return f"{pid}-{started}"


def sweep() -> list[str]:
    """Remove test beds whose owner ended without removing them; return their prefixes."""
    rows = set()
    template = f'{{{{.Label "{LABEL}"}}}}\t{{{{.Label "{OWNER}"}}}}'
    for kind in ("ps", "volume", "network"):
        rows.update(listed(kind, template, LABEL))
    gone = []
    for row in sorted(rows):
        prefix, _tab, owner = row.partition("\t")
        if owner and owner_mark(int(owner.partition("-")[0])) != owner:
            TestBed(prefix).down()
            gone.append(prefix)
    return gone


def prefixes() -> list[str]:
    """Return the prefixes of all test beds."""
    template = f'{{{{.Label "{LABEL}"}}}}'
    return sorted({row for kind in ("ps", "volume", "network") for row in listed(kind, template, LABEL)})


def inventory_text(inventory: dict) -> str:
    """Return an inventory as the content of a file (JSON, which is YAML)."""
    return json.dumps(inventory, indent=2) + "\n"
