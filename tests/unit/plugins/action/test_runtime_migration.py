# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's side of a migration: options that do not fit together are refused without a call of the node."""

import pytest

ANSWER = {
    "changed": True,
    "engine": "crio",
    "former": "containerd",
    "steps": ["stop the kubelet"],
    "driver": "systemd",
    "containers": [],
    "other_containers": [],
    "images": [],
    "kubelet": {"found": True, "node_name": "worker-1", "endpoint": "unix:///run/containerd/containerd.sock"},
    "files": {"/var/lib/kubelet/config.yaml": ["a\n", "b\n"]},
    "notes": ["an interrupted migration was undone before this one"],
}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"former": "crio"}, 'former (migrate_former of the role) = "crio": is the new engine, too'),
        ({"engine": "docker", "former": "containerd"}, "one of the two engines must be crio"),
        ({"engine": "docker", "state": "former_removed"}, "has no effect with state: former_removed"),
        ({"engine": "podman"}, "value of engine must be one of: crio, containerd, docker, got: podman"),
        ({"overruled_guards": ["pods"]}, '"pods": is not a guard'),
        ({"ready_timeout": 0}, "ready_timeout"),
    ],
)
def test_options_that_do_not_fit_are_refused_without_a_call(run, options, words):
    task = run("runtime_migration", options, lambda _request: pytest.fail("called"))
    assert task.result["failed"] is True
    assert words in task.result["msg"], task.result["msg"]
    assert task.calls == []


def test_the_result_has_the_files_as_a_diff_and_the_command_for_the_cluster(run):
    task = run("runtime_migration", {}, lambda _request: dict(ANSWER), diff=True)
    assert task.result["kubelet"]["files"] == ["/var/lib/kubelet/config.yaml"]
    assert task.result["diff"] == [
        {
            "before_header": "/var/lib/kubelet/config.yaml",
            "after_header": "/var/lib/kubelet/config.yaml",
            "before": "a\n",
            "after": "b\n",
        }
    ]
    assert task.result["commands"][0].startswith("kubectl annotate node worker-1 ")
    assert task.result["warnings"] == ANSWER["notes"]
    assert "files" not in task.result


def test_a_removal_lists_packages(run):
    answer = {"changed": True, "former": "docker", "packages": ["docker.io"], "notes": []}
    task = run("runtime_migration", {"state": "former_removed"}, lambda _request: dict(answer), diff=True)
    assert (task.result["packages"], task.result["diff"][0]["before"]) == (["docker.io"], "docker.io\n")
