# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that a file is loaded if the running daemon has read it: known from the committed state, else from its age."""

import os
from types import SimpleNamespace

import pytest

from ansible_collections.cri.node.plugins.module_utils import documents, node_files, node_state
from ansible_collections.cri.node.plugins.module_utils.layout import Layout
from ansible_collections.cri.node.plugins.module_utils.transaction import apply, state, unit
from faults.fake_node import CONFIG, FakeNode


@pytest.fixture
def committed(tmp_path):
    """Return a file, and a state in which the daemon's former run has loaded it."""
    path = tmp_path / "file"
    path.write_text("content")
    known = documents.empty_state()
    found = node_files.describe(str(path))
    known["acknowledged"] = {"invocation_id": "former", "files": {str(path): state.identity(found)}}
    return path, known


def loaded(path, known, invocation="later", started_at=0):
    service = SimpleNamespace(active=True, invocation_id=invocation, started_at=started_at)
    return state.is_loaded(str(path), node_files.describe(str(path)), service, known)


def test_the_committed_file_is_loaded_by_any_later_start(committed):
    path, known = committed
    assert loaded(path, known)
    path.chmod(0o600)  # changes no content and no modification time
    assert loaded(path, known)


def test_a_file_that_was_written_after_the_start_is_not_loaded(committed):
    path, known = committed
    path.write_text("content")
    os.utime(path)
    assert not loaded(path, known, started_at=1)


def test_a_file_older_than_the_start_is_loaded(committed):
    path, known = committed
    os.utime(path, (1, 1))
    assert loaded(path, known, started_at=2**33)


def test_while_the_committed_run_serves_the_content_decides(committed):
    path, known = committed
    os.utime(path)
    assert loaded(path, known, invocation="former")
    path.write_text("other")
    assert not loaded(path, known, invocation="former", started_at=2**33)


@pytest.mark.parametrize("text", ['"a text"', '{"generation": "seven"}', '{"owners": []}', "garbage"])
def test_a_damaged_state_is_set_aside_and_named(tmp_path, text):
    layout = Layout(str(tmp_path))
    os.makedirs(layout.state_directory)
    with open(layout.state_file, "w") as file:
        file.write(text)
    assert layout.state_file in state.load(layout)[1]
    [note] = unit._set_damaged_state_aside(layout)
    assert "damaged" in note
    assert state.load(layout) == (documents.empty_state(), "")


def test_a_missing_file_of_another_owner_is_recorded_and_does_not_stop_the_change(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "chown", lambda *_all, **_more: None)
    node = FakeNode(tmp_path, monkeypatch)
    foreign = node.request(
        contents={node.path("/etc/crictl.yaml"): "timeout: 10\n"}, remove=[], owners=["crictl"]
    )
    for entry in foreign["files"]:
        entry["owner"] = "crictl"
    assert apply.apply(node.layout, foreign, "/program")["committed"]
    os.unlink(node.path("/etc/crictl.yaml"))
    outcome = apply.apply(node.layout, node.request(id="second"), "/program")
    assert outcome["committed"]
    assert any("/etc/crictl.yaml" in each and "no longer exists" in each for each in outcome["warnings"])
    assert node.daemon.starts == 3
    assert node.configuration()[CONFIG] == "new\n644"


def test_no_generation_contains_the_content_of_a_secret_file(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "chown", lambda *_all, **_more: None)
    node = FakeNode(tmp_path, monkeypatch)
    secret = node.request(contents={node.path("/etc/crio/cri-node.environment"): "P=tr0ub4dor\n"}, remove=[])
    for entry in secret["files"]:
        entry.update(secret=True, mode="0600")
    secret["fingerprint"] = node_state.read(secret, node.layout)["fingerprint"]
    assert apply.apply(node.layout, secret, "/program")["committed"]
    assert apply.apply(node.layout, node.request(id="second", remove=list(secret["contents"])), "/program")[
        "committed"
    ]
    kept = [path for path in tmp_path.rglob("*") if path.is_file() and b"tr0ub4dor" in path.read_bytes()]
    assert kept == []


@pytest.fixture
def fake_node(tmp_path, monkeypatch):
    """A node on which a change was committed, and a function that reports its files by their paths."""
    monkeypatch.setattr(os, "chown", lambda *_all, **_more: None)
    node = FakeNode(tmp_path, monkeypatch)
    assert apply.apply(node.layout, node.request(), "/program")["committed"]
    own = os.stat(node.path(CONFIG))

    def report(**more):
        monkeypatch.setattr(node_files, "describe", as_root(node_files.describe, own))
        found = node_state.read(node.request(fingerprint="", **more), node.layout)
        return {
            path: file.get("as_committed") for path, file in {**found["files"], **found["orphans"]}.items()
        }

    return node, report


def as_root(describe, own):
    """node_files.describe that reports the user of the tests as root."""

    def described(path):
        found = describe(path)
        if (found.get("uid"), found.get("gid")) == (own.st_uid, own.st_gid):
            found.update(uid=0, gid=0)
        return found

    return described


def test_a_file_is_as_committed_until_it_is_edited_loses_its_mode_or_is_removed(fake_node):
    node, report = fake_node
    path = node.path(CONFIG)
    assert set(report().values()) == {True}
    # Variables that have changed do not make the file another one.
    assert report(contents={path: "desired now\n"})[path] is True
    assert report(contents={}, files=[])[path] is True
    os.chmod(path, 0o600)
    assert report()[path] is False
    os.chmod(path, 0o644)
    node.write(CONFIG, "edited\n")
    assert report()[path] is False
    os.unlink(path)
    assert report()[path] is False


def test_a_file_that_no_change_committed_is_neither(fake_node):
    node, report = fake_node
    path = node.path("/etc/crictl.yaml")
    node.write("/etc/crictl.yaml", "timeout: 1\n")
    assert report(contents={path: "timeout: 2\n"})[path] is None
    os.unlink(node.layout.state_file)
    assert set(report().values()) == {None}


def test_whether_a_secret_file_is_as_committed_is_reported_without_its_hash(fake_node, tmp_path):
    node, _report = fake_node
    path = node.path("/etc/crio/cri-node.environment")
    secret = node.request(contents={path: "P=tr0ub4dor\n"}, remove=[], id="second")
    for file in secret["files"]:
        file.update(secret=True, mode="0600")
    secret["fingerprint"] = node_state.read(secret, node.layout)["fingerprint"]
    assert apply.apply(node.layout, secret, "/program")["committed"]
    for content, expected in (("P=tr0ub4dor\n", True), ("P=x\n", False)):
        node.write("/etc/crio/cri-node.environment", content)
        os.chmod(path, 0o600)
        found = node_state.read(secret, node.layout)["files"][path]
        assert found["as_committed"] is expected
        assert node_files.digest(content.encode()) not in str(found)


KEYS = {"crio.runtime.log_level": "a", "crio.runtime.pids_limit": "b"}


@pytest.fixture
def with_keys(committed):
    """Return a file and the state in which it was committed with these keys."""
    path, known = committed
    found = node_files.describe(str(path))
    known["generation"] = 1
    known["owners"] = {
        "crio": {
            str(path): {
                "sha256": found["sha256"], "mode": "0644", "secret": False, "disruption": "restart", "key_hashes": KEYS,
            }
        }
    }  # fmt: skip
    return path, known


def unloaded(path, known, wanted, invocation="former", active=True, started_at=0):
    service = SimpleNamespace(active=active, invocation_id=invocation, started_at=started_at)
    return state.unloaded_keys(str(path), wanted, node_files.describe(str(path)), service, known)


def test_the_keys_that_the_daemon_has_not_loaded_are_named(with_keys):
    path, known = with_keys
    assert unloaded(path, known, KEYS) == []
    assert unloaded(path, known, {**KEYS, "crio.runtime.pids_limit": "c"}) == ["crio.runtime.pids_limit"]
    assert unloaded(path, known, {"crio.runtime.log_level": "a"}) == ["crio.runtime.pids_limit"]
    assert unloaded(path, known, {**KEYS, "crio.api.listen": "c"}) == ["crio.api.listen"]
    assert unloaded(path, known, {}) == sorted(KEYS)  # a file that is not desired any more


def test_an_edit_by_hand_does_not_change_what_is_loaded(with_keys):
    path, known = with_keys
    path.write_text("edited")
    assert unloaded(path, known, KEYS) == []
    path.unlink()
    assert unloaded(path, known, KEYS) == []


def test_what_a_later_start_has_loaded_is_known_if_the_file_is_still_the_committed_one(with_keys):
    path, known = with_keys
    assert unloaded(path, known, KEYS, "later") == []
    path.write_text("edited")
    assert unloaded(path, known, KEYS, "later", started_at=2**33) is None
    path.unlink()
    assert unloaded(path, known, KEYS, "later") is None


def test_the_loaded_keys_of_a_stopped_daemon_are_not_known(with_keys):
    assert unloaded(*with_keys, KEYS, active=False) is None


def test_a_file_that_counts_as_a_whole_has_no_keys(with_keys):
    path, known = with_keys
    assert unloaded(path, known, None) is None
    known["owners"]["crio"][str(path)]["key_hashes"] = None
    assert unloaded(path, known, KEYS) is None


def test_a_daemon_that_was_there_at_the_last_commit_has_loaded_nothing_of_a_file_that_did_not_exist(tmp_path):
    path = tmp_path / "new"
    known = documents.empty_state()
    known["acknowledged"]["invocation_id"] = "former"
    assert unloaded(path, known, KEYS) == sorted(KEYS)
    assert unloaded(path, known, KEYS, "later") is None
    path.write_text("of somebody else")
    assert unloaded(path, known, KEYS) is None
