# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that the table of checks is documented in the README of the role verify and in the RETURN of runtime_verify."""

from pathlib import Path

import pytest
import yaml

from ansible_collections.cri.node.plugins.modules import runtime_verify
from ansible_collections.cri.node.plugins.plugin_utils.verify.checks import CHECKS, NODE
from ansible_collections.cri.node.plugins.plugin_utils.verify.verdict import STATUSES

README = Path(__file__).parents[5] / "roles" / "verify" / "README.md"
HEADING = ["| check | question | result |", "| --- | --- | --- |"]
ALL = (*CHECKS, NODE)


def rows_of_readme():
    """Return the rows of the README's table of checks."""
    lines = README.read_text(encoding="utf-8").splitlines()
    start = lines.index(HEADING[0])
    assert lines[start : start + 2] == HEADING
    end = lines.index("", start)
    return lines[start + 2 : end]


def as_row(check):
    return f"| `{check.documented_name}` | {check.question} | {check.outcomes} |"


def paragraphs_of_return():
    """Return the paragraphs of RETURN that are about one check."""
    name = yaml.safe_load(runtime_verify.RETURN)["checks"]["contains"]["name"]
    return [paragraph for paragraph in name["description"] if " - " in paragraph]


def as_paragraph(check):
    return f"V({check.documented_name}) - {check.question}"


def test_the_readme_has_every_row_of_the_table():
    assert rows_of_readme() == [as_row(check) for check in ALL]


def test_the_return_documentation_contains_every_question():
    assert paragraphs_of_return() == [as_paragraph(check) for check in ALL]


@pytest.mark.parametrize("check", [pytest.param(check, id=check.name) for check in ALL])
def test_a_check_has_a_name_a_question_and_outcomes_in_sentences(check):
    assert check.name.isidentifier()
    assert check.question.endswith("?")
    assert check.outcomes.endswith(".")
    assert any(verb in check.outcomes for verb in ("Fails", "Warns"))
    assert "|" not in check.question + check.outcomes


def test_names_are_unique():
    assert len({check.name for check in ALL}) == len(ALL)


def test_the_documented_statuses_are_those_of_verdicts():
    status = yaml.safe_load(runtime_verify.RETURN)["checks"]["contains"]["status"]
    assert [each for each in STATUSES if f"V({each})" in str(status["description"])] == list(STATUSES)
