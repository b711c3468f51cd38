# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests the calculations of the bench, without measuring anything."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import figures

SECONDS = st.floats(0.001, 1000)


def test_a_ratio_is_calculated_from_medians_so_that_one_slow_run_has_no_effect():
    row = figures.timed("verify", [(2.0, 1.0), (2.2, 1.1), (60.0, 1.0), (2.1, 30.0), (2.0, 1.0)])
    assert (row["ours_s"], row["reference_s"]) == (2.1, 1.0)
    assert row["ratio"] == pytest.approx(2.1)
    assert (row["goal"], row["runs"]) == (6, 5)


@given(st.lists(st.tuples(SECONDS, SECONDS), min_size=1), st.floats(2, 100))
def test_a_slower_machine_does_not_change_ratios(pairs, slower):
    slow = [(ours * slower, reference * slower) for ours, reference in pairs]
    usual = figures.timed("verify", pairs)["ratio"]
    assert figures.timed("verify", slow)["ratio"] == pytest.approx(usual, rel=1e-6, abs=0.002)


def test_the_time_of_a_module_excludes_the_overhead_of_every_module():
    assert figures.without([1.0, 1.5], [1.25, 1.5]) == [0.25, 0.0]


def test_calls_are_reported_as_a_median_without_seconds():
    row = figures.counted("remote_calls_noop", [1, 1, 3, 1, 1])
    assert (row["ratio"], row["ours_s"], row["reference_s"]) == (1, None, None)


def test_the_calls_of_a_run_are_those_of_the_node_that_got_the_most(tmp_path):
    file = tmp_path / "calls"
    file.write_text("a\nb\na\na\nb\n")
    assert figures.most_calls(file) == 3
    file.write_text("")
    assert figures.most_calls(file) == 0


def test_a_reference_that_took_no_time_has_no_ratio():
    with pytest.raises(figures.NotMeasured):
        figures.timed("verify", [(1.0, 0.0)])


def test_the_table_states_which_rows_miss_their_goal_or_were_not_measured():
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
