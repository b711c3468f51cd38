# SPDX-License-Identifier: GPL-3.0-or-later
"""The generator and the comparison of `make conformance`, with a CRI-O that a test plays."""

from __future__ import annotations

import dataclasses

import pytest

from ansible_collections.cri.node.plugins.module_utils import toml_reader
from conformance import __main__ as program
from conformance import cases, compare, programs
from conformance.cases import ACCEPTED, MERGING, REFUSED
from conformance.programs import Attempt, Judged, Pull

MADE = list(cases.cases(1, program.COUNT))


def echo(case, ours):
    """Return what CRI-O says if it agrees with the collection."""
    if ours.unread:
        return Judged(refusal=ours.unread[0])
    if ours.effective.faults:
        return Judged(refusal=str(ours.effective.faults[0]))
    pulls = {}
    for name in case.names:
        found = ours.resolved(name, case.mode)
        attempts = [compare._attempt(case, each) for each in found.endpoints]
        pulls[name] = Pull(attempts, found.error or "".join(found.problems[-1:]))
    return Judged("", compare.as_go_prints(ours), pulls)


def test_each_rule_is_shown_often_enough_accepted_and_refused():
    for rule, counts in cases.coverage(MADE).items():
        assert counts[ACCEPTED] >= program.LEAST, rule
        assert rule in MERGING or counts[REFUSED] >= program.LEAST, rule
    assert len(MADE) >= 500


def test_a_seed_makes_the_same_cases_and_another_one_others():
    again = list(cases.cases(1, 60))
    assert [dataclasses.asdict(each) for each in again] == [
        dataclasses.asdict(each) for each in MADE[: len(again)]
    ]
    assert [each.files for each in cases.cases(2, 60)] != [each.files for each in again]


def test_only_a_refused_case_has_a_fault():
    for case in MADE:
        ours = compare.judge(case)
        assert bool(ours.unread or ours.effective.faults) == case.is_refused, (
            case.made,
            ours.effective.faults,
        )


def test_names_are_refused_where_the_case_says_so():
    for case in MADE:
        if any(rule in cases.NAMING and verdict == REFUSED for rule, verdict in case.covers):
            ours = compare.judge(case)
            found = [ours.resolved(name, case.mode) for name in case.names]
            assert any(each.error or each.problems for each in found), case


def test_a_crio_that_agrees_makes_no_difference():
    for case in MADE[:150]:
        ours = compare.judge(case)
        assert compare.differences(case, ours, echo(case, ours)) == []
        assert compare.check_differences(case) == []


@pytest.mark.parametrize("fault", compare.SEEDED)
def test_a_fault_in_the_merge_is_found(fault):
    found = []
    for case in MADE:
        ours = compare.judge(case)
        found += compare.differences(case, compare.SEEDED[fault](ours), echo(case, ours))
    assert found


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda pull: Pull(pull.attempts[1:], pull.error), id="a place less"),
        pytest.param(lambda pull: Pull([*pull.attempts, Attempt("x.io/y:1")], pull.error), id="a place more"),
        pytest.param(
            lambda pull: Pull(
                [dataclasses.replace(each, insecure=not each.insecure) for each in pull.attempts]
            ),
            id="insecure",
        ),
        pytest.param(
            lambda pull: Pull([dataclasses.replace(each, blocked="x.io") for each in pull.attempts]),
            id="blocked",
        ),
        pytest.param(
            lambda pull: Pull([dataclasses.replace(each, credential="/x") for each in pull.attempts]),
            id="credential",
        ),
        pytest.param(lambda pull: Pull(pull.attempts, "rewriting reference: x"), id="an error"),
    ],
)
def test_a_crio_that_pulls_otherwise_makes_a_difference(change):
    case = next(each for each in MADE if each.made == "mirrors come in order, the source last")
    case = dataclasses.replace(case, names=[case.names[0]])
    ours = compare.judge(case)
    theirs = echo(case, ours)
    theirs.pulls = {name: change(pull) for name, pull in theirs.pulls.items()}
    assert len(compare.differences(case, ours, theirs)) == 1


def test_attempts_that_crio_repeats_for_an_artifact_count_once():
    case = next(each for each in MADE if each.made == "mirrors come in order, the source last")
    ours = compare.judge(case)
    theirs = echo(case, ours)
    theirs.pulls = {name: Pull(pull.attempts * 2, pull.error) for name, pull in theirs.pulls.items()}
    assert compare.differences(case, ours, theirs) == []


def test_the_log_of_crio_is_read():
    log = (
        'time="x" level=info msg="Trying to access \\"m.io/a:1\\"" file="x"\n'
        'time="x" level=debug msg="No credentials for m.io/a found"\n'
        'time="x" level=debug msg="GET https://m.io/v2/"\ntime="x" level=debug msg="GET http://m.io/v2/"\n'
        'time="x" level=info msg="Trying to access \\"a.io/a:1\\""\n'
        'time="x" level=debug msg="Accessing \\"a.io/a:1\\" failed: registry a.io is blocked in /x or /y"\n'
        'time="x" level=info msg="Trying to access \\"b.io/a:1\\""\n'
        'time="x" level=debug msg="Found credentials for b.io/a in credential helper containers-auth.json in file /f"\n'
    )
    assert programs.attempts(programs.messages(log)) == [
        Attempt("m.io/a:1", insecure=True),
        Attempt("a.io/a:1", blocked="a.io"),
        Attempt("b.io/a:1", credential="/f"),
    ]


@pytest.mark.parametrize("text", ['a"b\\c\n\t', "ä\x01\x7f", "\U0001f600"])
def test_a_text_that_go_quoted_is_read(text):
    from ansible_collections.cri.node.plugins.plugin_utils.text.go_quote import go_quote

    assert programs.unquoted(go_quote(text)[1:-1]) == text


def test_all_files_but_those_of_the_rule_about_toml_are_toml():
    for case in MADE:
        if not any(rule == "the file is TOML" for rule, _verdict in case.covers):
            for path, text in case.files.items():
                if path.endswith(".conf"):
                    toml_reader.loads(text.encode())
