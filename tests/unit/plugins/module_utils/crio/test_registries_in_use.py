# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests what a node reports of its images for a change of registries."""

import pytest

from ansible_collections.cri.node.plugins.module_utils.crio import registries_in_use
from ansible_collections.cri.node.plugins.module_utils.errors import CrictlError
from ansible_collections.cri.node.plugins.module_utils.layout import Layout

LIVE = {
    "crio.image.short_name_mode": '"disabled"',
    "crio.image.pause_image": '"a.io/pause:3"',
    "crio.image.auto_reload_registries": "true",
}
ID = "a" * 64


def image(name, digest="", **more):
    return {"id": ID, "repoTags": [name] if name else [], "repoDigests": [digest] if digest else [], **more}


def container(name, pod, state="CONTAINER_RUNNING"):
    return {
        "id": "b" * 64,
        "podSandboxId": "c" * 64,
        "metadata": {"name": "app"},
        "image": {"image": ID, "userSpecifiedImage": name},
        "imageRef": ID,
        "state": state,
        "createdAt": "1764000000000000000",
        "labels": {"io.kubernetes.pod.name": pod, "io.kubernetes.pod.namespace": "default"},
    }


class Service:
    environment = {}
    registries_options = ("", "")
    socket = "/run/crio.sock"


class Crictl:
    answers = {}

    def __init__(self, _endpoint):
        pass

    def json(self, command, *_arguments):
        answer = self.answers[command]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def together(self, *calls):
        return [call() for call in calls]


@pytest.fixture
def read(tmp_path, monkeypatch):
    def report(images, containers):
        monkeypatch.setattr(Crictl, "answers", {"images": images, "ps": containers})
        monkeypatch.setattr(registries_in_use, "Crictl", Crictl)
        monkeypatch.setattr(registries_in_use, "live_configuration", lambda _socket: LIVE)
        return registries_in_use.read(Service(), Layout(str(tmp_path)))

    return report


def test_names_are_those_of_images_and_those_that_running_pods_ask_for(read):
    digest = f"a.io/db@sha256:{'0' * 64}"
    images = [image("a.io/app:1", digest), image("", digest, pinned=True)]
    containers = [
        container("app:1", "web"),
        container("app:1", "api"),
        container("b.io/ended:1", "job", "CONTAINER_EXITED"),
    ]
    found = read({"images": images}, {"containers": containers})
    assert found["images"] == [
        {"name": "a.io/app:1", "pinned": False, "pods": []},
        {"name": digest, "pinned": True, "pods": []},
        {"name": "a.io/pause:3", "pinned": True, "pods": []},
        {"name": "app:1", "pinned": False, "pods": ["default/web", "default/api"]},
    ]
    assert (found["short_name_mode"], found["reloads_itself"]) == ("disabled", True)
    assert "problem" not in found


def test_a_crictl_that_fails_leaves_the_files_and_is_reported(read, tmp_path):
    folder = tmp_path / "etc/containers/registries.conf.d"
    folder.mkdir(parents=True)
    (folder / "a.conf").write_text('[[registry]]\nlocation = "a.io"\n')
    found = read(CrictlError("no answer within 10 s", "timeout"), {"containers": []})
    assert found["problem"] == "no answer within 10 s"
    assert [file["path"] for file in found["files"]] == ["/etc/containers/registries.conf.d/a.conf"]
    assert found["images"] == []
