# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of keys that users accept although the catalogue does not have them."""

from __future__ import annotations

import pytest

from ansible_collections.cri.node.plugins.plugin_utils.crio import accepted_keys
from ansible_collections.cri.node.plugins.plugin_utils.files import crio_conf
from ansible_collections.cri.node.plugins.plugin_utils.plan.desired import DesiredFiles

KEY = "crio.runtime.some_new_key"


def nested(dotted, value):
    for name in reversed(dotted.split(".")):
        value = {name: value}
    return value


def check(key, value, version="1.37", accept=(KEY,)):
    return crio_conf.check([("crio_config", nested(key, value))], version, list(accept))


def of(checked):
    return [str(each) for each in checked.problems], [str(each) for each in checked.warnings]


@pytest.mark.parametrize("value", ["text", "5", 5, 1.5, True, ["a", 2], [], {"a": {"b": 1}}, ""])
def test_an_accepted_key_keeps_the_type_of_its_value_without_a_finding(value):
    checked = check(KEY, value)
    assert of(checked) == ([], [])
    assert checked.data == nested(KEY, value)
    assert crio_conf.CrioConf().render(checked.data)


@pytest.mark.parametrize(
    ("key", "accept"),
    [
        (KEY, KEY),
        ("crio.runtime.new_table.key", "crio.runtime.new_table"),
        ("crio.runtime.runtimes.kata.new", "crio.runtime.runtimes.*.new"),
        ("crio.runtime.runtimes.kata.new", "crio.runtime.runtimes.kata.new"),
    ],
)
def test_an_entry_accepts_the_key_and_everything_below_it(key, accept):
    data = {"crio": {"runtime": {"runtimes": {"kata": {"runtime_path": "/usr/bin/kata"}}}}}
    checked = crio_conf.check([("a", data), ("b", nested(key, 1))], "1.37", [accept])
    assert of(checked) == ([], [])


@pytest.mark.parametrize("key", ["crio.runtime.some_new_keys", "crio.image.some_new_key"])
def test_other_unknown_keys_are_still_refused(key):
    ([problem], []) = of(check(key, 1))
    assert problem.startswith(f"crio_config: {key}: is unknown to CRI-O, which silently ignores it")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (float("nan"), f"crio_config: {KEY} = nan: is not a finite number; accepted: another number"),
        (float("-inf"), f"crio_config: {KEY} = -inf: is not a finite number; accepted: another number"),
        (2**63, f"crio_config: {KEY} = 9223372036854775808: does not fit in 64 bits; accepted: an integer"),
        (
            [1, [None]],
            f"crio_config: {KEY}[1][0]: is empty, which crio.conf cannot contain; accepted: a string, a number or a boolean",
        ),
        (
            [{"a": 1}],
            f"crio_config: {KEY}: is a list that contains mappings; accepted: a string, a number or a boolean or a list of these",
        ),
        (
            b"x",
            f"crio_config: {KEY}: is a bytes, which crio.conf cannot contain; accepted: a string, a number or a boolean",
        ),
        ("\udce9", f"crio_config: {KEY}: is not valid Unicode; accepted: a string"),
    ],
)
def test_a_value_that_toml_cannot_hold_is_a_problem(value, words):
    assert of(check(KEY, value)) == ([words], [])


def test_a_key_that_this_version_does_not_have_is_accepted_and_keeps_its_value():
    old = "crio.runtime.apparmor_profile"
    assert of(check("crio.image.short_name_mode", "odd", "1.30", ["crio.image.short_name_mode"])) == ([], [])
    ([], [warning]) = of(check(old, "unconfined", "1.36", [old]))
    assert warning == (
        f"crio_accept_keys: {old}: is a known key of CRI-O 1.36: the entry is no longer needed"
    )


def test_a_known_key_is_checked_although_it_is_accepted():
    (problems, _warnings) = of(
        check("crio.metrics.metrics_port", "many", accept=["crio.metrics.metrics_port"])
    )
    assert problems == [
        'crio_config: crio.metrics.metrics_port = "many": is a string, not an integer; accepted: an integer'
    ]


@pytest.mark.parametrize(
    ("entries", "place"),
    [
        ([5], "crio_accept_keys: [0] = 5: is an integer, not the dotted name of a key"),
        ([None], "crio_accept_keys: [0]: is empty, not the dotted name of a key"),
        (
            [KEY, "runtime.x"],
            'crio_accept_keys: [1] = "runtime.x": is not the dotted name of a key of crio.conf',
        ),
        (["crio..x"], 'crio_accept_keys: [0] = "crio..x": is not the dotted name of a key of crio.conf'),
        (["crio"], 'crio_accept_keys: [0] = "crio": is not the dotted name of a key of crio.conf'),
        (["crio.x\n"], 'crio_accept_keys: [0] = "crio.x\\n": is not the dotted name of a key of crio.conf'),
        (["crio.runtime"], 'crio_accept_keys: [0] = "crio.runtime": is a table of every CRI-O'),
        (["crio.runtime.runtimes.kata"], 'crio_accept_keys: [0] = "crio.runtime.runtimes.kata": is a table'),
        ({"a": 1}, "crio_accept_keys: is a mapping, not a list"),
        (["crio.x"] * 501, "crio_accept_keys: has 501 entries; accepted: at most 500"),
    ],
)
def test_a_malformed_entry_is_a_problem(entries, place):
    [problem] = map(str, accepted_keys.read(entries).problems)
    assert problem.startswith(place)
    assert "; accepted: " in problem


@pytest.mark.parametrize("entries", [None, "", [], f"{KEY},crio.image.x", f'["{KEY}", "crio.image.x"]'])
def test_the_list_may_be_a_text(entries):
    found = accepted_keys.read(entries)
    assert not found.problems
    assert len(found.paths) == (2 if entries else 0)


def test_an_unknown_key_of_a_version_newer_than_the_catalogue_is_a_warning():
    (problems, warnings) = of(check("crio.runtime.log_levels", "info", "1.38.1", []))
    assert problems == []
    assert warnings == [
        'crio_version = "1.38.1": is newer than the catalogue of keys, which knows CRI-O 1.28 to 1.37: unknown keys are not'
        " refused",
        "crio_config: crio.runtime.log_levels: is not among the keys of CRI-O 1.28 to 1.37; a CRI-O without it silently"
        " ignores it; did you mean crio.runtime.log_level?",
    ]
    assert check("crio.runtime.log_levels", "info", "1.38", []).data == nested(
        "crio.runtime.log_levels", "info"
    )
    assert len(of(check("crio.runtime.log_levels", "info", "1.38", ["crio.runtime.log_levels"]))[1]) == 1


@pytest.mark.parametrize("key", ["criu.runtime.x", "runtime.log_level"])
def test_another_top_level_table_is_refused_in_a_newer_version_too(key):
    assert len(of(check(key, "x", "1.38", []))[0]) == 1


def files(value, accept):
    layers = [["crio_config", nested(KEY, value)]]
    entry = {"path": "/etc/crio/crio.conf.d/x.conf", "owner": "crio", "kind": "crio_conf", "layers": layers}
    return DesiredFiles([{**entry, "version": "", "accept_keys": accept, "secret": False}])


def test_an_accepted_key_is_part_of_the_settings_and_hashes_and_is_accepted_on_the_node():
    desired, other = files(1, [KEY]), files(2, [KEY])
    assert desired.problems == []
    assert desired.problems_for("1.36.2") == desired.problems_for("1.38.0") == []
    [setting] = desired.settings()
    assert (setting["key"], setting["value"], setting["variable"]) == (KEY, 1, "crio_config")
    [hashes], [others] = [[each["key_hashes"] for each in found.described] for found in (desired, other)]
    assert set(hashes) == {KEY}
    assert hashes != others
