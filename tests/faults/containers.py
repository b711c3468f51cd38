# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers exit, start, crash and depend on settings that a change removes."""

import time

from faults.scene import Scene
from faults.table import AFTER, ANY, BEFORE, DONE, EITHER, REFUSED, fault

OUTLIVE = "the stand-in's pods outlive every restart"
HANDLERS = "the stand-in's pods do not depend on a handler's settings"
# A shell function on the node: starts a pod NAME whose container runs a shell command.
START = r"""
start() {
  mkdir -p /run/faults/pods /var/log/pods/faults
  file=/run/faults/pods/$1
  printf '{"metadata":{"name":"%s","namespace":"faults","uid":"%s","attempt":0},' "$1" "$1-$(date +%s%N)" > $file.pod.json
  printf '"log_directory":"/var/log/pods/faults","linux":{}}' >> $file.pod.json
  printf '{"metadata":{"name":"%s"},"image":{"image":"registry:5000/long-running:1"},' "$1" > $file.json
  printf '"command":["sh","-c","%s"],"log_path":"%s.log","linux":{}}' "$2" "$1" >> $file.json
  pod=$(crictl runp $file.pod.json) && container=$(crictl create $pod $file.json $file.pod.json) && crictl start $container
}
"""
OTHER_HANDLER = {
    "runtime_path": "/usr/local/lib/testbed/crun",
    "runtime_root": "/run/faults-crun",
    "monitor_path": "",
}


def remove_pods(scene: Scene) -> None:
    """Remove the pods that a fault started, but not the residents."""
    scene.node.run("crictl pods -q --namespace faults | xargs -r crictl rmp --force", limit=120)


def handlers(scene: Scene, **more: dict) -> dict:
    """Return a layer with the handler `faults` (none if faults=None), like the test bed's crun, and the handlers `more`."""
    monitor = (
        "/usr/libexec/crio/conmon" if scene.node.exists("/usr/libexec/crio/conmon") else "/usr/bin/conmon"
    )
    merged = {
        name: {**OTHER_HANDLER, "monitor_path": monitor, **each}
        for name, each in more.items()
        if each is not None
    }
    return {"crio": {"runtime": {"runtimes": merged}}}


def pod_with_handler(scene: Scene) -> None:
    """Configure the handler `faults` with a normal run, and start a pod with it."""
    scene.layer = {"crio_config__handlers": handlers(scene, faults={})}
    scene.apply().expect_success()
    scene.marks = dict(scene.desired)
    scene.before = None
    scene.extra = [scene.start_container(handler="faults", name="with-handler", namespace="faults")]


def without_handler(scene: Scene) -> None:
    """Remove the pod and the handler."""
    scene.extra = []
    remove_pods(scene)


@fault("a container exits while the daemon restarts", ends=AFTER, reports=DONE)
def ends_by_itself(scene):
    scene.unit_settings("ExecStartPre=/bin/sleep 4")
    scene.hook("pause", at="run systemctl restart")
    future = scene.begin()
    scene.reached()
    for number, code in enumerate((0, 1, 137)):
        scene.sh(f"{START} start job-{number} 'sleep 2; exit {code}'", limit=90)
    scene.go()
    yield future.result()
    scene.no_unit_settings()
    remove_pods(scene)


@fault(
    "a short-lived container exits during a change",
    ends=AFTER,
    reports=DONE,
)
def short_lives(scene):
    scene.unit_settings("ExecStartPre=/bin/sleep 6")
    scene.sh(f"{START} for each in 1 2 3; do start short-$each 'sleep 9; exit 1'; done", limit=120)
    yield scene.apply()
    scene.no_unit_settings()
    remove_pods(scene)


@fault("containers crash and restart continuously", ends=AFTER, reports=DONE)
def crash_loop(scene):
    scene.behind(f"{START} i=0; while :; do i=$((i+1)); start loop-$i 'sleep 1; exit 1'; sleep 0.3; done")
    time.sleep(3)
    run = scene.apply()
    scene.end_of_behind()
    yield run
    remove_pods(scene)


@fault("pods are started and removed continuously", ends=AFTER, reports=DONE)
def comings_and_goings(scene):
    loop = "i=0; while :; do i=$((i+1)); start go-$i 'sleep 600'; crictl rmp -f $(crictl pods -q --name go-$((i-1))); done"
    scene.behind(f"{START} {loop}")
    time.sleep(3)
    run = scene.apply()
    scene.end_of_behind()
    yield run
    remove_pods(scene)


@fault("a pod is removed between reading the node and the probe", ends=AFTER, reports=DONE)
def removed_meanwhile(scene):
    scene.sh(f"{START} start gone 'sleep 600'", limit=90)
    scene.hook(
        "run crictl rmp -f $(crictl pods -q --namespace faults) >/dev/null 2>&1", at="run systemctl restart"
    )
    yield scene.apply()
    remove_pods(scene)


@fault(
    "a container's monitor was killed long before a change",
    ends=AFTER,
    reports=DONE,
    real_crio="containerd has no conmon",
)
def without_monitor(scene):
    scene.sh(f"{START} start orphan 'sleep 600'", limit=90)
    scene.sh('id=$(crictl ps -q --no-trunc --name orphan); pkill -9 -f "conmon.* -c $id"; sleep 1')
    yield scene.apply()
    remove_pods(scene)


@fault(
    "a container is paused while the daemon restarts",
    ends=AFTER,
    reports=DONE,
    real_crio="the stand-in cannot pause",
)
def paused(scene):
    scene.sh(f"{START} start paused 'sleep 600'", limit=90)
    curl = "curl -sf --unix-socket /var/run/crio/crio.sock http://crio"
    scene.node.run(f"{curl}/pause/$(crictl ps -q --no-trunc --name paused)")
    yield scene.apply()
    scene.node.run(f"{curl}/unpause/$(crictl ps -q --no-trunc --name paused)")
    remove_pods(scene)


@fault(
    "a restart would stop all containers",
    ends=BEFORE,
    reports=REFUSED,
    names=("2 running containers", "KillMode"),
    real_crio=OUTLIVE,
)
def in_control_group(scene):
    scene.unit_settings("KillMode=control-group")
    yield scene.apply()
    scene.no_unit_settings()


@fault(
    "a change removes the setting that keeps containers alive",
    ends=BEFORE,
    reports=REFUSED,
    names=("2 running containers", "KillMode"),
    real_crio=OUTLIVE,
)
def kill_mode_away(scene):
    yield scene.apply(crio_service={"Service": {"KillMode": "mixed"}})


@fault(
    "the daemon is stopped, and its start would stop the containers that still run",
    ends=EITHER,
    reports=ANY,
    real_crio=OUTLIVE,
)
def stopped_in_control_group(scene):
    scene.sh("systemctl stop crio")
    scene.unit_settings("KillMode=control-group")
    yield scene.apply()
    scene.no_unit_settings()
    scene.sh("systemctl start crio")


@fault(
    "the default handler changes while pods run",
    ends=BEFORE,
    reports=REFUSED,
    names=("pod-",),
    real_crio=HANDLERS,
)
def other_default(scene):
    layer = handlers(scene, faults={})
    layer["crio"]["runtime"]["default_runtime"] = "faults"
    yield scene.apply(crio_config__handlers=layer)


@fault(
    "a handler is removed while its pod runs",
    ends=BEFORE,
    reports=REFUSED,
    names=("faults", "with-handler"),
    real_crio=HANDLERS,
)
def handler_away(scene):
    pod_with_handler(scene)
    scene.layer = {}
    yield scene.apply()
    without_handler(scene)


@fault(
    "the program of a handler changes while its pod runs",
    ends=BEFORE,
    reports=REFUSED,
    names=("faults", "with-handler", "runtime_path"),
    real_crio=HANDLERS,
)
def handler_program(scene):
    pod_with_handler(scene)
    scene.sh("cp /usr/local/lib/testbed/crun /usr/local/lib/faults/crun")
    scene.layer = {
        "crio_config__handlers": handlers(scene, faults={"runtime_path": "/usr/local/lib/faults/crun"})
    }
    yield scene.apply()
    without_handler(scene)


@fault(
    "the state directory of a handler changes while its pod runs",
    ends=BEFORE,
    reports=REFUSED,
    names=("faults", "with-handler", "runtime_root"),
    real_crio=HANDLERS,
)
def handler_root(scene):
    pod_with_handler(scene)
    scene.layer = {"crio_config__handlers": handlers(scene, faults={"runtime_root": "/run/faults-elsewhere"})}
    yield scene.apply()
    without_handler(scene)


@fault("a pod uses its own handler, and another key changes", ends=AFTER, reports=DONE, real_crio=HANDLERS)
def handler_stays(scene):
    pod_with_handler(scene)
    yield scene.apply()
    without_handler(scene)


@fault("a handler that no pod uses is added and removed", ends=AFTER, reports=DONE)
def handler_comes_and_goes(scene):
    scene.layer = {"crio_config__handlers": handlers(scene, faults={})}
    scene.apply().expect_success()
    scene.marks = dict(scene.desired)
    scene.before, scene.layer = None, {}
    yield scene.apply()


@fault(
    "the daemon is stopped, and its next start is that of another minor version",
    ends=BEFORE,
    reports=REFUSED,
    names=("version", "pod"),
    real_crio="the stand-in wipes no pods",
)
def other_minor(scene):
    scene.sh("systemctl stop crio; cp /var/run/crio/version /run/faults/version")
    scene.sh("""sed -i 's/"1\\.[0-9]*\\./"1.20./; s/"minor":[0-9]*/"minor":20/' /var/run/crio/version""")
    yield scene.apply()
    scene.sh("cp /run/faults/version /var/run/crio/version; systemctl start crio")


@fault(
    "the daemon is stopped, and its version file is missing",
    ends=BEFORE,
    reports=REFUSED,
    names=("version", "pod"),
    real_crio="the stand-in wipes no pods",
)
def no_version(scene):
    scene.sh("systemctl stop crio; mv /var/run/crio/version /run/faults/version")
    yield scene.apply()
    scene.sh("mv /run/faults/version /var/run/crio/version; systemctl start crio")


@fault(
    "the version file is missing while pods run",
    ends=BEFORE,
    reports=REFUSED,
    names=("version", "pod"),
    real_crio="the stand-in wipes no pods",
)
def no_version_while_running(scene):
    scene.sh("mv /var/run/crio/version /run/faults/version")
    yield scene.apply()
    scene.sh("mv /run/faults/version /var/run/crio/version")


@fault(
    "a change moves the version file, and a start without it removes every pod",
    ends=BEFORE,
    reports=REFUSED,
    names=("version_file",),
    real_crio="the stand-in wipes no pods",
)
def version_file(scene):
    yield scene.apply(crio_config__version={"crio": {"version_file": "/run/faults/no-version"}})


@fault(
    "a change of the storage root would make the runtime forget its containers",
    ends=BEFORE,
    reports=REFUSED,
    names=("crio.root",),
    real_crio="the stand-in has containerd's storage",
)
def other_root(scene):
    yield scene.apply(crio_config__root={"crio": {"root": "/var/lib/containers/faults"}})
    scene.sh("rm -rf /var/lib/containers/faults")


@fault(
    "a change moves the storage's run directory",
    ends=BEFORE,
    reports=REFUSED,
    names=("crio.runroot",),
    real_crio="the stand-in has containerd's storage",
)
def other_runroot(scene):
    yield scene.apply(crio_config__root={"crio": {"runroot": "/run/faults-storage"}})


@fault(
    "a change of the storage driver would make the runtime forget its containers",
    ends=BEFORE,
    reports=REFUSED,
    names=("crio.storage_driver", "overlay"),
    real_crio="the stand-in has containerd's storage",
)
def other_driver(scene):
    yield scene.apply(crio_config__root={"crio": {"storage_driver": "vfs"}})


@fault("the daemon listens on another socket after a change", ends=AFTER, reports=DONE)
def other_socket(scene):
    scene.socket = "/var/run/crio/faults.sock"
    scene.before = scene.look()
    scene.before.data["containers"] = None
    scene.also_changed = ("/etc/crictl.yaml",)
    yield scene.apply(crio_config__socket={"crio": {"api": {"listen": scene.socket}}})


@fault("many pods run while the daemon restarts", ends=AFTER, reports=DONE, weight=2)
def many_pods(scene):
    scene.sh(f"{START} for each in 1 2 3 4 5 6 7 8 9 10; do start many-$each 'sleep 600'; done", limit=180)
    scene.extra = [
        scene.resident(identity) for identity in scene.sh("crictl ps -q --no-trunc --name many").split()
    ]
    yield scene.apply()
    scene.extra = []
    remove_pods(scene)
