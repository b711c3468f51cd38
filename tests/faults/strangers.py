# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes by others: files that they delete, edit, add, or that override ours."""

from faults.containers import handlers
from faults.scene import DROP_IN, ENVIRONMENT_FILE, REGISTRIES, UNIT_DROP_IN, Scene, expect, message, results
from faults.table import AFTER, ANY, BEFORE, DONE, EITHER, FAILS, REFUSED, UNDONE, fault
from faults.unit_states import TAKEN_PORT
from testbed import playbooks

DROP_INS, REGISTRIES_D = "/etc/crio/crio.conf.d", "/etc/containers/registries.conf.d"
OURS_OF_CRIO = (DROP_IN, UNIT_DROP_IN, ENVIRONMENT_FILE)
CRIO_PLAY = [{"hosts": "nodes", "gather_facts": False, "roles": ["cri.node.crio"]}]


def apply_crio(scene: Scene, **layer):
    """A change by the role crio only: the registries have another owner."""
    scene.before = scene.look()
    variables = scene.variables(only=OURS_OF_CRIO, **layer)
    return playbooks.run_playbook(CRIO_PLAY, [scene.node], test_bed=scene.bed, variables=variables)


@fault("somebody deletes the file of another owner before a change", ends=AFTER, reports=DONE)
def others_file_gone(scene):
    scene.sh(f"rm {REGISTRIES}")
    scene.marks[REGISTRIES] = None
    yield apply_crio(scene)


@fault("somebody edits the file of another owner before a change", ends=AFTER, reports=DONE)
def others_file_edited(scene):
    scene.sh(f"echo '# edited' >> {REGISTRIES}")
    yield apply_crio(scene)


@fault("the file of another owner was replaced with a directory before a change", ends=AFTER, reports=DONE)
def others_file_folder(scene):
    scene.sh(f"rm {REGISTRIES}; mkdir /root/faults-empty; mv /root/faults-empty {REGISTRIES}")
    scene.marks[REGISTRIES] = None
    run = apply_crio(scene)
    scene.sh(f"rmdir {REGISTRIES}")
    scene.before.files.pop(REGISTRIES)
    yield run


@fault("somebody deletes a managed file", ends=AFTER, reports=DONE)
def file_gone(scene):
    scene.sh(f"rm {DROP_IN}")
    yield scene.apply()


@fault(
    "somebody deletes every managed file, and a change fails",
    ends=BEFORE,
    reports=UNDONE,
    names=("address already in use",),
)
def files_gone_and_undone(scene):
    scene.sh(
        f"rm {DROP_IN} {UNIT_DROP_IN} {ENVIRONMENT_FILE} {REGISTRIES}; rmdir {UNIT_DROP_IN.rpartition('/')[0]}"
    )
    scene.live_mark = None  # the daemon was started with what is gone
    # The unit without its drop-in has no KillMode=process any more, as soon as systemd reads it anew.
    scene.unit_settings("KillMode=process", "40-faults.conf")
    yield scene.apply(**TAKEN_PORT)
    scene.no_unit_settings("40-faults.conf")


@fault("somebody edits a managed file by hand", ends=AFTER, reports=DONE)
def file_edited(scene):
    scene.sh(f"echo '# by hand' >> {DROP_IN}")
    yield scene.apply()


@fault("somebody changes mode and owner of managed files", ends=AFTER, reports=DONE)
def other_mode(scene):
    scene.sh(f"chmod 0600 {DROP_IN}; chown nobody {UNIT_DROP_IN}; chmod 0666 {ENVIRONMENT_FILE}")
    yield scene.apply()


@fault("somebody sets the mode that a file already has, after a manual restart", ends=AFTER, reports=DONE)
def same_mode(scene):
    scene.restart()
    scene.sh("sleep 1; " + "; ".join(f"chmod {mode} {path}" for path, mode in scene.modes.items()))
    scene.before = scene.look()
    run = scene.again(variables=scene.variables_of(scene.marks)).result()
    expect(
        run.rc == 0 and not results(run)[-1]["changed"],
        f"a chmod to the same mode plans {results(run)[-1].get('plan')}",
    )
    yield run


@fault("a vendor's drop-in that is read later outranks ours", ends=AFTER, reports=DONE)
def outranked(scene):
    scene.node.copy_in(f"{DROP_INS}/99-faults-vendor.conf", "[crio.api]\ngrpc_max_recv_msg_size = 99999999\n")
    scene.live_mark = 99999999
    run = scene.apply()
    expect(run.rc or results(run)[-1].get("outranked"), "the result does not say that our key is outranked")
    yield run
    # It goes; the daemon still uses its value: a run must see that, and restart.
    scene.sh(f"rm {DROP_INS}/99-faults-vendor.conf")
    again = scene.again().result().expect_success()
    plan = results(again)[-1]["plan"]
    expect(plan["disruption"] == "restart", f"what outranked us is gone, and the plan is {plan}")
    expect(
        scene.look().live_mark == scene.desired[DROP_IN],
        "after that restart the daemon does not use our value",
    )


@fault("a vendor's drop-in replaces our whole handler", ends=AFTER, reports=DONE)
def handler_outranked(scene):
    text = '[crio.runtime.runtimes.faults]\nruntime_path = "/usr/local/lib/testbed/crun"\nruntime_root = "/run/faults-vendor"\n'
    monitor = handlers(scene, faults={})["crio"]["runtime"]["runtimes"]["faults"]["monitor_path"]
    scene.node.copy_in(f"{DROP_INS}/99-faults-vendor.conf", f'{text}monitor_path = "{monitor}"\n')
    run = scene.apply(crio_config__handlers=handlers(scene, faults={}))
    reported = str(results(run)[-1].get("outranked")) if not run.rc else ""
    yield run
    scene.sh(f"rm {DROP_INS}/99-faults-vendor.conf")
    expect(
        "runtimes.faults" in reported, f"the result does not say that our handler is outranked: {reported}"
    )


@fault("a vendor's drop-in of the unit appears without a daemon-reload", ends=AFTER, reports=DONE)
def vendor_unit(scene):
    scene.node.copy_in(
        "/run/systemd/system/crio.service.d/70-faults.conf", "[Service]\nEnvironment=VENDOR=1\n"
    )
    yield scene.apply()
    scene.no_unit_settings("70-faults.conf")


@fault(
    "a vendor's drop-in of the unit with KillMode=control-group appears without a daemon-reload",
    ends=BEFORE,
    reports=REFUSED,
    names=("running containers", "KillMode"),
    real_crio="the stand-in's pods outlive every restart",
)
def vendor_kill_mode(scene):
    scene.node.copy_in(
        "/run/systemd/system/crio.service.d/70-faults.conf", "[Service]\nKillMode=control-group\n"
    )
    yield scene.apply()
    scene.no_unit_settings("70-faults.conf")


def others_file(what: str, path: str, make: str, names: tuple, **more) -> None:
    """A file of another owner with which CRI-O cannot start is refused by name, and the daemon is not touched."""

    @fault(f"{what} prevents every start", ends=BEFORE, reports=REFUSED, names=names, **more)
    def story(scene):
        scene.sh(make)
        predicted = scene.apply("--check")
        run = scene.apply()
        scene.sh(f"rm -rf {path}")
        expect(predicted.rc, "check mode says that the run works")
        for word in names:
            expect(
                any(each in message(predicted) for each in ([word] if isinstance(word, str) else word)),
                f"check mode names another cause: {message(predicted)}",
            )
        yield run


def text_file(path: str, text: str) -> str:
    """Return a shell command that writes a file."""
    return f"mkdir -p $(dirname {path}); cat > {path} <<'EOF'\n{text}\nEOF"


README = f"{DROP_INS}/README-faults"
others_file("a file that is not TOML in crio.conf.d", README, text_file(README, "Put files here."), (README,))
WRONG_TYPE = f"{DROP_INS}/70-faults.conf"
others_file(
    "a value of the wrong type in crio.conf.d",
    WRONG_TYPE,
    text_file(WRONG_TYPE, "[crio.api]\nstream_port = 10\n"),
    (WRONG_TYPE,),
)
others_file(
    "somebody's cgroup manager that does not exist",
    WRONG_TYPE,
    text_file(WRONG_TYPE, '[crio.runtime]\ncgroup_manager = "systemdd"\n'),
    ("cgroup manager", "systemdd"),
)
others_file(
    "somebody's default handler that does not exist",
    WRONG_TYPE,
    text_file(WRONG_TYPE, '[crio.runtime]\ndefault_runtime = "faults"\n'),
    ("faults",),
)
others_file(
    "somebody's default handler without its program",
    WRONG_TYPE,
    text_file(WRONG_TYPE, '[crio.runtime.runtimes.crun]\nruntime_path = "/nowhere/faults-crun"\n'),
    ("/nowhere/faults-crun",),
)
DANGLING = f"{DROP_INS}/50-faults.conf"
others_file("a dangling link in crio.conf.d", DANGLING, f"ln -s /nowhere/faults {DANGLING}", (DANGLING,))
others_file(
    "a link to a directory in crio.conf.d", DANGLING, f"ln -s /etc/crio/policies {DANGLING}", (DANGLING,)
)
others_file("a named pipe in crio.conf.d", DANGLING, f"mkfifo {DANGLING}", (DANGLING,))
others_file(
    "a socket in crio.conf.d",
    DANGLING,
    f"python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"{DANGLING}\")'",
    (DANGLING,),
)
BAD_REGISTRIES = f"{REGISTRIES_D}/10-faults-bad.conf"
others_file(
    "somebody's registries file that does not parse",
    BAD_REGISTRIES,
    text_file(BAD_REGISTRIES, "[[registry]\nlocation ="),
    (BAD_REGISTRIES,),
)
others_file(
    "somebody's registry with a URL as its location",
    BAD_REGISTRIES,
    text_file(BAD_REGISTRIES, '[[registry]]\nlocation = "http://faults.invalid"'),
    (("http://faults.invalid",),),
)
others_file(
    "a dangling link in registries.conf.d",
    BAD_REGISTRIES,
    f"ln -s /nowhere/faults {BAD_REGISTRIES}",
    (BAD_REGISTRIES,),
)
NESTED = f"{DROP_INS}/faults/deeper/README"
others_file(
    "a file that is not TOML in a subdirectory of crio.conf.d",
    f"{DROP_INS}/faults",
    text_file(NESTED, "Put files here."),
    (NESTED,),
)


def others_file_beside_a_reload(what: str, path: str, make: str, names: tuple) -> None:
    """A file with which CRI-O refuses to reload is refused by name; nothing is signalled, and every later start works."""

    @fault(f"{what} when a change only needs a reload", ends=BEFORE, reports=REFUSED, names=names)
    def story(scene):
        scene.sh(make)
        run = scene.apply(only=(REGISTRIES,))
        scene.sh(f"rm -rf {path}")
        yield run


others_file_beside_a_reload(
    "somebody's registries file is broken",
    BAD_REGISTRIES,
    text_file(BAD_REGISTRIES, "[[registry]\nlocation ="),
    (BAD_REGISTRIES,),
)
others_file_beside_a_reload(
    "a file in crio.conf.d is not TOML", README, text_file(README, "Put files here."), (README,)
)
others_file_beside_a_reload(
    "somebody's default handler does not exist",
    WRONG_TYPE,
    text_file(WRONG_TYPE, '[crio.runtime]\ndefault_runtime = "faults"\n'),
    ("faults",),
)
others_file_beside_a_reload(
    "somebody's default handler has no program",
    WRONG_TYPE,
    text_file(WRONG_TYPE, '[crio.runtime.runtimes.crun]\nruntime_path = "/nowhere/faults-crun"\n'),
    ("/nowhere/faults-crun",),
)


@fault("the distribution's registries.conf does not exist", ends=AFTER, reports=DONE)
def no_registries_conf(scene):
    scene.sh("mv /etc/containers/registries.conf /root/faults-registries.conf")
    yield scene.apply()
    scene.sh("mv /root/faults-registries.conf /etc/containers/registries.conf")


@fault("root's own registries.conf overrides all others", ends=AFTER, reports=DONE)
def hidden_registries(scene):
    own = "/root/.config/containers/registries.conf"
    scene.node.copy_in(own, "")
    run = scene.apply()
    scene.sh(f"rm {own}")
    expect(
        run.rc or "/root/.config" in str(results(run)[-1].get("without_effect")),
        "the result does not say that our registries have no effect",
    )
    yield run


@fault("a backup of our own drop-in is in the same directory", ends=AFTER, reports=DONE)
def backup(scene):
    scene.sh(f"cp {DROP_IN} {DROP_IN}.faults~")
    scene.live_mark = None  # the backup is read later, and wins
    yield scene.apply()
    scene.sh(f"rm {DROP_IN}.faults~")
    scene.restart()


@fault(
    "the node changes between reading it and the change",
    ends=BEFORE,
    reports=REFUSED,
    names=("changed after", "again"),
)
def changes_meanwhile(scene):
    scene.hook(f"run echo '# by hand' >> {DROP_IN}", number=1)
    scene.before = scene.look()
    run = scene.apply()
    scene.before.files[DROP_IN] = scene.look().files[DROP_IN]
    yield run


@fault("somebody restarts the daemon between reading the node and the change", ends=EITHER, reports=ANY)
def restarted_meanwhile(scene):
    scene.hook("run systemctl restart crio", number=1)
    yield scene.apply()


@fault("somebody restarts the daemon in the middle of a change", ends=EITHER, reports=ANY)
def restarted_during(scene):
    scene.hook(
        "run systemctl restart crio",
        at="os.rename /etc/systemd/system/crio.service.d/60-cri-node.conf",
        then=1,
    )
    yield scene.apply()


@fault("somebody stops the daemon just after it was started", ends=EITHER, reports=ANY)
def stopped_during(scene):
    scene.hook("run (sleep 2.5; systemctl stop crio) >/dev/null 2>&1 &", at="run systemctl restart")
    run = scene.apply()
    yield run
    scene.node.run("systemctl start crio")


@fault("somebody keeps running daemon-reload", ends=AFTER, reports=DONE)
def daemon_reloads(scene):
    scene.behind("while :; do systemctl daemon-reload; sleep 0.3; done")
    run = scene.apply()
    scene.end_of_behind()
    yield run


def missing_program(name: str, ends: str, reports: str, names: tuple = (), **more) -> None:
    """A program that a run may need is missing on the node."""

    @fault(f"{name} is missing on the node", ends=ends, reports=reports, names=names, **more)
    def story(scene):
        path = scene.sh(f"command -v {name}").strip()
        scene.take_away(path)
        run = scene.apply()
        scene.put_back(path)
        yield run


missing_program("crictl", BEFORE, REFUSED, ("crictl",))
missing_program("systemd-run", BEFORE, REFUSED, ("systemd-run",))
missing_program("systemd-analyze", AFTER, DONE)
missing_program("journalctl", EITHER, ANY)


@fault("crictl starts to fail when a change is undone", ends=BEFORE, reports=UNDONE, loud=True)
def crictl_breaks(scene):
    path = scene.sh("command -v crictl").strip()
    broken = scene.replacing(path, "printf '#!/bin/sh\\necho broken; exit 1\\n'")
    scene.hook(f"run {broken}", at="run systemctl stop")
    run = scene.apply(**TAKEN_PORT)
    scene.put_back(path)
    yield run


def odd_crictl(what: str, output: str) -> None:
    """crictl returns unexpected output."""

    @fault(f"crictl prints {what}", ends=EITHER, reports=ANY, names=("crictl",))
    def story(scene):
        path = scene.sh("command -v crictl").strip()
        scene.sh(scene.replacing(path, f"printf '#!/bin/sh\\necho '\"'\"'{output}'\"'\"'\\n'"))
        scene.before = None
        run = None
        try:
            scene.socket = "/var/run/crio/crio.sock"
            scene.before = scene.look()
            scene.before.data["containers"] = None
            run = scene.apply()
        finally:
            scene.put_back(path)
        yield run


odd_crictl("lists that contain null", '{"containers": [null], "items": [null], "status": null}')
odd_crictl("text that is not JSON", "panic: somebody was here")


@fault("crictl.yaml names another runtime", ends=AFTER, reports=DONE)
def other_crictl_yaml(scene):
    scene.sh(
        "cp /etc/crictl.yaml /root/faults-crictl.yaml; echo 'runtime-endpoint: unix:///run/faults.sock' > /etc/crictl.yaml"
    )
    scene.before = scene.look()
    run = scene.apply(crictl_config={})
    scene.also_changed = ("/etc/crictl.yaml",)  # the role crictl writes it
    yield run
    scene.sh("cp /root/faults-crictl.yaml /etc/crictl.yaml")


@fault("a change fails, and its secrets are stored nowhere", ends=BEFORE, reports=FAILS)
def secret_of_a_failure(scene):
    run = scene.apply("-vvvv", "--diff", **TAKEN_PORT)
    secret = scene.canary(scene.desired[ENVIRONMENT_FILE])
    expect(secret not in run.out + run.err, "the secret is in the run's output")
    expect(
        secret not in scene.sh("journalctl -q --no-pager -o cat", limit=120),
        "the secret is in the node's journal",
    )
    yield run
