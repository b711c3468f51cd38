# SPDX-License-Identifier: GPL-3.0-or-later
"""CRI-O's own lines, as CRI-O 1.37 printed them, are traced back to the setting they are about."""

import pytest

from ansible_collections.cri.node.plugins.plugin_utils import node_messages, plan


def settings(tables):
    entry = {
        "path": "/f",
        "owner": "crio",
        "content": "x",
        "mode": "0644",
        "secret": False,
        "disruption": "restart",
    }
    return plan.WantedFiles([{**entry, "config": {"data": {"crio": tables}, "layers": {}}}])


TABLES = {
    "metrics": {"enable_metrics": True, "metrics_port": 9537, "metrics_host": "192.0.2.1"},
    "runtime": {
        "cgroup_manager": "systemdd",
        "log_level": "info",
        "runtimes": {"crun": {"runtime_path": "/nowhere/crun", "runtime_type": "oci"}},
    },
}


@pytest.mark.parametrize(
    ("line", "keys"),
    [
        pytest.param(
            "create metrics endpoint on 192.0.2.1:9537: creating listener: listen tcp 192.0.2.1:9537: bind: cannot assign"
            " requested address",
            ["crio.metrics.metrics_host", "crio.metrics.metrics_port"],
            id="metrics listener",
        ),
        pytest.param(
            "get and merge config from context: update config from path: walk path: unable to decode configuration /f: toml:"
            ' line 2 (last key "crio.runtime.log_level"): incompatible types: TOML value has type integer; destination has'
            " type string",
            ["crio.runtime.log_level"],
            id="wrong type",
        ),
        pytest.param(
            "validating runtime config: unable to update cgroup manager: invalid cgroup manager: systemdd",
            ["crio.runtime.cgroup_manager"],
            id="cgroup manager",
        ),
        pytest.param(
            "validating runtime config: runtime validation: invalid runtime_path for runtime 'crun': stat /nowhere/crun:"
            " no such file or directory",
            ["crio.runtime.runtimes.crun.runtime_path"],
            id="handler without its program",
        ),
        pytest.param("something about nothing", [], id="nothing that is known"),
    ],
)
def test_a_line_of_crio_is_traced_to_its_settings(line, keys):
    assert sorted(each["key"] for each in node_messages.blamed(line, settings(TABLES).settings())) == keys


@pytest.mark.parametrize(
    ("outcome", "ending"),
    [
        pytest.param({}, "Nothing was changed on the node.", id="refused"),
        pytest.param({"rolled_back": True, "as_before": True}, "the node is as it was.", id="undone"),
        pytest.param(
            {"rolled_back": True, "as_before": False, "problem": "crio.service did not start again"},
            "THE NODE IS NOT AS IT WAS: its files are back, but crio.service did not start again.",
            id="undone in part",
        ),
    ],
)
def test_a_message_ends_with_the_state_of_the_node(outcome, ending):
    message = node_messages.failure(
        {"message": "CRI-O refuses it", "detail": "line", **outcome}, settings({})
    )
    assert message.startswith("CRI-O refuses it: line. ")
    assert message.endswith(ending)


def test_a_secret_value_is_never_named():
    wanted = settings({"runtime": {"default_env": ["TOKEN=hidden"]}})
    message = node_messages.failure({"message": "CRI-O refuses it", "detail": "invalid default_env"}, wanted)
    assert "hidden" not in message
    assert "crio.runtime.default_env = (secret)" in message
