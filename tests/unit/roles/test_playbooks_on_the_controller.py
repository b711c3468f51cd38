# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests on which nodes the playbooks run, and how many at a time; an invalid value is an error that names the variable."""

import json

import pytest
from tests.unit.roles.test_verify_on_the_controller import run

HOSTS = {"node-1": {}, "node-2": {}}


@pytest.mark.parametrize(
    ("playbook", "variables", "expected"),
    [
        (
            "verify",
            {"cri_node_hosts": "nobody"},
            'cri_node_hosts = "nobody" matches no host of the inventory; accepted: ',
        ),
        (
            "provision",
            {"cri_node_hosts": "node-1:!node-1"},
            'cri_node_hosts = "node-1:!node-1" matches no host',
        ),
        ("verify", {"cri_node_hosts": ["a", "b"]}, "matches no host"),
        ("rollback", {"cri_node_hosts": "nobody"}, 'cri_node_hosts = "nobody" matches no host'),
        ("remove", {"cri_node_hosts": "nobody"}, 'cri_node_hosts = "nobody" matches no host'),
        ("rollback", {"cri_node_serial": "abc"}, 'cri_node_serial = "abc" is not a number of nodes'),
        ("verify", {"cri_node_hosts": ""}, 'cri_node_hosts = "" matches no host'),
        (
            "provision",
            {"cri_node_serial": "abc"},
            'cri_node_serial = "abc" is not a number of nodes; accepted: for example 5',
        ),
        ("verify", {"cri_node_serial": [1, "half"]}, "is not a number of nodes"),
        ("verify", {"cri_node_serial": 0.5}, 'cri_node_serial = "0.5" is not a number of nodes'),
    ],
)
def test_an_invalid_selection_of_hosts_is_an_error_without_a_traceback(
    tmp_path, playbook, variables, expected
):
    done = run(
        tmp_path, [], HOSTS, "--tags", "check", "-e", json.dumps(variables), playbook=f"cri.node.{playbook}"
    )
    output = done.stdout + done.stderr
    assert done.returncode != 0
    assert expected in output
    assert "TASK" not in output
    assert "Traceback" not in output


@pytest.mark.parametrize(
    "playbook",
    [
        f"cri.node.{name}"
        for name in ("bootstrap", "migrate", "provision", "remove", "rollback", "upgrade", "verify")
    ],
)
def test_the_syntax_can_be_checked_without_an_inventory(tmp_path, playbook):
    done = run(tmp_path, [], {}, "--syntax-check", "-e", "cri_node_hosts=workers", playbook=playbook)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, HOSTS),
        ({"cri_node_hosts": "node-*:!node-2"}, ["node-1"]),
        ({"cri_node_hosts": ["node-1", "node-2"], "cri_node_serial": [1, "100%"]}, HOSTS),
        ({"cri_node_hosts": "node-2,nobody", "cri_node_serial": "1"}, ["node-2"]),
        ({"cri_node_serial": 5}, HOSTS),
    ],
)
def test_hosts_and_batches_are_set_by_the_variables(tmp_path, variables, expected):
    done = run(tmp_path, [], HOSTS, "--list-hosts", "-e", json.dumps(variables), playbook="cri.node.verify")
    assert done.returncode == 0, done.stdout + done.stderr
    listed = done.stdout.partition("hosts (")[2].splitlines()[1:]
    assert {line.strip() for line in listed if line.strip()} == set(expected)
