# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that a change of crio.conf costs what its keys cost, where it is known which of them the daemon has loaded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cri.node.plugins.plugin_utils.crio.catalogue import CATALOGUE
from ansible_collections.cri.node.plugins.plugin_utils.crio.versions import parse_version
from ansible_collections.cri.node.plugins.plugin_utils.plan import disruption, levels, overrides

NEWEST = parse_version("1.37.0")


def of(keys, version=NEWEST, **more):
    """Return (disruption, sentences in one text) of a file with these keys."""
    needed, sentences = disruption.of_file(
        {"disruption": "restart", "unloaded_keys": keys, **more}, version, overrides.NONE
    )
    return needed, "; ".join(sentences)


def test_a_file_whose_loaded_keys_are_unknown_counts_as_a_whole():
    for needed in ("restart", "reload"):
        assert disruption.of_file({"disruption": needed}, NEWEST, overrides.NONE, ["a.b"]) == (needed, [])


def test_keys_that_sighup_reads_need_a_reload():
    keys = ["crio.image.pause_image", "crio.runtime.log_level"]
    assert of(keys) == ("reload", f"a reload is enough for {', '.join(keys)}")


def test_the_keys_that_need_a_restart_are_named():
    assert of(["crio.runtime.log_level", "crio.runtime.pids_limit"]) == (
        "restart",
        "crio.runtime.pids_limit needs a restart",
    )
    assert of(["crio.api.listen", "crio.runtime.pids_limit"])[1].endswith("pids_limit need a restart")


@pytest.mark.parametrize(
    "key",
    [
        "crio.runtime.default_runtime",
        "crio.runtime.runtimes.kata",
        "crio.runtime.runtimes.kata.runtime_path",
        'crio.runtime.runtimes."a.b".runtime_path',
        'crio.runtime.workloads."x.log_level"',
        "crio.runtime.unknown_to_the_catalogue",
        "",
    ],
)
def test_handlers_workloads_and_unknown_keys_need_a_restart(key):
    assert of([key])[0] == "restart"


def test_a_version_that_is_not_known_restarts():
    assert of(["crio.runtime.log_level"], None)[0] == "restart"


def test_what_makes_a_key_live_depends_on_the_version():
    assert of(["crio.image.pinned_images"], parse_version("1.30.0"))[0] == "restart"
    assert of(["crio.image.pinned_images"], parse_version("1.30.3"))[0] == "reload"


def test_a_file_that_was_only_touched_is_read_again():
    sentence = "a reload is enough, in case the running daemon has loaded an edit of the file"
    assert of([], same_content=False) == ("reload", sentence)


def test_other_rights_on_the_same_content_need_nothing():
    assert of([], same_content=True) == ("none", "")


@given(st.lists(st.sampled_from([key.key for key in CATALOGUE.keys]), min_size=1, unique=True))
def test_one_key_that_needs_a_restart_decides(keys):
    alone = {of([key])[0] for key in keys}
    assert of(keys)[0] == max(alone, key=levels.DISRUPTIONS.index)
