# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that a failure on the node keeps its cause, in one sentence without secrets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cri.node.plugins.plugin_utils.task.failure import TaskFailure, refuse, succeeded

TRACEBACK = (
    "Traceback (most recent call last):\n  File \"/tmp/x.py\", line 3, in <module>\nKeyError: 'generation'\n"
)


def message(returned, secrets=()):
    with pytest.raises(TaskFailure) as failure:
        succeeded(returned, secrets)
    assert failure.value.result["msg"] == str(failure.value)
    return str(failure.value)


def no_answer(
    stdout="",
    stderr="",
    rc=1,
    msg="Module result deserialization failed: No start of json char found",
    **more,
):
    return {"failed": True, "module_stdout": stdout, "module_stderr": stderr, "rc": rc, "msg": msg, **more}


@pytest.mark.parametrize(
    ("returned", "expected"),
    [
        (
            no_answer(stderr="/bin/sh: 1: sudo: not found\n", rc=127),
            "(exit status 127): /bin/sh: 1: sudo: not found",
        ),
        (no_answer(stderr="sudo: a password is required\n"), "sudo: a password is required"),
        (
            no_answer("This account is not available.\r\n", "Shared connection to 10.0.0.1 closed.\r\n"),
            "This account is not available.",
        ),
        (no_answer(TRACEBACK, "Shared connection to node1 closed."), "KeyError: 'generation'"),
        (
            no_answer("\n\n", TRACEBACK, msg="MODULE FAILURE\nSee stdout/stderr for the exact error"),
            "KeyError: 'generation'",
        ),
        (no_answer(rc=137), "(exit status 137)"),
        (no_answer(rc=0, msg="MODULE FAILURE"), "the module returned no result on the node"),
        (no_answer(msg="The module interpreter '/usr/bin/python9' was not found."), "python9"),
        ({"failed": True, "exception": TRACEBACK}, "KeyError: 'generation'"),
        ({"failed": True, "msg": None, "rc": 3}, "(exit status 3)"),
        ({"failed": True}, "the module returned no result on the node"),
        ({"failed": True, "msg": "state.json is damaged"}, "state.json is damaged"),
        ({"failed": True, "msg": ["odd"]}, "odd"),
        ({"unreachable": True, "msg": "ssh: connect to host a port 22:\r\n timed out"}, "port 22: timed out"),
        (no_answer(stderr="\x1b[31mdenied\x07 \udce9"), "denied"),
    ],
)
def test_the_cause_is_in_the_message(returned, expected):
    text = message(returned)
    assert expected in text
    assert text.isprintable()
    assert "json char" not in text


@pytest.mark.parametrize("where", ["module_stdout", "module_stderr", "msg", "exception"])
def test_no_message_contains_a_secret(where):
    for text in (
        "denied: CANARY",
        "denied CANARY CANARY",
        "http://user:CANARY@host failed",
        "x\nCANARY",
        "CANARY" * 200,
    ):
        returned = {"failed": True, "msg": "", where: text}
        assert "CANARY" not in message(returned, ["CANARY", "CANA"])


def test_a_result_that_was_cut_off_is_not_repeated():
    cut = '{"changed": false, "invocation": {"module_args": {"secrets": "CANARY"}}, "report"'
    assert "CANARY" not in message(no_answer(f"{cut}\n", ""))
    assert "Killed" in message(no_answer(f"Killed\n{cut}\n", ""))


def test_warnings_of_a_node_are_printable_lines():
    returned = succeeded(
        {
            "changed": False,
            "warnings": ["a\n\x1b]0;owned\x07b"],
            "deprecations": [{"msg": "old\x1b", "version": None}],
        }
    )
    assert returned["warnings"] == ["a \ufffd]0;owned\ufffdb"]
    assert returned["deprecations"] == [{"msg": "old\ufffd", "version": None}]


ANYTHING = st.none() | st.text() | st.integers() | st.lists(st.text())


@given(
    st.dictionaries(
        st.sampled_from(
            ["failed", "unreachable", "msg", "module_stdout", "module_stderr", "rc", "exception"]
        ),
        ANYTHING,
    )
)
def test_any_result_becomes_one_sentence(returned):
    failures = []
    try:
        succeeded(returned)
    except TaskFailure as failure:
        failures.append(str(failure))
    assert all(text and text.isprintable() for text in failures)


def test_problems_stay_a_list_of_printable_lines_without_credentials():
    with pytest.raises(TaskFailure) as failure:
        refuse(["a\nb", "http://user:CANARY@host", "c\x1b[2J"])
    lines = str(failure.value).splitlines()
    assert lines == ["3 problems, and nothing was changed:", "- a b", "- http://***@host", "- c\ufffd[2J"]
