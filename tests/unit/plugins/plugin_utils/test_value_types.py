# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import datetime

import pytest

from ansible_collections.cri.node.plugins.plugin_utils.value_types import TYPES, Unfit


@pytest.mark.parametrize(
    ("type_name", "value", "typed"),
    [
        pytest.param("integer", "9537", 9537, id="an integer as a string"),
        pytest.param("integer", "-1", -1, id="a negative one"),
        pytest.param("integer", 9537.0, 9537, id="a number without a fraction"),
        pytest.param("string", 10010, "10010", id="an integer for a string, like stream_port"),
        pytest.param("boolean", "True", True, id="a boolean as Jinja writes it"),
        pytest.param("boolean", "false", False, id="a boolean as YAML writes it"),
        pytest.param("strings", ["a", 1], ["a", "1"], id="an integer in a list of strings"),
        pytest.param("strings", [], [], id="an empty list"),
        pytest.param("table", {"a": 1}, {"a": "1"}, id="an integer in a table of texts"),
        pytest.param("duration", "1m30s", "1m30s", id="a duration as Go writes it"),
    ],
)
def test_lossless_conversions_are_made(type_name, value, typed):
    result = TYPES[type_name].convert(value)
    assert result == typed
    assert type(result) is type(typed)


@pytest.mark.parametrize(
    ("type_name", "value", "message"),
    [
        pytest.param("integer", 9537.5, "a number with a fraction", id="a fraction would be lost"),
        pytest.param("integer", "09537", "a string", id="a leading zero may mean octal"),
        pytest.param("integer", " 9537", "a string", id="spaces are not part of a number"),
        pytest.param("integer", True, "a boolean", id="true is not a number"),
        pytest.param("integer", 2**63, "64 bits", id="CRI-O holds 64 bits"),
        pytest.param("integer", "", "a string", id="an empty string is not a number"),
        pytest.param("integer", float("inf"), "a number", id="infinity is not an integer"),
        pytest.param("boolean", "yes", "a string", id="yes is only YAML 1.1's true"),
        pytest.param("boolean", 1, "an integer", id="one is not a boolean"),
        pytest.param("boolean", None, "empty", id="null is not a boolean"),
        pytest.param("string", True, "put it in quotes", id="true for a string may have been yes or on"),
        pytest.param("string", 1.30, "put it in quotes", id="1.30 has become 1.3"),
        pytest.param("string", datetime.date(2026, 1, 1), "a date", id="YAML made a date of it"),
        pytest.param("string", ["a"], "a list", id="a list is not a string"),
        pytest.param("strings", "a", "write it as a list", id="a scalar is not a list"),
        pytest.param("strings", {"a": 1}, "a mapping", id="a mapping is not a list"),
        pytest.param("strings", ["a", None], "empty", id="null is not a string"),
        pytest.param("table", ["a"], "a list", id="a list is not a table"),
        pytest.param("table", {"a": True}, "a boolean", id="true in a table of texts"),
        pytest.param("duration", 10, "nanoseconds", id="CRI-O would wait for ten nanoseconds"),
        pytest.param("duration", "10", "not a valid Go duration", id="a duration needs its unit"),
        pytest.param("duration", True, "a boolean", id="true is not a valid Go duration"),
    ],
)
def test_ambiguous_values_are_refused(type_name, value, message):
    with pytest.raises(Unfit, match=message):
        TYPES[type_name].convert(value)


def test_a_refusal_inside_a_list_has_the_index():
    with pytest.raises(Unfit) as refusal:
        TYPES["strings"].convert(["a", True])
    assert refusal.value.inside == "[1]"
