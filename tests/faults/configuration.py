# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of the unit and the configuration that cannot work, or that use unusual locations."""

from faults.containers import HANDLERS, remove_pods
from faults.scene import DROP_IN, Scene, expect, message
from faults.table import AFTER, ANY, BEFORE, DONE, EITHER, FAILS, REFUSED, UNDONE, fault
from faults.unit_states import wait_until

CRUN, CONMON = "/usr/local/lib/testbed/crun", "conmon"
CLOSED = "closed channel"  # CRI-O's line when it stops: never the cause of a failed start
# Where the unit's own ExecStart is replaced by another one.
EXEC = "ExecStart=\nExecStart="
OPTIONS = "$CRIO_CONFIG_OPTIONS $CRIO_RUNTIME_OPTIONS $CRIO_STORAGE_OPTIONS $CRIO_NETWORK_OPTIONS $CRIO_METRICS_OPTIONS"


def service(**settings: object) -> dict:
    """Return settings of the unit for the role."""
    return {"crio_service": {"Service": settings}}


def crio(scene: Scene) -> str:
    """Return the path of crio on the node."""
    return scene.sh("command -v crio").strip()


def wrapped(name: str, wrapper: str, stopped: bool, **more) -> None:
    """The unit starts crio through a wrapper program."""

    @fault(f"the unit starts crio through {name}{', and is stopped' if stopped else ''}", **more)
    def story(scene):
        scene.node.copy_in(
            "/usr/local/lib/faults/start-runtime", f'#!/bin/sh\nexec {crio(scene)} "$@"\n', mode=0o755
        )
        scene.unit_settings(f"{EXEC}{wrapper.replace('CRIO', crio(scene))} {OPTIONS}")
        scene.restart()
        if stopped:
            scene.sh("systemctl stop crio")
        yield scene.apply()
        scene.no_unit_settings()
        scene.restart()


wrapped("a script that executes it", "/usr/local/lib/faults/start-runtime", False, ends=AFTER, reports=DONE)
wrapped("/usr/bin/env", "/usr/bin/env CRIO", False, ends=AFTER, reports=DONE)
wrapped("/usr/bin/env", "/usr/bin/env CRIO", True, ends=AFTER, reports=DONE)
wrapped("nice", "/usr/bin/nice -n 0 CRIO", True, ends=AFTER, reports=DONE)
wrapped(
    "a script that executes it",
    "/usr/local/lib/faults/start-runtime",
    True,
    ends=BEFORE,
    reports=REFUSED,
    names=("ExecStart", "start-runtime"),
)


def elsewhere(name: str, set_up: str, names: tuple) -> None:
    """The daemon reads a different configuration directory than usual."""

    @fault(
        f"the daemon reads another directory than crio.conf.d because of {name}",
        ends=BEFORE,
        reports=REFUSED,
        names=names,
    )
    def story(scene):
        scene.sh("cp -a /etc/crio/crio.conf.d /etc/crio/faults.d")
        scene.unit_settings(set_up.replace("=CRIO ", f"={crio(scene)} "))
        scene.restart()
        yield scene.apply()
        scene.no_unit_settings()
        scene.sh("rm -r /etc/crio/faults.d")
        scene.restart()


elsewhere(
    "an option of ExecStart",
    f"{EXEC}CRIO --config-dir=/etc/crio/faults.d {OPTIONS}",
    ("--config-dir", "/etc/crio/faults.d"),
)
elsewhere(
    "an option with a separate argument",
    f"{EXEC}CRIO -d /etc/crio/faults.d {OPTIONS}",
    ("/etc/crio/faults.d",),
)
elsewhere(
    "a variable with options",
    'Environment="CRIO_CONFIG_OPTIONS=--config-dir=/etc/crio/faults.d"',
    ("--config-dir", "/etc/crio/faults.d"),
)
elsewhere(
    "CONTAINER_CONFIG_DIR",
    "Environment=CONTAINER_CONFIG_DIR=/etc/crio/faults.d",
    ("CONTAINER_CONFIG_DIR", "/etc/crio/faults.d"),
)


@fault("an option of the daemon outranks our key", ends=AFTER, reports=DONE)
def option_outranks(scene):
    scene.unit_settings(f"{EXEC}{crio(scene)} --grpc-max-recv-msg-size 99999999 {OPTIONS}")
    scene.restart()
    scene.live_mark = 99999999
    run = scene.apply()
    expect(
        run.rc or "grpc_max_recv_msg_size" in run.out + run.err,
        "the run does not say that our key is outranked",
    )
    yield run
    scene.no_unit_settings()
    scene.restart()


def missing(what: str, path: str, names: tuple, **more) -> None:
    """A program that a start requires is missing; the running daemon continues without it."""

    @fault(f"{what} is missing", ends=BEFORE, reports=REFUSED, names=names, **more)
    def story(scene):
        found = scene.sh(f"for each in {path}; do command -v $each && break; done").strip()
        scene.take_away(found)
        predicted = scene.apply("--check")
        run = scene.apply()
        scene.put_back(found)
        expect(predicted.rc, "check mode says that the run works")
        yield run


missing("crun, the default handler's program,", CRUN, (CRUN,))
missing("pinns", "pinns", ("pinns",))
missing("conmon", "/usr/libexec/crio/conmon /usr/bin/conmon", ("conmon",), real_crio=HANDLERS)


@fault(
    "the crun that the default handler's program calls is missing",
    ends=BEFORE,
    reports=REFUSED,
    names=(CRUN, "cannot report the state"),
    real_crio=HANDLERS,
)
def crun_behind(scene):
    found = scene.sh(
        "for each in /usr/libexec/crio/crun /usr/bin/crun; do [ -e $each ] && mv $each $each.faults && echo $each; done"
    ).split()
    run = scene.apply()
    scene.sh("; ".join(f"mv {each}.faults {each}" for each in found))
    yield run


def cannot_start(what: str, names: tuple, layer: dict, **more) -> None:
    """A change after which the daemon does not start is undone; the message has the cause, not CRI-O's last log lines."""
    settings = {"ends": BEFORE, "reports": UNDONE, "names": names, "not_named": (CLOSED,), **more}

    @fault(f"a change configures {what}", **settings)
    def story(scene):
        yield scene.apply(**layer)


def crio_layer(**tables: dict) -> dict:
    """Return a layer of crio_config."""
    return {"crio_config__faults": {"crio": tables}}


cannot_start(
    "a metrics port that is in use",
    ("metrics_port = 22", "address already in use", "crio_config__faults", DROP_IN),
    crio_layer(metrics={"enable_metrics": True, "metrics_port": 22}),
)
cannot_start(
    "a metrics address of another host",
    ("192.0.2.1", "cannot assign requested address"),
    crio_layer(metrics={"enable_metrics": True, "metrics_host": "192.0.2.1"}),
)
cannot_start(
    "a network that does not exist",
    ("cni_default_network", "nowhere"),
    crio_layer(network={"cni_default_network": "nowhere"}),
)
cannot_start(
    "a directory without network configuration",
    (("network_dir", "NetworkReady"),),
    crio_layer(network={"network_dir": "/etc/faults-no-networks"}),
)
cannot_start(
    "a directory without network plugins",
    (("plugin_dirs", "NetworkReady"),),
    crio_layer(network={"plugin_dirs": ["/nowhere/faults"]}),
    reports=FAILS,
)
cannot_start(
    "a socket in a directory that cannot be created",
    ("/proc/faults",),
    crio_layer(api={"listen": "/proc/faults/crio.sock"}),
    reports=FAILS,
)
cannot_start(
    "a default handler without its program",
    ("/nowhere/faults-crun",),
    crio_layer(runtime={"runtimes": {"crun": {"runtime_path": "/nowhere/faults-crun"}}}),
    reports=FAILS,
)
cannot_start(
    "a handler without its program",
    ("/nowhere/faults-kata", "kata"),
    crio_layer(runtime={"runtimes": {"kata": {"runtime_path": "/nowhere/faults-kata"}}}),
    reports=FAILS,
)
cannot_start(
    "a pinns that does not exist",
    ("pinns", "/nowhere/faults-pinns"),
    crio_layer(runtime={"pinns_path": "/nowhere/faults-pinns"}),
    reports=FAILS,
)
cannot_start(
    "a log directory with a relative path", ("log_dir",), crio_layer(log_dir="faults"), reports=FAILS
)
cannot_start(
    "a device that does not exist",
    ("/dev/faults",),
    crio_layer(runtime={"additional_devices": ["/dev/faults:/dev/faults:rwm"]}),
    reports=FAILS,
)
cannot_start(
    "an ExecStartPre that fails",
    (("/bin/false", "control process exited", "ExecStartPre", "status=1"),),
    service(ExecStartPre="/bin/false"),
)
cannot_start(
    "an ExecStartPost that fails",
    (("/bin/false", "control process exited", "ExecStartPost", "status=1"),),
    service(ExecStartPost="/bin/false"),
)
cannot_start(
    "an ExecStartPre that does not exist",
    ("Failed at step EXEC spawning /nowhere/faults-nothing",),
    service(ExecStartPre="/nowhere/faults-nothing"),
    reports=FAILS,
)
cannot_start(
    "a start timeout that is too short",
    (("timed out", "timeout"),),
    service(ExecStartPre="/bin/sleep 30", TimeoutStartSec=2),
)
cannot_start(
    "a command that kills the daemon while it starts",
    (("signal", "killed", "KILL"),),
    service(ExecStartPost="/bin/sh -c 'kill -9 $MAINPID; sleep 5'"),
)
cannot_start(
    "a user that may not run the daemon",
    ("Special user nobody", "Service.User"),
    service(User="nobody"),
    reports=REFUSED,  # by systemd-analyze verify, before anything is touched
)
cannot_start("a user that does not exist", ("Failed at step USER",), service(User="faults-nobody"))
cannot_start(
    "a limit of open files that is too low for a start",
    ("Failed at step FDS",),
    service(LimitNOFILE=4),
)
cannot_start(
    "a root directory that does not exist",
    # CRI-O creates the directories of other faults.
    ("Failed at step", "No such file or directory"),
    service(RootDirectory="/nowhere/faults-root"),
)
cannot_start(
    "storage that is read-only for the daemon",
    (("read-only file system", "read only"),),
    service(ReadOnlyPaths="/var/lib/containers /run/containers"),
    reports=FAILS,
)
cannot_start(
    "an option that crio does not know",
    ("-faults",),
    service(ExecStart=["", "/usr/local/bin/crio --faults"]),
    reports=FAILS,
)
cannot_start(
    "another program instead of crio",
    (("true", "ExecStart", "crio"),),
    service(ExecStart=["", "/bin/true"]),
    reports=FAILS,
)
cannot_start(
    "a start that never finishes",
    (("activating", "timed out", "did not start", "seconds", "status"),),
    {**service(ExecStartPre="/bin/sleep 600"), "crio_ready_timeout": 5},
    weight=3,
)


@fault(
    "somebody else's ExecStartPre fails",
    ends=BEFORE,
    reports=FAILS,
    names=(("/bin/false", "control process exited", "status=1", "ExecStartPre"),),
    not_named=(CLOSED,),
    loud=True,
)
def false_of_somebody(scene):
    # Nothing can bring the daemon back while that command fails; it is what a start needs and nobody can judge beforehand.
    scene.unit_settings(
        "ExecStartPre=/bin/false\nRestart=on-failure\nRestartSec=2\n[Unit]\nStartLimitIntervalSec=0"
    )
    run = scene.apply()
    scene.no_unit_settings()
    scene.node.run("systemctl stop crio; systemctl start --no-block crio")
    wait_until(scene, "active")
    scene.aim = "up"
    yield run


@fault(
    "a change has unit settings that systemd does not understand",
    ends=BEFORE,
    reports=REFUSED,
    names=("KillMode", "gently"),
)
def nonsense(scene):
    yield scene.apply(**service(KillMode="gently"))


@fault("the daemon runs from a different binary than the one installed now", ends=AFTER, reports=DONE)
def binary_replaced(scene):
    scene.sh(f"cp -p {crio(scene)} {crio(scene)}.faults; mv {crio(scene)}.faults {crio(scene)}")
    yield scene.apply()


@fault("the installed crio is truncated", ends=BEFORE, reports=REFUSED, names=("crio",))
def crio_broken(scene):
    path = crio(scene)
    scene.sh(scene.replacing(path, f"head -c 100000 {path}"))
    run = scene.apply()
    scene.put_back(path)
    yield run


@fault("the installed crio is missing", ends=BEFORE, reports=REFUSED, names=("crio",))
def crio_gone(scene):
    path = crio(scene)
    scene.take_away(path)
    run = scene.apply()
    scene.put_back(path)
    yield run


@fault("the network is not ready before a change, nor after it", ends=AFTER, reports=DONE)
def network_not_ready(scene):
    scene.sh("mv /etc/cni/net.d/10-testbed.conflist /root/faults-conflist")
    # A CRI-O that runs keeps the network that it has loaded.
    scene.sh("systemctl restart crio; until crictl info >/dev/null 2>&1; do sleep 0.5; done")
    scene.before = scene.look()
    run = scene.apply()
    yield run
    scene.sh("mv /root/faults-conflist /etc/cni/net.d/10-testbed.conflist")
    scene.node.wait_for_crio()


@fault(
    "a pod with hostNetwork runs while the network is removed",
    ends=EITHER,
    reports=ANY,
    names=(("NetworkReady", "network"),),
)
def host_network(scene):
    scene.extra = [scene.start_container(host_network=True, name="on-host", namespace="faults")]
    run = scene.apply(**crio_layer(network={"cni_default_network": "nowhere"}))
    expect(run.rc, f"a network that does not exist was accepted: {message(run)}")
    yield run
    scene.extra = []
    remove_pods(scene)
