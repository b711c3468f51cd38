# SPDX-License-Identifier: GPL-3.0-or-later
"""Provides CNI plugins in a temporary folder: from an archive, from a package, and only checked."""

import hashlib
import io
import os
import tarfile
from types import SimpleNamespace

import pytest

from ansible_collections.cri.node.plugins.module_utils import cni_plugins
from ansible_collections.cri.node.plugins.module_utils.errors import NodeError
from ansible_collections.cri.node.plugins.module_utils.file_swap import FileSwap
from ansible_collections.cri.node.plugins.module_utils.handler import packages
from ansible_collections.cri.node.plugins.module_utils.layout import Layout

NAMES = ["bridge", "host-local", "portmap"]


class Node:
    """A node below a folder, whose CRI-O and packages are only described."""

    def __init__(self, root, monkeypatch):
        self.root, self.work, self.layout = root / "node", root / "work", Layout(str(root / "node"))
        self.work.mkdir()
        self.root.mkdir()
        self.crio = SimpleNamespace(binary="/usr/bin/crio", active=True, socket="s")
        self.plugin_dirs = '["/opt/cni/bin/"]'
        self.installed, self.available = {}, {"containernetworking-plugins": "1.1.1"}
        (self.root / "etc").mkdir()
        (self.root / "etc/os-release").write_text("ID=debian\n")
        monkeypatch.setattr(cni_plugins, "CrioService", lambda: self.crio)
        found = {"crio.network.plugin_dirs": self.plugin_dirs}
        monkeypatch.setattr(cni_plugins.live, "live_configuration", lambda _socket: found)
        monkeypatch.setattr(packages, "installed", lambda _family, name: self.installed.get(name))
        monkeypatch.setattr(packages, "candidate", lambda _family, name: self.available.get(name))
        monkeypatch.setattr(packages, "refresh", lambda _family: None)
        monkeypatch.setattr(packages, "install", self.install)

    def install(self, _family, names):
        self.installed.update({name: self.available[name] for name in names})
        self.plugins("usr/lib/cni", NAMES)

    def plugins(self, folder, names, text="#!/bin/sh\n"):
        for name in names:
            path = self.root / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            path.chmod(0o755)

    def archive(self, names=None, text="#!/bin/sh\n", prefix="./"):
        """Return (URL, SHA-256) of an archive."""
        path = self.work.parent / "plugins.tar"
        with tarfile.open(path, "w") as out:
            for name in [*(NAMES if names is None else names), "LICENSE"]:
                content = (text if name != "LICENSE" else "words").encode()
                entry = tarfile.TarInfo(prefix + name)
                entry.size = len(content)
                out.addfile(entry, io.BytesIO(content))
        return f"file://{path}", hashlib.sha256(path.read_bytes()).hexdigest()

    def ask(self, check=False, **options):
        folder = self.work / str(len(os.listdir(self.work)))
        folder.mkdir()
        request = {
            "install": "preinstalled",
            "directory": "",
            "default_directory": "/opt/cni/bin",
            "package": "",
            "packages": {"debian": ["containernetworking-plugins", "/usr/lib/cni"]},
            "families": {"debian": "debian"},
            "required": NAMES,
            "sha256": {},
            "source": "plugins.tgz",
            "url": "",
            "sent": "",
            **options,
        }
        return cni_plugins.provide(request, str(folder), check, self.layout)

    def from_archive(self, check=False, **more):
        url, sha256 = self.archive(**more)
        return self.ask(check, install="archive", url=url, sha256={"": sha256})

    def tree(self):
        return {str(each): each.read_bytes() for each in self.root.rglob("*") if each.is_file()}


@pytest.fixture
def node(tmp_path, monkeypatch):
    return Node(tmp_path, monkeypatch)


@pytest.mark.parametrize("prefix", ["./", ""])
def test_an_archive_is_installed_as_predicted_and_once(node, prefix):
    before = node.tree()
    predicted = node.from_archive(check=True, prefix=prefix)
    assert node.tree() == before
    done = node.from_archive(prefix=prefix)
    assert predicted == done
    assert done["files"] == [f"/opt/cni/bin/{name}" for name in NAMES]  # and not the licence
    assert (node.root / "opt/cni/bin/bridge").stat().st_mode & 0o777 == 0o755
    assert node.from_archive(prefix=prefix)["changed"] is False


def test_a_new_archive_replaces_ours_and_a_lost_plugin_comes_back(node):
    node.from_archive()
    assert node.from_archive(text="#!/bin/bash\n")["changed"] is True
    (node.root / "opt/cni/bin/bridge").unlink()
    assert node.from_archive(text="#!/bin/bash\n")["changed"] is True
    assert (node.root / "opt/cni/bin/bridge").read_text() == "#!/bin/bash\n"


def test_plugins_of_somebody_else_are_not_replaced(node):
    node.plugins("opt/cni/bin", ["bridge"], "#!/usr/bin/env bash\n")
    before = node.tree()
    with pytest.raises(NodeError, match="/opt/cni/bin/bridge exists with another content"):
        node.from_archive()
    assert node.tree() == before
    url, sha256 = node.archive()
    options = {"install": "archive", "url": url, "sha256": {"": sha256}, "directory": "/usr/local/lib/cni"}
    done = node.ask(**options)
    assert done["files"][0] == "/usr/local/lib/cni/bridge"
    assert "CRI-O does not look for plugins in /usr/local/lib/cni, but in /opt/cni/bin/" in done["notes"][0]


def test_an_archive_without_a_needed_plugin_and_a_wrong_hash_are_refused(node):
    with pytest.raises(NodeError, match="the archive does not contain portmap"):
        node.from_archive(names=["bridge", "host-local"])
    url, _sha256 = node.archive()
    with pytest.raises(NodeError, match="but sha256 specifies 000"):
        node.ask(install="archive", url=url, sha256={"": "0" * 64})
    with pytest.raises(NodeError, match="sha256 has no entry for this node's architecture"):
        node.ask(install="archive", url=url, sha256={"riscv64": "0" * 64})


def test_an_archive_of_the_controller_is_asked_for_only_if_it_is_needed(node):
    url, sha256 = node.archive()
    asked = node.ask(install="archive", sha256={"": sha256})
    assert (asked["needed"], asked["changed"]) == (True, False)
    done = node.ask(install="archive", sha256={"": sha256}, sent=url.removeprefix("file://"))
    assert done["changed"] is True
    assert "needed" not in node.ask(install="archive", sha256={"": sha256})


def test_a_package_is_installed_as_predicted_and_once(node):
    predicted = node.ask(check=True, install="package")
    assert node.installed == {}
    done = node.ask(install="package")
    for part in ("changed", "package", "directory"):
        assert predicted[part] == done[part]
    assert (done["changed"], done["package"]) == (True, "containernetworking-plugins")
    assert done["directory"] == "/usr/lib/cni"
    assert "/usr/lib/cni" in done["notes"][0]  # CRI-O does not look there
    assert node.ask(install="package")["changed"] is False


def test_a_package_that_is_not_to_be_had_is_refused(node):
    node.available.clear()
    with pytest.raises(NodeError, match="no repository of this node has the package"):
        node.ask(install="package")
    with pytest.raises(NodeError, match="no package is known for this distribution"):
        node.ask(install="package", packages={})


def test_preinstalled_plugins_must_exist_unless_crio_brings_them(node):
    with pytest.raises(NodeError, match="bridge, host-local, portmap not found in /opt/cni/bin"):
        node.ask()
    node.crio.binary = None
    assert "will come to /opt/cni/bin with CRI-O" in node.ask()["notes"][0]
    node.crio.binary = "/usr/bin/crio"
    node.plugins("opt/cni/bin", NAMES)
    assert node.ask()["notes"] == []
    assert node.ask(required=[], directory="/nowhere")["notes"] == []


@pytest.mark.parametrize("step", ["stage", "stage_record", "swap", "commit"])
def test_a_failure_at_any_step_restores_all_plugins(node, monkeypatch, step):
    node.from_archive()
    before = node.tree()

    def fail(*_arguments):
        raise OSError(5, "Input/output error", "/somewhere")

    monkeypatch.setattr(FileSwap, step, fail)
    with pytest.raises(NodeError, match="The previous files were restored"):
        node.from_archive(text="#!/bin/bash\n")
    assert node.tree() == before


def test_a_damaged_record_only_costs_a_comparison(node):
    node.from_archive()
    (node.root / "var/lib/cri-node/cni-plugins.json").write_text("{")
    assert node.from_archive()["changed"] is True
    assert node.from_archive()["changed"] is False
