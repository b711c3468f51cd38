# SPDX-License-Identifier: GPL-3.0-or-later
"""The report's file: written whole or not at all, and only where nobody else decides what it replaces."""

import json
import os
import re
import socket
import stat

import pytest

from ansible_collections.cri.node.plugins.action import verify_report
from ansible_collections.cri.node.plugins.plugin_utils.task.failure import TaskFailure

REPORT = {"nodes": {"a": {"detail": "\ud800 \x1b é"}}}


def litter(folder, *expected):
    return sorted(set(os.listdir(folder)) - set(expected))


def test_the_file_is_new_or_replaced_whole_and_keeps_its_mode(tmp_path):
    path = tmp_path / "report.json"
    before = os.umask(0o027)
    try:
        assert verify_report._write(str(path), REPORT) == str(path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    path.chmod(0o600)
    former = path.stat().st_ino
    verify_report._write(str(path), {"nodes": {}})
    assert json.loads(path.read_text()) == {"nodes": {}}
    assert (stat.S_IMODE(path.stat().st_mode), path.stat().st_ino != former) == (0o600, True)
    assert litter(tmp_path, "report.json") == []


def test_a_link_that_waits_under_the_partial_files_name_is_not_followed(tmp_path, monkeypatch):
    precious = tmp_path / "precious"
    precious.write_text("precious")
    monkeypatch.setattr(verify_report.secrets, "token_hex", lambda _size: "known")
    for target in ("precious", "gone"):
        (tmp_path / ".cri-node-report-known").symlink_to(target)
        (tmp_path / f"r.json.{os.getpid()}.partial").symlink_to(target)
        with pytest.raises(TaskFailure, match="File exists"):
            verify_report._write(f"{tmp_path}/r.json", REPORT)
        (tmp_path / f"r.json.{os.getpid()}.partial").unlink()
        # The name was somebody else's, and stays.
        (tmp_path / ".cri-node-report-known").unlink()
    assert precious.read_text() == "precious"
    assert litter(tmp_path, "precious") == []


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("link", "which is a symbolic link to precious; set path to the file itself"),
        ("dangling", "which is a symbolic link to nowhere"),
        ("folder", "which is a directory; set path to a new or a regular file"),
        ("folder/", "names a folder"),
        ("fifo", "which is a named pipe"),
        ("socket", "which is a socket"),
        ("none/report.json", r"none/report.json: No such file or directory"),
        ("precious/report.json", r"precious/report.json: Not a directory"),
        ("no\0name", "embedded null"),
        ("x" * 300, ": File name too long"),
    ],
)
def test_a_target_that_is_no_regular_file_is_one_clear_error(tmp_path, name, words, check_mode):
    (tmp_path / "precious").write_text("precious")
    (tmp_path / "link").symlink_to("precious")
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        before = sorted(os.listdir(tmp_path))
        with pytest.raises(TaskFailure, match=words) as caught:
            verify_report._write(f"{tmp_path}/{name}", REPORT, check_mode)
    assert str(caught.value).isprintable()
    assert sorted(os.listdir(tmp_path)) == before
    assert (tmp_path / "precious").read_text() == "precious"


def test_a_device_is_refused():
    with pytest.raises(TaskFailure, match="which is a device"):
        verify_report._write("/dev/null", REPORT)


def test_a_linked_folder_is_the_users_own_choice(tmp_path):
    (tmp_path / "volume").mkdir()
    (tmp_path / "reports").symlink_to("volume")
    verify_report._write(f"{tmp_path}/reports/r.json", REPORT)
    assert litter(tmp_path / "volume", "r.json") == []


@pytest.mark.parametrize("operation", ["open", "fchmod", "fsync", "rename"])
@pytest.mark.parametrize("number", [5, 28, 30])
def test_a_failing_operation_leaves_the_former_report_and_nothing_else(
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

    monkeypatch.setattr(verify_report.os, operation, first_write_fails)
    with pytest.raises(TaskFailure, match=re.escape(f"{path}: {os.strerror(number)}")):
        verify_report._write(str(path), REPORT)
    monkeypatch.undo()
    assert path.read_text() == "former"
    assert litter(tmp_path, "r.json") == []


def test_a_report_that_is_no_data_is_one_error(tmp_path):
    with pytest.raises(TaskFailure, match="not JSON serializable"):
        verify_report._write(f"{tmp_path}/r.json", {"nodes": object()})
    assert litter(tmp_path) == []


def nobody(_arguments):
    raise AssertionError("a node was called")


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize("state", ["checked", "reported"])
def test_a_file_that_cannot_be_written_is_a_warning_beside_the_whole_result(run, tmp_path, state, check_mode):
    for path in (tmp_path / "missing" / "report.json", tmp_path, "x\0"):
        arguments = {"path": str(path), "state": state, "results": {"node-1": {}}}
        result = run("verify_report", arguments, nobody, check_mode=check_mode).result
        if "\0" not in str(path):
            [warning] = result["warnings"]
            assert warning.startswith("path (verify_report_file of the role): the report ")
            assert ("ansible_stats" in result) == (state == "reported")
            assert "path" not in result
        assert not result.get("failed") or "control character" in result["msg"]


def test_a_folder_that_cannot_be_written_to_is_known_beforehand(run, tmp_path, monkeypatch):
    monkeypatch.setattr(verify_report.os, "access", lambda *_arguments, **_options: False)
    result = run("verify_report", {"path": f"{tmp_path}/x.json", "state": "checked"}, nobody).result
    assert "Permission denied" in result["warnings"][0]


def test_a_test_of_the_path_writes_nothing_and_needs_no_results(run, tmp_path):
    assert run("verify_report", {"path": f"{tmp_path}/x.json", "state": "checked"}, nobody).result == {
        "changed": False
    }
    assert run("verify_report", {"path": "", "state": "checked"}, nobody).result == {"changed": False}
    assert litter(tmp_path) == []
    assert "results is missing" in run("verify_report", {"path": ""}, nobody).message
