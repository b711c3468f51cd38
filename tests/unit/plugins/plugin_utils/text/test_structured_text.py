# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that variables that are strings are read as the data that they contain, and that nothing else is guessed."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cri.node.plugins.plugin_utils.text.structured_text import (
    fault_of_mapping,
    list_of,
    mapping_of,
)

DATA = {"crio": {"metrics": {"enable_metrics": True, "metrics_port": 9537}}}


@pytest.mark.parametrize(
    "text",
    [
        '{"crio": {"metrics": {"enable_metrics": true, "metrics_port": 9537}}}',
        "{'crio': {'metrics': {'enable_metrics': True, 'metrics_port': 9537}}}",  # as an INI inventory has it
        "{crio: {metrics: {enable_metrics: true, metrics_port: 9537}}}",
        "crio:\n  metrics:\n    enable_metrics: true\n    metrics_port: 9537\n",
        "---\ncrio: &a {metrics: &b {enable_metrics: true, metrics_port: 9537}}\n",
        "  {crio: {metrics: {enable_metrics: true, metrics_port: 9537}}}\n\n",
    ],
)
def test_a_string_that_contains_a_mapping_is_read_as_the_mapping(text):
    assert mapping_of(text) == DATA
    assert fault_of_mapping(text) == ""


@pytest.mark.parametrize("value", [None, "", "  \n", {}, "{}"])
def test_null_and_empty_values_are_an_empty_mapping(value):
    assert mapping_of(value) == {}
    assert fault_of_mapping(value) == ""


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ("metrics_port=9537", "is a string that does not contain a mapping as JSON or YAML"),
        ("[1, 2]", "is a string that does not contain a mapping as JSON or YAML"),
        ("{a: {b: 1}", "as JSON or YAML: line 1, column 11 cannot be read"),
        ("a: 1\n b: 2\n", "as JSON or YAML: line 2, column 3 cannot be read"),
        ("!!python/object:os.system {}", "cannot be read"),
        ("a: *b", "cannot be read"),
        ("\x00", "it cannot be read"),
        ("[" * 100_000, "nested deeper than 100 levels"),
        ("[" * 100, "cannot be read"),
        ("[" * 10_000 + "]" * 10_000, "nested deeper than 100 levels"),
        ("- " * 60_000, "JSON or YAML"),
        ("? " * 60_000, "JSON or YAML"),
        ("{a: " * 5000 + "}" * 5000, "nested deeper than 100 levels"),
        ('{"a": ' * 100 + "1" + "}" * 100, "nested deeper than"),
        ("x" * 2_000_000, "more than 131072 characters"),
        ("a: 1\n---\nb: 2\n", "as JSON or YAML: it has 2 documents"),
        ([], "is a list, not a mapping"),
        (5, "is an integer, not a mapping"),
        (True, "is a boolean, not a mapping"),
    ],
)
def test_anything_else_is_unchanged_and_has_one_short_problem(value, fault):
    assert mapping_of(value) is value
    assert fault in fault_of_mapping(value)
    assert len(fault_of_mapping(value)) < 150


def test_a_problem_does_not_quote_the_text():
    assert "CANARY" not in fault_of_mapping("TOKEN: CANARY: CANARY\n\tCANARY")


def test_aliases_cannot_multiply_a_text_without_limit():
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    begin = time.monotonic()
    assert "more than 100000 values" in fault_of_mapping("\n".join(levels))
    assert "more than 100000 values" in fault_of_mapping("a: &a [*a]")
    assert time.monotonic() - begin < 5


def test_keys_are_strings_as_in_any_other_variable():
    assert mapping_of("{2: a, on: b}") == {"2": "a", "true": "b"}


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (None, []),
        (" ", []),
        ("[]", []),
        ('["a", "b:1"]', ["a", "b:1"]),
        ("- a\n- b:1\n", ["a", "b:1"]),
        ("a, b:1", ["a", "b:1"]),
        ("a", ["a"]),
        ("[a", ["[a"]),
        (5, [5]),
        (["a"], ["a"]),
        ({"a": 1}, {"a": 1}),
    ],
)
def test_a_list_may_be_a_string_or_separate_words(value, found):
    assert list_of(value) == found


@given(st.text(max_size=200) | st.text("{}[]:,-&*!|>'\"#%@` \n\tab1", max_size=60))
def test_no_text_raises_an_error(text):
    assert isinstance(mapping_of(text), (dict, str))
    assert isinstance(list_of(text), list)
    assert fault_of_mapping(text).isprintable()
