# SPDX-License-Identifier: GPL-3.0-or-later
"""The arithmetic of the bench, in which nothing is measured."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import figures

SECONDS = st.floats(0.001, 1000)


def test_a_ratio_is_that_of_the_medians_so_that_one_slow_run_does_not_count():
    row = figures.timed("verify", [(2.0, 1.0), (2.2, 1.1), (60.0, 1.0), (2.1, 30.0), (2.0, 1.0)])
    assert (row["ours_s"], row["reference_s"]) == (2.1, 1.0)
    assert row["ratio"] == pytest.approx(2.1)
    assert (row["goal"], row["runs"]) == (6, 5)


@given(st.lists(st.tuples(SECONDS, SECONDS), min_size=1), st.floats(2, 100))
def test_a_machine_that_is_slower_throughout_changes_no_ratio(pairs, slower):
    slow = [(ours * slower, reference * slower) for ours, reference in pairs]
    usual = figures.timed("verify", pairs)["ratio"]
    assert figures.timed("verify", slow)["ratio"] == pytest.approx(usual, rel=1e-6, abs=0.002)


def test_a_module_is_told_without_what_every_module_costs():
    assert figures.without([1.0, 1.5], [1.25, 1.5]) == [0.25, 0.0]


def test_calls_are_a_median_without_seconds():
    row = figures.counted("remote_calls_noop", [1, 1, 3, 1, 1])
    assert (row["ratio"], row["ours_s"], row["reference_s"]) == (1, None, None)


def test_a_reference_that_took_no_time_gives_no_ratio():
    with pytest.raises(figures.NotMeasured):
        figures.timed("verify", [(1.0, 0.0)])


def test_the_table_says_in_words_what_misses_its_goal_and_what_was_not_measured():
    rows = [
        figures.timed("verify", [(7.0, 1.0)]),
        figures.timed("provision_noop", [(1.8, 1.0)]),
        figures.unmeasured("ps_facts", "no crictl"),
    ]
    head, verify, noop, ps = figures.table(rows).splitlines()
    assert head.split() == ["row", "ratio", "goal", "ours", "reference", "runs"]
    assert verify.endswith("times the reference, MISSES ITS GOAL")
    assert noop.endswith("times the reference, within its goal")
    assert ps.endswith("not measured: no crictl")
