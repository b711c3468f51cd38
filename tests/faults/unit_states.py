# SPDX-License-Identifier: GPL-3.0-or-later
"""The unit is in any state of systemd when a change starts."""

from faults.scene import ENVIRONMENT_FILE, FOREIGN_UNIT_FOLDER, Scene, expect, results
from faults.table import AFTER, ANY, BEFORE, DONE, EITHER, REFUSED, UNDONE, fault

SHORT = 6  # seconds for a wait that ends in vain
TAKEN_PORT = {"crio_config__taken": {"crio": {"metrics": {"enable_metrics": True, "metrics_port": 22}}}}


def end_control_process(scene: Scene) -> None:
    """End the command that systemd waits for."""
    scene.sh('pid=$(systemctl show crio -p ControlPID --value); [ "$pid" = 0 ] || kill $pid')


def wait_until(scene: Scene, state: str, limit: float = 30) -> None:
    """Wait for an ActiveState of the unit."""
    scene.node.wait_for(
        state,
        lambda: ((seen := scene.sh("systemctl show crio -p ActiveState --value").strip()) == state, seen),
        limit,
    )


@fault("the daemon is reloading when a change begins", ends=AFTER, reports=DONE)
def reloading(scene):
    scene.unit_settings("ExecReload=/bin/sleep 5")
    scene.sh("systemctl reload --no-block crio")
    wait_until(scene, "reloading")
    yield scene.apply()
    scene.no_unit_settings()


@fault(
    "the daemon reloads for longer than a change waits",
    ends=BEFORE,
    reports=REFUSED,
    names=("crio.service", "reload"),
    daemon="reloading",
)
def reloading_for_ever(scene):
    scene.ready = SHORT
    scene.unit_settings("ExecReload=/bin/sleep 600")
    scene.sh("systemctl reload --no-block crio")
    wait_until(scene, "reloading")
    yield scene.apply()
    end_control_process(scene)
    scene.no_unit_settings()


@fault(
    "the daemon reloads, and a restart would stop its containers",
    ends=BEFORE,
    reports=REFUSED,
    names=("crio.service", ("2 running containers", "reload")),
    daemon="reloading",
    real_crio="the stand-in's pods outlive every restart",
)
def reloading_under_pods(scene):
    scene.ready = SHORT
    scene.unit_settings("KillMode=control-group\nExecReload=/bin/sleep 600")
    scene.sh("systemctl reload --no-block crio")
    wait_until(scene, "reloading")
    yield scene.apply()
    end_control_process(scene)
    scene.no_unit_settings()


@fault("the daemon is starting when a change begins", ends=AFTER, reports=DONE)
def starting(scene):
    scene.unit_settings("ExecStartPre=/bin/sleep 5")
    scene.sh("systemctl restart --no-block crio")
    wait_until(scene, "activating")
    yield scene.apply()
    scene.no_unit_settings()


@fault(
    "the daemon is starting when a failing change begins",
    ends=BEFORE,
    reports=UNDONE,
    names=("address already in use",),
)
def starting_and_undone(scene):
    scene.unit_settings("ExecStartPre=/bin/sleep 4")
    scene.sh("systemctl restart --no-block crio")
    wait_until(scene, "activating")
    yield scene.apply(**TAKEN_PORT)
    scene.no_unit_settings()


@fault(
    "the daemon is starting when a change is refused",
    ends=BEFORE,
    reports=REFUSED,
    names=(ENVIRONMENT_FILE, "link"),
)
def starting_and_refused(scene):
    scene.sh(f"mv {ENVIRONMENT_FILE} /root/faults-target; ln -s /root/faults-target {ENVIRONMENT_FILE}")
    scene.unit_settings("ExecStartPre=/bin/sleep 5")
    scene.sh("systemctl restart --no-block crio")
    wait_until(scene, "activating")
    yield scene.apply()
    scene.sh(f"rm {ENVIRONMENT_FILE}")
    scene.no_unit_settings()


@fault(
    "the daemon never finishes starting",
    ends=BEFORE,
    reports=REFUSED,
    names=("crio.service", ("activating", "start")),
    daemon="activating",
)
def starting_for_ever(scene):
    scene.ready = SHORT
    scene.unit_settings("ExecStartPre=/bin/sleep 600")
    scene.sh("systemctl restart --no-block crio")
    wait_until(scene, "activating")
    yield scene.apply()
    end_control_process(scene)
    scene.no_unit_settings()
    scene.restart()


@fault("the daemon is stopping when a change begins", ends=AFTER, reports=DONE)
def stopping(scene):
    scene.unit_settings("ExecStop=/bin/sleep 5")
    scene.sh("systemctl stop --no-block crio")
    wait_until(scene, "deactivating")
    yield scene.apply()
    scene.no_unit_settings()


@fault(
    "the daemon never finishes stopping",
    ends=BEFORE,
    reports=REFUSED,
    names=(("deactivating", "stop"),),
    daemon="deactivating",
)
def stopping_for_ever(scene):
    scene.ready = SHORT
    scene.unit_settings("ExecStop=/bin/sleep 600\nTimeoutStopSec=600")
    scene.sh("systemctl stop --no-block crio")
    wait_until(scene, "deactivating")
    yield scene.apply()
    end_control_process(scene)
    scene.no_unit_settings()
    scene.restart()


@fault("the daemon is stopped, and a change starts it as check mode predicted", ends=AFTER, reports=DONE)
def stopped(scene):
    scene.sh("systemctl stop crio")
    scene.before = scene.look()
    predicted = results(scene.apply("--check"))[-1]
    expect(predicted["plan"]["reasons"], f"check mode gives no reason for the start: {predicted['plan']}")
    run = scene.again().result()
    expect(run.rc or results(run)[-1]["plan"] == predicted["plan"], "check mode predicted another plan")
    yield run


@fault(
    "the daemon is stopped, and a change fails",
    ends=BEFORE,
    reports=UNDONE,
    names=("address already in use",),
)
def stopped_and_undone(scene):
    scene.sh("systemctl stop crio")
    yield scene.apply(**TAKEN_PORT)
    scene.restart()


@fault("the daemon has failed when a change begins", ends=AFTER, reports=DONE)
def failed(scene):
    scene.unit_settings("ExecStartPre=/bin/false\nRestart=no")
    scene.node.run("systemctl restart crio")
    scene.no_unit_settings()
    wait_until(scene, "failed")
    yield scene.apply()


@fault(
    "the daemon has failed, and a change fails too",
    ends=BEFORE,
    reports=UNDONE,
    names=("address already in use",),
)
def failed_and_undone(scene):
    scene.unit_settings("ExecStartPre=/bin/false\nRestart=no")
    scene.node.run("systemctl restart crio")
    scene.no_unit_settings()
    wait_until(scene, "failed")
    yield scene.apply(**TAKEN_PORT)
    scene.restart()


@fault("the daemon has reached systemd's start limit", ends=AFTER, reports=DONE)
def start_limit(scene):
    scene.unit_settings(
        "ExecStartPre=/bin/false\nRestart=no\n[Unit]\nStartLimitIntervalSec=3600\nStartLimitBurst=2"
    )
    scene.node.run("for each in 1 2 3 4; do systemctl restart crio; done")
    output = scene.sh("journalctl -q --no-pager -o cat -u crio -n 20")
    expect("repeated too quickly" in output, f"the limit of starts was not reached: {output}")
    scene.sh(f"sed -i /false/d {FOREIGN_UNIT_FOLDER}/90-faults.conf; systemctl daemon-reload")
    yield scene.apply()
    scene.no_unit_settings()


@fault(
    "every start of the daemon fails, and systemd keeps restarting it",
    ends=BEFORE,
    reports=REFUSED,
    names=("crio.service",),
    daemon="activating",
)
def restart_loop(scene):
    scene.ready = SHORT
    scene.unit_settings(
        "ExecStartPre=/bin/false\nRestart=on-failure\nRestartSec=3\n[Unit]\nStartLimitIntervalSec=0"
    )
    scene.node.run("systemctl restart crio")
    wait_until(scene, "activating")
    yield scene.apply()
    scene.no_unit_settings()
    scene.sh("systemctl stop crio")
    scene.restart()


@fault("a job for the daemon is queued when a change begins", ends=AFTER, reports=DONE)
def queued(scene):
    scene.node.copy_in(
        "/run/systemd/system/slow-faults.service",
        "[Unit]\nBefore=crio.service\n[Service]\nType=oneshot\nExecStart=/bin/sleep 6\n",
    )
    scene.unit_settings("[Unit]\nWants=slow-faults.service")
    scene.sh("systemctl stop crio; systemctl start --no-block crio")
    yield scene.apply()
    scene.sh("rm /run/systemd/system/slow-faults.service")
    scene.no_unit_settings()


@fault("the unit is masked while the daemon runs", ends=BEFORE, reports=REFUSED, names=("masked", "unmask"))
def masked(scene):
    scene.sh("systemctl mask --runtime crio")
    yield scene.apply()
    scene.sh("systemctl unmask --runtime crio; systemctl daemon-reload")


@fault(
    "the service is not enabled, and a change enables it as check mode predicted", ends=AFTER, reports=DONE
)
def disabled(scene):
    scene.sh("systemctl disable crio")
    scene.before = scene.look()
    predicted = results(scene.apply("--check"))[-1]["plan"]
    expect(any("enable" in each for each in predicted["reasons"]), f"no reason names it: {predicted}")
    yield scene.again().result()


@fault(
    "the service is not enabled, and a change fails",
    ends=BEFORE,
    reports=UNDONE,
    names=("address already in use",),
)
def disabled_and_undone(scene):
    scene.sh("systemctl disable crio")
    yield scene.apply(**TAKEN_PORT)
    scene.sh("systemctl enable crio")


@fault(
    "somebody keeps restarting the daemon during a change",
    ends=EITHER,
    reports=ANY,
    names=("run again",),
)
def restarted_over_and_over(scene):
    scene.unit_settings("[Unit]\nStartLimitIntervalSec=0")
    scene.behind("for each in 1 2 3; do systemctl restart crio; sleep 1; done")
    yield scene.apply()
    scene.end_of_behind()
    scene.no_unit_settings()
