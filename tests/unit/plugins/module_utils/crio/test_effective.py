# SPDX-License-Identifier: GPL-3.0-or-later
"""What `crio config` prints of handlers and workloads is found under the keys that GET /config has."""

import tomllib
from pathlib import Path

from ansible_collections.cri.node.plugins.module_utils.crio import effective
from ansible_collections.cri.node.plugins.plugin_utils.crio import live_values
from ansible_collections.cri.node.plugins.plugin_utils.crio.live import config_lines

RECORDED = Path(__file__).parents[3] / "fixtures" / "crio-1.37"
EXPECTED = config_lines(tomllib.loads((RECORDED / "crio-entries.conf").read_text()))
PRESENT = effective.parse((RECORDED / "crio-entries-config.toml").read_text())


def test_what_is_printed_of_an_entry_is_what_its_file_says():
    found = {key: effective.value(PRESENT, key) for key in EXPECTED}
    assert found['crio.runtime.runtimes."a.b".runtime_root'] == '"/run/ab"'
    assert found["crio.runtime.workloads.throttled.resources.CPUShares"] == "100"
    told = {key: value for key, value in found.items() if value is not None and value != "["}
    assert len(told) > 25
    assert {key for key, value in told.items() if not live_values._agrees(EXPECTED[key], value)} == set()


def test_a_daemon_that_is_older_than_the_files_is_told_so_for_every_key_of_an_entry():
    live = dict.fromkeys(EXPECTED, "other")
    found = {key: effective.value(PRESENT, key) for key in live}
    stale, outranked = live_values.split(EXPECTED, live, found)
    assert outranked == []
    assert set(stale) == set(EXPECTED)
