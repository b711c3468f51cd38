# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests what host_prerequisites checks on the controller, what it asks of the node, and what it shows."""

import pytest

ANSWER = {
    "changed": True,
    "prerequisites": {
        "modules": {
            "overlay": {
                "wanted": {"loaded": True, "at_boot": True},
                "found": {"loaded": False, "built_in": False, "at_boot": False},
                "changed": True,
            }
        },
        "sysctls": {
            "net.ipv4.ip_forward": {
                "wanted": {"live": "1", "at_boot": "1"},
                "found": {"live": "0", "at_boot": None, "file": None},
                "changed": True,
            }
        },
        "swap": {
            "swap": {
                "wanted": "disabled",
                "found": {"active": ["/dev/sda2"], "units": ["dev-sda2.swap"]},
                "changed": True,
            }
        },
    },
    "files": {"/etc/modules-load.d/60-cri-node.conf": [None, "overlay\n"]},
    "packages": ["conntrack"],
    "notes": ["a warning"],
}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"modules": ["a b"]}, 'host_prerequisites: modules[0] = "a b": is not the name of a kernel module'),
        ({"sysctls": {"net.ipv4.*": 1}}, "sysctls.net.ipv4.*: is not the name of one kernel parameter"),
        ({"sysctls": {"a/../b": 1}}, "is not the name of one kernel parameter"),
        ({"sysctls": {"kernel.a": True}}, "sysctls.kernel.a = True: is a boolean"),
        ({"sysctls": {"kernel.a": 1.5}}, "sysctls.kernel.a = 1.5: is a number with a fraction"),
        ({"sysctls": {"kernel.a": "1\n2"}}, "has several lines"),
        ({"sysctls": {"kernel.a": 1, "kernel/a": 2}}, "is the same parameter as kernel.a"),
        ({"sysctls": ["kernel.a"]}, "sysctls"),
        ({"swap": "off"}, "swap"),
        ({"commands": {"socat": "optional"}}, "commands.socat = \"optional\": is not a severity"),
        ({"commands": {"so cat": "ignored"}}, "commands.so cat: is not the name of a command"),
        ({"subordinate_ids": {"start": 1000}}, "subordinate_ids.start = 1000: is among the ids of the host"),
        ({"subordinate_ids": {"count": 10}}, "subordinate_ids.count = 10: is not enough for a pod"),
        ({"subordinate_ids": {"start": 4000000000}}, "ends above the highest id"),
        ({"subordinate_ids": {"user": "a:b"}}, "subordinate_ids.user"),
    ],
)  # fmt: skip
def test_a_wrong_option_is_refused_by_key_and_value(refused, options, expected):
    assert expected in refused("host_prerequisites", options)


def test_all_problems_are_reported_at_once(refused):
    message = refused("host_prerequisites", {"modules": ["a b"], "commands": {"socat": "x"}})
    assert message.startswith("2 problems, and nothing was changed:")


def asked(run, **options):
    return run("host_prerequisites", options, lambda _request: dict(ANSWER)).calls[0]["request"]


def test_the_defaults_are_what_kubernetes_needs(run):
    request = asked(run)
    assert request["modules"] == ["overlay", "br_netfilter"]
    assert request["sysctls"]["net.ipv4.ip_forward"] == "1"
    assert request["subordinate_ids"] == {"user": "containers", "start": 2147483647, "count": 2147483648}
    severities = {each["name"]: each["severity"] for each in request["commands"]}
    assert severities["mount"] == "required"
    assert severities["socat"] == "recommended"


def test_settings_are_merged_with_the_defaults_and_each_has_a_switch(run):
    request = asked(
        run,
        modules=[],
        sysctls='{"net/ipv4/ip_forward": null, "vm.max_map_count": 262144}',
        user_namespaces=False,
        commands={"socat": "ignored", "ip": "required", "multipath": "required"},
    )
    assert request["modules"] == []
    assert "net.ipv4.ip_forward" not in request["sysctls"]
    assert request["sysctls"]["vm.max_map_count"] == "262144"
    assert request["subordinate_ids"] is None
    severities = {each["name"]: each["severity"] for each in request["commands"]}
    assert "socat" not in severities
    assert (severities["ip"], severities["multipath"]) == ("required", "required")


def test_warnings_of_the_node_are_those_of_the_task(run):
    task = run("host_prerequisites", {}, lambda _request: dict(ANSWER))
    assert task.result["warnings"] == ["a warning"]


def test_absent_wants_nothing(run):
    request = asked(run, state="absent", swap="disable")
    assert (request["modules"], request["sysctls"], request["swap"]) == ([], {}, "keep")


def test_a_diff_shows_files_and_values(run):
    task = run("host_prerequisites", {}, lambda _request: dict(ANSWER), diff=True)
    file, live = task.result["diff"]
    assert file["after_header"] == "/etc/modules-load.d/60-cri-node.conf"
    assert (file["before"], file["after"]) == ("", "overlay\n")
    assert live["before"] == "net.ipv4.ip_forward = 0\nswap /dev/sda2\nswap dev-sda2.swap\n"
    assert live["after"] == "module overlay\nnet.ipv4.ip_forward = 1\n"
