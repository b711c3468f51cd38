# SPDX-License-Identifier: GPL-3.0-or-later
"""crio_config_facts on a live node: which file wins, what the daemon uses, and what is wrong in crio.conf.d."""

import json

import pytest

from testbed import article
from testbed.observed import observe

FOLDER = "/etc/crio/crio.conf.d"
PORT = "crio.metrics.metrics_port"


@pytest.fixture
def node(fresh_node):
    """A node of the test's own: its configuration is changed."""
    return fresh_node()


@pytest.fixture
def facts(node, call_module):
    """A function that gathers the configuration of the node."""

    def gather(*options, **arguments):
        result = call_module(node, "cri.node.crio_config_facts", arguments, *options)
        assert "ansible_facts" in result, result
        assert result["changed"] is False
        return result["ansible_facts"]["crio_configuration"]

    return gather


def port(number):
    return f"[crio.metrics]\nmetrics_port = {number}\n"


def of_file(found, path):
    return [each["kind"] for each in found["findings"] if each["path"] == path]


def differing(found, key):
    return next((each for each in found["differences"] if each["key"] == key), None)


def test_a_provisioned_node_uses_what_its_files_set(node, run_playbook, facts):
    settings = article.settings()
    run_playbook(article.ROLE, node, variables=settings).expect_success()
    before = observe(node)
    found = facts(desired=settings["crio_config"])
    ours = next(each for each in found["files"] if each["path"] == article.DROP_IN)
    assert (ours["managed"], ours["role"], ours["mode"]) == (True, "crio", "0644")
    assert ours["sha256"] == node.check(f"sha256sum {article.DROP_IN}").split()[0]
    assert (found["effective"][PORT]["value"], found["effective"][PORT]["source"]) == (9537, article.DROP_IN)
    assert found["live"]["values"][PORT] == 9537
    assert [
        each["key"]
        for each in found["differences"]
        if "desired" in each and each["desired"] != each["effective"]
    ] == []
    assert differing(found, PORT) is None
    assert found["complete"] is True
    assert facts("--check") == facts()
    assert observe(node) == before


def test_a_backup_wins_and_a_secret_in_it_is_not_returned(node, facts):
    node.copy_in(f"{FOLDER}/60-a.conf", port(9537))
    backup = f"{FOLDER}/60-a.conf.4711.2024-05-01@10:11:12~"
    node.copy_in(backup, f'{port(9600)}[crio.runtime]\ndefault_env = ["TOKEN=CANARY"]\n')
    found = facts()
    assert found["effective"][PORT]["source"] == backup
    assert found["effective"][PORT]["overridden"][-1] == {"source": f"{FOLDER}/60-a.conf", "value": 9537}
    assert of_file(found, backup) == ["backup", "readable_secret"]
    assert found["effective"]["crio.runtime.default_env"]["value"] == "(secret)"
    assert "CANARY" not in json.dumps(found)


def test_a_file_that_was_edited_by_hand_is_not_loaded_until_a_restart(node, facts):
    used = facts()["live"]["values"][PORT]
    path = f"{FOLDER}/99-edited.conf"
    node.copy_in(path, port(used + 1))
    difference = differing(facts(), PORT)
    assert (difference["reason"], difference["source"]) == ("not_loaded", path)
    assert (difference["effective"], difference["live"]) == (used + 1, used)
    node.check("systemctl restart crio")
    node.wait_for_crio()
    found = facts()
    assert differing(found, PORT) is None
    assert found["live"]["values"][PORT] == used + 1


def test_a_stopped_daemon_and_broken_files_still_give_facts(node, facts):
    node.check("systemctl stop crio")
    node.copy_in(f"{FOLDER}/70-broken.conf", "[crio.runtime\n")
    node.check(f"mkfifo {FOLDER}/80-fifo && ln -s /nowhere {FOLDER}/90-link")
    found = facts()
    assert found["live"]["available"] is False
    assert "crio.service is inactive" in found["live"]["reason"]
    assert found["complete"] is False
    assert of_file(found, f"{FOLDER}/70-broken.conf") == ["not_toml"]
    assert of_file(found, f"{FOLDER}/80-fifo") == ["not_a_file"]
    assert of_file(found, f"{FOLDER}/90-link") == ["unreadable"]
