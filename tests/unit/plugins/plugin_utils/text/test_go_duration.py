# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cri.node.plugins.plugin_utils.text import go_duration


@given(st.integers(-(2**63) + 1, 2**63 - 1))
def test_a_printed_duration_parses_to_the_same_value(nanoseconds):
    assert go_duration.parse(go_duration.render(nanoseconds)) == nanoseconds


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("0", "0s"),
        ("0s", "0s"),
        ("10s", "10s"),
        ("90s", "1m30s"),
        ("1.5h", "1h30m0s"),
        ("3600s", "1h0m0s"),
        ("1h", "1h0m0s"),
        ("1500ms", "1.5s"),
        ("250ms", "250ms"),
        ("1us", "1µs"),
        ("1μs", "1µs"),
        (".5s", "500ms"),
        ("1.s", "1s"),
        ("-5s", "-5s"),
        ("+5s", "5s"),
        ("1h1s", "1h0m1s"),
        ("100ns", "100ns"),
        ("1m1.25s", "1m1.25s"),
    ],
)
def test_durations_are_printed_like_go_does(text, printed):
    assert go_duration.render(go_duration.parse(text)) == printed


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("10", id="no unit"),
        pytest.param("10 s", id="a space"),
        pytest.param("s", id="no number"),
        pytest.param(".s", id="only a point"),
        pytest.param("1d", id="Go has no unit for days"),
        pytest.param("--1s", id="two signs"),
        pytest.param("1s ", id="a space at the end"),
        pytest.param("1s\n", id="a line break at the end"),
        pytest.param("٣s", id="a digit that is not ASCII"),
        pytest.param("9223372036855s", id="more than 64 bits"),
    ],
)
def test_durations_that_go_refuses_are_refused(text):
    assert go_duration.parse(text) is None
