# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that the report's file is written completely or not at all, and never through a symbolic link of the file."""

import json
import os
import re
import socket
import stat

import pytest

from ansible_collections.cri.node.plugins.plugin_utils.task import report_file
from ansible_collections.cri.node.plugins.plugin_utils.task.failure import TaskFailure

REPORT = {"nodes": {"a": {"detail": "\ud800 \x1b é"}}}


def unexpected_files(folder, *expected):
    return sorted(set(os.listdir(folder)) - set(expected))


def test_the_file_is_created_or_replaced_and_keeps_its_mode(tmp_path):
    path = tmp_path / "report.json"
    before = os.umask(0o027)
    try:
        assert report_file.write(str(path), REPORT) == str(path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    path.chmod(0o600)
    former = path.stat().st_ino
    report_file.write(str(path), {"nodes": {}})
    assert json.loads(path.read_text()) == {"nodes": {}}
    assert (stat.S_IMODE(path.stat().st_mode), path.stat().st_ino != former) == (0o600, True)
    assert unexpected_files(tmp_path, "report.json") == []


def test_a_symbolic_link_under_the_name_of_the_partial_file_is_not_followed(tmp_path, monkeypatch):
    precious = tmp_path / "precious"
    precious.write_text("precious")
    monkeypatch.setattr(report_file.secrets, "token_hex", lambda _size: "known")
    for target in ("precious", "gone"):
        (tmp_path / ".cri-node-report-known").symlink_to(target)
        (tmp_path / f"r.json.{os.getpid()}.partial").symlink_to(target)
        with pytest.raises(TaskFailure, match="File exists"):
            report_file.write(f"{tmp_path}/r.json", REPORT)
        (tmp_path / f"r.json.{os.getpid()}.partial").unlink()
        # The link belongs to somebody else, and is not removed.
        (tmp_path / ".cri-node-report-known").unlink()
    assert precious.read_text() == "precious"
    assert unexpected_files(tmp_path, "precious") == []


@pytest.mark.parametrize(
    "attempt",
    [
        pytest.param(lambda path: report_file.write(path, REPORT), id="write"),
        pytest.param(report_file.check, id="check"),
    ],
)
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("link", "which is a symbolic link to precious; set path to the file itself"),
        ("dangling", "which is a symbolic link to nowhere"),
        ("folder", "which is a directory; set path to a new or a regular file"),
        ("folder/", "is the path of a directory"),
        ("fifo", "which is a named pipe"),
        ("socket", "which is a socket"),
        ("none/report.json", r"none/report.json: No such file or directory"),
        ("precious/report.json", r"precious/report.json: Not a directory"),
        ("no\0name", "embedded null"),
        ("x" * 300, ": File name too long"),
    ],
)
def test_a_target_that_is_not_a_regular_file_is_refused_with_the_reason(tmp_path, name, words, attempt):
    (tmp_path / "precious").write_text("precious")
    (tmp_path / "link").symlink_to("precious")
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        before = sorted(os.listdir(tmp_path))
        with pytest.raises(TaskFailure, match=words) as caught:
            attempt(f"{tmp_path}/{name}")
    assert str(caught.value).isprintable()
    assert sorted(os.listdir(tmp_path)) == before
    assert (tmp_path / "precious").read_text() == "precious"


def test_a_device_is_refused():
    with pytest.raises(TaskFailure, match="which is a device"):
        report_file.write("/dev/null", REPORT)


def test_a_symbolic_link_to_a_directory_is_followed(tmp_path):
    (tmp_path / "volume").mkdir()
    (tmp_path / "reports").symlink_to("volume")
    report_file.write(f"{tmp_path}/reports/r.json", REPORT)
    assert unexpected_files(tmp_path / "volume", "r.json") == []


@pytest.mark.parametrize("operation", ["open", "fchmod", "fsync", "rename"])
@pytest.mark.parametrize("number", [5, 28, 30])
def test_a_failed_operation_leaves_the_former_report_and_no_other_file(
    tmp_path, monkeypatch, operation, number
):
    path = tmp_path / "r.json"
    path.write_text("former")

    def fail(*_arguments, **_more):
        raise OSError(number, os.strerror(number))

    real = getattr(os, operation)
    calls = []

    def first_write_fails(*arguments, **more):
        calls.append(arguments)
        # The first open is the folder's.
        return fail() if operation != "open" or len(calls) == 2 else real(*arguments, **more)

    monkeypatch.setattr(report_file.os, operation, first_write_fails)
    with pytest.raises(TaskFailure, match=re.escape(f"{path}: {os.strerror(number)}")):
        report_file.write(str(path), REPORT)
    monkeypatch.undo()
    assert path.read_text() == "former"
    assert unexpected_files(tmp_path, "r.json") == []


def test_a_report_that_cannot_be_serialized_is_refused(tmp_path):
    with pytest.raises(TaskFailure, match="not JSON serializable"):
        report_file.write(f"{tmp_path}/r.json", {"nodes": object()})
    assert unexpected_files(tmp_path) == []
