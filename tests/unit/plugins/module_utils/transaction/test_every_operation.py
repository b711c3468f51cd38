# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that a change ends before or after, and reports which, whichever file operation fails or precedes a kill."""

import errno
import os
import shutil
import types

import pytest

from ansible_collections.cri.node.plugins.module_utils import node_files
from ansible_collections.cri.node.plugins.module_utils.transaction import apply, intent, recovery, state
from faults.fake_node import NEW, NEW_PROGRAMS, OBSOLETE, OLD, OLD_PROGRAMS, FakeNode

PROGRAM = "/nowhere/program.pyz"
ERRORS = {"EIO": errno.EIO, "ENOSPC": errno.ENOSPC, "EROFS": errno.EROFS}
# Operations that a full disk does not stop.
NEEDS_NO_SPACE = {
    "unlink",
    "rmdir",
    "rename",
    "rmtree",
    "lstat",
    "statvfs",
    "open for reading",
    "read",
    "fsync",
    "listdir",
}


class Killed(BaseException):
    """The process was killed: nothing happens after this, not even cleanup."""


class FaultyFiles:
    """Replaces os and shutil for node_files and intent: counts operations, and lets some fail."""

    COUNTED = (
        "lstat",
        "statvfs",
        "rename",
        "unlink",
        "link",
        "mkdir",
        "rmdir",
        "chmod",
        "chown",
        "listdir",
        "symlink",
    )

    def __init__(self, monkeypatch):
        self.count, self.names = 0, []
        self.at, self.error, self.persistent = None, None, False
        proxy = types.SimpleNamespace(
            **{name: getattr(os, name) for name in dir(os) if not name.startswith("__")}
        )
        for name in self.COUNTED:
            setattr(proxy, name, self._wrapped(name, getattr(os, name)))
        proxy.open = self._open
        proxy.fsync = self._wrapped("fsync", lambda _handle: None)
        proxy.fdopen = self._fdopen
        tree = types.SimpleNamespace(
            rmtree=self._wrapped("rmtree", shutil.rmtree), which=lambda _name, **_more: None
        )
        for module in (node_files, intent):
            monkeypatch.setattr(module, "os", proxy)
        monkeypatch.setattr(node_files, "shutil", tree)

    def fail(self, at, error, persistent):
        """Let the operation with this number fail, and, if persistent, those after it."""
        self.count, self.names = 0, []
        self.at, self.error, self.persistent = at, error, persistent

    def heal(self):
        self.at = None

    def step(self, name):
        self.count += 1
        self.names.append(name)
        if self.at is None or self.count < self.at or (self.count > self.at and not self.persistent):
            return
        if self.error is Killed:
            raise Killed
        if self.error == errno.ENOSPC and name in NEEDS_NO_SPACE:
            return
        if self.error == errno.EROFS and name in ("lstat", "statvfs", "open for reading", "read", "listdir"):
            return
        raise OSError(self.error, os.strerror(self.error))

    def _wrapped(self, name, real):
        def call(*arguments, **named):
            self.step(name)
            return real(*arguments, **named)

        return call

    def _open(self, path, flags, mode=0o777):
        self.step("open for reading" if flags & os.O_ACCMODE == os.O_RDONLY else "open for writing")
        return os.open(path, flags, mode)

    def _fdopen(self, handle, *arguments, **named):
        file, step = os.fdopen(handle, *arguments, **named), self.step

        class Wrapped:
            def __enter__(self):
                return self

            def __exit__(self, *_error):
                file.close()

            def fileno(self):
                return file.fileno()

            def flush(self):
                file.flush()

            def write(self, content):
                step("write")
                return file.write(content)

            def read(self, *size):
                step("read")
                return file.read(*size)

        return Wrapped()


def make(tmp_path, monkeypatch, name):
    root = tmp_path / name
    root.mkdir()
    with monkeypatch.context() as patches:
        patches.setattr(os, "chown", lambda *_all, **_more: None)
        yield FakeNode(root, patches), FaultyFiles(patches)


def request_of(node, **more):
    """Return the request for a change of files and programs with probes: a pod, and a pull."""
    return node.request(probes=node.probes("crun", pull=("app:1",)), bundle=node.bundle(), **more)


def expected(contents):
    return {path: f"{content}644" for path, content in contents.items()}


BEFORE, AFTER = expected(OLD), expected(NEW)
assert OBSOLETE in BEFORE


def judged(node, outcome):
    """Check that the node and its daemon are before or after, as the outcome reports, and that nothing is left over."""
    found = node.configuration()
    assert found == (AFTER if outcome.get("committed") else BEFORE), outcome
    assert node.programs() == (NEW_PROGRAMS if outcome.get("committed") else OLD_PROGRAMS), outcome
    assert ("usr/libexec" in node.folders()) is bool(outcome.get("committed"))
    assert node.daemon.active
    assert node.daemon.loaded == found
    assert node.daemon.containers == ["c1", "c2"]
    assert not node.runtime.pods
    assert ("etc/crio/made" in node.folders()) is bool(outcome.get("committed"))
    assert "Traceback" not in str(outcome)
    assert "internal error" not in str(outcome)


def committed(node, request):
    """Return the outcome according to the state, because nothing is open after a kill during cleanup."""
    return state.load(node.layout)[0]["transaction"] == request["id"]


def operations_of_an_apply(tmp_path, monkeypatch):
    for node, files in make(tmp_path, monkeypatch, "count"):
        request = request_of(node)
        files.fail(None, None, False)
        outcome = apply.apply(node.layout, request, PROGRAM)
        assert outcome.get("committed"), str(outcome)
        return files.count
    raise AssertionError


@pytest.mark.parametrize("persistent", [False, True], ids=["once", "persistently"])
@pytest.mark.parametrize("name", ERRORS)
def test_an_apply_ends_before_or_after_whichever_operation_fails(tmp_path, monkeypatch, name, persistent):
    total = operations_of_an_apply(tmp_path, monkeypatch)
    assert total > 80
    for number in range(1, total + 1):
        for node, files in make(tmp_path, monkeypatch, f"{number}"):
            request = request_of(node)
            files.fail(number, ERRORS[name], persistent)
            outcome = apply.apply(node.layout, request, PROGRAM)
            where = f"{name} at {number}, {files.names[number - 1] if len(files.names) >= number else 'none'}"
            files.heal()
            if intent.is_open(node.layout):
                assert persistent or outcome.get("open") or outcome.get("committed"), where
                outcome = {**outcome, **recovery.recover(node.layout)}
                recovery.retry_daemon(request["unit"])
            assert outcome.get("committed") or outcome["failed"], where
            judged(node, outcome)
            if not persistent and name == "EIO":
                assert outcome.get("committed") or outcome.get("rolled_back") or node.daemon.starts == 1, (
                    where
                )
            recovery.recover(node.layout)
            again = apply.apply(node.layout, request_of(node, id="change-2"), PROGRAM)
            assert again["committed"], where
            assert node.configuration() == AFTER, where
            assert node.litter() == [], where
        shutil.rmtree(tmp_path / f"{number}")


def test_a_kill_at_any_operation_of_an_apply_is_completed_by_the_recovery(tmp_path, monkeypatch):
    total = operations_of_an_apply(tmp_path, monkeypatch)
    for number in range(1, total + 1):
        for node, files in make(tmp_path, monkeypatch, f"{number}"):
            request = request_of(node)
            files.fail(number, Killed, True)
            with pytest.raises(Killed):
                apply.apply(node.layout, request, PROGRAM)
            files.heal()
            outcome = recovery.recover(node.layout) or {"committed": committed(node, request)}
            judged(node, outcome)
            assert node.litter() == [], number
            assert apply.apply(node.layout, request_of(node, id="change-2"), PROGRAM)["committed"]
            assert node.litter() == [], number
        shutil.rmtree(tmp_path / f"{number}")


def interrupted(tmp_path, monkeypatch, name):
    """Return a node on which a change was killed after its files were swapped and the daemon had loaded them."""
    for node, files in make(tmp_path, monkeypatch, name):
        request = request_of(node)
        with monkeypatch.context() as patches:
            patches.setattr(apply.daemon, "probe", killed)
            with pytest.raises(Killed):
                apply.apply(node.layout, request, PROGRAM)
        assert node.configuration() == AFTER
        yield node, files


def killed(*_all):
    raise Killed


@pytest.mark.parametrize("persistent", [False, True], ids=["once", "persistently"])
@pytest.mark.parametrize("name", [*ERRORS, "SIGKILL"])
def test_a_recovery_rolls_back_whichever_operation_fails_and_resumes_when_the_cause_is_gone(
    tmp_path, monkeypatch, name, persistent
):
    for node, files in interrupted(tmp_path, monkeypatch, "count"):
        files.fail(None, None, False)
        assert recovery.recover(node.layout)["as_before"]
        total = files.count
    assert total > 20
    for number in range(1, total + 1):
        for node, files in interrupted(tmp_path, monkeypatch, f"{number}"):
            error = ERRORS.get(name, Killed)
            files.fail(number, error, persistent or error is Killed)
            try:
                outcome = recovery.recover(node.layout)
            except Killed:
                outcome = {}
            else:
                # Whatever became of the files, the daemon is brought up.
                assert node.daemon.active or not outcome.get("rolled_back"), (name, number, outcome)
            files.heal()
            if intent.is_open(node.layout):
                outcome = recovery.recover(node.layout)
            judged(node, outcome or {})
            assert not intent.is_open(node.layout)
            assert apply.apply(node.layout, request_of(node, id="change-2"), PROGRAM)["committed"]
            assert node.litter() == [], (name, number)
        shutil.rmtree(tmp_path / f"{number}")
