# SPDX-License-Identifier: GPL-3.0-or-later
"""One node for faults: its configuration, its containers, and the actions of a fault."""

import contextlib
import copy
import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from faults.installations import PREINSTALLED, WAYS, Supply
from testbed import bed, playbooks
from testbed.bed import TestBed
from testbed.node import Node
from testbed.playbooks import Run

ON_NODE = Path(__file__).parent / "on_node"
PLAY = {"hosts": "nodes", "gather_facts": False, "roles": ["cri.node.runtime"]}
ACTION = "cri.node.runtime_config"
DROP_IN = "/etc/crio/crio.conf.d/60-cri-node.conf"
UNIT_DROP_IN = "/etc/systemd/system/crio.service.d/60-cri-node.conf"
ENVIRONMENT_FILE = "/etc/crio/cri-node.environment"
REGISTRIES = "/etc/containers/registries.conf.d/zz-cri-node.conf"
MANAGED = (DROP_IN, UNIT_DROP_IN, ENVIRONMENT_FILE, REGISTRIES)
STATE = "/var/lib/cri-node/state.json"
INTENT = "/var/lib/cri-node/transaction/intent.json"
UNIT = "cri-node-apply.service"
SOCKET = "/var/run/crio/crio.sock"
ROOTS = ("/etc/crio", "/etc/containers", "/etc/systemd/system", "/etc/cni", "/etc/crictl.yaml")
# Whatever a fault makes on a node has this word in its path, so that the judge can tell it from what a change made.
WORD = "faults"
FOLDER = "/run/faults"  # gone with a power cut
FOREIGN_UNIT_FOLDER = "/run/systemd/system/crio.service.d"
READY = 40  # seconds; enough for a CRI-O on a busy machine, and a failing run does not take for ever
RUN_LIMIT = 300  # seconds
_marks = itertools.count(83886081)  # values of crio.api.grpc_max_recv_msg_size: one for each configuration


def _saved(program: str) -> str:
    return f"/root/faults-saved-{program.rpartition('/')[2]}"


class Wrong(Exception):
    """The node is not in the expected state; the message is for users."""


class Unplayable(Exception):
    """The node lacks something that a fault requires. Raised before anything was done to the node."""


def expect(holds: object, what: str) -> None:
    """Raise Wrong if a condition is false."""
    if not holds:
        raise Wrong(what)


@dataclass(frozen=True)
class Resident:
    """A container that runs on the node all the time, and that no run may stop."""

    identity: str
    pid: str
    started: str
    pod: str = ""


@dataclass(frozen=True)
class Look:
    """The state of a node at one moment, as printed by on_node/look.py."""

    data: dict[str, Any] = field(repr=False)

    def __getattr__(self, name: str) -> Any:
        return self.data[name]

    @property
    def active(self) -> str:
        """The unit's ActiveState."""
        return self.unit.get("ActiveState", "")

    @property
    def aim(self) -> str:
        """up or down: the state that systemd is working towards."""
        if self.unit.get("Job", "0") not in ("", "0"):
            return "up"
        return "down" if self.active in ("inactive", "failed", "deactivating") else "up"


class Scene:
    """One node, and the fault that is currently injected on it."""

    def __init__(self, test_bed: TestBed, name: str, supply: Supply):
        self.bed = test_bed
        self.name = name
        self.supply = supply
        self.installation: Any = None  # how the node gets CRI-O, see installations.py
        self.node: Node = None
        self.residents: list[Resident] = []
        self.marks: dict[str, int | None] = dict.fromkeys(MANAGED)
        self.modes: dict[str, str] = {}  # of the managed files, as the first run made them
        self.steps: list[str] = []  # of a whole change
        self.asked: dict[str, Any] = {}  # the variables of the last run
        self._pool = ThreadPoolExecutor(4)
        self.reset()

    def reset(self) -> None:
        """Reset the state of the previous fault."""
        self.before: Look | None = None
        self.desired = dict(self.marks)
        self.aim = ""  # what systemd aims at beforehand, where the first look cannot show it
        # The value that the daemon uses at the end; None is not checked.
        self.live_mark: int | str | None = "desired"
        self.socket = SOCKET
        self.extra: list[Resident] = []  # containers of this fault that no run may lose
        self.loses_residents = False  # a power cut
        self.also_changed: tuple[str, ...] = ()  # files beside the four that this change writes
        self.release = ""  # of CRI-O after the change; empty for the same installation
        self.ready = READY
        self.layer: dict[str, Any] = {}

    # The node

    def make(self, way: str = PREINSTALLED) -> None:
        """Replace the node with a new one with the first configuration and two containers. way: how it gets CRI-O."""
        lacks = self.supply.lacks(way)
        if lacks:
            raise Unplayable(lacks)
        self.bed.remove(self.name)
        self.installation = None
        self.node = self.bed.add(self.name, crio=way == PREINSTALLED)[0]
        self.installation = WAYS[way](self.supply, self.node)
        self.installation.begin()
        self.marks = dict.fromkeys(MANAGED)
        self.reset()
        hook = (ON_NODE / "hook.py").read_text()
        self.node.check(f"mkdir -p {FOLDER}")
        folder = self.node.check(["python3", "-c", "import site; print(site.getsitepackages()[0])"]).strip()
        self.node.copy_in(f"{folder}/faults_hook.py", hook)
        self.node.copy_in(f"{folder}/faults.pth", "import faults_hook\n")
        self.node.copy_in("/usr/local/lib/faults/flags.py", (ON_NODE / "flags.py").read_text())
        self.node.copy_in("/etc/containers/registries.conf", "# The distribution's own.\n")
        self.apply().expect_success()
        self.marks = dict(self.desired)
        self.modes = {path: self.look().files[path][1] for path in MANAGED}
        expect(self.modes[ENVIRONMENT_FILE] == "0600", "others can read the file with the secret")
        self.record_steps()
        self.move_in()

    def record_steps(self) -> None:
        """Record the steps of a complete change."""
        self.hook("record")
        self.apply().expect_success()
        self.marks = dict(self.desired)
        self.steps = self.node.read_file(f"{FOLDER}/steps").splitlines()
        self.unhook()

    def move_in(self) -> None:
        """Start the containers that no run may stop."""
        self.residents = [self.start_container() for _each in range(2)]

    def start_container(self, **pod: Any) -> Resident:
        """Start a pod with one container."""
        made = self.node.run_pod(**pod)
        return self.resident(made.container_id, made.pod_id)

    def resident(self, identity: str, pod: str = "") -> Resident:
        """Return a running container with the identity of its process."""
        pid = str(self.node.crictl("inspect", "-o", "json", identity)["info"]["pid"])
        return Resident(identity, pid, self.look(pids=[pid]).started[pid], pod)

    def look(self, pids: list[str] | None = None) -> Look:
        """Read the state of the node. Raises NodeError."""
        if pids is None:
            pids = [each.pid for each in [*self.residents, *self.extra]]
        request = {
            "roots": ROOTS,
            "ignored": WORD,
            "texts": list(MANAGED),
            "canary": self.canary(self.desired[ENVIRONMENT_FILE]) if self.desired[ENVIRONMENT_FILE] else "",
            "pids": pids,
            "socket": self.socket,
            "installation": self.installation.state,
        }
        code = (ON_NODE / "look.py").read_text()
        out = self.node.check(["python3", "-c", code], stdin=json.dumps(request), limit=90)
        return Look(json.loads(out))

    @staticmethod
    def canary(mark: int) -> str:
        """Return the secret of one configuration."""
        return f"canary-of-{mark}"

    # Runs

    def variables(self, only: tuple[str, ...] = (), **layer: Any) -> dict[str, Any]:
        """Return role variables for a new configuration; `layer` overrides them.

        only: the files that change; the others stay as they are.
        """
        mark = next(_marks)
        self.desired = {path: mark if not only or path in only else old for path, old in self.marks.items()}
        variables = self.variables_of(self.desired)
        merge(variables, {**self.layer, **layer})
        self.asked = variables
        return variables

    def variables_of(self, marks: Mapping[str, int | None]) -> dict[str, Any]:
        """Return role variables for a configuration with these marks."""
        variables: dict[str, Any] = {"crio_ready_timeout": self.ready, **self.installation.variables()}
        if marks[DROP_IN]:
            api = {"grpc_max_recv_msg_size": marks[DROP_IN]}
            merge(variables, {"crio_config": {"crio": {"api": api}}})
        service = {"KillMode": "process"}
        if marks[UNIT_DROP_IN]:
            service["Environment"] = f"FAULTS_UNIT={marks[UNIT_DROP_IN]}"
        variables["crio_service"] = {"Service": service}
        if marks[ENVIRONMENT_FILE]:
            variables["crio_environment"] = {"FAULTS_SECRET": self.canary(marks[ENVIRONMENT_FILE])}
        if marks[REGISTRIES]:
            entry = {"location": f"step-{marks[REGISTRIES]}.invalid", "insecure": True}
            variables["registries_config"] = {"registry": [entry]}
        return variables

    def apply(
        self,
        *options: str,
        only: tuple[str, ...] = (),
        limit: float = RUN_LIMIT,
        times: int = 1,
        **layer: Any,
    ) -> Run:
        """Apply a new configuration and wait for the end of the run."""
        return self.begin(*options, only=only, limit=limit, times=times, **layer).result()

    def begin(
        self,
        *options: str,
        only: tuple[str, ...] = (),
        limit: float = RUN_LIMIT,
        times: int = 1,
        **layer: Any,
    ) -> "Future[Run]":
        """Start applying a new configuration; return a future of the run."""
        if self.before is None and "--check" not in options:
            self.before = self.look()
        variables = self.variables(only, **layer)
        return self.again(*options, variables=variables, limit=limit, times=times)

    def again(
        self,
        *options: str,
        variables: dict[str, Any] | None = None,
        limit: float = RUN_LIMIT,
        times: int = 1,
        env: Mapping[str, str] | None = None,
    ) -> "Future[Run]":
        """Start applying the last configuration again, or other variables."""
        variables = variables or self.asked
        return self._pool.submit(
            playbooks.run_playbook,
            [PLAY] * times,
            [self.node],
            *options,
            test_bed=self.bed,
            variables=variables,
            limit=limit,
            env=env,
        )

    def controller(self, env: Mapping[str, str] | None = None) -> subprocess.Popen:
        """Start applying a new configuration from a controller in its own process group."""
        if self.before is None:
            self.before = self.look()
        inventory = self.bed.inventory([self.node])
        inventory["all"]["children"]["nodes"]["vars"] = self.variables()
        (self.bed.folder / f"{self.name}.json").write_text(bed.inventory_text(inventory))
        (self.bed.folder / f"{self.name}.yml").write_text(json.dumps([PLAY]))
        return subprocess.Popen(
            [
                Path(sys.executable).parent / "ansible-playbook",
                "-i",
                self.bed.folder / f"{self.name}.json",
                self.bed.folder / f"{self.name}.yml",
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=playbooks.environment(env),
            start_new_session=True,
        )

    @staticmethod
    def kill_controller(process: subprocess.Popen) -> None:
        """Kill the controller with all its processes."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=30)

    # What a fault does

    def sh(self, command: str, limit: float = 60) -> str:
        """Run a shell command that must succeed on the node."""
        return self.node.check(command, limit=limit)

    def take_away(self, program: str) -> None:
        """Remove a program of the node until `put_back`.

        Programs are copied, not moved: on some overlay file systems, a file that was moved stays the same file as the one that
        replaced it. There, the file of the image may also reappear behind one that was removed, and is removed as well.
        """
        self.sh(
            f"cp -p {program} {_saved(program)}; for _each in 1 2 3; do rm -f {program}; test -e {program} || break; done;"
            f" test ! -e {program}"
        )

    @staticmethod
    def replacing(program: str, content: str) -> str:
        """Return the shell command that replaces a program of the node until `put_back`. content: a shell command's output."""
        new = f"{program}.new"
        return f"cp -p {program} {_saved(program)}; {content} > {new}; chmod 755 {new}; mv {new} {program}"

    def put_back(self, program: str) -> None:
        """Put back what `take_away` removed or `replacing` replaced, if it did."""
        saved, new = _saved(program), f"{program}.new"
        self.sh(
            f"if [ -e {saved} ]; then cp -p {saved} {new}; mv {new} {program}; cmp {saved} {program}; rm {saved}; fi"
        )

    def behind(self, command: str) -> None:
        """Start a shell command on the node in its own unit, without waiting for it."""
        name = f"faults-{next(_marks)}"
        self.node.check(["systemd-run", "--quiet", "--collect", f"--unit={name}", "sh", "-c", command])

    def end_of_behind(self) -> None:
        """Stop everything that `behind` started."""
        self.node.run("systemctl stop 'faults-*.service'")

    def hook(self, do: str, **where: Any) -> None:
        """Do something at one step of the next change, see on_node/hook.py."""
        self.unhook()
        self.node.copy_in(f"{FOLDER}/hook.json", json.dumps({"do": do, **where}))

    def unhook(self) -> None:
        """Remove the action."""
        self.node.run(f"rm -f {FOLDER}/hook.json {FOLDER}/reached {FOLDER}/go {FOLDER}/steps")

    def reached(self, limit: float = 90) -> str:
        """Wait until the change has reached the step; return the step."""
        path = f"{FOLDER}/reached"
        self.node.wait_for("the step of the fault", lambda: (self.node.exists(path), "not yet"), limit)
        return self.node.read_file(path)

    def go(self) -> None:
        """Continue a paused change."""
        self.node.check(f"touch {FOLDER}/go")

    def step(self, part: float) -> int:
        """Return the number of the step at this part (0 to 1) of a complete change."""
        return max(1, min(len(self.steps), round(part * len(self.steps))))

    def power_cut(self) -> None:
        """Cut the node's power."""
        self.loses_residents = True
        self.node.kill()

    def boot(self) -> None:
        """Power the node on again; CRI-O may be down."""
        self.node.boot(wait=False)

        def up() -> tuple[bool, str]:
            result = self.node.run("systemctl is-system-running")
            return result.out.strip() in ("running", "degraded"), result.out + result.err

        self.node.wait_for("systemd up", up, 120)
        self.node.wait_for("sshd", lambda: (self.node.run("ss -Hltn sport = :22").out != "", "not yet"))
        self.node.check(f"mkdir -p {FOLDER}")

    def unit_settings(self, text: str, name: str = "90-faults.conf") -> None:
        """Create another owner's drop-in of crio.service, which sorts after that of the collection."""
        self.node.copy_in(f"{FOREIGN_UNIT_FOLDER}/{name}", f"[Service]\n{text}\n")
        self.node.check("systemctl daemon-reload")

    def no_unit_settings(self, name: str = "90-faults.conf") -> None:
        """Remove it."""
        self.node.check(f"rm -f {FOREIGN_UNIT_FOLDER}/{name}; systemctl daemon-reload")

    def restart(self) -> None:
        """Restart CRI-O, as an administrator does."""
        self.node.check("systemctl reset-failed crio; systemctl restart crio", limit=90)
        self.node.wait_for_crio()

    def own_file_system(self, path: str, size: str = "16m", more: str = "") -> None:
        """Move a directory with its content to its own file system."""
        self.node.check(
            f"rm -rf /root/faults-copy; cp -a {path} /root/faults-copy;"
            f" mount -t tmpfs -o mode=755,size={size}{more} faults {path}; cp -a /root/faults-copy/. {path}/"
        )

    def no_own_file_system(self, path: str) -> None:
        """Move it back to the root file system."""
        self.node.check(
            f"mount -o remount,rw {path}; rm -rf /root/faults-copy {path}/faults-*; cp -a {path} /root/faults-copy;"
            f" umount -l {path}; find {path} -mindepth 1 -delete; cp -a /root/faults-copy/. {path}/;"
            " rm -rf /root/faults-copy"
        )

    def fill(self, path: str) -> None:
        """Fill the file system of a directory completely."""
        self.node.run(f"cat /dev/zero > {path}/faults-filler; sync")
        self.node.run(f"i=0; while echo x > {path}/faults-filler-$i; do i=$((i+1)); done", limit=30)

    def immutable(self, path: str, on: bool = True) -> None:
        """Make a file immutable, like chattr +i, or mutable."""
        self.node.check(["python3", "/usr/local/lib/faults/flags.py", path, "+" if on else "-"])


def merge(under: dict[str, Any], over: Mapping[str, Any]) -> None:
    """Merge a tree into another one, in place."""
    for key, value in over.items():
        if isinstance(value, Mapping) and isinstance(under.get(key), dict):
            merge(under[key], value)
        else:
            under[key] = copy.deepcopy(value)


def results(run: Run) -> list[dict[str, Any]]:
    """Return the results of the transaction's task, one for each time it ran."""
    return [entry["result"] for entry in run.results if entry["action"] == ACTION and _is_told(entry)]


def _is_told(entry: Mapping[str, Any]) -> bool:
    return entry["status"] == "failed" or "plan" in entry["result"]


def message(run: Run) -> str:
    """Return all messages of a run about why it failed."""
    failed = [entry["result"] for entry in run.results if entry["status"] in ("failed", "unreachable")]
    return str(failed[-1].get("msg", failed[-1])) if failed else ""
