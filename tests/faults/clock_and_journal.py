# SPDX-License-Identifier: GPL-3.0-or-later
"""Clocks that jump, a journal that is stopped, full or written to by others, and daemons that log elsewhere."""

from faults.scene import FOLDER, REGISTRIES, Unplayable, expect, results
from faults.table import AFTER, BEFORE, DONE, UNDONE, fault
from faults.unit_states import TAKEN_PORT

JOURNALD = "/run/systemd/journald.conf.d/90-faults.conf"
RELOADED = "Configuration reload completed"
# Somebody else's file that makes every reload of the registries fail, although the whole of a change is right.
BROKEN = '[[registry]]\nlocation = "http://faults.invalid"\n'


def journal(scene, settings: str) -> None:
    """Change the settings of journald."""
    scene.node.copy_in(JOURNALD, f"[Journal]\n{settings}\n")
    scene.sh("systemctl restart systemd-journald")


def no_journal_settings(scene) -> None:
    """Remove the settings."""
    scene.sh(f"rm -f {JOURNALD}; systemctl reset-failed systemd-journald; systemctl restart systemd-journald")
    scene.restart()  # its standard output was connected to the former journald


def registries_change(scene):
    """Make a change that only needs a reload; return the run."""
    return scene.apply(only=(REGISTRIES,))


def expect_restart(run) -> None:
    """Expect a plan with a restart, because the outcome of a reload could not be observed."""
    if run.rc:
        return
    plan = results(run)[-1]["plan"]
    expect(plan["disruption"] == "restart", f"a reload that nobody can see: {plan}")
    expect(any("reload" in each for each in plan["reasons"]), f"no reason says why it is a restart: {plan}")


@fault("registries change with a reload", ends=AFTER, reports=DONE)
def plain_reload(scene):
    run = registries_change(scene)
    expect(run.rc or results(run)[-1]["plan"]["disruption"] == "reload", "the plan is not a reload")
    yield run


@fault("journald stores nothing", ends=AFTER, reports=DONE)
def storage_none(scene):
    journal(scene, "Storage=none")
    run = registries_change(scene)
    expect_restart(run)
    yield run
    no_journal_settings(scene)


@fault("journald is stopped", ends=AFTER, reports=DONE)
def journald_stopped(scene):
    sockets = "systemd-journald.socket systemd-journald-dev-log.socket systemd-journald-audit.socket"
    scene.node.run(
        f"systemctl mask --runtime systemd-journald.service {sockets}; systemctl stop {sockets} systemd-journald"
    )
    run = registries_change(scene)
    scene.node.run(
        f"systemctl unmask --runtime systemd-journald.service {sockets}; systemctl daemon-reload; systemctl start {sockets}"
    )
    expect_restart(run)
    yield run
    no_journal_settings(scene)


@fault("journald rate-limits the daemon's lines", ends=AFTER, reports=DONE)
def rate_limit(scene):
    journal(scene, "RateLimitIntervalSec=1h\nRateLimitBurst=1")
    scene.restart()
    run = registries_change(scene)
    expect_restart(run)
    yield run
    no_journal_settings(scene)


@fault("the daemon logs to a file", ends=AFTER, reports=DONE)
def logs_elsewhere(scene):
    scene.unit_settings("StandardOutput=append:/var/log/faults.log\nStandardError=append:/var/log/faults.log")
    scene.restart()
    run = registries_change(scene)
    expect_restart(run)
    yield run
    scene.no_unit_settings()
    scene.restart()


@fault("the daemon logs to a file, and a new start fails", ends=BEFORE, reports=UNDONE, names=("crio",))
def logs_elsewhere_and_undone(scene):
    scene.unit_settings("StandardOutput=append:/var/log/faults.log\nStandardError=append:/var/log/faults.log")
    scene.restart()
    yield scene.apply(**TAKEN_PORT)
    scene.no_unit_settings()
    scene.restart()


@fault("journald is stopped, and a new start fails", ends=BEFORE, reports=UNDONE, names=("crio",))
def journald_stopped_and_undone(scene):
    sockets = "systemd-journald.socket systemd-journald-dev-log.socket"
    scene.node.run(
        f"systemctl mask --runtime systemd-journald.service {sockets}; systemctl stop {sockets} systemd-journald"
    )
    run = scene.apply(**TAKEN_PORT)
    scene.node.run(
        f"systemctl unmask --runtime systemd-journald.service {sockets}; systemctl daemon-reload; systemctl start {sockets}"
    )
    yield run
    no_journal_settings(scene)


@fault("journald is restarted and its journal emptied in the middle of a change", ends=AFTER, reports=DONE)
def vacuumed(scene):
    scene.hook(
        "run journalctl -q --rotate --vacuum-size=1K; systemctl restart systemd-journald",
        at="run systemctl restart",
    )
    yield scene.apply()


@fault(
    "the journal is emptied in the middle of a change that fails",
    ends=BEFORE,
    reports=UNDONE,
    names=("address already in use",),
)
def vacuumed_and_undone(scene):
    scene.hook("run journalctl -q --rotate --vacuum-size=1K", at="run systemctl restart")
    yield scene.apply(**TAKEN_PORT)


def lies(scene, who: str) -> None:
    """Another program repeatedly writes the daemon's line about a successful reload into the journal."""
    line = f'time=\\"2020-01-01T00:00:00Z\\" level=info msg=\\"{RELOADED}\\"'
    scene.behind(f'while :; do echo "{line}" | systemd-cat -t {who}; sleep 0.2; done')


def broken_between(scene) -> None:
    """Another program creates a file between the check of the registries and the reload, which CRI-O then refuses."""
    scene.node.copy_in("/run/faults/broken.conf", BROKEN)
    target = "/etc/containers/registries.conf.d/55-faults.conf"
    scene.hook(f"run cp /run/faults/broken.conf {target}", at="run systemctl reload")


@fault(
    "somebody writes the message of a successful reload to the journal, and the reload fails",
    ends=BEFORE,
    reports=UNDONE,
    names=("reload", "faults.invalid"),
)
def told_by_others(scene):
    lies(scene, "crio")
    broken_between(scene)
    run = registries_change(scene)
    scene.end_of_behind()
    yield run
    scene.sh("rm /etc/containers/registries.conf.d/55-faults.conf; systemctl reload crio")


@fault(
    "a reload fails because of somebody else's new file",
    ends=BEFORE,
    reports=UNDONE,
    names=("reload", "faults.invalid"),
)
def reload_fails(scene):
    broken_between(scene)
    yield registries_change(scene)
    scene.sh("rm /etc/containers/registries.conf.d/55-faults.conf; systemctl reload crio")


@fault(
    "a container writes the message of a successful reload to the journal, and the reload fails",
    ends=BEFORE,
    reports=UNDONE,
    names=("reload", "faults.invalid"),
    real_crio="the stand-in has no log_to_journald",
)
def told_by_a_container(scene):
    # A conmon that was built without libsystemd has this complaint in it.
    if (
        scene.node.run(
            "grep -q 'Include journald in compilation' /usr/libexec/crio/conmon /usr/bin/conmon"
        ).rc
        == 0
    ):
        raise Unplayable("this conmon was built without a log driver for journald")
    scene.node.copy_in("/etc/crio/crio.conf.d/20-faults.conf", "[crio.runtime]\nlog_to_journald = true\n")
    scene.restart()
    line = f'level=info msg=\\"{RELOADED}\\"'
    script = f"while :; do echo '{line}'; sleep 0.2; done".replace('\\"', '"')
    scene.node.run_pod(name="liar", namespace="faults", command=["sh", "-c", script])
    broken_between(scene)
    yield registries_change(scene)
    scene.node.run("crictl pods -q --namespace faults | xargs -r crictl rmp --force", limit=120)
    scene.sh("rm /etc/containers/registries.conf.d/55-faults.conf /etc/crio/crio.conf.d/20-faults.conf")
    scene.restart()


def clock_steps(name: str, seconds: int) -> None:
    """All Python processes of the collection see a different clock than the kernel, as after a clock step."""

    @fault(f"the clock jumps {name} by a day between two runs", ends=AFTER, reports=DONE)
    def story(scene):
        scene.node.copy_in(f"{FOLDER}/clock", str(seconds))
        yield scene.apply()
        again = scene.again().result()
        scene.sh(f"rm {FOLDER}/clock")
        expect(
            again.rc == 0 and not results(again)[-1]["changed"],
            f"the clock made a second run change something: {again.out[-600:]}",
        )

    @fault(f"the clock jumps {name} by a day in the middle of a change", ends=AFTER, reports=DONE)
    def during(scene):
        scene.hook(f"run echo {seconds} > {FOLDER}/clock", at="run systemctl restart")
        run = scene.apply()
        scene.sh(f"rm {FOLDER}/clock")
        yield run

    @fault(
        f"the clock jumps {name} by a day, and a reload is refused",
        ends=BEFORE,
        reports=UNDONE,
        names=("reload", "faults.invalid"),
    )
    def reload(scene):
        scene.sh("systemctl reload crio; sleep 1")
        scene.node.copy_in(f"{FOLDER}/clock", str(seconds))
        broken_between(scene)
        run = registries_change(scene)
        scene.sh(f"rm {FOLDER}/clock /etc/containers/registries.conf.d/55-faults.conf; systemctl reload crio")
        yield run


clock_steps("forward", 86400)
clock_steps("back", -86400)
