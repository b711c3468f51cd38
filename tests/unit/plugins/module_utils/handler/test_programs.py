# SPDX-License-Identifier: GPL-3.0-or-later
"""Provides the programs of handlers in a temporary folder, removes them, and fails half-way."""

import hashlib
import os
from types import SimpleNamespace

import pytest

from ansible_collections.cri.node.plugins.module_utils.errors import NodeError
from ansible_collections.cri.node.plugins.module_utils.file_swap import FileSwap
from ansible_collections.cri.node.plugins.module_utils.handler import files, packages, programs, versions
from ansible_collections.cri.node.plugins.module_utils.layout import Layout
from ansible_collections.cri.node.plugins.plugin_utils.handlers import desired, request

RECORD = "var/lib/cri-node/handlers.json"


class Node:
    """A node below a folder, with packages and a CRI-O that are only described."""

    def __init__(self, root, monkeypatch):
        self.root, self.layout, self.work = root / "node", Layout(str(root / "node")), root / "work"
        self.work.mkdir()
        self.crio = "1.37.0"  # "" for none
        self.installed, self.available, self.refreshed = {}, {}, False
        self.configuration = set()  # the paths that CRI-O's files name
        self.write("etc/os-release", 'ID=ubuntu\nID_LIKE="debian"\n')
        (self.root / "usr/local/bin").mkdir(parents=True)
        monkeypatch.setattr(versions.CrioOfNode, "is_installed", property(lambda _crio: bool(self.crio)))
        monkeypatch.setattr(versions.CrioOfNode, "version", property(lambda _crio: self.crio))
        monkeypatch.setattr(files, "references", lambda _crio, paths: self.configuration & set(paths))
        monkeypatch.setattr(packages, "installed", lambda _family, name: self.installed.get(name))
        monkeypatch.setattr(packages, "candidate", lambda _family, name: self.available.get(name))
        monkeypatch.setattr(packages, "refresh", lambda _family: setattr(self, "refreshed", True))
        monkeypatch.setattr(packages, "install", self.install)

    def install(self, _family, names):
        for name in names:
            self.installed[name] = self.available[name]
            self.program(f"usr/bin/{name}", f"{name} version 1.0.0")

    def write(self, path, text, mode=0o644):
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        place.chmod(mode)
        return place

    def program(self, path, says):
        return self.write(path, f"#!/bin/sh\necho {says}\n", 0o755)

    def source(self, says="runc version 1.4.2", name="source"):
        """Return (URL, SHA-256) of a program that the node can download."""
        path = self.work.parent / name
        path.write_text(f"#!/bin/sh\necho {says}\n")
        return f"file://{path}", hashlib.sha256(path.read_bytes()).hexdigest()

    def ask(self, handlers, check=False, sent=()):
        found = desired.read([("oci_runtimes_config", handlers)])
        assert found.problems == []
        asked = request.of(found.handlers.values())
        asked["files"] = [{**each, "sent": dict(sent).get(each["path"], "")} for each in asked["files"]]
        folder = self.work / str(len(os.listdir(self.work)))
        folder.mkdir()
        return programs.provide(asked, str(folder), check, self.layout)

    def tree(self):
        return {
            str(path.relative_to(self.root)): path.read_bytes()
            for path in self.root.rglob("*")
            if path.is_file()
        }


@pytest.fixture
def node(tmp_path, monkeypatch):
    return Node(tmp_path, monkeypatch)


def refused(node, handlers, **options):
    """Return the message with which handlers are refused; nothing is changed then."""
    before = node.tree()
    with pytest.raises(NodeError) as error:
        node.ask(handlers, **options)
    assert node.tree() == before
    return str(error.value)


def mine(node, **more):
    url, sha256 = node.source(**more)
    return {"mine": {"kind": "runc", "source": url, "sha256": sha256}}


def test_a_file_is_installed_as_predicted_and_once(node):
    handlers = mine(node)
    before = node.tree()
    predicted = node.ask(handlers, check=True)
    assert node.tree() == before
    done = node.ask(handlers)
    assert predicted == done
    assert done["changed"] is True
    assert done["handlers"]["mine"] == {
        "path": "/usr/local/bin/mine",
        "install": "file",
        "version": "1.4.2",
        "package": None,
        "changed": True,
    }
    assert (node.root / "usr/local/bin/mine").stat().st_mode & 0o777 == 0o755
    after = node.tree()
    again = node.ask(handlers)
    assert again["changed"] is False
    assert again["handlers"]["mine"]["version"] == "1.4.2"
    assert node.tree() == after


def test_another_content_replaces_ours_and_a_lost_file_comes_back(node):
    node.ask(mine(node))
    newer = mine(node, says="runc version 1.5.0", name="newer")
    assert node.ask(newer)["handlers"]["mine"]["version"] == "1.5.0"
    (node.root / "usr/local/bin/mine").unlink()
    assert node.ask(newer)["changed"] is True
    (node.root / "usr/local/bin/mine").chmod(0o700)
    assert node.ask(newer)["changed"] is True
    assert node.ask(newer)["changed"] is False


def test_a_file_waits_until_crio_does_not_name_it_and_is_then_removed(node):
    node.ask(mine(node))
    node.configuration.add("/usr/local/bin/mine")
    waiting = node.ask({})
    assert (waiting["changed"], waiting["pending"]) == (False, ["/usr/local/bin/mine"])
    assert (node.root / "usr/local/bin/mine").exists()
    node.configuration.clear()
    predicted = node.ask({}, check=True)
    assert (predicted["changed"], predicted["removed"]) == (True, ["/usr/local/bin/mine"])
    assert node.ask({}) == predicted
    assert not (node.root / "usr/local/bin/mine").exists()
    assert not (node.root / RECORD).exists()
    assert node.ask({})["changed"] is False


def test_a_file_that_was_changed_since_is_kept_with_a_warning(node):
    node.ask(mine(node))
    node.program("usr/local/bin/mine", "by hand")
    done = node.ask({})
    assert done["removed"] == []
    assert done["notes"] == ["/usr/local/bin/mine was changed since it was installed, and is kept"]
    assert "by hand" in (node.root / "usr/local/bin/mine").read_text()
    assert node.ask({})["notes"] == []


def test_a_file_of_somebody_else_is_neither_replaced_nor_removed(node):
    node.program("usr/local/bin/mine", "by hand")
    assert "exists with another content" in refused(node, mine(node))
    handlers = mine(node)
    content = (node.work.parent / "source").read_text()
    node.write("usr/local/bin/mine", content, 0o755)
    assert node.ask(handlers)["changed"] is False
    assert node.ask({})["removed"] == []


def test_a_version_that_is_known_to_fail_is_refused_with_its_reason(node):
    url, sha256 = node.source("crun version 1.14.2")
    handlers = {"old": {"kind": "crun", "source": url, "sha256": sha256}}
    expected = (
        "old: version 1.14.2 fails with CRI-O 1.37.0: it refuses the configuration that CRI-O writes:"
        ' "unknown version specified"; it requires at least 1.14.3. Nothing was changed'
    )
    assert refused(node, handlers) == refused(node, handlers, check=True) == expected
    node.crio = "1.29.9"
    assert node.ask(handlers, check=True)["changed"] is True
    node.crio = ""
    assert "fails with CRI-O 1.30 and later" in refused(node, handlers)
    url, sha256 = node.source("crun version 1.14.10", "newer")
    node.ask({"new": {"kind": "crun", "source": url, "sha256": sha256}})


def test_a_preinstalled_program_must_exist_unless_crio_brings_it(node):
    assert "youki: /usr/local/bin/youki does not exist or is not executable" in refused(node, {"youki": {}})
    assert "crun: /usr/libexec/crio/crun does not exist" in refused(node, {"crun": {}})
    node.crio = ""
    done = node.ask({"crun": {}})
    assert done["changed"] is False
    assert done["notes"] == ["crun: /usr/libexec/crio/crun will come with CRI-O, which is not installed yet"]
    node.program("usr/local/bin/youki", "youki version 0.5.7")
    assert node.ask({"youki": {}})["handlers"]["youki"]["version"] == "0.5.7"
    node.write("usr/local/bin/youki", "#!/bin/sh\necho lost >&2\nexit 3\n", 0o755)
    assert "--version prints lost (exit status 3)" in refused(node, {"youki": {}})


def test_the_configuration_that_the_settings_name_must_exist(node):
    node.program("opt/kata/bin/containerd-shim-kata-v2", "version: 3.2.0")
    assert "configuration.toml does not exist, but its settings name it" in refused(node, {"kata": {}})
    node.write("opt/kata/share/defaults/kata-containers/configuration.toml", "")
    assert node.ask({"kata": {}})["handlers"]["kata"]["version"] == "3.2.0"


def test_a_newer_crio_is_required_by_name(node):
    node.program("usr/local/bin/containerd-shim-runsc-v1", "")
    node.crio = "1.36.4"
    assert "gvisor: requires CRI-O 1.37 or later, but 1.36.4 is installed" in refused(node, {"gvisor": {}})
    node.crio = "1.37.0"
    assert node.ask({"gvisor": {}})["changed"] is True
    config = node.root / "etc/containerd/runsc.toml"
    assert config.read_text() == 'binary_name = "/usr/local/bin/runsc"\ngrouping = true\n'
    assert node.ask({"gvisor": {}})["changed"] is False


def test_a_configuration_of_somebody_else_is_kept(node):
    node.program("usr/local/bin/containerd-shim-runsc-v1", "")
    node.write("etc/containerd/runsc.toml", "their = 1\n")
    assert node.ask({"gvisor": {}})["changed"] is False
    assert node.ask({})["removed"] == []


def test_a_package_is_installed_as_predicted_and_stays(node):
    node.available["crun"] = "1.21-1"
    handlers = {"crun": {"install": "package"}}
    predicted = node.ask(handlers, check=True)
    assert node.installed == {}
    done = node.ask(handlers)
    assert predicted == done
    assert (done["packages"], done["handlers"]["crun"]["version"]) == (["crun"], "1.21")
    assert done["handlers"]["crun"]["package"] == "crun"
    assert node.ask(handlers)["changed"] is False
    assert node.ask({})["changed"] is False
    assert node.installed == {"crun": "1.21-1"}


def test_a_package_with_a_version_that_fails_is_refused_before_it_is_installed(node):
    node.available["crun"] = "1.8.1-1+deb12u1"
    assert "crun: version 1.8.1 fails with CRI-O 1.37.0" in refused(node, {"crun": {"install": "package"}})
    assert node.installed == {}
    node.installed["crun"] = "1:1.8.1-1+deb12u1"
    node.program("usr/bin/crun", "crun version 1.8.1")
    assert "crun: version 1.8.1 fails" in refused(node, {"crun": {"install": "package"}})


def test_a_package_that_no_repository_has_is_refused_after_its_lists_were_read_again(node):
    message = refused(node, {"crun": {"install": "package"}})
    assert message == "crun: no repository of this node has the package crun. Nothing was changed"
    assert node.refreshed
    predicted = node.ask({"crun": {"install": "package"}}, check=True)
    assert "is not in the lists of this node" in predicted["notes"][0]
    kata = refused(node, {"kata": {"install": "package"}})
    assert "kata: no package is known for this distribution (known: rhel, suse)" in kata


def test_a_package_without_the_program_is_an_error_that_says_so(node):
    node.available["odd"] = "2.0.0"
    with pytest.raises(NodeError, match="was installed, but it does not contain /usr/bin/crun; set path"):
        node.ask({"crun": {"package": "odd"}})


def test_a_source_on_the_controller_is_asked_for_only_if_it_is_needed(node):
    handlers = {"mine": {"kind": "runc", "source": "local", "sha256": mine(node)["mine"]["sha256"]}}
    asked = node.ask(handlers)
    assert (asked["changed"], asked["needed"]) == (False, ["/usr/local/bin/mine"])
    sent = {"/usr/local/bin/mine": str(node.work.parent / "source")}
    assert node.ask(handlers, sent=sent)["changed"] is True
    assert "needed" not in node.ask(handlers)


def test_a_wrong_hash_and_a_missing_architecture_are_refused(node):
    url, _sha256 = node.source()
    wrong = {"mine": {"kind": "runc", "source": url, "sha256": "0" * 64}}
    assert f"but sha256 specifies {'0' * 64}" in refused(node, wrong)
    other = {"mine": {"kind": "runc", "source": url, "sha256": {"riscv64": "0" * 64}}}
    assert "sha256 has no entry for this node's architecture" in refused(node, other)


def test_all_problems_are_reported_at_once(node):
    message = refused(node, {"youki": {}, **mine(node), "kata": {}})
    assert message.startswith("3 problems, and nothing was changed: (1) ")


@pytest.mark.parametrize("step", ["stage", "stage_record", "swap", "commit"])
def test_a_failure_at_any_step_restores_all_files(node, monkeypatch, step):
    node.ask(mine(node))
    before = node.tree()

    def fail(*_arguments):
        raise OSError(5, "Input/output error", "/somewhere")

    monkeypatch.setattr(FileSwap, step, fail)
    with pytest.raises(NodeError, match="The previous files were restored"):
        node.ask(mine(node, says="runc version 9.9.9", name="newer"))
    assert node.tree() == before


@pytest.mark.parametrize("step", ["stage_record", "swap", "commit"])
def test_a_run_that_was_killed_is_undone_or_completed_by_the_next_one(node, monkeypatch, step):
    class Killed(BaseException):
        pass

    def die(*_arguments):
        raise Killed

    newer = mine(node, says="runc version 9.9.9", name="newer")
    node.ask(mine(node))
    before = node.tree()
    with monkeypatch.context() as patch:
        patch.setattr(FileSwap, step, die)
        with pytest.raises(Killed):
            node.ask(newer)
    assert node.ask(mine(node))["changed"] is True  # what was left behind is removed
    assert node.tree() == before
    assert node.ask(newer)["handlers"]["mine"]["version"] == "9.9.9"


def test_a_damaged_record_is_an_error_that_names_it(node):
    node.write(RECORD, "{")
    assert f"{RECORD} is not JSON" in refused(node, {})


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("crun version 1.26\ncommit: 1\n", "1.26"),
        ("runc version 1.4.2\nspec: 1.3.0\n", "1.4.2"),
        ("Kata Containers containerd shim (Golang): id: x, version: 3.2.0, commit: 1", "3.2.0"),
        ("runsc version release-20240101.0\n", "20240101.0"),
        ("youki version 0.5.7", "0.5.7"),
    ],
)
def test_versions_are_read_as_programs_print_them(tmp_path, output, expected):
    path = tmp_path / "program"
    path.write_text(f"#!/bin/sh\ncat <<'END'\n{output}\nEND\n")
    path.chmod(0o755)
    assert versions.printed(str(path)) == (expected, "")


@pytest.mark.parametrize(
    ("version", "expected"),
    [("1.8.1-1+deb12u1", "1.8.1"), ("1:1.21-1", "1.21"), ("1.4.2", "1.4.2"), ("", ""), ("20240101", "")],
)
def test_the_version_of_the_software_is_read_from_that_of_the_package(version, expected):
    assert versions.of_package(version) == expected


@pytest.mark.parametrize(
    ("family", "output", "expected"),
    [
        ("debian", "crun:\n  Installed: (none)\n  Candidate: 1.21-1\n  Version table:\n", "1.21-1"),
        ("debian", "crun:\n  Installed: (none)\n  Candidate: (none)\n", None),
        ("debian", "", None),
        ("rhel", "1.14.3\n", "1.14.3"),
        ("suse", "Repository     : oss\nName           : crun\nVersion        : 1.14.4-1.1\n", "1.14.4-1.1"),
    ],
)
def test_the_version_that_would_be_installed_is_read(monkeypatch, family, output, expected):
    monkeypatch.setattr(packages, "run", lambda *_arguments: (0, output, ""))
    assert packages.candidate(family, "crun") == expected


def test_what_crio_names_is_found_in_its_files_and_in_the_daemon(tmp_path, monkeypatch):
    folder = tmp_path / "crio.conf.d"
    folder.mkdir()
    (folder / "10").write_text('[crio.runtime.runtimes.a]\nruntime_path = "/usr/local/bin/a"\n')
    service = SimpleNamespace(
        config_path=str(tmp_path / "none"), config_directory=str(folder), active=True, socket="s"
    )
    crio = SimpleNamespace(is_installed=True, service=service)
    live = {"crio.runtime.runtimes.b.runtime_path": '"/usr/local/bin/b"'}
    monkeypatch.setattr(files.live, "live_configuration", lambda _socket: live)
    paths = ["/usr/local/bin/a", "/usr/local/bin/b", "/usr/local/bin/c", "/usr/local/bin"]
    assert files.references(crio, paths) == {"/usr/local/bin/a", "/usr/local/bin/b"}

    def broken(_socket):
        raise NodeError("no answer")

    monkeypatch.setattr(files.live, "live_configuration", broken)
    assert files.references(crio, paths) == set(paths)
    assert files.references(SimpleNamespace(is_installed=False), paths) == set()
