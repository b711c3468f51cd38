# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that only the daemon's own lines after the relevant time decide how a start or a reload ended."""

import json

import pytest

from ansible_collections.cri.node.plugins.module_utils.crio import journald

FATAL = 'time="x" level=fatal msg="create metrics endpoint: \\"9537\\" in use"'


@pytest.fixture
def journal(monkeypatch):
    """Replace the entries that journalctl prints; return the list to fill."""
    entries = []

    def run(command, **_more):
        assert "--after-cursor" in command
        assert "--since" not in command
        return 0, "\n".join(json.dumps(each) for each in entries), ""

    monkeypatch.setattr(journald, "run", run)
    return entries


def entry(message, pid="77", invocation="new", **more):
    field = "INVOCATION_ID" if pid == "1" else "_SYSTEMD_INVOCATION_ID"
    return {"MESSAGE": message, "_PID": pid, field: invocation, **more}


def test_the_fatal_line_of_the_new_start_is_its_cause(journal):
    journal += [entry(FATAL), entry("crio.service: Failed with result 'exit-code'.", pid="1")]
    assert journald.complaint("crio.service", "c", "old") == 'create metrics endpoint: "9537" in use'


@pytest.mark.parametrize("invocation", ["old", "new"])
@pytest.mark.parametrize(
    "words",
    ["Control process exited, code=exited, status=1/FAILURE", "start operation timed out. Terminating."],
)
def test_lines_that_a_stopping_daemon_logs_are_not_the_cause_of_a_failed_start(journal, invocation, words):
    stopping = entry('level=error msg="close of closed channel"', invocation=invocation)
    journal += [stopping, entry(f"crio.service: {words}", pid="1"), stopping]
    assert words in journald.complaint("crio.service", "c", "old")


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (
            "start-pre operation timed out. Terminating.",
            "Control process exited, code=killed, status=15/TERM",
        ),
        ("Control process exited, code=exited, status=1/FAILURE", "State 'stop-sigterm' timed out. Killing."),
    ],
)
def test_the_first_complaint_of_systemd_is_the_cause(journal, first, then):
    journal += [entry(f"crio.service: {words}", pid="1") for words in (first, then)]
    assert first in journald.complaint("crio.service", "c", "old")


def test_the_step_of_a_command_that_cannot_be_run_is_the_cause(journal):
    step = "crio.service: Failed at step CHROOT spawning /usr/local/bin/crio: No such file or directory"
    exited = "crio.service: Main process exited, code=exited, status=210/CHROOT"
    journal += [entry(step, invocation="old"), entry(f"x {step}"), entry(step), entry(exited, pid="1")]
    assert journald.complaint("crio.service", "c", "old") == step


def test_without_a_journal_no_lines_are_returned(journal):
    assert journald.lines(None, "_PID=1") == []
    assert journald.complaint("crio.service", None, "old") == ""


@pytest.mark.parametrize("message", [[104, 105, 255], None, ["first", "second"], 5, {"a": 1}], ids=repr)
def test_a_message_of_any_type_becomes_a_string(journal, message):
    journal.append(entry(message))
    [found] = journald.lines("c")
    assert isinstance(found["message"], str)


@pytest.mark.parametrize("size", [100_000])
def test_a_long_line_is_cut_before_it_is_matched(size):
    assert len(journald.last_complaint(['level=fatal msg="' + '\\"' * size])) <= 8192


def test_lines_that_are_not_json_are_skipped(monkeypatch):
    monkeypatch.setattr(journald, "run", lambda *_all, **_more: (0, "garbage\n{}\n[1]\n", ""))
    assert [each["message"] for each in journald.lines("c")] == [""]
