# SPDX-License-Identifier: GPL-3.0-or-later
"""Probes of a change that fail, or that are interrupted."""

from faults.containers import HANDLERS, handlers
from faults.power import cut_power_at
from faults.scene import Scene, expect
from faults.table import BEFORE, REFUSED, UNDONE, fault

IMAGE = "registry:5000/hello-world:1"
ENDLESS = "/usr/local/lib/faults/endless-runtime"
PROBED = ("pull", "runp", "create", "start", "rmp", "rmi")  # commands of crictl


def change(scene: Scene, probes: dict | None = None, **handler: object) -> dict:
    """Return variables with a handler, and with probes: by default, a pod with it."""
    return {
        "crio_config__probed": handlers(scene, probed=handler),
        "runtime_probes": probes or {"image": IMAGE, "handlers": ["probed"]},
    }


def nothing_left(scene: Scene) -> None:
    """Raise Wrong if a pod, a container, a log or an image of a probe is left."""
    left = scene.node.check(
        "crictl pods --name cri-node-probe -q; crictl ps -aq --name hello-world; ls /var/log/pods | grep cri-node-probe;"
        " crictl images | grep hello-world; true"
    )
    expect(not left, f"left of a probe: {left}")


@fault(
    "the program of a handler fails, which a probe runs",
    ends=BEFORE,
    reports=UNDONE,
    names=("the handler probed does not run", "crio.runtime.runtimes.probed.runtime_path"),
    real_crio=HANDLERS,
)
def broken_handler(scene):
    scene.node.copy_in("/usr/local/lib/faults/broken-runtime", "#!/bin/sh\nexit 1\n", mode=0o755)
    yield scene.apply(**change(scene, runtime_path="/usr/local/lib/faults/broken-runtime"))
    nothing_left(scene)


@fault(
    "the program of a handler does not end, which a probe runs",
    ends=BEFORE,
    reports=UNDONE,
    names=("the handler probed does not run",),
    real_crio=HANDLERS,
)
def endless_handler(scene):
    # CRI-O runs it when it starts too, to ask for its features.
    program = "#!/bin/sh\ncase $* in *--bundle*) exec sleep 600;; esac\nexit 1\n"
    scene.node.copy_in(ENDLESS, program, mode=0o755)
    scene.ready = 15
    # CRI-O only gives up after this time, and does not stop before.
    yield scene.apply(**change(scene, runtime_path=ENDLESS, container_create_timeout=30))
    nothing_left(scene)
    scene.node.run("pkill -f '^sleep 600'")


@fault(
    "the program of a handler does not end when CRI-O asks for its features",
    ends=BEFORE,
    reports=REFUSED,
    names=("did not finish within 60 s", ENDLESS),
    real_crio=HANDLERS,
)
def endless_features(scene):
    scene.node.copy_in(ENDLESS, "#!/bin/sh\nsleep 601\n", mode=0o755)
    yield scene.apply(**change(scene, runtime_path=ENDLESS))
    nothing_left(scene)
    expect(scene.node.run("pgrep -f '^sleep 601'").rc == 1, "a program of the check still runs")


@fault(
    "the registry does not have an image that a probe pulls",
    ends=BEFORE,
    reports=UNDONE,
    names=("the image registry:5000/nowhere:1 cannot be pulled", "manifest unknown"),
)
def missing_image(scene):
    yield scene.apply(**change(scene, {"pull": ["registry:5000/nowhere:1", IMAGE]}))
    nothing_left(scene)


def killed_during(command: str) -> None:
    """The change's process is killed while it runs a command of crictl for a probe."""

    @fault(f"a change is killed before crictl {command} of its probe", ends=BEFORE)
    def story(scene):
        scene.hook("kill", at=f"s {command} ")
        yield scene.apply(**change(scene))
        nothing_left(scene)


for _command in PROBED:
    killed_during(_command)


@fault("the power is cut while a pod of a probe runs", ends=BEFORE)
def power_cut(scene):
    asked = change(scene)
    scene.layer = asked
    cut_power_at(scene, at="s rmp ")
    yield None
    nothing_left(scene)
