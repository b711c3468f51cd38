# SPDX-License-Identifier: GPL-3.0-or-later
"""The keys of a TOML file as text: the project's own writer is understood completely, and a strange text is never guessed."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cri.node.plugins.plugin_utils.text import toml, toml_lines

NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
SCALARS = st.one_of(
    st.booleans(), st.integers(-(2**63), 2**63 - 1), NAMES, st.text("\"'#\\\n\r[]{},= \t", max_size=8)
)
VALUES = st.one_of(SCALARS, st.lists(SCALARS, min_size=1, max_size=4))
TABLES = st.recursive(
    st.dictionaries(NAMES, VALUES, min_size=1, max_size=3),
    lambda inner: st.dictionaries(
        NAMES, st.one_of(VALUES, inner, st.lists(inner, min_size=1, max_size=3)), min_size=1, max_size=3
    ),
    max_leaves=8,
)


def flat(data, path=()):
    """Each value of a document that is not a table, by its path."""
    items = data.items() if isinstance(data, dict) else enumerate(data)
    for name, value in items:
        if isinstance(value, dict) or (isinstance(value, list) and value and isinstance(value[0], dict)):
            yield from flat(value, (*path, name))
        else:
            yield (*path, name), value


@given(TABLES)
def test_each_key_of_a_written_document_is_found_with_its_value(data):
    found = toml_lines.read(toml.dumps(data))
    assert found.keys() == dict(flat(data)).keys()
    for path, value in flat(data):
        if isinstance(value, str):
            assert toml_lines.text_of(found[path]) == value
        assert toml_lines.read(f"x = {toml.literal(value)}\n")[("x",)] == found[path]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a=1\nb = 2 # two", {("a",): "1", ("b",): "2"}),
        ('[x . "y.z"] # c\na.b = "#"\n', {("x", "y.z", "a", "b"): '"#"'}),
        ("a = [ 1,\n  2, # two\n]\n", {("a",): "[1,2]"}),
        ("[[r]]\na = 1\n[r.m]\nb = 2\n[[r]]\na = 3", {("r", 0, "a"): "1", ("r", 0, "m", "b"): "2", ("r", 1, "a"): "3"}),
        ("'a.b' = 'c'\r\n", {("a.b",): "'c'"}),
        ("# only a comment\n", {}),
    ],
)  # fmt: skip
def test_the_forms_of_people_are_understood(text, expected):
    assert toml_lines.read(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("a", "a =", "= 1", "[a", "[a] b", "a = [1", "a = 1]", "[[a]", "a..b = 1", "\x1b = 1"),
        *('a = "x', 'a = """x\ny"""', "a = '''x'''"),
    ],
)
def test_what_is_not_understood_is_not_guessed(text):
    assert toml_lines.read(text) is None


@given(st.text(st.sampled_from("ab.=[]{}\"'#\\,\n\t 1"), max_size=60))
def test_any_text_is_read_or_refused_and_a_key_can_be_shown(text):
    for path in toml_lines.read(text) or {}:
        assert toml_lines.dotted(path).isprintable()


@pytest.mark.skipif(sys.version_info < (3, 11), reason="the standard library has no TOML parser")
@given(st.text(st.sampled_from("ab.=[]{}\"'#\\,\n\t 1"), max_size=40))
def test_the_keys_of_a_valid_document_are_those_of_the_standard_library(text):
    import tomllib

    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    found = toml_lines.read(text)
    if found is not None:
        values = {path for path in found if not found[path].startswith("{")}
        assert values <= {path for path, _value in flat(data)} | {
            path for path in found if found[path].startswith("[")
        }
