# SPDX-License-Identifier: GPL-3.0-or-later
"""A value that is not the expected one is either old, or decided by something else; each is told in its own words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cri.node.plugins.plugin_utils.crio import live_values
from ansible_collections.cri.node.plugins.plugin_utils.crio.live import config_lines
from ansible_collections.cri.node.plugins.plugin_utils.text import toml

PORT = "crio.metrics.metrics_port"
CRUN = "crio.runtime.runtimes.crun"
HANDLER = {"runtime_path": "/usr/bin/crun", "runtime_root": "/run/crun", "allowed_annotations": ["bundle"]}


def expected(**handlers):
    return config_lines(
        {"crio": {"metrics": {"metrics_port": 9537}, "runtime": {"runtimes": {"crun": HANDLER, **handlers}}}}
    )


@pytest.mark.parametrize(
    ("effective", "is_stale"),
    [
        pytest.param({PORT: "9537"}, True, id="the file that outranked ours is gone"),
        pytest.param({PORT: "9999"}, False, id="it is still there"),
        pytest.param({PORT: "1"}, False, id="by now it is another one"),
        pytest.param({PORT: None}, False, id="the node's crio does not print the key"),
        pytest.param({}, False, id="the node's crio did not answer"),
    ],
)
def test_what_the_files_say_decides_whether_a_value_is_old(effective, is_stale):
    stale, outranked = live_values.split(expected(), {PORT: "9999"}, effective)
    assert (stale, outranked) == (
        ({PORT: "9999"}, []) if is_stale else ({}, [{"key": PORT, "wanted": "9537", "live": "9999"}])
    )


def test_an_old_value_is_told_with_what_the_files_say_and_blames_no_file():
    stale, _none = live_values.split(expected(), {PORT: "9999"}, {PORT: "9537"})
    assert live_values.of_stale(stale, {PORT: "9537"}) == [
        f"{PORT}: the running CRI-O uses 9999, but its files now set 9537: it has not been restarted since"
    ]


def test_keys_of_an_entry_that_crio_config_does_not_print_follow_those_that_it_prints():
    live = {
        f"{CRUN}.runtime_root": '"/x"', f"{CRUN}.allowed_annotations": None, f"{CRUN}.runtime_pull_image": "true",
        f"{CRUN}.privileged_without_host_devices": "true",
    }  # fmt: skip
    effective = {
        f"{CRUN}.runtime_root": '"/run/crun"', f"{CRUN}.allowed_annotations": "[", f"{CRUN}.runtime_pull_image": None,
        f"{CRUN}.privileged_without_host_devices": "false",
    }  # fmt: skip
    stale, outranked = live_values.split(expected(), live, effective)
    assert (stale, outranked) == (live, [])
    assert not any("say [:" in sentence for sentence in live_values.of_stale(stale, effective))
    stale, outranked = live_values.split(expected(), live, {**effective, f"{CRUN}.runtime_root": '"/x"'})
    assert [each["key"] for each in outranked] == sorted(
        set(live) - {f"{CRUN}.privileged_without_host_devices"}
    )


def test_a_replaced_entry_is_one_sentence_with_all_its_keys():
    live = {f"{CRUN}.runtime_root": '""', f"{CRUN}.runtime_pull_image": "true"}
    _stale, outranked = live_values.split(expected(), live, {})
    assert live_values.of_outranked(outranked, expected()) == [
        f'{CRUN} is set with runtime_pull_image = no value, runtime_root = "/run/crun", but the running CRI-O uses'
        ' runtime_pull_image = true, runtime_root = "": a file of crio.conf.d that is read later replaces the whole table, or did'
        " so when the daemon started"
    ]


def test_an_entry_that_is_not_live_at_all_is_told_as_ignored_and_not_as_outranked():
    expect = expected(**{"a.b": {"runtime_path": "/opt/x"}})
    live = {key: None for key, value in expect.items() if '"a.b"' in key and value is not None}
    assert live_values.missing_entries(expect, live) == ['crio.runtime.runtimes."a.b"']
    # The files have it all the same: a restart for that would come again and again.
    stale, outranked = live_values.split(expect, live, {key: expect[key] for key in live})
    assert stale == {}
    [sentence] = live_values.of_outranked(outranked, expect)
    assert sentence.startswith('crio.runtime.runtimes."a.b" is not in the configuration of the running CRI-O')
    assert "read later" not in sentence
    del live['crio.runtime.runtimes."a.b".runtime_type']
    assert live_values.missing_entries(expect, live) == []


def test_a_workload_is_told_by_the_names_of_crio_conf():
    workload = {"activation_annotation": "io.x/y", "resources": {"cpushares": 100}}
    expect = config_lines({"crio": {"runtime": {"workloads": {"w": workload}}}})
    live = {"crio.runtime.workloads.w.resources.CPUShares": "5"}
    _stale, outranked = live_values.split(expect, live, {})
    assert outranked == [
        {"key": "crio.runtime.workloads.w.resources.cpushares", "wanted": "100", "live": "5"}
    ]
    assert "resources.cpushares = 100" in live_values.of_outranked(outranked, expect)[0]
    gone = {key: None for key, value in expect.items() if value is not None}
    _stale, outranked = live_values.split(expect, gone, {})
    [sentence] = live_values.of_outranked(outranked, expect)
    assert sentence == "crio.runtime.workloads.w is not in the configuration of the running CRI-O"


@given(name=st.text(min_size=1).filter(lambda name: not any("\ud800" <= char <= "\udfff" for char in name)))
def test_the_name_of_a_handler_is_read_back_from_its_dotted_key_whatever_it_is(name):
    table = toml.dotted(("crio", "runtime", "runtimes", name))
    for key in ("runtime_path", 'default_annotations."x.y"'):
        assert live_values.entry_of(f"{table}.{key}") == (table, name)
    assert live_values.handlers_of(config_lines({"crio": {"runtime": {"runtimes": {name: {}}}}})) == {
        name: table
    }


@given(
    st.dictionaries(st.sampled_from([*expected()]), st.sampled_from([None, "", "[", "1", '"/x"'])), st.data()
)
def test_every_key_is_either_old_or_outranked(live, data):
    effective = {
        key: data.draw(st.sampled_from([None, "[", "false", expected()[key], '"/x"'])) for key in live
    }
    stale, outranked = live_values.split(expected(), live, effective)
    assert sorted([*stale, *(each["key"] for each in outranked)]) == sorted(live)
    assert len(live_values.of_stale(stale, effective)) == len(stale)
    assert bool(live_values.of_outranked(outranked, expected())) == bool(outranked)
