# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import datetime

import pytest

from ansible_collections.cri.node.plugins.plugin_utils.plain import plain


class Text(str):
    pass


class Number(int):
    pass


class Table(dict):
    pass


class Rows(list):
    pass


def test_subclasses_are_converted_to_plain_types():
    result = plain(Table({Text("a"): Rows([Text("b"), Number(3), True, None, 1.5])}))
    assert result == {"a": ["b", 3, True, None, 1.5]}
    assert [type(result), type(result["a"]), type(next(iter(result)))] == [dict, list, str]
    assert [type(item) for item in result["a"]] == [str, int, bool, type(None), float]


@pytest.mark.parametrize(
    ("key", "text"), [(1, "1"), (True, "true"), (None, "null"), (1.5, "1.5"), ("a", "a")]
)
def test_keys_that_yaml_did_not_read_as_strings_become_strings(key, text):
    assert plain({key: 0}) == {text: 0}


def test_a_tuple_becomes_a_list():
    assert plain(("a", ("b",))) == ["a", ["b"]]


def test_anything_but_data_is_kept_so_that_it_is_refused_later():
    day = datetime.date(2026, 1, 1)
    assert plain([day]) == [day]


class AnsibleVaultEncryptedUnicode:
    """Stands for ansible-core 2.16's class of that name."""

    def __str__(self):
        return "open sesame"


def test_a_vaulted_string_is_decrypted():
    assert plain({"a": AnsibleVaultEncryptedUnicode()}) == {"a": "open sesame"}
