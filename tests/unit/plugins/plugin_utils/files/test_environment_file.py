# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cri.node.plugins.plugin_utils.files.environment_file import (
    environment_problems,
    render_environment,
)

NAMES = st.from_regex("[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)
VALUES = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp"], include_characters="\t"),
    max_size=20,
)


@given(st.dictionaries(NAMES, VALUES, max_size=5))
def test_a_shell_reads_back_the_same(variables):
    assert environment_problems(variables, "v") == []
    assert dict(systemd_reads(line) for line in render_environment(variables).splitlines()) == variables


def systemd_reads(line):
    """One line by systemd.exec(5): in double quotes a backslash escapes only " \\ ` and $."""
    name, _separator, value = line.partition("=")
    if not value.startswith('"'):
        return name, value
    text, escaped = "", False
    for char in value[1:-1]:
        if escaped or char != "\\":
            text, escaped = text + char, False
        else:
            escaped = True
    return name, text


def test_shlex_agrees_on_quotes_and_backslashes():
    [word] = shlex.split(render_environment({"A": 'a "b" \\ c'}))
    assert word == 'A=a "b" \\ c'


@pytest.mark.parametrize(
    ("value", "written"),
    [
        pytest.param("http://proxy.example.com:3128", "http://proxy.example.com:3128", id="a plain value"),
        pytest.param("a b", '"a b"', id="a space"),
        pytest.param("$HOME", '"\\$HOME"', id="a dollar"),
        pytest.param("", '""', id="nothing in it"),
        pytest.param("#x", '"#x"', id="not a comment"),
        pytest.param(5, "5", id="an integer"),
    ],
)
def test_a_value_is_quoted_where_needed(value, written):
    assert render_environment({"A": value}) == f"A={written}\n"


def test_variables_are_sorted():
    assert render_environment({"B": "1", "A": "2"}) == "A=2\nB=1\n"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param(["A=b"], "a list, not a mapping", id="not a mapping"),
        pytest.param({"A-B": "hunter2"}, "is not a valid name", id="a dash in a name"),
        pytest.param({"1A": "hunter2"}, "is not a valid name", id="a digit in front"),
        pytest.param({"A\n": "hunter2"}, "is not a valid name", id="a line break in a name"),
        pytest.param({"A": "hunter2\nB=c"}, "line break", id="a line break in a value"),
        pytest.param({"A": "hunter2\r"}, "line break", id="a carriage return ends a line too"),
        pytest.param({"A": "hunter2\ud800"}, "not valid Unicode", id="half a surrogate pair"),
        pytest.param({"A": True}, "put it in quotes", id="a boolean has several spellings"),
        pytest.param({"A": None}, "is empty", id="nothing"),
        pytest.param({"A": 1.5}, "a number with a fraction", id="a fraction has several spellings"),
    ],
)
def test_a_value_that_systemd_would_misread_is_a_problem_that_does_not_show_it(data, words):
    [problem] = environment_problems(data, "crio_environment")
    assert str(problem).startswith("crio_environment: ")
    assert words in str(problem)
    assert "hunter2" not in str(problem)
