# SPDX-License-Identifier: GPL-3.0-or-later
"""The merge of several registries files; `make conformance` compares it with CRI-O."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cri.node.plugins.plugin_utils.registries import document, effective
from ansible_collections.cri.node.plugins.plugin_utils.registries.effective import Alias, File
from testbed.bad_registries import REFUSALS, registry

MAIN, FIRST, SECOND = "/etc/containers/registries.conf", "/d/10.conf", "/d/20.conf"
SEARCH = "unqualified-search-registries"


def merged(*data, recorded=None):
    """Return the result of a main file and two drop-ins, of which None is missing."""
    files = [
        File(path, each, drop_in=path != MAIN)
        for path, each in zip((MAIN, FIRST, SECOND), data, strict=False)
        if each is not None
    ]
    return effective.merge(files, recorded and File("/cache", recorded, drop_in=True))


def test_a_table_of_a_later_file_replaces_the_whole_table_of_its_prefix():
    found = merged(
        registry(location="a.io", insecure=True, mirror=[{"location": "m.io"}]),
        registry(prefix="a.io", location="b.io"),
        registry(location="c.io"),
    )
    assert list(found.registries) == ["a.io", "c.io"]
    assert found.registries["a.io"] == document.Registry("a.io", "b.io", False, False, False, (), FIRST)
    assert found.replaced == (effective.Replaced(("registry", "a.io"), MAIN, FIRST),)


def test_the_last_list_wins_and_an_empty_one_resets():
    found = merged(
        {SEARCH: ["a.io"], "credential-helpers": ["pass"]}, {SEARCH: ["b.io"]}, {"credential-helpers": []}
    )
    assert (found.search, found.search_origin, found.paths[SEARCH]) == (("b.io",), FIRST, FIRST)
    assert (found.credential_helpers, found.paths["credential-helpers"]) == (
        ("containers-auth.json",),
        SECOND,
    )
    assert merged({SEARCH: ["a.io"]}, {SEARCH: []}).search == ()


def test_an_empty_text_does_not_replace_an_earlier_one():
    helper = "additional-layer-store-auth-helper"
    found = merged({"short-name-mode": "disabled", helper: "x"}, {"short-name-mode": "", helper: ""})
    assert (found.short_name_mode, found.auth_helper, found.paths[helper]) == ("disabled", "x", MAIN)


def test_aliases_are_merged_and_an_empty_one_stays_as_the_removal_of_an_earlier_one():
    found = merged(
        {"aliases": {"x": "a.io/x", "y": "docker.io/y"}},
        {"aliases": {"x": ""}},
        recorded={"Aliases": {"z": "a.io/z"}},
    )
    assert found.aliases == {"x": Alias("", FIRST), "y": Alias("docker.io/library/y", MAIN)}
    assert found.recorded_aliases == {"z": Alias("a.io/z", "/cache")}


def test_contradictions_are_refused_in_one_file_and_pass_between_two():
    one, other = registry(location="a.io", insecure=True), registry(prefix="b.io", location="a.io")
    assert merged(one, other).faults == ()
    both = {"registry": [*one["registry"], *other["registry"]]}
    [fault] = merged({}, both).faults
    assert str(fault) == (
        f"loading drop-in registries configuration \"{FIRST}\": registry 'a.io' is defined multiple times with conflicting"
        " 'insecure' setting"
    )


def test_the_first_table_of_a_prefix_wins_in_one_file():
    found = merged(
        {"registry": [{"prefix": "a.io", "location": "b.io"}, {"prefix": "a.io/", "location": "c.io"}]}
    )
    assert found.registries["a.io"].location == "b.io"


def test_keys_match_in_any_case_and_unknown_ones_are_listed_with_their_file():
    found = merged({"Registry": [{"LOCATION": "a.io", "insecur": True}], "x": 1}, {"x": 2})
    assert found.registries["a.io"].location == "a.io"
    assert found.unknown == (
        (MAIN, "registry.insecur".replace("registry", "Registry")),
        (MAIN, "x"),
        (FIRST, "x"),
    )


def test_version_1_is_converted_in_the_main_file_and_refused_in_a_drop_in():
    lists = {"registries": {"search": {"registries": ["a.io"]}, "block": {"registries": ["b.io/"]}}}
    found = merged(lists)
    assert (found.search, found.registries["b.io"].blocked) == (("a.io",), True)
    assert merged({}, lists).faults[0].reason == "registry must be in v2 format but is in v1"
    assert (
        merged({**lists, SEARCH: []}).faults[0].reason.startswith("mixing sysregistry v1/v2 is not supported")
    )


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (registry(location="a.io", insecure="x"), "has type string; destination has type boolean"),
        ({"registry": {"location": "a.io"}}, "has type map[string]any; destination has type slice"),
        (
            {"registry": ["a.io"]},
            "type mismatch for sysregistriesv2.Registry: expected table but found string",
        ),
        ({"aliases": {"x": 1}}, '(last key "aliases.x"): incompatible types: TOML value has type int64'),
        ({SEARCH: "a.io"}, "has type string; destination has type slice"),
    ],
)
def test_a_value_of_another_type_is_refused_in_the_words_of_the_decoder(data, reason):
    assert reason in merged({}, data).faults[0].reason


@pytest.mark.parametrize(("data", "reason"), REFUSALS.values(), ids=REFUSALS)
def test_a_file_is_refused_in_the_words_of_containers_image_and_the_others_are_still_merged(data, reason):
    found = merged(registry(location="ok.io"), data)
    assert [fault.reason for fault in found.faults] == [reason]
    assert not found.complete
    assert list(found.registries) == ["ok.io"]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_NAMES = st.sampled_from(
    ["registry", "aliases", SEARCH, "registries", "Registry", "credential-helpers", "short-name-mode"]
)


@given(st.dictionaries(_NAMES, _JSON, max_size=4))
def test_no_document_breaks_the_merge(data):
    assert len(merged({}, data).faults) <= 1
