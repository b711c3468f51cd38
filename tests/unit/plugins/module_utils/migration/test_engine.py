# SPDX-License-Identifier: GPL-3.0-or-later
"""What an engine says about itself is read from recorded output of its programs: Debian's Docker 26.1.5, containerd 1.7.24."""

import json

import pytest

from ansible_collections.cri.node.plugins.module_utils.migration import engine
from ansible_collections.cri.node.plugins.plugin_utils.migration import engines

UP = {"active": True, "enabled": True, "disabled": False}
LONG = "5a3091710480a8d6a8ffec2c720e738fec167f2565e6a60d2771727a3dedb70c"
PS = [
    {
        "ID": LONG,
        "Image": "registry:5000/long-running:1",
        "Names": "k8s_main_web_shop_u1_0",
        "State": "running",
    },
    {"ID": "a" * 64, "Image": "registry:5000/pause:1", "Names": "k8s_POD_web_shop_u1_0", "State": "running"},
    {"ID": "b" * 64, "Image": "registry:5000/long-running:1", "Names": "plain", "State": "running"},
    {"ID": "c" * 64, "Image": "busybox", "Names": "k8s_is_mine", "State": "running"},
]
IDENTITY = "b670417bd4af87cf0eeda8034ef962520b390bb6ce0f0760800890937a53b307"
DIGEST = "sha256:6344f5ffbf91751da0bd0cd7992ec4231a96f85a8364cbeeb7ad8da1d896f81a"
IMAGES = [
    {"Digest": "<none>", "ID": f"sha256:{IDENTITY}", "Repository": "local/app", "Tag": "3"},
    {"Digest": DIGEST, "ID": f"sha256:{IDENTITY}", "Repository": "registry:5000/log-writer", "Tag": "1"},
    {"Digest": "<none>", "ID": f"sha256:{'d' * 64}", "Repository": "<none>", "Tag": "<none>"},
    {"Digest": "<none>", "ID": f"sha256:{'e' * 64}", "Repository": "busybox", "Tag": "latest"},
]
TASKS = f"""\
TASK                                                                PID    STATUS
{LONG}    537    RUNNING
stopped                                                             600    STOPPED
"""


@pytest.fixture
def docker(monkeypatch):
    """Return Docker on a node whose programs print what was recorded, and the commands that were run."""
    ran = []
    outputs = {
        ("docker", "ps"): "".join(f"{json.dumps(each)}\n" for each in PS),
        ("docker", "images"): "".join(f"{json.dumps(each)}\n" for each in IMAGES),
        ("docker", "info"): "systemd\n",
        ("ctr", "namespaces"): "k8s.io\nmoby\n",
        ("ctr", "--namespace"): TASKS,
    }

    def run(command, _limit=60):
        name = command[0].rpartition("/")[2]
        ran.append([name, *command[1:]])
        return 0, outputs.get((name, command[1]), ""), ""

    monkeypatch.setattr(engine.program, "run", run)
    monkeypatch.setattr(engine.shutil, "which", lambda name, path: f"/usr/bin/{name}")
    monkeypatch.setattr(engine.units, "states", lambda names: {name: dict(UP) for name in names})
    found = engine.of("docker", engines.as_request()["docker"])
    found.ran = ran
    return found


def test_docker_tells_the_kubelets_containers_from_all_others(docker):
    pods, others = docker.running()
    assert pods == [{"name": "main", "pod": "shop/web", "image": "registry:5000/long-running:1"}]
    assert [each["name"] for each in others] == ["plain", "k8s_is_mine", f"k8s.io/{LONG[:12]}"]
    # What is not of a kubelet can be started again after a failure.
    assert docker.restartable() == ["b" * 64]


def test_all_containers_of_docker_are_stopped_also_with_live_restore(docker):
    docker.stop_containers()
    assert ["docker", "stop", *(each["ID"] for each in PS)] in docker.ran
    assert ["ctr", "--namespace", "k8s.io", "tasks", "delete", "--force", LONG] in docker.ran


def test_only_containers_that_still_exist_are_started(docker):
    docker.start_containers(["b" * 64, "f" * 64])
    assert docker.ran[-1] == ["docker", "start", "b" * 64]
    docker.ran.clear()
    docker.start_containers(["f" * 64])
    assert [each[1] for each in docker.ran] == ["ps"]


def test_images_of_docker_have_full_names_and_one_row_for_each_id(docker):
    assert docker.images() == [
        {
            "id": IDENTITY,
            "tags": ["docker.io/local/app:3", "registry:5000/log-writer:1"],
            "digests": [f"registry:5000/log-writer@{DIGEST}"],
        },
        {"id": "d" * 64, "tags": [], "digests": []},
        {"id": "e" * 64, "tags": ["docker.io/library/busybox:latest"], "digests": []},
    ]


def test_the_driver_of_docker_is_that_of_its_daemon(docker):
    assert docker.driver() == "systemd"


@pytest.mark.parametrize(
    ("document", "driver"),
    [
        (
            {"runtimes": {"runc": {"options": {"SystemdCgroup": True}}}, "defaultRuntimeName": "runc"},
            "systemd",
        ),
        ({"runtimes": {"runc": {"options": {"BinaryName": "x"}}}, "defaultRuntimeName": "runc"}, "cgroupfs"),
        ({"runtimes": {"runc": {"options": {}}}, "defaultRuntimeName": "other"}, ""),
        ({"runtimes": {"runc": {"options": None}}, "defaultRuntimeName": "runc"}, ""),
        ({}, ""),
        (None, ""),
    ],
)
def test_the_driver_of_containerd_is_that_of_its_default_handler(document, driver):
    assert engine._driver_of_containerd({"config": {"containerd": document}}) == driver


def test_docker_serves_without_cri_dockerd_but_no_kubelet(monkeypatch):
    monkeypatch.setattr(engine.units, "states", lambda _names: {"docker.service": dict(UP)})
    found = engine.of("docker", engines.as_request()["docker"])
    assert (found.missing, found.serves) == (["cri-docker.service"], True)


def test_an_engine_without_its_main_unit_does_not_serve(monkeypatch):
    monkeypatch.setattr(engine.units, "states", lambda _names: {})
    found = engine.of("containerd", engines.as_request()["containerd"])
    assert (found.missing, found.serves, found.running()) == (["containerd.service"], False, ([], []))
