# SPDX-License-Identifier: GPL-3.0-or-later
"""Migrates nodes from Debian's containerd and Docker to CRI-O and back. No kubelet runs, but the files of one, and a unit.

cri-dockerd is not a package of Debian: a small service has its unit and its socket.
"""

import io
import json
import sys
import tarfile

import pytest

from testbed import kubelet
from testbed.paths import CHECKOUT, link_collection

sys.path.insert(0, str(link_collection()))

from ansible_collections.cri.node.plugins.module_utils.migration import switch
from ansible_collections.cri.node.plugins.plugin_utils.migration import desired, engines

pytestmark = pytest.mark.real_crio("the stand-in is itself containerd")

MODULE = "cri.node.runtime_migration"
TASK = "cri.node.migrate : Migrate the node to the new engine"
CONTAINERD = "unix:///run/containerd/containerd.sock"
CRI_DOCKERD = "unix:///var/run/cri-dockerd.sock"
CRIO = engines.endpoint("crio")
GUARDS = ["running_pods", "other_containers"]
LOG_WRITER = "registry:5000/log-writer"
STATE = "/var/lib/cri-node"

PROGRAM = """\
#!/usr/bin/python3
import os, socket
path = "/run/cri-dockerd.sock"
if os.path.exists(path):
    os.unlink(path)
with socket.socket(socket.AF_UNIX) as listening:
    listening.bind(path)
    listening.listen()
    while True:
        listening.accept()[0].close()
"""
UNIT = """\
[Unit]
Requires=docker.service
After=docker.service
[Service]
ExecStart=/usr/local/bin/stands-for-cri-dockerd
[Install]
WantedBy=multi-user.target
"""
DOCKER_UNITS = ("cri-docker.service", "docker.socket", "docker.service", "containerd.service")


@pytest.fixture
def engines_node(testbed):
    """Return a node with CRI-O, and Debian's containerd and Docker, which are not enabled."""
    yield testbed.add_engines("engines")[0]
    testbed.remove("engines")


@pytest.fixture
def containerd_node(engines_node):
    """Return a node whose kubelet uses containerd, beside CRI-O; in it a pod, and an image that only has a digest."""
    node = engines_node
    node.check("systemctl enable --quiet --now containerd.service")
    kubelet.give(node, CONTAINERD, "systemd")
    crictl = f"crictl --runtime-endpoint {CONTAINERD} --image-endpoint {CONTAINERD}"
    node.check(f"{crictl} pull {node.image('long-running')}; {crictl} pull {LOG_WRITER}@{digest(node)}")
    pod = {"metadata": {"name": "web", "namespace": "shop", "uid": "u"}, "log_directory": "/var/log/pods/web"}
    container = {"metadata": {"name": "main"}, "image": {"image": node.image("long-running")}}
    node.copy_in("/root/pod.json", json.dumps({**pod, "linux": {}}))
    node.copy_in("/root/container.json", json.dumps({**container, "log_path": "0.log", "linux": {}}))
    node.check(
        f"mkdir -p /var/log/pods/web; pod=$({crictl} runp /root/pod.json)"
        f" && {crictl} start $({crictl} create $pod /root/container.json /root/pod.json)"
    )
    return node


@pytest.fixture
def docker_node(engines_node):
    """Return a node whose kubelet uses Docker, beside CRI-O; in it a pod's container and one that no kubelet has started."""
    node = engines_node
    node.copy_in("/usr/local/bin/stands-for-cri-dockerd", PROGRAM, 0o755)
    node.copy_in("/etc/systemd/system/cri-docker.service", UNIT)
    node.check(
        f"systemctl daemon-reload && systemctl enable --quiet --now {' '.join(reversed(DOCKER_UNITS))}"
    )
    kubelet.give(node, CRI_DOCKERD)
    node.check(f"docker pull --quiet {LOG_WRITER}:1 && docker tag {LOG_WRITER}:1 local/app:3")
    for name in ("k8s_POD_web_shop_u_0", "k8s_main_web_shop_u_0", "plain"):
        node.check(f"docker run --detach --network=host --name {name} {node.image('long-running')}")
    return node


@pytest.fixture
def migrate(call_module):
    """Return migrate(node, *options, guards=..., **arguments) -> the module's result."""

    def call(node, *options, guards=GUARDS, **arguments):
        return call_module(node, MODULE, {"overruled_guards": guards, **arguments}, *options)

    return call


def digest(node):
    """Return the digest of the manifest that the registry has for log-writer:1."""
    head = "curl -s -I -H 'Accept: application/vnd.oci.image.manifest.v1+json'"
    found = node.check(f"{head} http://registry:5000/v2/log-writer/manifests/1").lower()
    return next(line.split()[1] for line in found.splitlines() if line.startswith("docker-content-digest"))


def units(node, *names):
    """Return {unit: "active enabled"} with systemd's own words."""
    shown = [
        node.run(["systemctl", word, name]).out.strip()
        for name in names
        for word in ("is-active", "is-enabled")
    ]
    return {name: " ".join(shown[2 * index : 2 * index + 2]) for index, name in enumerate(names)}


def images(node, endpoint=CRIO):
    """Return {name by tag or digest: ID} as an engine lists them by CRI."""
    listed = node.crictl("--runtime-endpoint", endpoint, "--image-endpoint", endpoint, "images", "-o", "json")
    return {
        name: image["id"].removeprefix("sha256:")
        for image in listed["images"]
        for name in (*image["repoTags"], *image["repoDigests"])
    }


def docker_images(node):
    listed = node.check("docker images --no-trunc --format '{{.Repository}}:{{.Tag}} {{.ID}}'").splitlines()
    return {line.split()[0]: line.split()[1].removeprefix("sha256:") for line in listed}


def comparable(result):
    """Return what check mode must predict: all but how long images took."""
    kept = {key: result[key] for key in ("changed", "engine", "former", "steps", "containers", "commands")}
    rows = [{key: row[key] for key in ("id", "names", "action")} for row in result["images"]]
    return {**kept, "other": result["other_containers"], "images": rows, "kubelet": result["kubelet"]}


def plain_runs(node):
    return node.run("docker ps --quiet --filter name=^plain$").out.strip() != ""


def test_containerd_is_migrated_to_crio_and_back(containerd_node, migrate):
    node, by_digest = containerd_node, f"{LOG_WRITER}@{digest(containerd_node)}"
    before, cni = kubelet.found(node), node.check("sha256sum /etc/cni/net.d/*")
    refused = migrate(node, guards=[])
    assert refused["msg"].startswith(
        "1 pod runs in containerd (shop/web) and is stopped. Drain the node first"
    )
    assert "overruled_guards: [running_pods]" in refused["msg"]
    predicted = migrate(node, "--check", "--diff")
    assert (kubelet.found(node), node.exists(STATE)) == (before, False)
    done = migrate(node, "--diff")
    assert comparable(done) == comparable(predicted)
    assert done["diff"] == predicted["diff"]
    assert done["steps"] == [step for step in switch.STEPS if step != switch.START_TARGET]
    assert done["containers"] == [{"name": "main", "pod": "shop/web", "image": node.image("long-running")}]
    # With the digest of the registry, under which alone containerd had it.
    assert images(node)[by_digest] == next(row["id"] for row in done["images"] if row["names"] == [by_digest])
    assert node.image("long-running") in images(node)
    assert kubelet.found(node) == kubelet.texts(CRIO, "cgroupfs")
    assert done["commands"] == [
        f"kubectl annotate node engines --overwrite kubeadm.alpha.kubernetes.io/cri-socket={CRIO}"
    ]
    assert units(node, "crio.service", "containerd.service", "kubelet.service") == {
        "crio.service": "active enabled",
        "containerd.service": "inactive disabled",
        "kubelet.service": "active enabled",
    }
    assert node.run(["pgrep", "-f", "containerd-shim"]).rc == 1
    assert node.check("sha256sum /etc/cni/net.d/*") == cni
    again = migrate(node, guards=[])
    assert (again["changed"], again["former"]) == (False, "")

    pod = node.run_pod("hello-world", command=["sleep", "300"])
    back = migrate(node, engine="containerd", guards=["running_pods"])
    assert (back["former"], [each["pod"] for each in back["containers"]]) == ("crio", [f"default/{pod.name}"])
    assert kubelet.found(node) == kubelet.texts(engines.endpoint("containerd"), "cgroupfs")
    # The manifest of an image with unpacked layers is a new one, but the image is the same.
    there = images(node, CONTAINERD)
    assert there[node.image("hello-world")] == next(
        row["id"] for row in back["images"] if row["names"] == [node.image("hello-world")]
    )
    assert by_digest in there
    assert units(node, "crio.service", "containerd.service", "kubelet.service") == {
        "crio.service": "inactive disabled",
        "containerd.service": "active enabled",
        "kubelet.service": "active enabled",
    }
    assert node.run(["pgrep", "conmon"]).rc == 1


def test_docker_is_migrated_to_crio_and_back_and_removed(docker_node, migrate):
    node = docker_node
    refused = migrate(node, guards=["running_pods"])
    assert "containers that no kubelet has started run in Docker (plain): they are stopped" in refused["msg"]
    predicted, done = migrate(node, "--check"), migrate(node)
    assert comparable(done) == comparable(predicted)
    assert done["other_containers"] == [{"name": "plain", "image": node.image("long-running")}]
    assert any("nobody starts them again" in each for each in done["warnings"])
    found = images(node)
    assert found["docker.io/local/app:3"] == found[f"{LOG_WRITER}:1"]
    assert kubelet.found(node) == kubelet.texts(CRIO)
    assert set(units(node, *DOCKER_UNITS).values()) == {"inactive disabled"}
    assert node.run(["pgrep", "-f", "containerd-shim"]).rc == 1

    node.check(["crictl", "pull", node.image("hello-world")])
    back = migrate(node, engine="docker")
    assert (back["changed"], back["former"]) == (True, "crio")
    assert kubelet.found(node) == kubelet.texts(CRI_DOCKERD)
    assert set(units(node, *DOCKER_UNITS).values()) == {"active enabled"}
    assert docker_images(node)[node.image("hello-world")] == found_id(back, node.image("hello-world"))

    early = migrate(node, state="former_removed", former="docker")
    assert "the kubelet does not use CRI-O but /run/cri-dockerd.sock. Migrate the node first" in early["msg"]
    migrate(node)
    predicted = migrate(node, "--check", state="former_removed")
    removed = migrate(node, state="former_removed")
    assert predicted["packages"] == removed["packages"] == ["docker.io", "docker-cli", "containerd"]
    assert node.run("command -v docker dockerd containerd").out == ""
    assert node.exists("/etc/docker/daemon.json")
    assert node.run("crictl info").rc == 0
    assert migrate(node, state="former_removed")["changed"] is False


def found_id(result, name):
    return next(row["id"] for row in result["images"] if name in row["names"])


def put_program(node):
    """Copy the collection's code for nodes, and the driver that kills it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        place = "ansible_collections/cri/node/plugins/module_utils"
        tar.add(CHECKOUT / "plugins" / "module_utils", place)
    node.check("mkdir -p /root/code && tar -x -C /root/code", stdin=buffer.getvalue())
    node.copy_in("/root/driver.py", (CHECKOUT / "tests" / "faults" / "migration_driver.py").read_text())


def kill_after(node, step, request):
    killed = node.run(
        ["python3", "/root/driver.py", "/root/code", step], stdin=json.dumps(request), limit=120
    )
    assert killed.rc == 137, (step, killed)


def test_a_migration_that_was_killed_at_any_step_is_undone_and_made_by_the_next_run(docker_node, migrate):
    node = docker_node
    put_program(node)
    options = {
        "state": "migrated",
        "engine": "crio",
        "former": "",
        "images": True,
        "overruled_guards": GUARDS,
        "ready_timeout": 60,
        "pull_timeout": 300,
    }
    files, states = kubelet.found(node), units(node, *DOCKER_UNITS, "crio.service", "kubelet.service")
    for step in switch.STEPS:
        kill_after(node, step, desired.request(options))
        assert node.exists(f"{STATE}/migration-under-way.json"), step
        # The next run goes back first. Its guard then finds the container that runs again, and refuses.
        refused = migrate(node, guards=["running_pods"])
        assert refused["msg"].startswith("an interrupted migration was undone first; containers"), step
        assert "(plain)" in refused["msg"], step
        assert kubelet.found(node) == files, step
        assert units(node, *states) == states, step
        assert plain_runs(node), step
        assert not node.exists(f"{STATE}/migration-under-way.json"), step
    kill_after(node, switch.CHANGE_FILES, desired.request(options))
    predicted = migrate(node, "--check")
    assert "an interrupted migration would be undone before this one" in predicted["warnings"]
    done = migrate(node)
    assert "an interrupted migration was undone before this one" in done["warnings"]
    assert kubelet.found(node) == kubelet.texts(CRIO)
    assert units(node, "crio.service", "docker.service")["docker.service"] == "inactive disabled"
    assert node.check(f"ls {STATE}").split() == ["migration.json"]


def test_a_kubelet_that_does_not_start_returns_to_the_former_engine(docker_node, migrate):
    node = docker_node
    files, states = kubelet.found(node), units(node, *DOCKER_UNITS, "crio.service", "kubelet.service")
    node.copy_in("/run/kubelet-refuses", "crio.sock")
    failed = migrate(node)
    assert "kubelet.service does not stay active after its start" in failed["msg"]
    assert "(step: start the kubelet)" in failed["msg"]
    assert failed["msg"].endswith(
        "The switch was undone: the node uses Docker as before, and its kubelet starts its pods again"
    )
    assert kubelet.found(node) == files
    assert units(node, *states) == states
    assert plain_runs(node)


def test_what_cannot_be_edited_is_refused_before_anything_is_changed(containerd_node, migrate):
    node = containerd_node
    node.copy_in(kubelet.EXTRA, 'KUBELET_EXTRA_ARGS="--container-runtime-endpoint=$SOCKET"\n')
    before = kubelet.found(node)
    refused = migrate(node)
    assert refused["msg"].startswith(
        f"{kubelet.EXTRA}: the value of --container-runtime-endpoint is not understood"
    )
    assert kubelet.found(node) == before
    assert units(node, "containerd.service", "kubelet.service") == {
        "containerd.service": "active enabled",
        "kubelet.service": "active enabled",
    }
    assert not node.exists(STATE)


@pytest.fixture
def run(run_playbook, tmp_path, containerd_node):
    """Return a function that runs the playbook on the node with containerd: run(*options, **variables)."""
    for name in ("drain", "restore"):
        task = {
            "ansible.builtin.command": {"cmd": f"touch /root/{name}.done", "creates": f"/root/{name}.done"}
        }
        (tmp_path / f"{name}.yml").write_text(json.dumps([{"name": name, **task}]))
    hooks = {f"migrate_{name}": str(tmp_path / f"{name}.yml") for name in ("drain", "restore")}
    settings = {
        "crio_config": {"crio": {"network": {"plugin_dirs": ["/opt/cni/bin", "/usr/lib/cni"]}}},
        "crio_service": {"Service": {"KillMode": "process"}},
        "verify_image": containerd_node.image("hello-world"),
        "verify_report_file": "",
        "migrate_report_file": str(tmp_path / "migration.json"),
        **hooks,
    }

    def play(*options, **variables):
        return run_playbook(
            "cri.node.migrate", containerd_node, *options, variables={**settings, **variables}
        )

    return play


def test_the_playbook_installs_drains_migrates_verifies_and_removes(containerd_node, run, tmp_path):
    node = containerd_node
    before = kubelet.found(node)
    needed = run("--check", migrate_remove_former=True)
    assert "docker.io depends on containerd" in " ".join(needed.out.split())
    node.check("dpkg --remove docker.io")
    checked = run("--check", migrate_remove_former=True).expect_success()
    assert kubelet.found(node) == before
    assert "would migrate" in checked.out
    assert "packages removed: containerd" in checked.out
    refused = run(migrate_overruled_guards=[])
    assert refused.rc != 0
    assert "1 pod runs in containerd (shop/web)" in refused.out
    assert kubelet.found(node) == before

    done = run(migrate_overruled_guards=["running_pods"]).expect_success()
    assert "engine: containerd -> CRI-O" in done.out
    assert "kubectl annotate node engines" in done.out
    written = json.loads((tmp_path / "migration.json").read_text())
    assert written["nodes"]["engines"] == {"status": "migrated", "migration": 0}
    assert written["migrations"][0]["pods"] == ["shop/web"]
    assert done.custom["_run"]["cri_node_migration"]["summary"]["migrated"] == 1
    assert kubelet.found(node) == kubelet.texts(CRIO)
    assert node.exists("/root/drain.done")
    assert node.exists("/root/restore.done")
    assert run().expect_success().changed == 0
    # A later run still knows which engine was the former one.
    removed = run(migrate_remove_former=True).expect_success()
    assert "packages removed: containerd" in removed.out
    assert node.run("command -v containerd").out == ""


def test_a_node_that_fails_its_verification_returns_to_the_former_engine(containerd_node, run):
    node = containerd_node
    done = run(migrate_overruled_guards=["running_pods"], verify_pull=["registry:5000/no-such-image:1"])
    assert done.rc != 0
    assert "the verification has failed: " in done.out
    assert "The node is back on the former engine" in done.out
    assert kubelet.found(node) == kubelet.texts(engines.endpoint("containerd"))
    assert units(node, "crio.service", "containerd.service") == {
        "crio.service": "inactive disabled",
        "containerd.service": "active enabled",
    }
