# SPDX-License-Identifier: GPL-3.0-or-later
"""One node, and the actions of tests on it."""

import io
import itertools
import json
import os
import shlex
import subprocess
import tarfile
import tempfile
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from testbed import engine
from testbed.wait import NotReached, wait_for

BOOT_LIMIT = 120  # seconds; a loaded machine takes ten times what an idle one does
CRIO_LIMIT = 60  # seconds
SOCKET = "/var/run/crio/crio.sock"
_counter = itertools.count(1)


class NodeError(Exception):
    """A command on a node failed, or a node did not reach a state."""


class Result(NamedTuple):
    """The result of a command: exit code, standard output, standard error."""

    rc: int
    out: str
    err: str


@dataclass(frozen=True)
class Pod:
    """A CRI pod with one container, started by Node.run_pod."""

    name: str
    pod_id: str
    container_id: str
    log_path: str


def ssh_socket(container: str) -> Path:
    """Return the path of Ansible's SSH control socket; short, because it can have at most 108 bytes."""
    return Path(tempfile.gettempdir()) / f"testbed-{os.geteuid()}-{container}.ssh"


class Node:
    """A running node. Commands go through the container engine, which is faster than SSH."""

    def __init__(self, name: str, container: str, key: Path, crio: str | None, registry: str):
        self.name = name
        self.container = container
        self.key = key
        self.crio = crio  # the version, or None on a bare node
        self.registry = registry

    def __repr__(self) -> str:
        return f"<Node {self.name}>"

    @property
    def address(self) -> str:
        """The node's IPv4 address; it may change when the node boots again."""
        template = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
        return engine.call("inspect", "--format", template, self.container)

    @property
    def gateway(self) -> str:
        """Return the address of this machine for the node."""
        return self.check("ip -4 route show default").split()[2]

    @property
    def ssh_options(self) -> list[str]:
        """Return options for ssh and scp: the test bed's key, no known_hosts file, no prompts."""
        return [
            "-i", str(self.key),
            "-o", "UserKnownHostsFile=/dev/null",
            "-o", "GlobalKnownHostsFile=/dev/null",
            "-o", "StrictHostKeyChecking=no",
            "-o", "LogLevel=ERROR",
            "-o", "IdentitiesOnly=yes",
            "-o", "BatchMode=yes",
        ]  # fmt: skip

    def run(
        self,
        command: str | Sequence[str],
        stdin: str | bytes = b"",
        limit: float = 60,
        environment: Mapping[str, str] | None = None,
    ) -> Result:
        """Run a command as root: a string with sh, a list directly. `limit`: seconds.

        Raises NodeError only when the command does not end in time.
        """
        words = ["sh", "-c", command] if isinstance(command, str) else list(command)
        options = [f"--env={name}={value}" for name, value in (environment or {}).items()]
        try:
            done = subprocess.run(
                [engine.engine(), "exec", "--interactive", *options, self.container, *words],
                input=stdin.encode() if isinstance(stdin, str) else stdin,
                capture_output=True,
                timeout=limit,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise NodeError(f"{self.name}: {shlex.join(words)}: no end within {limit:g} s") from error
        return Result(
            done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
        )

    def check(self, command: str | Sequence[str], stdin: str | bytes = b"", limit: float = 60) -> str:
        """Run a command that must succeed and return its output. Raises NodeError with its output."""
        done = self.run(command, stdin, limit)
        if done.rc:
            said = (done.err or done.out).strip()
            raise NodeError(f"{self.name}: {command}: exit code {done.rc}: {said[-3000:]}")
        return done.out

    def wait_for(self, what: str, look: Callable[[], tuple[bool, Any]], limit: float = 30) -> Any:
        """Wait until `look` returns (True, seen). Raises NodeError with the last value of seen."""
        try:
            return wait_for(f"{self.name}: {what}", look, limit)
        except NotReached as error:
            raise NodeError(str(error)) from None

    # Power

    def kill(self) -> None:
        """Simulate a power loss: kill all processes of the node at once; its disk is kept."""
        engine.call("kill", self.container, check=False)
        # A connection kept by ssh would go on waiting for the dead node.
        ssh_socket(self.container).unlink(missing_ok=True)

    def boot(self, wait: bool = True) -> None:
        """Start a node that was killed. Raises NodeError if it does not come up."""
        engine.call("start", self.container)
        if wait:
            self.wait_until_up()

    def stop(self) -> None:
        """Shut the node down through its init."""
        engine.call("stop", "--time=30", self.container)

    def wait_until_up(self, limit: float = BOOT_LIMIT) -> None:
        """Wait for systemd's state `running`, for sshd, and for CRI-O if it is enabled.

        Raises NodeError with the failed units when systemd ends up `degraded`.
        """

        def system() -> tuple[bool, str]:
            said = self.run(
                "systemctl is-system-running; systemctl list-jobs --no-legend --no-pager | head -3"
            )
            state = said.out.partition("\n")[0]
            return state in ("running", "degraded", "maintenance"), (said.out + said.err).strip()

        seen = self.wait_for("systemd up", system, limit)
        if not seen.startswith("running"):
            failed = self.run(
                "systemctl --failed --no-legend --no-pager; journalctl -p err -n 20 --no-pager"
            ).out
            raise NodeError(f"{self.name}: systemd is {seen}: {failed.strip()}")
        self.wait_for("sshd", lambda: ((r := self.run("ss -Hltn sport = :22")).out != "", r.out + r.err))
        if self.run("systemctl is-enabled --quiet crio").rc == 0:
            self.wait_for_crio()

    def wait_for_crio(self, limit: float = CRIO_LIMIT) -> None:
        """Wait until CRI-O answers crictl with RuntimeReady and NetworkReady."""

        def ready() -> tuple[bool, str]:
            done = self.run(["crictl", "--timeout=5s", "info"])
            if done.rc:
                return False, done.err.strip() or done.out.strip()
            conditions = {c["type"]: c["status"] for c in json.loads(done.out)["status"]["conditions"]}
            return conditions.get("RuntimeReady") and conditions.get("NetworkReady"), str(conditions)

        self.wait_for("CRI-O ready", ready, limit)

    # Files

    def copy_in(self, path: str, content: str | bytes, mode: int = 0o644) -> None:
        """Write a file as root:root, and create its directory."""
        data = content.encode() if isinstance(content, str) else content
        script = 'mkdir -p "$(dirname "$1")" && cat > "$1" && chmod "$2" "$1"'
        self.check(["sh", "-c", script, "sh", path, f"{mode:o}"], stdin=data)

    def read_file(self, path: str) -> str:
        """Return the content of a text file. Raises NodeError if it cannot be read."""
        return self.check(["cat", path])

    def exists(self, path: str) -> bool:
        """Return whether this path exists; a dangling symbolic link counts."""
        return self.run(["sh", "-c", 'test -e "$1" || test -L "$1"', "sh", path]).rc == 0

    # CRI

    def crictl(self, *arguments: str, limit: float = 60) -> Any:
        """Run crictl and return its JSON, or its text if it did not print JSON. Raises NodeError if it fails."""
        out = self.check(["crictl", *arguments], limit=limit)
        try:
            return json.loads(out)
        except ValueError:
            return out.strip()

    def image(self, name: str) -> str:
        """Return the reference of one of the test bed's images: hello-world, log-writer, long-running, pause."""
        return name if "/" in name else f"{self.registry}/{name if ':' in name else name + ':1'}"

    def run_pod(
        self,
        image: str = "long-running",
        command: Sequence[str] | None = None,
        arguments: Sequence[str] | None = None,
        name: str | None = None,
        namespace: str = "default",
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
        handler: str | None = None,
        host_network: bool = False,
    ) -> Pod:
        """Pull an image, start a pod with one container, and return their identifiers.

        The container's log is below /var/log/pods, where a kubelet puts it. Raises NodeError.
        """
        name = name or f"pod-{next(_counter)}"
        reference = self.image(image)
        uid = str(uuid.uuid4())
        folder = f"/var/log/pods/{namespace}_{name}_{uid}"
        # The labels that a kubelet sets; crictl and others read a container's pod from them.
        kubelet = {
            "io.kubernetes.pod.name": name,
            "io.kubernetes.pod.namespace": namespace,
            "io.kubernetes.pod.uid": uid,
        }
        pod = {
            "metadata": {"name": name, "namespace": namespace, "uid": uid, "attempt": 0},
            "log_directory": folder,
            "labels": {**kubelet, **(labels or {})},
            "annotations": dict(annotations or {}),
            "linux": {"security_context": {"namespace_options": {"network": 2 if host_network else 0}}},
        }
        container = {
            "metadata": {"name": name, "attempt": 0},
            "image": {"image": reference},
            "command": list(command or []),
            "args": list(arguments or []),
            "envs": [{"key": key, "value": value} for key, value in (environment or {}).items()],
            "labels": {**kubelet, "io.kubernetes.container.name": name, **(labels or {})},
            "log_path": f"{name}/0.log",
            "linux": {},
        }
        work = f"/run/testbed-pod-{uid}"
        self._unpack(work, {"pod.json": json.dumps(pod), "container.json": json.dumps(container)})
        runp = ["crictl", "runp", *(["--runtime", handler] if handler else []), f"{work}/pod.json"]
        script = (
            f"set -e; mkdir -p {shlex.quote(f'{folder}/{name}')}; crictl pull {shlex.quote(reference)} >&2; "
            f"pod=$({shlex.join(runp)}); "
            f"container=$(crictl create $pod {work}/container.json {work}/pod.json); "
            f'crictl start $container >&2; rm -r {work}; echo "$pod $container"'
        )
        pod_id, container_id = self.check(script).split()[-2:]
        return Pod(name, pod_id, container_id, f"{folder}/{name}/0.log")

    def remove_pods(self) -> None:
        """Stop and remove every pod."""
        self.run("crictl pods -q | xargs -r crictl rmp --force", limit=120)

    def _unpack(self, folder: str, files: Mapping[str, str]) -> None:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            for name, text in files.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(text.encode())
                tar.addfile(entry, io.BytesIO(text.encode()))
        self.check(["sh", "-c", f"mkdir -p {folder} && tar -x -C {folder}"], stdin=buffer.getvalue())
