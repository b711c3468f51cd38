# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that the action verify_report returns the complete result even if the report's file cannot be written."""

import os

import pytest

from ansible_collections.cri.node.plugins.plugin_utils.task import report_file


def nobody(_arguments):
    raise AssertionError("a node was called")


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize("state", ["checked", "reported"])
def test_a_file_that_cannot_be_written_is_a_warning_and_the_result_is_complete(
    run, tmp_path, state, check_mode
):
    for path in (tmp_path / "missing" / "report.json", tmp_path, "x\0"):
        arguments = {"path": str(path), "state": state, "results": {"node-1": {}}}
        result = run("verify_report", arguments, nobody, check_mode=check_mode).result
        if "\0" not in str(path):
            [warning] = result["warnings"]
            assert warning.startswith("path (verify_report_file of the role): the report ")
            assert ("ansible_stats" in result) == (state == "reported")
            assert "path" not in result
        assert not result.get("failed") or "control character" in result["msg"]


def test_a_directory_without_write_permission_is_reported_by_the_check(run, tmp_path, monkeypatch):
    monkeypatch.setattr(report_file.os, "access", lambda *_arguments, **_options: False)
    result = run("verify_report", {"path": f"{tmp_path}/x.json", "state": "checked"}, nobody).result
    assert "Permission denied" in result["warnings"][0]


def test_the_check_of_the_path_writes_nothing_and_needs_no_results(run, tmp_path):
    assert run("verify_report", {"path": f"{tmp_path}/x.json", "state": "checked"}, nobody).result == {
        "changed": False
    }
    assert run("verify_report", {"path": "", "state": "checked"}, nobody).result == {"changed": False}
    assert os.listdir(tmp_path) == []
    assert "results is missing" in run("verify_report", {"path": ""}, nobody).message


def test_check_mode_returns_the_same_result_and_writes_no_file(run, tmp_path):
    arguments = {"path": f"{tmp_path}/x.json", "results": {"node-1": {}}}
    predicted = run("verify_report", arguments, nobody, check_mode=True).result
    assert os.listdir(tmp_path) == []
    written = run("verify_report", arguments, nobody).result
    assert written == {**predicted, "path": f"{tmp_path}/x.json", "lines": written["lines"]}
    assert "check mode" in predicted["lines"][-1]
    assert os.listdir(tmp_path) == ["x.json"]
