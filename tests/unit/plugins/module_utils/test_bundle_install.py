# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that an installation of a bundle is complete or undone after a kill or an error at each operation on a file."""

import contextlib
import errno
import fcntl
import itertools
import json
import os
import shutil
import signal
import stat
import threading
import time

import pytest

from ansible_collections.cri.node.plugins.module_utils import bundle
from ansible_collections.cri.node.plugins.module_utils import file_swap as swap_module
from ansible_collections.cri.node.plugins.module_utils.layout import Layout

OPERATIONS = ("open", "link", "rename", "replace", "unlink", "rmdir", "mkdir", "chmod", "fchmod", "fsync")
OLD, NEW = "a" * 64, "b" * 64


class Operations:
    """Counts operations on files below a directory and injects `fault` at one of them, or from then on."""

    def __init__(self, fault, number, for_ever=False):
        self.fault, self.number, self.for_ever, self.count = fault, number, for_ever, 0

    def __enter__(self):
        self._patch = pytest.MonkeyPatch()
        for name in OPERATIONS:
            self._patch.setattr(os, name, self._wrapped(getattr(os, name)))
        self._patch.setattr(shutil, "copyfileobj", self._wrapped(shutil.copyfileobj))
        return self

    def __exit__(self, *_error):
        self._patch.undo()

    def _wrapped(self, real):
        def operation(*arguments, **more):
            self.count += 1
            if self.count == self.number or (self.for_ever and self.count > self.number):
                self.fault()
            return real(*arguments, **more)

        return operation


def kill():
    os.kill(os.getpid(), signal.SIGKILL)


def failing(number):
    def fail():
        raise OSError(number, os.strerror(number))

    return fail


class Node:
    """A node with an old bundle, and a new one to be installed."""

    def __init__(self, root, content):
        self.root, self.content = root, content
        self.targets = {
            "crio": f"{root}/usr/local/bin/crio",
            "crictl": f"{root}/usr/local/bin/crictl",
            "unit": f"{root}/usr/local/lib/systemd/system/crio.service",
            "fresh": f"{root}/etc/crio/crio.conf.d/10-crio.conf",
            "cni": f"{root}/opt/cni/bin/bridge",
        }

    def placements(self, words, names):
        os.makedirs(f"{self.content}/{words}", exist_ok=True)
        for name in names:
            with open(f"{self.content}/{words}/{name}", "w") as file:
                file.write(f"{words} {name}")
        return [
            (self.targets[name], f"{self.content}/{words}/{name}", 0o755 if name != "unit" else 0o644)
            for name in names
        ]

    def install_old(self):
        bundle.install("1.0.0", self.placements("old", ("crio", "crictl", "unit")), OLD)

    def install_new(self):
        return bundle.install("2.0.0", self.prepared, NEW)

    def refusal(self):
        """Return why the new bundle was not installed, or None if it was."""
        try:
            self.install_new()
        except bundle.BundleError as error:
            return str(error)
        return None

    def state(self):
        """Return everything below the root: type, mode, content, and inode of each file."""
        found = {}
        for folder, folders, files in os.walk(self.root):
            for name in [*folders, *files]:
                path = os.path.join(folder, name)
                status = os.lstat(path)
                is_file = stat.S_ISREG(status.st_mode)
                with open(path) if is_file else contextlib.nullcontext() as file:
                    found[os.path.relpath(path, self.root)] = (
                        (oct(status.st_mode), file.read(), status.st_ino) if is_file else oct(status.st_mode)
                    )
        return found

    def is_new(self):
        """Return whether exactly the new bundle is installed, without other files."""
        found = {path: value for path, value in self.state().items() if not isinstance(value, str)}
        record = json.loads(found.pop("var/lib/cri-node/bundle.json")[1])
        return record["sha256"] == NEW and {
            f"{self.root}/{path}": value[1] for path, value in found.items()
        } == {target: f"new {name}" for name, target in self.targets.items()}


@pytest.fixture
def node(tmp_path, monkeypatch):
    made = Node(str(tmp_path / "node"), str(tmp_path / "content"))
    os.mkdir(made.root)
    layout = Layout(made.root)
    state = layout.state_directory
    monkeypatch.setattr(bundle, "NODE", layout)
    monkeypatch.setattr(bundle, "RECORD", f"{state}/bundle.json")
    monkeypatch.setattr(bundle, "INTENT", f"{state}/bundle-install.json")
    monkeypatch.setattr(bundle, "REMOVAL", f"{state}/bundle-remove.json")
    monkeypatch.setattr(bundle, "_OF_CRIO", (layout.at("/var/lib/crio"),))
    monkeypatch.setattr(bundle, "CRIO", made.targets["crio"])
    monkeypatch.setattr(bundle, "_ONLY_WHERE_ABSENT", {"etc/10-crio.conf": made.targets["fresh"]})
    monkeypatch.setattr(bundle, "run", lambda _arguments: (0, "", ""))
    made.install_old()
    made.prepared = made.placements("new", tuple(made.targets))
    return made


def in_child(action, operations):
    """Run `action` in a child. Returns whether it was killed."""
    child = os.fork()
    if not child:
        status = 1
        try:
            with operations:
                action()
            status = 0
        finally:
            os._exit(status)
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


@contextlib.contextmanager
def copy_of(node, tmp_path):
    """Preserve the node's tree with its inodes, and restore it afterwards."""
    saved = tmp_path / "saved"
    shutil.copytree(node.root, saved, copy_function=os.link)
    yield
    shutil.rmtree(node.root)
    os.rename(saved, node.root)


def test_after_a_kill_at_any_operation_the_next_run_restores_the_old_or_keeps_the_new_bundle(node, tmp_path):
    old, outcomes = node.state(), []
    for number in range(1, 1000):
        with copy_of(node, tmp_path):
            if not in_child(node.install_new, Operations(kill, number)):
                break
            assert bundle.recover() in (True, False)
            outcomes.append("new" if node.is_new() else "old")
            assert outcomes[-1] == "new" or node.state() == old, number
            assert not bundle.recover()
    assert number > 60
    assert outcomes == sorted(outcomes, reverse=True), "once committed, it stays"
    assert outcomes[-1] == "new"


def test_a_recovery_killed_at_any_operation_is_completed_by_the_next_one(node, tmp_path):
    old, tried = node.state(), 0
    for number in range(20, 1000, 13):
        for second in range(1, 1000, 3):
            with copy_of(node, tmp_path):
                if not in_child(node.install_new, Operations(kill, number)):
                    second = None
                    break
                if not in_child(bundle.recover, Operations(kill, second)):
                    break
                bundle.recover()
                assert node.is_new() or node.state() == old, (number, second)
                tried += 1
        if second is None:
            break
    assert tried > 20


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC, errno.EROFS], ids=errno.errorcode.get)
def test_one_failing_operation_leaves_the_old_bundle_or_installs_the_new_one(node, tmp_path, number):
    old = node.state()
    for position in range(1, 1000):
        with copy_of(node, tmp_path):
            with Operations(failing(number), position) as operations:
                error = node.refusal()
            if operations.count < position:
                break
            if error is None:
                # What was left after the commit goes with the next run.
                bundle.recover()
                assert node.is_new(), position
                continue
            assert os.strerror(number) in error
            if "othing was changed" not in error:
                assert "until crio_bundle runs again" in error
                bundle.recover()
            assert node.state() == old, (position, error)
    assert position > 60


@pytest.mark.parametrize("number", [errno.EIO, errno.EROFS], ids=errno.errorcode.get)
def test_recovery_succeeds_once_a_failed_disk_works_again(node, tmp_path, number):
    old = node.state()
    for position in range(1, 1000):
        with copy_of(node, tmp_path):
            with Operations(failing(number), position, for_ever=True) as operations:
                error = node.refusal()
            assert error is None or os.strerror(number) in error
            if operations.count < position:
                break
            bundle.recover()
            assert node.is_new() or node.state() == old, position
    assert position > 60


def test_a_full_disk_does_not_prevent_a_rollback(node, tmp_path):
    """Operations that need space fail from some operation on; renames, hard links and removals do not."""
    old = node.state()
    for position in range(1, 60):
        with copy_of(node, tmp_path), pytest.MonkeyPatch.context() as patch:
            left = itertools.count(position - 1, -1)

            def full(name, real, left=left):
                def operation(*arguments, **more):
                    is_new = name != "open" or (len(arguments) > 1 and arguments[1] & os.O_CREAT)
                    if is_new and next(left) < 0:
                        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                    return real(*arguments, **more)

                return operation

            patch.setattr(os, "open", full("open", os.open))
            patch.setattr(shutil, "copyfileobj", full("copyfileobj", shutil.copyfileobj))
            error = node.refusal()
            if error is None:
                break
            assert "No space left on device" in error
            assert "othing was changed" in error
            assert node.state() == old
    assert position > 5


def test_a_unit_that_systemd_refuses_restores_the_old_bundle(node, monkeypatch):
    old = node.state()
    monkeypatch.setattr(bundle, "run", lambda _arguments: (1, "", "no\x1bbus http://u:p@h\n"))
    with pytest.raises(
        bundle.BundleError,
        match=r"daemon-reload failed: no.bus http://\*\*\*@h\. The previous files were restored",
    ):
        node.install_new()
    assert node.state() == old


def test_files_that_somebody_else_installed_meanwhile_are_not_removed(node):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(swap_module.FileSwap, "commit", lambda _swap: kill())
        assert in_child(node.install_new, contextlib.nullcontext())
    os.unlink(node.targets["crictl"])
    with open(node.targets["crictl"], "w") as file:
        file.write("a package's")
    os.unlink(node.targets["fresh"])
    with open(node.targets["fresh"], "w") as file:
        file.write("mine")
    assert bundle.recover()
    assert {name: open(path).read() for name, path in node.targets.items() if os.path.exists(path)} == {
        "crio": "old crio",
        "crictl": "a package's",
        "unit": "old unit",
        "fresh": "mine",
    }
    assert not [path for path in node.state() if "cri-node-" in path]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b"null",
        b"\xff",
        b"[" * 5000,
        b'{"format": 1}',
        b'{"format": 1, "step": "swapping", "files": [1]}',
    ],
)
def test_a_damaged_intent_is_set_aside_and_the_bundle_is_unknown(node, content):
    with open(bundle.INTENT, "wb") as file:
        file.write(content)
    assert bundle.is_interrupted()
    assert bundle.recover()
    assert sorted(os.listdir(os.path.dirname(bundle.INTENT))) == ["bundle-install.json.damaged"]
    assert bundle._record() == {}
    node.install_new()


def test_an_intent_of_another_version_is_one_clear_error(node):
    with open(bundle.INTENT, "w") as file:
        json.dump({"format": 7}, file)
    with pytest.raises(
        bundle.BundleError,
        match=r"bundle-install\.json has format 7, but this version of cri.node supports only format 1",
    ):
        bundle.recover()
    assert os.path.exists(bundle.INTENT)


@pytest.mark.parametrize(
    "content", ["", "[]", "3", '{"sha256": 1, "version": "1"}', '{"sha256": "1"}', "[" * 5000]
)
def test_a_damaged_record_is_ignored(node, content):
    with open(bundle.RECORD, "w") as file:
        file.write(content)
    assert bundle._record() == {}


def test_the_version_of_a_record_can_be_shown(node):
    with open(bundle.RECORD, "w") as file:
        json.dump({"sha256": "a", "version": "1.36\x1b[2J\n http://u:secret@host/" + "x" * 500}, file)
    version = bundle._record()["version"]
    assert version.startswith("1.36\ufffd[2J http://***@host/")
    assert len(version) < 120


def test_two_runs_install_one_after_the_other(node, monkeypatch):
    handle = os.open(os.path.dirname(bundle.RECORD), os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    monkeypatch.setattr(bundle, "_LONGEST_WAIT", 0.3)
    with pytest.raises(bundle.BundleError, match="another run is installing or removing a bundle"):
        node.install_new()
    monkeypatch.setattr(bundle, "_LONGEST_WAIT", 10)
    timer = threading.Timer(0.3, os.close, [handle])
    timer.start()
    began = time.monotonic()
    node.install_new()
    assert time.monotonic() - began > 0.2
    assert node.is_new()
    timer.join()


def test_file_systems_that_cannot_hold_the_bundle_are_refused_beforehand(node, monkeypatch):
    placements = node.placements("new", tuple(node.targets))
    bundle._refuse_unfit_file_systems(placements)

    class Small:
        f_bfree, f_frsize, f_blocks, f_flag = 1, 4096, 1000, 0

    monkeypatch.setattr(bundle.os, "statvfs", lambda _path: Small)
    with pytest.raises(
        bundle.BundleError, match=r"needs 1 MiB on the file system of .*, which has 4 KiB left"
    ):
        bundle._refuse_unfit_file_systems(placements)
    Small.f_flag = os.ST_RDONLY
    with pytest.raises(bundle.BundleError, match="is mounted read-only"):
        bundle._refuse_unfit_file_systems(placements)
    monkeypatch.setattr(bundle, "beside", lambda _target: placements[0][0])
    with pytest.raises(bundle.BundleError, match="is on a different file system than"):
        bundle._refuse_unfit_file_systems([("/proc/sys/crio.conf.d/x", placements[0][1], 0o644)])
