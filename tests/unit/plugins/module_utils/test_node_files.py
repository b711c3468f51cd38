# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests how files are described, refused, written and swapped for a transaction."""

import os

import pytest

from ansible_collections.cri.node.plugins.module_utils import node_files


def test_a_missing_path_is_absent(tmp_path):
    assert node_files.describe(str(tmp_path / "none")) == {"file_type": "absent"}
    (tmp_path / "file").write_text("x")
    assert node_files.describe(str(tmp_path / "file" / "below")) == {"file_type": "absent"}


def test_a_file_is_described_by_hash_and_mode(tmp_path):
    path = tmp_path / "file"
    node_files.write_durably(str(path), b"content", 0o640)
    found = node_files.describe(str(path))
    assert found["file_type"] == "file"
    assert found["mode"] == "0640"
    assert found["sha256"] == node_files.digest(b"content")
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("kind", ["symlink", "directory", "parent is a symlink", "parent is a file"])
def test_a_path_that_must_not_be_replaced_is_refused_by_name(tmp_path, kind):
    path = tmp_path / "d" / "file"
    if kind == "symlink":
        path.parent.mkdir()
        path.symlink_to("/dev/null")
    elif kind == "directory":
        path.mkdir(parents=True)
    elif kind == "parent is a symlink":
        path.parent.symlink_to(tmp_path)
    else:
        path.parent.write_text("")
    with pytest.raises(node_files.NodeFileError, match=str(path.parent)):
        node_files.refuse_untouchable(str(path))


def test_a_plain_file_and_a_missing_one_may_be_replaced(tmp_path):
    node_files.refuse_untouchable(str(tmp_path / "missing"))
    (tmp_path / "file").write_text("")
    node_files.refuse_untouchable(str(tmp_path / "file"))


def test_only_missing_directories_are_created_and_returned(tmp_path):
    made = node_files.make_directories(str(tmp_path / "a" / "b"))
    assert made == [str(tmp_path / "a"), str(tmp_path / "a" / "b")]
    assert node_files.make_directories(str(tmp_path / "a" / "b")) == []


def test_a_broken_document_reads_as_none(tmp_path):
    (tmp_path / "broken.json").write_text("{")
    assert node_files.read_json(str(tmp_path / "broken.json")) is None
    assert node_files.read_json(str(tmp_path / "missing.json")) is None


@pytest.mark.parametrize("kind", ["folder", "file", "link", "dangling link", "nothing"])
def test_a_folder_of_ours_is_removed_whatever_is_there_instead_of_it(tmp_path, kind):
    path, elsewhere = tmp_path / "26", tmp_path / "elsewhere"
    (elsewhere / "kept").mkdir(parents=True)
    if kind == "folder":
        (path / "1").mkdir(parents=True)
    elif kind == "file":
        path.write_text("")
    elif kind != "nothing":
        path.symlink_to(elsewhere if kind == "link" else tmp_path / "gone")
    node_files.remove_tree(str(path))
    assert not os.path.lexists(path)
    assert (elsewhere / "kept").is_dir()
