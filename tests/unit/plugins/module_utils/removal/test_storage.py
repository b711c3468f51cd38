# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests which folders of CRI-O are found, whose containers refuse their removal, and what is executed to remove them."""

import json
import os

import pytest

from ansible_collections.cri.node.plugins.module_utils.removal import storage
from ansible_collections.cri.node.plugins.module_utils.removal.findings import RemovalRefused

POD = {"pod-name": "web", "pod-id": "1" * 64}


class Service:
    """A CRI-O with a binary and options."""

    binary, config_directory, options = "/usr/local/bin/crio", "/etc/crio/crio.conf.d", ["--root=/data"]
    environment = {}


@pytest.fixture
def root(tmp_path, monkeypatch):
    made = tmp_path / "storage"
    (made / "overlay-containers").mkdir(parents=True)
    monkeypatch.setattr(storage, "_OWN", (str(tmp_path / "crio"), str(tmp_path / "not-there")))
    (tmp_path / "crio").mkdir()
    return made


def listed(root, *containers):
    (root / "overlay-containers" / "containers.json").write_text(json.dumps(containers))


@pytest.mark.parametrize(
    "value", ['""', '"relative"', '"/"', '"/data"', '"/a/../data/x"', "17", None], ids=str
)
def test_a_root_that_cannot_be_crio_s_own_folder_is_not_removed(root, monkeypatch, value):
    monkeypatch.setattr(storage.effective, "present", lambda _service: {"crio.root": value} if value else {})
    monkeypatch.setitem(storage._FOLDERS, "crio.root", str(root))
    assert storage.places(Service)[0] == str(root)


def test_the_folders_of_the_configuration_and_crio_s_own_are_found_if_they_exist(root, monkeypatch, tmp_path):
    values = {"crio.root": json.dumps(str(root)), "crio.log_dir": json.dumps(str(tmp_path / "crio"))}
    monkeypatch.setattr(storage.effective, "present", lambda _service: values)
    monkeypatch.setitem(storage._FOLDERS, "crio.runroot", str(tmp_path / "neither"))
    assert storage.places(Service) == [str(root), str(tmp_path / "crio")]


def test_containers_of_crio_do_not_refuse_the_removal(root):
    listed(root, {"id": "a", "names": ["k8s_web"], "metadata": json.dumps(POD)})
    storage.refuse_containers_of_others([str(root)])


@pytest.mark.parametrize(
    ("container", "name"),
    [
        ({"id": "a", "names": ["toolbox"], "metadata": json.dumps({"image-name": "fedora"})}, "toolbox"),
        ({"id": "a", "names": ["working-container"], "metadata": "{"}, "working-container"),
        ({"id": "a"}, "a container without a name"),
        ("text", "a container without a name"),
    ],
)  # fmt: skip
def test_containers_of_others_refuse_the_removal_by_name(root, container, name):
    listed(root, {"id": "b", "names": ["k8s_web"], "metadata": json.dumps(POD)}, container)
    with pytest.raises(
        RemovalRefused, match=rf"containers of another engine.*: {name} \(.*Nothing was changed"
    ):
        storage.refuse_containers_of_others([str(root)])


def test_a_list_that_cannot_be_read_refuses_the_removal(root):
    (root / "overlay-containers" / "containers.json").write_text("[{")
    with pytest.raises(RemovalRefused, match="an unreadable"):
        storage.refuse_containers_of_others([str(root)])


def test_the_storage_is_wiped_unmounted_and_removed(root, monkeypatch):
    calls = []

    def run(arguments, *_more):
        calls.append(arguments)
        mounts.discard(arguments[-1])
        return 0, "", ""

    mounts = {f"{root}/overlay", f"{root}/overlay/x/merged", f"{root}-of-others", "/"}
    monkeypatch.setattr(storage, "run", run)
    monkeypatch.setattr(storage.node_files, "mount_points", lambda: mounts)
    storage.remove(Service, [str(root)])
    assert calls == [
        ["/usr/local/bin/crio", "--config-dir", "/etc/crio/crio.conf.d", "--root=/data", "wipe", "--force"],
        ["umount", f"{root}/overlay/x/merged"],
        ["umount", f"{root}/overlay"],
    ]
    assert not os.path.exists(root)
    storage.remove(Service, [str(root)])  # may run twice


def test_a_wipe_that_fails_is_one_message_and_removes_nothing(root, monkeypatch):
    monkeypatch.setattr(storage, "run", lambda *_arguments: (1, "", "first\nlock is held http://u:p@h\n"))
    with pytest.raises(
        RemovalRefused, match=r"crio wipe --force failed: lock is held http://\*\*\*@h; the next"
    ):
        storage.remove(Service, [str(root)])
    assert root.exists()


def test_a_mount_that_stays_is_one_message_and_nothing_below_it_is_removed(root, monkeypatch):
    monkeypatch.setattr(storage.node_files, "mount_points", lambda: {f"{root}/overlay"})
    monkeypatch.setattr(storage, "run", lambda arguments, *_more: (arguments[0] == "umount", "", "busy"))
    with pytest.raises(RemovalRefused, match="overlay cannot be unmounted: busy"):
        storage.remove(Service, [str(root)])
    assert root.exists()
