# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that a removal of a bundle takes what was installed and nothing else, and is completed after a kill or an error."""

import errno
import json
import os

import pytest
from tests.unit.plugins.module_utils.test_bundle_install import (
    NEW,
    Node,
    Operations,
    copy_of,
    failing,
    in_child,
    kill,
)

from ansible_collections.cri.node.plugins.module_utils import bundle, bundle_removal, documents
from ansible_collections.cri.node.plugins.module_utils.errors import NodeError
from ansible_collections.cri.node.plugins.module_utils.layout import Layout


class Service:
    """A unit that is stopped and disabled, or as a test sets it."""

    unit, exists, phase, state_words = "crio.service", True, "stopped", "inactive (dead)"
    properties = {"UnitFileState": "disabled"}


@pytest.fixture
def node(tmp_path, monkeypatch):
    """Return a node before the installation, as a tree of files; `install_new` installs the bundle."""
    made = Node(str(tmp_path / "node"), str(tmp_path / "content"))
    layout = Layout(made.root)
    os.makedirs(layout.state_directory, 0o700)
    os.makedirs(f"{made.root}/usr/local/bin")
    monkeypatch.setattr(bundle, "NODE", layout)
    monkeypatch.setattr(bundle, "RECORD", layout.bundle_record)
    monkeypatch.setattr(bundle, "INTENT", f"{layout.state_directory}/bundle-install.json")
    monkeypatch.setattr(bundle, "REMOVAL", f"{layout.state_directory}/bundle-remove.json")
    monkeypatch.setattr(bundle, "CRIO", made.targets["crio"])
    monkeypatch.setattr(bundle, "_OF_CRIO", (layout.at("/var/lib/crio"),))
    monkeypatch.setattr(bundle, "_ONLY_WHERE_ABSENT", {"etc/10-crio.conf": made.targets["fresh"]})
    monkeypatch.setattr(bundle, "run", lambda _arguments: (0, "", ""))
    monkeypatch.setattr(bundle_removal, "CrioService", Service)
    monkeypatch.setattr(bundle_removal.containers, "monitors", list)
    made.prepared = made.placements("new", tuple(made.targets))
    return made


@pytest.fixture
def installed(node):
    """Return the node with the bundle, and what it was before."""
    before = node.state()
    node.install_new()
    return node, before


def test_a_removal_leaves_the_node_as_it_was_and_the_next_one_does_nothing(installed):
    node, before = installed
    planned = bundle_removal.plan()
    installed_state = node.state()
    done = bundle_removal.remove()
    assert done == planned
    assert node.state() == before
    assert sorted(done.files) == sorted(node.targets.values())
    assert (done.version, done.sha256, done.kept, done.warnings) == ("2.0.0", NEW, {}, [])
    assert {*done.directories} == {
        f"{node.root}/{path}" for path in installed_state if path not in before
    } - {
        *done.files,
        bundle.RECORD,
    }
    assert bundle_removal.plan() is None
    assert bundle_removal.remove() is None


def test_a_node_without_a_bundle_is_not_touched(node):
    before = node.state()
    assert bundle_removal.plan() is None
    assert bundle_removal.remove() is None
    assert node.state() == before


def test_what_somebody_has_changed_or_replaced_is_kept_and_named(installed, tmp_path):
    node, _before = installed
    (tmp_path / "theirs").write_text("a package's crictl")
    os.replace(tmp_path / "theirs", node.targets["crictl"])
    os.unlink(node.targets["fresh"])
    os.symlink("/dev/null", node.targets["fresh"])
    os.unlink(node.targets["cni"])
    with open(f"{node.root}/opt/cni/bin/theirs", "w") as file:
        file.write("mine")
    planned = bundle_removal.plan()
    done = bundle_removal.remove()
    assert done == planned
    assert done.kept == {
        node.targets["crictl"]: "it was changed since",
        node.targets["fresh"]: "it is a symlink now",
    }
    assert done.warnings == [
        f"{path} of the bundle is kept: {reason}" for path, reason in sorted(done.kept.items())
    ]
    left = {path for path, value in node.state().items() if not isinstance(value, str)}
    assert left == {"usr/local/bin/crictl", "opt/cni/bin/theirs"}
    assert os.path.islink(node.targets["fresh"])
    assert bundle_removal.remove() is None


def test_files_that_the_bundle_replaced_are_named_as_lost(node):
    with open(node.targets["crictl"], "w") as file:
        file.write("theirs")
    node.install_new()
    [warning] = bundle_removal.remove().warnings
    assert warning.endswith(f"and they cannot be put back: {node.targets['crictl']}")


def test_a_later_bundle_leaves_the_files_of_the_former_one_ours(node):
    before = node.state()
    node.install_old()
    node.install_new()
    assert bundle_removal.remove().warnings == []
    assert node.state() == before


def test_after_a_kill_at_any_operation_the_next_run_completes_the_removal_or_nothing_was_removed(
    installed, tmp_path
):
    node, before = installed
    complete, outcomes = node.state(), []
    for number in range(1, 1000):
        with copy_of(node, tmp_path):
            if not in_child(bundle_removal.remove, Operations(kill, number)):
                break
            assert bundle.recover() in (True, False)
            outcomes.append("absent" if node.state() == before else "present")
            assert outcomes[-1] == "absent" or node.state() == complete, number
            assert not bundle.recover()
            bundle_removal.remove()
            assert node.state() == before
    assert number > 40
    assert outcomes == sorted(outcomes, reverse=True), "once announced, it is completed"
    assert outcomes[-1] == "absent"


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC, errno.EROFS], ids=errno.errorcode.get)
def test_a_failing_operation_is_one_message_and_the_next_run_completes_the_removal(
    installed, tmp_path, number
):
    node, before = installed
    complete = node.state()
    for position in range(1, 1000):
        with copy_of(node, tmp_path):
            error = ""
            with Operations(failing(number), position) as operations:
                try:
                    bundle_removal.remove()
                except NodeError as refused:
                    error = str(refused)
            if operations.count < position:
                break
            if not error:
                bundle_removal.remove()
                assert node.state() == before
                continue
            assert os.strerror(number) in error
            if "the next run continues" not in error:
                bundle.recover()
                assert node.state() in (complete, before), (position, error)
            bundle_removal.remove()
            assert node.state() == before, (position, error)
    assert position > 30


def test_a_file_that_appeared_after_a_kill_in_the_place_of_ours_is_not_removed(installed, monkeypatch):
    node, _before = installed
    monkeypatch.setattr(bundle, "complete_removal", lambda _removal: kill())
    assert in_child(bundle_removal.remove, Operations(kill, 0))
    monkeypatch.undo()
    os.unlink(node.targets["crictl"])
    with open(node.targets["crictl"], "w") as file:
        file.write("a package's")
    removal = bundle.FileRemoval(f"{node.root}/var/lib/cri-node/bundle-remove.json")
    assert removal.load()
    removal.remove()
    removal.end()
    assert open(node.targets["crictl"]).read() == "a package's"
    assert not os.path.exists(node.targets["crio"])


def test_a_record_of_the_former_format_is_derived_from_the_known_places_and_said_so(installed, monkeypatch):
    node, before = installed
    with open(bundle.RECORD) as file:
        record = json.load(file)
    for name in ("files", "directories", "replaced"):
        del record[name]
    old = os.stat(node.targets["crio"]).st_mtime
    with open(bundle.RECORD, "w") as file:
        json.dump({**record, "format": 1}, file)
    os.utime(bundle.RECORD, (old + 5, old + 5))
    monkeypatch.setattr(
        bundle, "_PROGRAMS", {name: node.targets[name] for name in ("crio", "crictl")} | {
            "cni-plugins/": f"{node.root}/opt/cni/bin/"
        }
    )  # fmt: skip
    monkeypatch.setattr(bundle, "_DATA", {"unit": node.targets["unit"]})
    monkeypatch.setattr(
        bundle, "_OWN_DIRECTORIES", (f"{node.root}/etc/crio", f"{node.root}/etc/crio/crio.conf.d")
    )
    theirs = f"{node.root}/opt/cni/bin/theirs"
    with open(theirs, "w") as file:
        file.write("older")
    os.utime(theirs, (old - 10_000, old - 10_000))
    os.utime(node.targets["crictl"], (old + 60, old + 60))  # changed after the installation
    done = bundle_removal.remove()
    assert done.warnings == [
        f"the record of the bundle, {bundle.RECORD}, has format 1, which does not list its files: they were derived from the"
        " known places of a bundle and the times of the files in them"
    ]
    left = {path for path, value in node.state().items() if not isinstance(value, str)}
    assert left == {"usr/local/bin/crictl", "opt/cni/bin/theirs"}
    assert not os.path.exists(f"{node.root}/etc/crio")
    assert before


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is not JSON"),
        ("[]", "contains list"),
        ('{"format": 3, "sha256": "a", "version": "1"}', "has format 3, which this version"),
        ('{"format": 2, "sha256": "a", "version": "1"}', "files is not an object of paths"),
        (
            '{"format": 2, "sha256": "a", "version": "1", "files": {"relative": "a"}}',
            "files is not an object",
        ),
    ],
)
def test_a_record_that_cannot_be_used_refuses_the_removal(installed, content, message):
    node, _before = installed
    with open(bundle.RECORD, "w") as file:
        file.write(content)
    complete = node.state()
    for call in (bundle_removal.plan, bundle_removal.remove):
        with pytest.raises(documents.DamagedDocument, match=message):
            call()
    assert node.state() == complete


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("phase", "serving", "is inactive .dead.; stop and disable it before its bundle is removed"),
        ("phase", "between", "stop and disable it"),
        ("properties", {"UnitFileState": "enabled"}, "is enabled, and would be missing at the next boot"),
    ],
)
def test_a_crio_that_runs_or_would_be_started_refuses_the_removal(
    installed, monkeypatch, name, value, message
):
    node, _before = installed
    complete = node.state()
    monkeypatch.setattr(Service, name, value)
    for call in (bundle_removal.plan, bundle_removal.remove):
        with pytest.raises(bundle.BundleError, match=message):
            call()
    assert node.state() == complete
    assert bundle_removal.plan(stopped=True)


def test_pods_that_outlive_the_daemon_refuse_the_removal_by_name(installed, monkeypatch):
    node, _before = installed
    complete = node.state()
    process = {"pid": 7, "started": "1"}
    running = [
        {"id": "a", "name": "k8s_POD_web_default_uid_0", "container": process},
        {"id": "b", "name": "k8s_app_web_default_uid_0", "container": process},
        {"id": "c", "name": "k8s_app_ended_default_uid_0"},
        {"id": "d", "name": "podman-made-this", "container": process},
    ]
    monkeypatch.setattr(bundle_removal.containers, "monitors", lambda: running)
    with pytest.raises(bundle.BundleError, match=r"^1 pod runs \(default/web\) on this node although"):
        bundle_removal.remove()
    assert node.state() == complete


def test_a_link_in_the_place_of_a_directory_refuses_the_removal_beforehand(installed, monkeypatch):
    node, _before = installed
    os.rename(f"{node.root}/opt/cni/bin", f"{node.root}/elsewhere")
    os.symlink(f"{node.root}/elsewhere", f"{node.root}/opt/cni/bin")
    complete = node.state()
    with pytest.raises(bundle.BundleError, match=r"is a symbolic link to .* Nothing was removed"):
        bundle_removal.remove()
    assert node.state() == complete
