# SPDX-License-Identifier: GPL-3.0-or-later
"""TOML is read as CRI-O's decoder does, and messages repeat nothing of the text."""

import contextlib
import math
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cri.node.plugins.module_utils import toml_reader
from ansible_collections.cri.node.plugins.plugin_utils.text import toml

names = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=8)
scalars = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=20),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)


def read(text):
    return toml_reader.loads(text.encode())


@given(st.dictionaries(names, values, max_size=5))
def test_what_the_collection_writes_is_read_as_python_reads_it(data):
    text = toml.dumps(data)
    assert read(text) == tomllib.loads(text)


@pytest.mark.parametrize(
    "text",
    [
        'a.b.c = 1\n[a.d]\n"e f" = [1, [2.5e3, "x"], # comment\n]\n',
        "[[x]]\ny = 1\n[[x]]\n[x.z]\nw = {a = 1, b.c = 'd'}\n",
        "a = '''\nb''c''''\nd = \"\"\"\\\n   e\\u00e9\"\"\"\r\n",
        "a = 0x1F\nb = 0o17\nc = 0b11\nd = +1_000\ne = -0.0\nf = [-inf, +inf]\n",
        '"" = 1\n\'a\' . "b" = true\n',
    ],
)
def test_all_forms_are_read_as_python_reads_them(text):
    assert read(text) == tomllib.loads(text)


def test_a_document_may_begin_with_a_byte_order_mark_and_have_what_toml_1_1_allows():
    assert read("\ufeffa = {\n b = 1, # one\n c = 2,\n}\n") == {"a": {"b": 1, "c": 2}}
    assert read('a = "\\e\\x41"') == {"a": "\x1bA"}
    assert math.isnan(read("a = nan")["a"])


def test_a_time_is_no_string_that_a_key_could_have():
    moment = read("a = 1979-05-27T07:32:00Z\nb = 07:32:00\nc = 1979-05-27\n")
    assert {type(value) for value in moment.values()} == {toml_reader.Moment}


# As CRI-O's decoder, which is more lenient here than TOML.
@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("x.k = 1\n[x]\na = 2\n", {"x": {"k": 1, "a": 2}}),
        ("i = {}\ni.j = 1\n", {"i": {"j": 1}}),
        ("[a.b]\nc = 1\n[a]\nb.d = 1\n", {"a": {"b": {"c": 1, "d": 1}}}),
    ],
)
def test_a_table_may_be_defined_once_more_where_the_decoder_of_crio_allows_it(text, data):
    assert read(text) == data


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("SECRET = 1\nSECRET = 2\n", 2),
        ("[SECRET]\n\n[SECRET]\n", 3),
        ("a = SECRET\n", 1),
        ('\na = "SECRET\n', 2),
        ("a = 'SECRET", 1),
        ('a = "SECRET\\q"', 1),
        ("SECRET\n", 1),
        ("= 'SECRET'\n", 1),
        ("[SECRET\n", 1),
        ("a = [1 'SECRET']\n", 1),
        ("a = {b = 'SECRET'\n", 2),
        ("a = 1 SECRET\n", 1),
        ("a = 9223372036854775808\n", 1),
        ("a = 012\n", 1),
        ("a = 1__0\n", 1),
        ("x.a = 1\nx.b = 2\n[x]\n", 3),
        ("a = 'SECRET\x00'\n", 1),
        ("a = " + "[" * 100, 1),
        ("a." * 100 + "b = 1", 1),
    ],
)
def test_an_error_names_its_line_and_nothing_of_the_text(text, line):
    with pytest.raises(toml_reader.TomlSyntaxError) as caught:
        read(text)
    assert str(caught.value).startswith(f"line {line}: ")
    assert "SECRET" not in str(caught.value)


def test_a_text_that_is_not_utf_8_is_an_error():
    with pytest.raises(toml_reader.TomlSyntaxError, match="line 2: the text is not UTF-8"):
        toml_reader.loads(b"a = 1\nb = '\xff'\n")


@given(st.text(st.sampled_from("[]{}=.,'\"\\#ab1 \n\t\r"), max_size=60))
def test_any_text_is_data_or_an_error(text):
    with contextlib.suppress(toml_reader.TomlSyntaxError):
        assert isinstance(read(text), dict)
