# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests how the output of Ansible's tools is counted, and the content of the copy that they work on."""

import subprocess
import sys
from pathlib import Path

import pytest

from sanity import __main__ as program
from sanity import collection_copy, tools
from sanity.tools import Outcome, Place, Tool

FAILED = """\
WARNING: Using locale "C.UTF-8" instead of "en_US.UTF-8". Tests which depend on the locale may behave unexpectedly.
Running sanity test "compile" on Python 3.11
Running sanity test "pylint"
ERROR: Found 2 pylint issue(s) which need to be resolved:
ERROR: plugins/filter/a.py:106:73: disallowed-name: Disallowed name "_"
ERROR: plugins/filter/a.py:106:76: disallowed-name: Disallowed name "_"
Running sanity test "shebang"
ERROR: Found 1 shebang issue(s) which need to be resolved:
ERROR: tests/a:1:1: unexpected non-module shebang: b'#!/bin/bash'
FATAL: The 2 sanity test(s) listed below (out of 3) failed. See error output above for details.
pylint
shebang
"""


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path, tmp_path, {"PATH": "/usr/bin:/bin"})


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """Return a checkout with a tracked file, a tracked link, a deleted file and an untracked file."""
    checkout = tmp_path / "checkout"
    (checkout / "plugins").mkdir(parents=True)
    (checkout / "plugins" / "a.py").write_text("tracked")
    (checkout / "gone").write_text("")
    (checkout / "link").symlink_to("plugins/a.py")
    for command in ("init -q", "add ."):
        subprocess.run(["git", *command.split()], cwd=checkout, check=True)
    (checkout / "gone").unlink()
    (checkout / "stray").write_text("untracked")
    monkeypatch.setattr(collection_copy, "CHECKOUT", checkout)
    return checkout


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run the program with another table, without a copy of the collection."""
    monkeypatch.setattr(program, "LOGS", tmp_path / "logs")
    monkeypatch.setattr(program, "CHECKOUT", tmp_path)
    monkeypatch.setattr(program, "copy_to", lambda folder: folder)

    def called(outcomes, *arguments):
        command = Path(sys.executable).name
        table = [Tool(name, command, lambda _place, each=each: each) for name, each in outcomes.items()]
        monkeypatch.setattr(program, "TOOLS", table)
        return program.main(list(arguments))

    return called


def test_failures_of_ansible_test_are_counted_by_test():
    outcome = tools.sanity_outcome(1, FAILED)
    assert outcome.status == "failed"
    assert outcome.detail == "3 errors (pylint 2, shebang 1) in 3 tests"


def test_ansible_test_that_stops_before_its_tests_has_failed():
    outcome = tools.sanity_outcome(1, "FATAL: no pip\n")
    assert (outcome.status, outcome.detail) == ("failed", "FATAL: no pip")
    assert tools.sanity_outcome(0, "").status == "failed"


def test_ansible_test_without_failures_has_passed():
    outcome = tools.sanity_outcome(0, 'Running sanity test "compile"\nRunning sanity test "pylint"\n')
    assert (outcome.status, outcome.detail) == ("passed", "2 tests")


def test_pip_comes_from_ensurepip_where_ansible_test_cannot_download_it(tmp_path, place, monkeypatch):
    script = tmp_path / "get_pip_24_2.py"
    answers = [
        (1, f"The bootstrap script can be manually downloaded and saved to: {script}\n"),
        (0, 'Running sanity test "compile"\n'),
    ]
    monkeypatch.setattr(tools, "call", lambda *_arguments: answers.pop(0))
    assert tools.ansible_test(place, "sanity")[0] == 0
    assert not answers
    assert "ensurepip" in script.read_text()


@pytest.mark.parametrize(("run", "programs"), [("sanity", tools.BIN), ("oldest_sanity", tools.OLDEST)])
def test_each_ansible_test_finds_only_the_programs_of_its_own_version(place, monkeypatch, run, programs):
    called = []
    monkeypatch.setattr(tools, "call", lambda *given: called.append(given) or (0, ""))
    getattr(tools, f"run_{run}")(place)
    ((where, program, *_arguments),) = called
    assert program == programs / "ansible-test"
    assert where.environment["PATH"].startswith(f"{programs}:")


def test_a_tool_that_is_not_installed_is_skipped_with_the_reason(place):
    outcome = Tool("none", "no-such-command", lambda _place: Outcome("passed", "")).outcome(place)
    assert outcome.status == "skipped"
    assert "no-such-command is not installed" in outcome.detail


def test_the_copy_contains_what_git_tracks_and_nothing_else(repository, tmp_path):
    collection = collection_copy.copy_to(tmp_path / "copy")
    assert collection == tmp_path / "copy" / "ansible_collections" / "cri" / "node"
    names = {str(path.relative_to(collection)) for path in collection.rglob("*")}
    assert names == {"plugins", "plugins/a.py", "link"}
    assert (collection / "link").is_symlink()


@pytest.mark.parametrize(
    ("outcomes", "last", "status"),
    [
        ({"a": Outcome("passed", "")}, "sanity: 1 tools, 0 failures", 0),
        (
            {"a": Outcome("passed", ""), "b": Outcome("failed", "2 errors", "x")},
            "sanity: 2 tools, 1 failures",
            1,
        ),
        (
            {"a": Outcome("passed", ""), "b": Outcome("skipped", "why")},
            "sanity: 1 tools, 0 failures, 1 skipped",
            0,
        ),
        ({"a": Outcome("skipped", "why")}, "sanity: 0 tools, 0 failures, 1 skipped", 1),
    ],
    ids=["passed", "failed", "skipped", "none ran"],
)
def test_the_last_line_and_the_exit_status_count_tools(run, capsys, outcomes, last, status):
    assert run(outcomes) == status
    assert capsys.readouterr().out.splitlines()[-1] == last


def test_only_named_tools_run_and_the_output_is_kept(run, tmp_path, capsys):
    assert run({"a": Outcome("failed", "1 errors", "the output"), "b": Outcome("failed", "")}, "a") == 1
    assert (tmp_path / "logs" / "a.log").read_text() == "the output"
    assert not (tmp_path / "logs" / "b.log").exists()
    printed = capsys.readouterr().out
    assert "see logs/a.log" in printed
    assert "the output" not in printed


def test_verbose_prints_the_output_of_a_failed_tool(run, capsys):
    assert run({"a": Outcome("failed", "1 errors", "the output")}, "--verbose") == 1
    assert "the output" in capsys.readouterr().out


def test_an_unknown_tool_is_refused_with_the_known_ones(run, capsys):
    with pytest.raises(SystemExit):
        run({"a": Outcome("passed", "")}, "b")
    assert "unknown tool b; known: a" in capsys.readouterr().err
