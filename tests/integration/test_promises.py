# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that a run that reports success or `as_before` never loses a running container.

Sequences of changes, restarts, kills and ending pods are generated from a fixed seed and run on one node. After each run that
reports success or `as_before`, every container that was not stopped on purpose must still run as the same process, listed by
the runtime.
"""

import itertools
import random
from dataclasses import dataclass

import pytest

from faults.installations import Supply
from faults.scene import Scene, message, results
from testbed.observed import service

SEQUENCES = 40
SEED = 1037
STEPS = (
    "run systemctl restart",
    "os.rename /etc/crio",
    "os.rename /var/lib/cri-node/state.json",
    "run systemctl daemon-reload",
)
KILL_DAEMON = "kill -9 $(systemctl show crio -p MainPID --value)"
_names = itertools.count(1)


@dataclass(frozen=True)
class Step:
    """One step of a sequence: the action beforehand, the change, and the fault with the step of the change at which it occurs."""

    beforehand: tuple[str, ...]
    change: str
    event: str
    at: str


def sequences() -> list[tuple[Step, ...]]:
    """Return all sequences, which are the same in every run."""
    chance = random.Random(SEED)
    beforehand = ("start", "start", "end", "remove", "restart", "stop", "kill")
    changes = ("good", "good", "good", "doomed", "refused")
    events = (
        "nothing",
        "kill the change",
        "kill the daemon",
        "end a container",
        "remove a pod",
        "kill the daemon later",
    )
    return [
        tuple(
            Step(
                tuple(chance.choices(beforehand, k=chance.choice((0, 1, 1, 2)))),
                chance.choice(changes),
                chance.choice(events),
                chance.choice(STEPS),
            )
            for _step in range(chance.choice((1, 1, 2)))
        )
        for _sequence in range(SEQUENCES)
    ]


class Player:
    """Runs steps on a node, and knows which containers must still run."""

    def __init__(self, scene: Scene):
        self.scene = scene

    def play(self, step: Step) -> None:
        """Run one step: the action beforehand, the change, and the judgement."""
        for action in step.beforehand:
            self._do(action)
        while len(self.scene.residents) < 2:
            self._start()
        self._strike(step.event, step.at)
        run = self.scene.apply(**self._layer(step.change))
        self.scene.unhook()
        reported = results(run)
        promised = run.rc == 0 or (reported and reported[-1].get("as_before"))
        assert reported, f"the run reports nothing: {message(run)}"
        if promised:
            self.judge(step, run)
        if run.rc == 0:
            self.scene.marks = dict(self.scene.desired)
        self._settle()

    def judge(self, step: Step, run) -> None:
        """Check that every container that was not stopped on purpose runs, as a process and for the runtime."""

        def whole() -> tuple[bool, str]:
            look = self.scene.look()
            dead = [each.identity for each in self.scene.residents if look.started[each.pid] != each.started]
            assert not dead, f"{step}: {dead} lost their processes; the run: {message(run) or 'success'}"
            if look.active != "active" or look.containers is None:
                return look.aim == "down", f"the unit is {look.active}"
            unlisted = {each.identity for each in self.scene.residents} - set(look.containers)
            return (
                not unlisted,
                f"the runtime lists no more: {unlisted}; the run: {message(run) or 'success'}",
            )

        self.scene.node.wait_for(f"{step}: all containers", whole, 60)

    def _do(self, action: str) -> None:
        scene = self.scene
        if action == "start":
            self._serve()
            self._start()
        elif action in ("end", "remove"):
            self._serve()
            if scene.residents:
                self._ended(scene.residents.pop(), remove=action == "remove")
        elif action == "restart":
            scene.restart()
        elif action == "stop":
            scene.sh("systemctl stop crio")
        elif action == "kill":
            scene.node.run(KILL_DAEMON)

    def _start(self) -> None:
        self._serve()
        name = f"promise-{next(_names)}"
        self.scene.residents.append(self.scene.start_container(name=name, namespace="promises"))

    def _serve(self) -> None:
        if service(self.scene.node, "ActiveState") != "active":
            self.scene.sh("systemctl reset-failed crio; systemctl start crio", limit=90)
        self.scene.node.wait_for_crio()

    def _ended(self, container, remove: bool) -> None:
        self.scene.node.run(self._end_command(container, remove), limit=90)

    @staticmethod
    def _end_command(container, remove: bool) -> str:
        if remove:
            return f"crictl rmp -f {container.pod} >/dev/null 2>&1"
        return f"kill -9 {container.pid}"

    def _strike(self, event: str, at: str) -> None:
        scene = self.scene
        if event == "kill the change":
            scene.hook("kill", at=at)
        elif event == "kill the daemon":
            scene.hook(f"run {KILL_DAEMON}", at=at)
        elif event == "kill the daemon later":
            scene.hook(f"run (sleep 1; {KILL_DAEMON}) >/dev/null 2>&1 &", at=at)
        elif event in ("end a container", "remove a pod"):
            struck = scene.residents.pop()
            scene.hook(f"run {self._end_command(struck, event == 'remove a pod')}", at=at)

    @staticmethod
    def _layer(change: str) -> dict:
        if change == "doomed":
            return {"crio_config__port": {"crio": {"metrics": {"enable_metrics": True, "metrics_port": 22}}}}
        if change == "refused":
            return {"crio_service": {"Service": {"KillMode": "control-group"}}}
        return {}

    def _settle(self) -> None:
        """Wait until nothing of the change is left, then let the daemon serve for the next step."""
        scene = self.scene
        scene.node.wait_for("an end of the change", lambda: (not (left := scene.look().litter), left), 60)
        self._serve()
        # What the change is on by now: an interrupted one may have ended on either side.
        texts = scene.look().texts
        scene.marks = {
            path: mark if str(mark) in texts.get(path, "") else scene.marks[path]
            for path, mark in scene.desired.items()
        }


@pytest.fixture(scope="module")
def player(testbed, crio_source):
    """Return a node with the first configuration, whose daemon systemd restarts soon after a kill."""
    scene = Scene(testbed, "promises", Supply(testbed.source))
    scene.make()
    scene.unit_settings("RestartSec=1\n[Unit]\nStartLimitIntervalSec=0")
    yield Player(scene)
    testbed.remove("promises")


@pytest.mark.real_crio("the stand-in's pods outlive every restart")
def test_no_run_that_reports_success_or_as_before_has_lost_a_running_container(player):
    for number, sequence in enumerate(sequences()):
        for step in sequence:
            try:
                player.play(step)
            except Exception as error:
                raise AssertionError(f"sequence {number}: {error}") from error
