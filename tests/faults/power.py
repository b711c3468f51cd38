# SPDX-License-Identifier: GPL-3.0-or-later
"""Killed processes and power cuts at every step of a change and of a recovery."""

import time

from faults.scene import DROP_IN, INTENT, UNIT, UNIT_DROP_IN, Scene, expect
from faults.table import AFTER, ANY, BEFORE, EITHER, UNDONE, fault
from faults.unit_states import TAKEN_PORT

PARTS = 8  # a change is cut into so many parts
RESTART, COMMIT, RENAME = (
    "run systemctl restart",
    "os.rename /var/lib/cri-node/state.json",
    f"os.rename {DROP_IN}",
)
LAST_RENAME = f"os.rename {UNIT_DROP_IN}"
KILLED = {"ends": EITHER, "reports": ANY}


def cut_power_at(scene: Scene, **where: object) -> None:
    """Start a change, cut the power at one of its steps, and power the node on again."""
    scene.hook("pause", **where)
    future = scene.begin(limit=240)
    scene.reached()
    scene.power_cut()
    scene.boot()
    future.exception(timeout=240)


def killed_at_part(part: int) -> None:
    """The change's process is killed at one part of its steps."""

    @fault(f"a change is killed after {part} of {PARTS} parts", **KILLED)
    def story(scene):
        scene.hook("kill", number=scene.step(part / PARTS))
        yield scene.apply()


def power_cut_at_part(part: int, parts: int) -> None:
    """The power is cut at one part of the change's steps."""

    @fault(f"the power is cut after {part} of {parts} parts of a change", **KILLED)
    def story(scene):
        cut_power_at(scene, number=scene.step(part / parts))
        yield None


for _part in range(1, PARTS + 1):
    killed_at_part(_part)
for _part in range(1, 6):
    power_cut_at_part(_part, 6)


@fault("a change is killed after it was committed", ends=AFTER, reports=ANY)
def killed_after_commit(scene):
    scene.hook("kill", at=COMMIT, then=2)
    yield scene.apply()


@fault("a change is killed before it is committed", ends=BEFORE, reports=ANY)
def killed_before_commit(scene):
    scene.hook("kill", at=COMMIT)
    yield scene.apply()


@fault("a change is killed, and so is the recovery that follows", ends=BEFORE, reports=ANY)
def recovery_killed(scene):
    # The recovery of the unit is killed in its first rename; what is left is for whoever comes next.
    scene.hook("pause", at=LAST_RENAME, then=1)
    future = scene.begin()
    scene.reached()
    scene.hook("kill", verb="recover", at="os.rename /etc")
    scene.sh(f"systemctl kill --kill-whom=main -s KILL {UNIT}")
    scene.reached()
    scene.unhook()
    yield future.result()


@fault("a change is killed with all its processes at once", ends=EITHER, reports=ANY)
def all_killed(scene):
    scene.hook("pause", at=LAST_RENAME, then=1)
    future = scene.begin()
    scene.reached()
    scene.sh(f"systemctl kill --kill-whom=all -s KILL {UNIT}")
    yield future.result()


@fault("somebody stops the unit of a change", ends=EITHER, reports=ANY)
def unit_stopped(scene):
    scene.hook("pause", at=LAST_RENAME, then=1)
    future = scene.begin()
    scene.reached()
    scene.sh(f"systemctl stop {UNIT}", limit=120)
    yield future.result()


@fault("a change hangs for ten seconds and continues", ends=AFTER, reports=ANY)
def hangs(scene):
    scene.hook("pause", at=LAST_RENAME)
    future = scene.begin()
    scene.reached()
    scene.sh(f"systemctl kill --kill-whom=main -s STOP {UNIT}; sleep 10")
    scene.sh(f"systemctl kill --kill-whom=main -s CONT {UNIT}")
    scene.go()
    yield future.result()


@fault("the module that waits for a change is killed", ends=AFTER, reports=ANY)
def caller_killed(scene):
    scene.hook("pause", at=LAST_RENAME)
    future = scene.begin()
    scene.reached()
    scene.sh("pkill -9 -x systemd-run || pkill -9 -f 'systemd-run --quiet'")
    scene.go()
    yield future.result() and None


@fault("the connection is cut in the middle of a change", ends=AFTER, reports=ANY)
def connection_cut(scene):
    scene.hook("pause", at=LAST_RENAME)
    future = scene.begin()
    scene.reached()
    scene.sh("pkill -9 sshd-session || pkill -9 -f 'sshd: root@'")
    scene.go()
    future.result()
    yield None


@fault("the controller dies in the middle of a change", ends=AFTER, reports=ANY)
def controller_dies(scene):
    scene.hook("pause", at=LAST_RENAME)
    process = scene.controller()
    scene.reached()
    scene.kill_controller(process)
    scene.go()
    yield None


def daemon_killed(when: str, command: str, **where: object) -> None:
    """The daemon is killed at one point of a change; systemd starts it again, or the change does."""

    @fault(f"the daemon is killed {when}", **KILLED)
    def story(scene):
        scene.unit_settings("RestartSec=2\n[Unit]\nStartLimitIntervalSec=0")
        scene.hook(f"run {command}", **where)
        yield scene.apply()
        scene.no_unit_settings()


KILL = "kill -9 $(systemctl show crio -p MainPID --value)"
daemon_killed("before the first file is replaced", KILL, at=RENAME)
daemon_killed("just before its restart", KILL, at=RESTART)
daemon_killed("while it starts", f"(sleep 0.6; {KILL}) >/dev/null 2>&1 &", at=RESTART)
daemon_killed("a second after its start", f"(sleep 2; {KILL}) >/dev/null 2>&1 &", at=RESTART)
daemon_killed("just before the change is committed", KILL, at=COMMIT)


@fault(
    "every new daemon dies two seconds after its start",
    ends=BEFORE,
    reports=UNDONE,
    names=(("did not stay up", "killed", "status"),),
)
def dies_after_start(scene):
    later = "/bin/sh -c '(sleep 2; kill -9 $MAINPID) >/dev/null 2>&1 &'"
    yield scene.apply(crio_service={"Service": {"ExecStartPost": later}})


@fault("the power is cut while the daemon restarts", **KILLED)
def power_cut_during_restart(scene):
    scene.unit_settings("ExecStartPre=/bin/sleep 5")
    scene.hook("run touch /run/faults/reached", at=RESTART)
    future = scene.begin(limit=240)
    scene.reached()
    time.sleep(1.5)
    scene.power_cut()
    scene.boot()
    future.exception(timeout=240)
    yield None


@fault("the power is cut while a failed change is undone", ends=BEFORE, reports=ANY)
def power_cut_during_recovery(scene):
    scene.hook("pause", at="run systemctl stop")
    future = scene.begin(limit=240, **TAKEN_PORT)
    scene.reached()
    scene.power_cut()
    scene.boot()
    future.exception(timeout=240)
    yield None


@fault("the power is cut while a recovery waits for its next attempt", ends=BEFORE, reports=ANY)
def power_cut_before_retry(scene):
    scene.hook("pause", at="run systemctl stop")
    future = scene.begin(**TAKEN_PORT)
    scene.reached()
    scene.sh(f"rm {DROP_IN}; mkdir {DROP_IN}; : > {DROP_IN}/somebodys")
    scene.go()
    future.result()
    expect(scene.node.exists(INTENT), "the file cannot have been put back, and nothing is open")
    scene.sh(f"rm -r {DROP_IN}")
    scene.power_cut()
    scene.boot()
    yield None


@fault("the power is cut twice, the second time during the recovery", ends=BEFORE, reports=ANY)
def two_power_cuts(scene):
    cut = {"at": LAST_RENAME, "then": 1}
    scene.hook("pause", **cut)
    future = scene.begin(limit=240)
    scene.reached()
    scene.power_cut()
    scene.node.boot(wait=False)
    time.sleep(1.5)
    scene.power_cut()
    scene.boot()
    future.exception(timeout=240)
    yield None


@fault("the node is shut down in the middle of a change", **KILLED)
def shut_down(scene):
    scene.hook("pause", at=LAST_RENAME, then=1)
    future = scene.begin(limit=240)
    scene.reached()
    scene.loses_residents = True
    scene.node.stop()
    scene.boot()
    future.exception(timeout=240)
    yield None
