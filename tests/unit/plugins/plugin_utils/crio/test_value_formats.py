# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.cri.node.plugins.plugin_utils.crio.value_formats import (
    FORMATS,
    without_metric_prefix,
)

ACCEPTED = {
    "absolute_path": ["/etc/crio/policies"],
    "assignment": ["A=b", "A=", "A=b=c"],
    "capability": ["CHOWN", "net_raw"],
    "cpu_period": [0, 1000],
    "cpuset": ["", "0", "0-3,8", "2-2"],
    "create_timeout": [0, 30, 240],
    "duration": ["", "4h", "0s"],
    "log_size": [-1, 8192],
    "monitor_cgroup": ["", "pod", "system.slice"],
    "not_empty": ["x"],
    "not_negative": ["0s", "5s", "-0s"],
    "port": ["0", "10010", "65535", "http"],
    "size": ["", "12MiB", "500KiB", "1048576", "1.5g", "10 MB", "5b"],
    "sysctl": ["", "net.ipv4.ping_group_range=0 2147483647", "a="],
    "ulimit": ["nofile=1024:2048", "nproc=-1", "core=0:-1", "nofile=5"],
}
REFUSED = {
    "absolute_path": ["", "policies"],
    "assignment": ["A", "=b", ""],
    "capability": ["CAP_CHOWN", "cap_chown", "NET RAW", ""],
    "cpu_period": [1, 999, -1],
    "cpuset": ["a", "3-1", "0,", "0-", "-1"],
    "create_timeout": [1, 29, -1],
    "duration": ["4", "4d"],
    "log_size": [0, 8191],
    "monitor_cgroup": ["system", "pods"],
    "not_empty": [""],
    "not_negative": ["-5s"],
    "port": ["65536"],
    "size": ["big", "12MiBs", "-1", "1xb"],
    "sysctl": ["a", "a = b", " a=b", "a= b", "a=b ", "=b"],
    "ulimit": ["nofile", "nofiles=1", "nofile=a", "nofile=2:1", "nofile=-1:5", "nofile=1:2:3", "nofile="],
}


def rows(table):
    return [pytest.param(name, value, id=f"{name} {value!r}") for name in table for value in table[name]]


def test_every_format_is_tried():
    assert set(ACCEPTED) == set(REFUSED) == set(FORMATS)


@pytest.mark.parametrize(("name", "value"), rows(ACCEPTED))
def test_what_crio_accepts_passes(name, value):
    assert FORMATS[name].check(value) is None


@pytest.mark.parametrize(("name", "value"), rows(REFUSED))
def test_what_crio_refuses_or_changes_is_told(name, value):
    assert FORMATS[name].check(value)


@pytest.mark.parametrize(
    "name", ["operations_total", "crio_operations_total", "container_runtime_crio_operations_total"]
)
def test_a_collector_is_the_same_with_each_prefix(name):
    assert without_metric_prefix(name) == "operations_total"
