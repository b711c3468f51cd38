# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that values of handlers and workloads in `crio config` are found with the keys of GET /config."""

import tomllib
from pathlib import Path

from ansible_collections.cri.node.plugins.module_utils.crio import effective
from ansible_collections.cri.node.plugins.plugin_utils.crio import live_values
from ansible_collections.cri.node.plugins.plugin_utils.crio.live import config_lines

RECORDED = Path(__file__).parents[3] / "fixtures" / "crio-1.37"
EXPECTED = config_lines(tomllib.loads((RECORDED / "crio-entries.conf").read_text()))
PRESENT = effective.parse((RECORDED / "crio-entries-config.toml").read_text())


def test_the_printed_values_of_an_entry_match_its_file():
    found = {key: effective.value(PRESENT, key) for key in EXPECTED}
    assert found['crio.runtime.runtimes."a.b".runtime_root'] == '"/run/ab"'
    assert found["crio.runtime.workloads.throttled.resources.CPUShares"] == "100"
    printed = {key: value for key, value in found.items() if value is not None and value != "["}
    assert len(printed) > 25
    assert {key for key, value in printed.items() if not live_values._agrees(EXPECTED[key], value)} == set()


def test_every_key_of_an_entry_is_stale_if_the_daemon_is_older_than_the_files():
    live = dict.fromkeys(EXPECTED, "other")
    found = {key: effective.value(PRESENT, key) for key in live}
    stale, outranked = live_values.split(EXPECTED, live, found)
    assert outranked == []
    assert set(stale) == set(EXPECTED)
