# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests the settings of storage.conf."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cri.node.plugins.plugin_utils.files.storage_conf import StorageConf, check

KIND = StorageConf()
DATA = {
    "storage": {
        "driver": "overlay",
        "graphroot": "/data/containers",
        "options": {
            "additionalimagestores": ["/shared"],
            "pull_options": {"enable_partial_images": "true"},
            "auto-userns-max-size": "65536",
            "overlay": {"mountopt": "nodev", "size": "10G", "ignore_chown_errors": "true"},
        },
    }
}


def problems_of(**storage):
    return [str(each) for each in check([("registries_storage", {"storage": storage})]).problems]


def test_the_file_has_the_typed_settings_of_all_layers():
    checked = check(
        [("v", DATA), ("v__lab", {"storage": {"runroot": "/run/x", "options": {"overlay": {"size": None}}}})]
    )
    assert checked.problems == []
    overlay = {"mountopt": "nodev", "ignore_chown_errors": "true"}
    expected = {
        "storage": {
            **DATA["storage"],
            "runroot": "/run/x",
            "options": {**DATA["storage"]["options"], "auto-userns-max-size": 65536, "overlay": overlay},
        }
    }
    assert tomllib.loads(KIND.render(checked.data)) == expected
    keys = {".".join(path) for path, _value in KIND.walk(checked.data)}
    assert {"storage.driver", "storage.runroot", "storage.options.overlay.mountopt"} <= keys
    assert set(KIND.read(KIND.render(checked.data))) >= {"storage.driver", "storage.options.overlay.mountopt"}
    assert checked.sources["storage", "runroot"] == "v__lab"


def test_the_daemon_is_expected_to_use_what_crio_conf_does_not_set():
    assert KIND.expect(check([("v", DATA)]).data) == {
        "crio.storage_driver": '"overlay"',
        "crio.root": '"/data/containers"',
    }


@pytest.mark.parametrize(
    ("storage", "words"),
    [
        ({"graphroot": "/x"}, "storage: has no driver"),
        ({"driver": "overlay2"}, 'storage.driver = "overlay2": is not a storage driver'),
        ({"driver": "overlay", "grafroot": "/x"}, "did you mean graphroot?"),
        ({"driver": "overlay", "graphroot": "x"}, "is not absolute"),
        ({"driver": "overlay", "graphroot": "/x", "imagestore": "/x"}, "is the same as graphroot"),
        ({"driver": "overlay", "transient_store": "yes"}, "is a string, not a boolean"),
        ({"driver": "overlay", "options": []}, "storage.options: is a list, not a mapping"),
        ({"driver": "overlay", "options": {"additionalimagestores": ["x"]}}, "additionalimagestores"),
        ({"driver": "overlay", "options": {"overlay": {"ignore_chown_errors": True}}}, "put it in quotes"),
        (
            {"driver": "overlay", "options": {"overlay": {"ignore_chown_errors": "yes"}}},
            "is not a boolean as text",
        ),
        ({"driver": "overlay", "options": {"overlay": {"size": "much"}}}, "is not a size"),
        (
            {"driver": "overlay", "options": {"thinpool": {"size": "1G"}}},
            "thinpool: is unknown to containers/storage",
        ),
    ],
)
def test_what_containers_storage_would_refuse_or_ignore_is_one_problem(storage, words):
    [problem] = problems_of(**storage)
    assert problem.startswith("registries_storage: storage")
    assert words in problem


def test_a_table_that_does_not_exist_is_a_problem():
    assert "did you mean storage?" in str(check([("v", {"storag": {"driver": "overlay"}})]).problems[0])
    assert check([("v", {})]).data == {}


NAMES = st.sampled_from(["storage", "options", "overlay", "driver", "size", "graphroot", "pull_options", "x"])
VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.text(max_size=5),
        st.lists(st.text(max_size=3), max_size=2),
    ),
    lambda inner: st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(NAMES, VALUES, max_size=3))
def test_what_is_accepted_is_toml_with_the_same_data(data):
    checked = check([("v", data)])
    if not checked.problems:
        assert tomllib.loads(KIND.render(checked.data)) == checked.data


def test_the_keys_of_settings_are_those_that_are_read_from_the_file():
    pull = {"use_hard_links": "false", "convert_images": "true"}
    storage = {"driver": "overlay", "options": {"pull_options": pull, "overlay": {"size": "1G"}}}
    checked = check([("v", {"storage": storage})])
    keys = {".".join(path) for path, _value in KIND.walk(checked.data)}
    assert keys == set(KIND.read(KIND.render(checked.data)))
    assert "storage.options.pull_options.use_hard_links" in keys
