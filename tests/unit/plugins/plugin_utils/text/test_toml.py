# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import datetime
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cri.node.plugins.plugin_utils.text import toml

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
SCALARS = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    TEXTS,
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=20,
)
DOCUMENTS = st.dictionaries(TEXTS, VALUES, max_size=6)


@given(DOCUMENTS)
def test_written_toml_parses_to_the_same_data(document):
    assert tomllib.loads(toml.dumps(document)) == document


@given(DOCUMENTS)
def test_equal_data_has_equal_bytes_in_any_order(document):
    backwards = dict(reversed(document.items()))
    assert toml.dumps(document) == toml.dumps(backwards)


@given(st.lists(TEXTS, max_size=3))
def test_a_literal_stays_on_one_line(texts):
    assert "\n" not in toml.literal(texts)


def test_scalars_come_before_sub_tables():
    text = toml.dumps({"crio": {"api": {"listen": "/run/x"}, "root": "/r", "storage_option": ["a"]}})
    assert text == '[crio]\nroot = "/r"\nstorage_option = ["a"]\n\n[crio.api]\nlisten = "/run/x"\n'


def test_a_list_of_tables_becomes_an_array_of_tables():
    registries = {"registry": [{"location": "a.io", "mirror": [{"location": "m.io"}]}, {"location": "b.io"}]}
    assert toml.dumps(registries) == (
        '[[registry]]\nlocation = "a.io"\n\n[[registry.mirror]]\nlocation = "m.io"\n\n'
        '[[registry]]\nlocation = "b.io"\n'
    )


def test_a_mixed_list_writes_its_tables_inline():
    assert toml.dumps({"list": [1, {"b": 2, "a": 1}]}) == "list = [1, {a = 1, b = 2}]\n"


def test_a_long_list_takes_a_line_for_each_entry():
    text = toml.dumps({"plugin_dirs": ["/a" * 30, "/b" * 30]})
    assert text.splitlines()[0] == "plugin_dirs = ["
    assert len(text.splitlines()) == 4


def test_an_empty_table_keeps_its_header():
    assert toml.dumps({"crio": {"runtime": {"runtimes": {"kata": {}}}}}) == "[crio.runtime.runtimes.kata]\n"


def test_an_empty_document_is_an_empty_text():
    assert toml.dumps({}) == ""


def test_names_are_quoted_only_where_toml_needs_it():
    assert toml.dotted(("crio", "kata.v2", "runtime_path", "")) == 'crio."kata.v2".runtime_path.""'


@pytest.mark.parametrize(
    ("document", "message"),
    [
        pytest.param({"a": {"b": None}}, "a.b: null", id="TOML has no null"),
        pytest.param({"a": ["x", None]}, r"a\.\[1\]|a\[1\]: null", id="nor has a list"),
        pytest.param({"a": [{"b": None}]}, r"a\[0\]\.b: null", id="nor has a table in a list"),
        pytest.param(
            {"a": datetime.date(2026, 1, 1)}, "a: a value of type date", id="no file here has a date"
        ),
        pytest.param({"a": 2**63}, "a: the integer does not fit", id="readers hold 64 bits"),
        pytest.param({"a": {1: "x"}}, "a: a key must be text", id="keys are strings"),
        pytest.param(
            {"a": "\ud800"}, "a: the text is not valid Unicode", id="half a surrogate pair has no UTF-8"
        ),
        pytest.param({"\ud800": 1}, r"'.ud800': the text is not valid", id="nor has it in a key"),
        pytest.param([], "a TOML document is a table", id="a list is not a document"),
    ],
)
def test_values_that_toml_cannot_represent_are_refused_with_their_path(document, message):
    with pytest.raises(toml.TomlError, match=message):
        toml.dumps(document)
