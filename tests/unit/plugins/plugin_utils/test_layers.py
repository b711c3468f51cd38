# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cri.node.plugins.plugin_utils.layers import merge, source_of

NAMES = st.sampled_from(["a", "b", "c.d"])
TABLES = st.recursive(
    st.one_of(st.none(), st.integers(), st.lists(st.integers(), max_size=2)),
    lambda inner: st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
LAYERS = st.lists(
    st.tuples(st.sampled_from(["x", "y"]), st.dictionaries(NAMES, TABLES, max_size=3)), max_size=4
)


def leaves(data, path=()):
    for name, value in data.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, (*path, name))
        else:
            yield (*path, name)


@given(LAYERS)
def test_every_value_has_a_source_and_every_source_a_value(layers):
    data, sources = merge(layers)
    assert set(sources) <= set(all_paths(data))
    assert {path for path in leaves(data) if not is_emptied(data, path)} <= set(sources)


def all_paths(data, path=()):
    for name, value in data.items():
        yield (*path, name)
        if isinstance(value, dict):
            yield from all_paths(value, (*path, name))


def is_emptied(data, path):
    for name in path:
        data = data[name]
    return data == {}


@given(LAYERS)
def test_no_null_survives_outside_a_list(layers):
    data, _sources = merge(layers)
    assert all(value is not None for value in values(data))


def values(data):
    for value in data.values():
        if isinstance(value, dict):
            yield from values(value)
        else:
            yield value


@pytest.mark.parametrize(
    ("layers", "data", "sources"),
    [
        pytest.param(
            [("one", {"a": {"x": 1}}), ("two", {"a": {"y": 2}})],
            {"a": {"x": 1, "y": 2}},
            {("a", "x"): "one", ("a", "y"): "two"},
            id="tables merge deeply",
        ),
        pytest.param(
            [("one", {"a": [1, 2]}), ("two", {"a": [3]})],
            {"a": [3]},
            {("a",): "two"},
            id="a list replaces a list",
        ),
        pytest.param(
            [("one", {"a": {"x": 1}}), ("two", {"a": {"x": None}})],
            {"a": {}},
            {("a",): "two"},
            id="null removes an earlier value",
        ),
        pytest.param(
            [("one", {"a": {"x": 1}}), ("two", {"a": None})],
            {},
            {},
            id="null removes a whole table and its sources",
        ),
        pytest.param(
            [("one", {"a": {"x": None}})], {"a": {}}, {("a",): "one"}, id="null removes a key that is not set"
        ),
        pytest.param(
            [("one", {"a": {"x": 1}}), ("two", {"a": 5})],
            {"a": 5},
            {("a",): "two"},
            id="a scalar replaces a table",
        ),
        pytest.param(
            [("one", {"a": 5}), ("two", {"a": {"x": 1}})],
            {"a": {"x": 1}},
            {("a", "x"): "two"},
            id="a table replaces a scalar",
        ),
        pytest.param(
            [("one", {"a": {"x": 1}}), ("two", {"a": {}})],
            {"a": {"x": 1}},
            {("a", "x"): "one"},
            id="an empty table removes nothing",
        ),
        pytest.param(
            [("one", {"a": {}})], {"a": {}}, {("a",): "one"}, id="an empty table is a value of its own"
        ),
        pytest.param(
            [("one", {"k.v": {"x": 1}})],
            {"k.v": {"x": 1}},
            {("k.v", "x"): "one"},
            id="names may contain dots",
        ),
    ],
)
def test_layers_are_merged(layers, data, sources):
    assert merge(layers) == (data, sources)


def test_the_layers_themselves_are_not_changed():
    layer = {"a": {"x": 1}}
    merge([("one", layer), ("two", {"a": {"x": 2}})])
    assert layer == {"a": {"x": 1}}


@pytest.mark.parametrize(
    ("path", "layer"),
    [
        pytest.param(("a", "x"), "one", id="the value itself"),
        pytest.param(("a",), "two", id="a table: the last layer to give something in it"),
        pytest.param(("a", "x", "y"), "one", id="something inside a value"),
        pytest.param(("other",), "", id="no source"),
    ],
)
def test_a_source_is_found_for_any_place(path, layer):
    assert source_of({("a", "x"): "one", ("a", "z"): "two"}, path) == layer


def test_a_value_that_a_later_layer_replaces_leaves_no_trace_of_its_source():
    first, second = {"a": {"b": {"c": 1, "d": 2}}}, {"a": {"b": 3}}
    data, sources = merge([("first", first), ("second", second), ("third", {"a": {"b": {"e": 4}}})])
    assert data == {"a": {"b": {"e": 4}}}
    assert sources == {("a", "b", "e"): "third"}
