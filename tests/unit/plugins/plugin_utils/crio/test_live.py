# SPDX-License-Identifier: GPL-3.0-or-later
"""What CRI-O prints on GET /config, against a recording of it."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cri.node.plugins.module_utils.crio.live import parse_lines
from ansible_collections.cri.node.plugins.plugin_utils.crio.live import config_lines
from testbed.paths import STANDIN

sys.path.insert(0, str(STANDIN))

import crio_settings
import crio_shown

RECORDED = Path(__file__).parents[3] / "fixtures" / "crio-1.37"
RECORDING = (RECORDED / "crio-status-config.toml").read_text(encoding="utf-8")
ENTRIES = tomllib.loads((RECORDED / "crio-entries.conf").read_text(encoding="utf-8"))
CRUN = "crio.runtime.runtimes.crun"


def differences(expected, printed):
    """As a node compares: {key: what is printed, None for no line}."""
    return {key: printed.get(key) for key, value in expected.items() if printed.get(key) != value}


def test_each_expected_line_is_printed_byte_for_byte():
    data, printed = tomllib.loads(RECORDING), parse_lines(RECORDING)
    expected = config_lines(data)
    assert len(expected) > 100
    # This recorded node has conmon_cgroup, and CRIU's absence changed nothing that is expected.
    assert differences(expected, printed) == {}


@pytest.mark.parametrize("when", ["started", "reloaded"])
def test_handlers_and_workloads_are_printed_as_expected_after_a_start_and_after_a_reload(when):
    printed = parse_lines((RECORDED / f"crio-entries-{when}.toml").read_text(encoding="utf-8"))
    expected = config_lines(ENTRIES)
    assert set(differences(expected, printed)) == {
        f"crio.runtime.runtimes.kata.{name}"  # its program is missing, and CRI-O has left it out
        for name in ("runtime_path", "runtime_type", "runtime_root", "runtime_config_path", "no_sync_log")
    }
    for key, value in (
        ('crio.runtime.runtimes."a.b".runtime_path', '"/usr/local/lib/testbed/crun"'),
        ('crio.runtime.runtimes."a.b".default_annotations."run.oci.handler"', '"x=\\"é\\t"'),
        ("crio.runtime.workloads.throttled.resources.CPUShares", "100"),
        ('crio.runtime.workloads."b.c".resources.CPUShares', None),
        ("crio.runtime.runtimes.inheriting.privileged_without_host_devices", None),
    ):
        assert expected[key] == value
    assert "crio.runtime.runtimes.inheriting.runtime_path" not in expected


def test_the_stand_in_prints_entries_as_the_recorded_crio_did():
    settings = crio_settings.defaults()
    crio_settings.merge(settings, ENTRIES, {})
    kata = {key for key in config_lines(ENTRIES) if ".kata." in key}  # which only a start leaves out
    expected = {key: value for key, value in config_lines(ENTRIES).items() if key not in kata}
    assert differences(expected, parse_lines(crio_shown.to_toml(settings))) == {}


_TEXT = st.sampled_from(["", "/usr/bin/crun", "/run/crun", "/x"])
_COMPARED = {
    "allowed_annotations": st.lists(st.sampled_from(["bundle", "devices.crio.io"]), unique=True),
    "exec_cpu_affinity": st.sampled_from(["", "first"]),
    "monitor_exec_cgroup": st.sampled_from(["", "container"]),
    "no_sync_log": st.booleans(),
    "privileged_without_host_devices": st.booleans(),
    "runtime_config_path": _TEXT,
    "runtime_pull_image": st.booleans(),
    "runtime_root": _TEXT,
    "runtime_type": st.sampled_from(["", "oci", "vm"]),
    "seccomp_profile": _TEXT,
}
_ENTRY = st.fixed_dictionaries({}, optional=_COMPARED)


@given(ours=_ENTRY, theirs=_ENTRY)
def test_an_entry_that_another_file_replaces_is_noticed_by_any_key_that_either_of_them_has(ours, theirs):
    ours, theirs = ({"runtime_path": "/usr/bin/crun", **entry} for entry in (ours, theirs))
    settings = crio_settings.defaults()
    crio_settings.merge(settings, {"crio": {"runtime": {"runtimes": {"crun": theirs}}}}, {})
    printed = parse_lines(crio_shown.to_toml(settings))
    noticed = differences(config_lines({"crio": {"runtime": {"runtimes": {"crun": ours}}}}), printed)
    whole = {name: (ours.get(name) or None, theirs.get(name) or None) for name in _COMPARED}
    assert set(noticed) == {f"{CRUN}.{name}" for name, (own, other) in whole.items() if own != other}


@pytest.mark.parametrize(
    ("runtime", "unexpected"),
    [
        pytest.param({"conmon": "/y"}, "monitor_path", id="conmon overrides it"),
        pytest.param({"conmon_cgroup": "pod"}, "monitor_cgroup", id="conmon_cgroup overrides it"),
        pytest.param({}, "monitor_env", id="a secret travels nowhere"),
        pytest.param({}, "stream_websockets", id="an old conmon-rs turns it off"),
    ],
)
def test_what_crio_changes_in_a_handler_is_not_expected(runtime, unexpected):
    handler = {
        "monitor_path": "/x", "monitor_cgroup": "x.slice", "monitor_env": ["A=b"], "stream_websockets": True
    }  # fmt: skip
    lines = config_lines({"crio": {"runtime": {**runtime, "runtimes": {"crun": handler}}}})
    assert f"{CRUN}.{unexpected}" not in lines
    assert len({f"{CRUN}.monitor_path", f"{CRUN}.monitor_cgroup"} & set(lines)) == 2 - len(runtime)


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
    ],
)
def test_a_value_is_expected_as_crio_prints_it(data, expected):
    assert config_lines({"crio": data}) == expected
