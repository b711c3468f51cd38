# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests the key of a node's hashes of pods: it is created once, only readable by root, and replaced if it is damaged."""

import errno
import os
import pathlib
import stat
import threading

import pytest

from ansible_collections.cri.node.plugins.module_utils.errors import PodError
from ansible_collections.cri.node.plugins.module_utils.pod import config_hash
from ansible_collections.cri.node.plugins.module_utils.pod.marks import HASH

POD = {"name": "web", "sandbox": {"annotations": {HASH: "a" * 64, "other": "x"}, "hostname": "web"}}


@pytest.fixture
def key(tmp_path, monkeypatch):
    """Return the path of the key on a node that does not have one yet."""
    path = tmp_path / "state" / "pod-hash.key"
    monkeypatch.setattr(config_hash, "KEY", str(path))
    monkeypatch.setattr(config_hash, "_LOCK", str(tmp_path / "run" / "pod-hash.lock"))
    return path


def annotation(pod):
    return pod["sandbox"]["annotations"][HASH]


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_the_key_belongs_in_the_private_state_directory():
    assert config_hash.KEY == "/var/lib/cri-node/pod-hash.key"


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_the_key_is_only_readable_by_its_owner(key, umask):
    before = os.umask(umask)
    try:
        config_hash.keyed(POD)
    finally:
        os.umask(before)
    assert (mode(key), mode(key.parent)) == (0o600, 0o700)
    assert len(key.read_bytes()) == 32
    assert [each.name for each in key.parent.iterdir()] == [key.name]


def test_the_hash_depends_on_the_key_and_only_the_annotation_changes(key):
    keyed = config_hash.keyed(POD)
    assert annotation(POD) == "a" * 64
    assert annotation(keyed) == annotation(config_hash.keyed(POD))
    assert keyed["sandbox"] == {**POD["sandbox"], "annotations": {"other": "x", HASH: annotation(keyed)}}
    first = key.read_bytes()
    key.unlink()
    assert annotation(config_hash.keyed(POD)) != annotation(keyed)
    assert key.read_bytes() != first


def test_a_pod_is_recognised_by_the_keyed_and_by_the_plain_hash(key):
    made = annotation(config_hash.keyed(POD))
    assert config_hash.is_of(made, POD)
    assert config_hash.is_of("a" * 64, POD)
    assert not config_hash.is_of(made[:-1], POD)
    assert not config_hash.is_of("\ud800é", POD)
    key.unlink()
    assert not config_hash.is_of(made, POD)
    assert not key.exists()


def damaged_by(content):
    return lambda key: key.write_bytes(content)


def linked(key):
    (key.parent / "elsewhere").write_bytes(b"k" * 32)
    key.symlink_to("elsewhere")


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(damaged_by(b""), id="empty"),
        pytest.param(damaged_by(b"k" * 31), id="too short"),
        pytest.param(damaged_by(b"k" * 33), id="too long"),
        pytest.param(damaged_by(bytes(32)), id="zeros, as a power loss may leave"),
        pytest.param(linked, id="a link"),
        pytest.param(os.mkfifo, id="a named pipe"),
    ],
)
def test_a_damaged_key_is_replaced(key, damage):
    key.parent.mkdir(mode=0o700)
    damage(key)
    made = annotation(config_hash.keyed(POD))
    assert (len(key.read_bytes()), mode(key), key.is_symlink()) == (32, 0o600, False)
    assert config_hash.is_of(made, POD)


def test_a_key_of_another_user_is_replaced(key, monkeypatch):
    first = annotation(config_hash.keyed(POD))
    other = os.geteuid() + 1
    monkeypatch.setattr(config_hash.os, "geteuid", lambda: other)
    assert not config_hash.is_of(first, POD)


def test_calls_at_the_same_time_create_one_key(key, monkeypatch):
    random, made, together = os.urandom, [], threading.Barrier(4)

    def slowly(count):
        threading.Event().wait(0.05)
        return random(count)

    def work():
        together.wait()
        made.append(annotation(config_hash.keyed(POD)))

    monkeypatch.setattr(config_hash.os, "urandom", slowly)
    threads = [threading.Thread(target=work) for _each in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 4
    assert len(set(made)) == 1


def test_a_disk_that_cannot_be_read_or_written_is_one_clear_error(key, monkeypatch):
    config_hash.keyed(POD)

    def fail(*_arguments, **_more):
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(config_hash.os, "read", fail)
        with pytest.raises(PodError, match="reading the key for the hashes of pods failed"):
            config_hash.is_of("hmac-sha256:x", POD)
    key.unlink()
    monkeypatch.setattr(config_hash.node_files.os, "rename", fail)
    with pytest.raises(PodError, match="the key for the hashes of pods cannot be created: "):
        config_hash.keyed(POD)
    assert list(pathlib.Path(key.parent).iterdir()) == []
