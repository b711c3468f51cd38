# SPDX-License-Identifier: GPL-3.0-or-later
"""What CRI-O prints on GET /config, against a recording of it."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from ansible_collections.cri.node.plugins.plugin_utils.crio_live import config_lines

RECORDING = (Path(__file__).parents[2] / "fixtures" / "crio-1.37" / "crio-status-config.toml").read_text(
    encoding="utf-8"
)


def printed_lines():
    """{dotted key: right-hand side}, read line by line as a node without a TOML reader would."""
    lines, table = {}, ""
    for line in RECORDING.splitlines():
        text = line.strip()
        if text.startswith("["):
            table = text.strip("[]")
        elif text:
            name, _, value = text.partition(" = ")
            lines[f"{table}.{name}"] = value
    return lines


def test_each_expected_line_is_printed_byte_for_byte():
    expected = config_lines(tomllib.loads(RECORDING))
    assert len(expected) > 90
    assert {key: printed_lines().get(key) for key in expected} == expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(
            {"metrics": {"metrics_port": 9537}}, {"crio.metrics.metrics_port": "9537"}, id="an integer"
        ),
        pytest.param({"runtime": {"log_level": "info"}}, {"crio.runtime.log_level": '"info"'}, id="a text"),
        pytest.param(
            {"runtime": {"log_filter": 'a"\\\t'}}, {"crio.runtime.log_filter": '"a\\"\\\\\\t"'}, id="escapes"
        ),
        pytest.param({"runtime": {"selinux": True}}, {"crio.runtime.selinux": "true"}, id="a boolean"),
        pytest.param(
            {"image": {"pause_command": ""}}, {"crio.image.pause_command": '""'}, id="an empty text"
        ),
        pytest.param(
            {"image": {"pull_progress_timeout": "90s"}},
            {"crio.image.pull_progress_timeout": '"1m30s"'},
            id="a duration as Go prints it",
        ),
        pytest.param(
            {"runtime": {"allowed_devices": ["/dev/fuse", "/dev/kvm"]}},
            {"crio.runtime.allowed_devices": '["/dev/fuse", "/dev/kvm"]'},
            id="a list",
        ),
        pytest.param({"runtime": {"allowed_devices": []}}, {}, id="an empty list may be absent"),
        pytest.param({"runtime": {"pinns_path": ""}}, {}, id="CRI-O looks for the program itself"),
        pytest.param(
            {"runtime": {"pinns_path": "/x"}}, {"crio.runtime.pinns_path": '"/x"'}, id="a program's path"
        ),
        pytest.param({"runtime": {"default_env": ["A=b"]}}, {}, id="a secret travels nowhere"),
        pytest.param(
            {"runtime": {"cdi_spec_dirs": ["/x"]}}, {}, id="a reload uses it and prints the old value"
        ),
        pytest.param({"storage_option": ["x"]}, {}, id="a list that CRI-O completes"),
        pytest.param(
            {"runtime": {"runtimes": {"crun": {"runtime_path": "/x"}}}},
            {},
            id="a handler's values reach no pod",
        ),
        pytest.param({"runtime": {"workloads": {"w": {"activation_annotation": "x"}}}}, {}, id="a workload"),
    ],
)
def test_a_value_is_expected_as_crio_prints_it(data, expected):
    assert config_lines({"crio": data}) == expected
