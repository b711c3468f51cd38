# SPDX-License-Identifier: GPL-3.0-or-later
"""A folder of files is written completely or not at all, and never over another one."""

import os

import pytest

from ansible_collections.cri.node.plugins.plugin_utils.task import new_folder
from ansible_collections.cri.node.plugins.plugin_utils.task.failure import TaskFailure

FILES = {"hosts.yml": "a: 1\n", "group_vars/x.yml": "\u00e4\n"}


def test_a_new_or_empty_folder_gets_all_files(tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    for name in ("new", "empty"):
        new_folder.check(name)
        path = new_folder.write(name, FILES)
        assert path == str(tmp_path / name)
        assert (tmp_path / name / "hosts.yml").read_text() == "a: 1\n"
        assert (tmp_path / name / "group_vars" / "x.yml").read_text(encoding="utf-8") == "\u00e4\n"
        umask = os.umask(0)
        os.umask(umask)
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o777 & ~umask
    assert sorted(os.listdir(tmp_path)) == ["empty", "new"]


@pytest.mark.parametrize("kind", ["folder", "file", "link", "parent", "nul"])
def test_what_exists_is_never_overwritten(tmp_path, kind):
    path = str(tmp_path / "x")
    if kind == "folder":
        (tmp_path / "x").mkdir()
        (tmp_path / "x" / "edited.yml").write_text("")
    elif kind == "file":
        (tmp_path / "x").write_text("")
    elif kind == "link":
        (tmp_path / "x").symlink_to(tmp_path)
    elif kind == "parent":
        path = str(tmp_path / "missing" / "x")
    else:
        path = "a\0b"
    before = sorted(os.listdir(tmp_path))
    for attempt in (lambda: new_folder.check(path), lambda: new_folder.write(path, FILES)):
        with pytest.raises(TaskFailure, match=r"nothing is overwritten|cannot be written"):
            attempt()
    assert sorted(os.listdir(tmp_path)) == before


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path):
    with pytest.raises(TaskFailure, match="cannot be written"):
        new_folder.write(str(tmp_path / "x"), {"a.yml": "fine", "b.yml": "\udc80"})
    assert os.listdir(tmp_path) == []
