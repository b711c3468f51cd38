# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.cri.node.plugins.plugin_utils.files.unit_drop_in import render_unit, unit_problems


def test_sections_and_directives_have_a_fixed_order():
    data = {
        "Install": {"WantedBy": "multi-user.target"},
        "Service": {"LimitNOFILE": 1048576, "KillMode": "process"},
    }
    assert render_unit(data) == (
        "[Service]\nKillMode=process\nLimitNOFILE=1048576\n\n[Install]\nWantedBy=multi-user.target\n"
    )


@pytest.mark.parametrize(
    ("value", "lines"),
    [
        pytest.param(True, ["Directive=yes"], id="true is yes"),
        pytest.param(False, ["Directive=no"], id="false is no"),
        pytest.param(["", "/bin/x"], ["Directive=", "Directive=/bin/x"], id="an empty entry resets the list"),
        pytest.param("%n %i", ["Directive=%n %i"], id="specifiers stay"),
        pytest.param([], [], id="an empty list says nothing"),
        pytest.param("a\\b", ["Directive=a\\b"], id="a backslash inside stays"),
    ],
)
def test_a_value_is_written_as_lines(value, lines):
    assert unit_problems({"Service": {"Directive": value}}, "v") == []
    assert render_unit({"Service": {"Directive": value}}).splitlines()[1:] == lines


def test_an_empty_drop_in_is_an_empty_string():
    assert render_unit({}) == ""


@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param("x", "a string that does not contain a mapping of sections", id="not a mapping"),
        pytest.param({"service": {}}, "is not a section", id="sections begin with a capital"),
        pytest.param({"Service": "x"}, "not a mapping of directives", id="a section that is a text"),
        pytest.param(
            {"Service": {"Kill Mode": "x"}}, "is not the name of a directive", id="a space in a name"
        ),
        pytest.param(
            {"Service": {"A=b\nC": "x"}}, "is not the name of a directive", id="a line break in a name"
        ),
        pytest.param(
            {"Service": {"A": "x\nExecStart=/bin/evil"}}, "line break", id="a line break in a value"
        ),
        pytest.param({"Service": {"A": "x\\"}}, "backslash", id="a backslash at the end"),
        pytest.param({"Service": {"A": None}}, "is empty", id="nothing"),
        pytest.param({"Service": {"A": ["x", {"y": 1}]}}, r"Service.A[1]", id="a mapping in a list"),
    ],
)
def test_a_value_that_systemd_would_misread_is_a_problem(data, words):
    [problem] = unit_problems(data, "crio_service")
    assert str(problem).startswith("crio_service: ")
    assert words in str(problem)


def test_all_problems_are_reported_together_without_values():
    problems = unit_problems(
        {"Service": {"A": "hunter2\n", "B": ["hunter2\\"]}, "Unti": {"C": "hunter2"}}, "v"
    )
    assert len(problems) == 3
    assert "hunter2" not in "".join(str(problem) for problem in problems)
